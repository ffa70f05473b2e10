#include "runtime/link_tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/link_tls_inside.h"

#define LOG_MS 10000 /* between two lines about the same refusal */

static const char *const tls_refusals[] = {
#define X(name, text) text,
	LINK_TLS_REFUSALS(X)
#undef X
};

/* ---- what OpenSSL reads and writes ---- */

static int
tls_bio_read(BIO *b, char *ret_at, size_t size, size_t *ret_size)
{
	struct link_tls_conn *c = BIO_get_data(b);

	return tls_kit_take(b, &c->in, ret_at, size, ret_size);
}

static bool
tls_out_grow(struct link_tls *t, size_t size)
{
	size_t want = 2 * (t->out_used + size);
	uint8_t *out;

	if (t->out_used + size <= t->out_size)
		return true;
	out = realloc(t->out, want);
	if (out == NULL)
		return false;
	t->out = out;
	t->out_size = want;
	return true;
}

static int
tls_bio_write(BIO *b, const char *at, size_t size, size_t *ret_size)
{
	struct link_tls_conn *c = BIO_get_data(b);
	struct link_tls *t = c->t;

	BIO_clear_retry_flags(b);
	if (!tls_out_grow(t, size)) {
		c->out_failed = true;
		return 0;
	}
	memcpy(t->out + t->out_used, at, size);
	t->out_used += size;
	*ret_size = size;
	return 1;
}

/* ---- whole ---- */

static void
tls_announce(const struct link_tls_config *c, const struct tls_identity *i)
{
	LOG(LINK_TLS_CONFIGURED, KV("certfile", c->certfile),
	    KV("subject", i->subject), KV("fingerprint", i->fingerprint),
	    KI("not_after", i->not_after));
}

static void
tls_copy(struct link_tls *t, const struct link_tls_config *c)
{
	t->shake_ms = c->shake_ms == 0 ? LINK_TLS_SHAKE_MS : c->shake_ms;
	t->rekey_bytes =
	    c->rekey_bytes == 0 ? LINK_TLS_REKEY_BYTES : c->rekey_bytes;
	for (size_t i = 0; i < c->npeers && i < LINK_PEERS_MAX; i++) {
		struct link_tls_peer *p = &t->peers[t->npeers++];

		p->node = c->peers[i].node;
		snprintf(p->name, sizeof(p->name), "%s", c->peers[i].name);
	}
}

enum status
link_tls_create(const struct link_tls_config *c, struct link_tls **ret_tls,
    char ret_why[LINK_TLS_WHY_SIZE])
{
	struct link_tls *t = calloc(1, sizeof(*t));
	enum status st = ST_NO_MEMORY;

	snprintf(ret_why, LINK_TLS_WHY_SIZE, "out of memory");
	if (t == NULL)
		return st;
	pthread_mutex_init(&t->lock, NULL);
	tls_copy(t, c);
	t->method = tls_kit_method("link", tls_bio_read, tls_bio_write);
	if (t->method != NULL)
		st = link_tls_rules_read(c, &t->rules, ret_why);
	if (st != ST_OK) {
		link_tls_destroy(t);
		return st;
	}
	tls_announce(c, &t->rules.identity);
	*ret_tls = t;
	return ST_OK;
}

void
link_tls_destroy(struct link_tls *t)
{
	if (t == NULL)
		return;
	link_tls_rules_fini(&t->rules);
	BIO_meth_free(t->method);
	pthread_mutex_destroy(&t->lock);
	free(t->out);
	free(t);
}

enum status
link_tls_reload(struct link_tls *t, const struct link_tls_config *c,
    char ret_why[LINK_TLS_WHY_SIZE])
{
	struct link_tls_rules fresh, old;
	enum status st = link_tls_rules_read(c, &fresh, ret_why);

	if (st != ST_OK) {
		LOG(LINK_TLS_RELOAD_FAILED, KV("why", ret_why));
		return st;
	}
	tls_announce(c, &fresh.identity);
	pthread_mutex_lock(&t->lock);
	old = t->rules;
	t->rules = fresh;
	pthread_mutex_unlock(&t->lock);
	link_tls_rules_fini(&old);
	return ST_OK;
}

uint64_t
link_tls_shake_ms(const struct link_tls *t)
{
	return t->shake_ms;
}

int64_t
link_tls_not_after(struct link_tls *t)
{
	int64_t at;

	pthread_mutex_lock(&t->lock);
	at = t->rules.identity.not_after;
	pthread_mutex_unlock(&t->lock);
	return at;
}

const struct link_tls_counts *
link_tls_counts(const struct link_tls *t)
{
	return &t->counts;
}

void
link_tls_refused(struct link_tls *t, const char *peer,
    enum link_tls_refusal why, const char *more, uint64_t now_ms)
{
	uint64_t *told_ms = &t->told_ms[why];

	t->counts.refused[why]++;
	if (*told_ms != 0 && now_ms < *told_ms + LOG_MS)
		return;
	*told_ms = now_ms == 0 ? 1 : now_ms;
	LOG(LINK_TLS_REFUSED, KV("peer", peer), KV("why", tls_refusals[why]),
	    KV("more", more), KU("times", t->counts.refused[why]));
}

const char *
link_tls_peer(const struct link_tls *t, uint16_t node)
{
	for (size_t i = 0; i < t->npeers; i++)
		if (t->peers[i].node == node)
			return t->peers[i].name;
	return NULL;
}

/* ---- a connection ---- */

/* ctx: of the rules, which a reload replaces. */
static struct link_tls_conn *
tls_conn_create(struct link_tls *t, SSL_CTX *const *ctx)
{
	struct link_tls_conn *c = calloc(1, sizeof(*c));
	BIO *b = BIO_new(t->method);

	if (c != NULL) {
		pthread_mutex_lock(&t->lock);
		c->ssl = SSL_new(*ctx);
		pthread_mutex_unlock(&t->lock);
	}
	if (c == NULL || c->ssl == NULL || b == NULL) {
		BIO_free(b);
		link_tls_close(c);
		return NULL;
	}
	c->t = t;
	c->more = "";
	c->rekey_left = t->rekey_bytes;
	BIO_set_data(b, c);
	SSL_set_bio(c->ssl, b, b);
	return c;
}

struct link_tls_conn *
link_tls_dial(struct link_tls *t, uint16_t peer)
{
	const char *name = link_tls_peer(t, peer);
	struct link_tls_conn *c =
	    name == NULL ? NULL : tls_conn_create(t, &t->rules.dial);

	if (c == NULL)
		return NULL;
	SSL_set_hostflags(c->ssl, LINK_TLS_NAME_RULES);
	if (SSL_set1_host(c->ssl, name) != 1) {
		link_tls_close(c);
		return NULL;
	}
	SSL_set_connect_state(c->ssl);
	return c;
}

struct link_tls_conn *
link_tls_accept(struct link_tls *t)
{
	struct link_tls_conn *c = tls_conn_create(t, &t->rules.accept);

	if (c != NULL)
		SSL_set_accept_state(c->ssl);
	return c;
}

void
link_tls_close(struct link_tls_conn *c)
{
	if (c == NULL)
		return;
	SSL_free(c->ssl);
	ERR_clear_error();
	free(c);
}

void
link_tls_give(struct link_tls_conn *c, struct bytes in)
{
	c->in = in;
}

static enum link_tls_refusal
tls_why_unverified(long verdict)
{
	switch (verdict) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return LINK_TLS_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return LINK_TLS_NOT_YET;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return LINK_TLS_NAME;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return LINK_TLS_AUTHORITY;
	default:
		return LINK_TLS_UNFIT;
	}
}

static enum link_tls_refusal
tls_why_failed(int reason)
{
	switch (reason) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return LINK_TLS_NO_CERTIFICATE;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		return LINK_TLS_PLAIN;
	case SSL_R_UNSUPPORTED_PROTOCOL:
		return LINK_TLS_VERSION;
	default:
		return reason > SSL_AD_REASON_OFFSET ? LINK_TLS_TOLD
						     : LINK_TLS_BROKEN;
	}
}

/* An operation has failed for good: says why. */
static enum status
tls_deny(struct link_tls_conn *c)
{
	unsigned long code = ERR_peek_error();
	const char *more = code == 0 ? NULL : ERR_reason_error_string(code);
	long verdict = SSL_get_verify_result(c->ssl);

	c->more = more == NULL ? "" : more;
	if (verdict != X509_V_OK) {
		c->why = tls_why_unverified(verdict);
		c->more = X509_verify_cert_error_string(verdict);
	} else {
		c->why = tls_why_failed(ERR_GET_REASON(code));
	}
	ERR_clear_error();
	return ST_DENIED;
}

/* Whoever dials us must be one of our topology, whichever. */
static bool
tls_is_of_any(const struct link_tls_conn *c)
{
	const X509 *x = SSL_get0_peer_certificate(c->ssl);

	for (size_t i = 0; x != NULL && i < c->t->npeers; i++)
		if (link_tls_names(x, c->t->peers[i].name))
			return true;
	return false;
}

enum status
link_tls_shake(struct link_tls_conn *c)
{
	int answer;

	ERR_clear_error();
	answer = SSL_do_handshake(c->ssl);
	if (answer == 1 && tls_is_of_any(c)) {
		c->t->counts.shaken++;
		return ST_OK;
	}
	if (answer == 1) {
		c->why = LINK_TLS_NAME;
		return ST_DENIED;
	}
	if (SSL_get_error(c->ssl, answer) == SSL_ERROR_WANT_READ)
		return ST_BUSY;
	return tls_deny(c);
}

enum link_tls_refusal
link_tls_why(const struct link_tls_conn *c)
{
	return c->why;
}

const char *
link_tls_more(const struct link_tls_conn *c)
{
	return c->more;
}

enum status
link_tls_read(
    struct link_tls_conn *c, uint8_t *ret_at, size_t room, size_t *ret_size)
{
	int answer;

	*ret_size = 0;
	ERR_clear_error();
	answer = SSL_read_ex(c->ssl, ret_at, room, ret_size);
	if (answer == 1)
		return ST_OK;
	switch (SSL_get_error(c->ssl, answer)) {
	case SSL_ERROR_WANT_READ:
		return ST_OK;
	case SSL_ERROR_ZERO_RETURN:
		return ST_CLOSED;
	default:
		return tls_deny(c);
	}
}

static bool
tls_encrypt(struct link_tls_conn *c, const uint8_t *at, size_t size)
{
	size_t written = 0;

	return SSL_write_ex(c->ssl, at, size, &written) == 1 &&
	       written == size && !c->out_failed;
}

static enum status
tls_rekey(struct link_tls_conn *c, size_t size)
{
	if (size >= c->rekey_left) {
		c->rekey_left = c->t->rekey_bytes + size;
		if (SSL_key_update(c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
			return tls_deny(c);
	}
	c->rekey_left -= size;
	return ST_OK;
}

/* The small parts share a record; a large one is encrypted where it lies. */
enum status
link_tls_write(struct link_tls_conn *c, const struct bytes *parts, size_t count)
{
	uint8_t *gather = c->t->gather;
	size_t used = 0, size = 0;
	bool ok;

	for (size_t i = 0; i < count; i++)
		size += parts[i].size;
	ERR_clear_error();
	ok = tls_rekey(c, size) == ST_OK;
	for (size_t i = 0; ok && i < count; i++) {
		size_t room = LINK_TLS_RECORD_MAX - used;
		size_t n = parts[i].size < room ? parts[i].size : room;

		if (n > 0)
			memcpy(gather + used, parts[i].at, n);
		used += n;
		if (n == parts[i].size)
			continue;
		ok = tls_encrypt(c, gather, used) &&
		     tls_encrypt(c, parts[i].at + n, parts[i].size - n);
		used = 0;
	}
	if (ok && used > 0)
		ok = tls_encrypt(c, gather, used);
	return ok ? ST_OK : tls_deny(c);
}

struct bytes
link_tls_out(const struct link_tls_conn *c)
{
	return (struct bytes){ c->t->out, c->t->out_used };
}

void
link_tls_drop(struct link_tls_conn *c)
{
	c->t->out_used = 0;
}

bool
link_tls_is_of(struct link_tls_conn *c, uint16_t node)
{
	const X509 *x;
	const char *name;

	if (c->last == node && c->is_of_last)
		return true;
	x = SSL_get0_peer_certificate(c->ssl);
	name = link_tls_peer(c->t, node);
	c->last = node;
	c->is_of_last = x != NULL && name != NULL && link_tls_names(x, name);
	return c->is_of_last;
}
