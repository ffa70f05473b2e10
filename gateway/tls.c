#include "gateway/tls_inside.h"

#include <assert.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"

/* What the stream below owned is no longer ours. */
static void
tls_release(struct tls_stream *s)
{
	struct tls *t = tls_of(s);

	list_remove(&s->shaking);
	SSL_free(s->ssl);
	ERR_clear_error();
	net_close(s->lower);
	pool_put(&t->streams, s);
}

/* An alert may still be on its way; the peer has until its due to hear it. */
static void
tls_refuse(struct tls_stream *s, const char *why)
{
	struct tls *t = tls_of(s);
	struct net_peer peer;

	net_peer(s->lower, &peer);
	t->counts.refused++;
	LOG(API_TLS_REFUSED, KV("peer", peer.text), KV("why", why));
	s->state = TLS_REFUSED;
	if (tls_flush(s) == ST_OK)
		net_finish(s->lower);
	else
		tls_release(s);
}

static const char *
tls_reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	return reason == NULL ? "the peer has gone" : reason;
}

/* True: the stream is up, and its new owner has it. */
static bool
tls_shake(struct tls_stream *s)
{
	struct tls *t = tls_of(s);
	int answer;

	ERR_clear_error();
	answer = SSL_do_handshake(s->ssl);
	if (answer != 1 &&
	    SSL_get_error(s->ssl, answer) != SSL_ERROR_WANT_READ) {
		tls_refuse(s, tls_reason());
		return false;
	}
	if (tls_flush(s) != ST_OK) {
		tls_release(s);
		return false;
	}
	if (answer != 1)
		return false;
	s->state = TLS_UP;
	list_remove(&s->shaking);
	list_init(&s->shaking);
	t->counts.shaken++;
	t->counts.resumed += SSL_session_reused(s->ssl) == 1;
	return true;
}

/* Everything that can be read of what is being told. */
static size_t
tls_decrypt(struct tls_stream *s, enum status *ret_end)
{
	struct tls *t = tls_of(s);
	size_t used = 0;

	*ret_end = ST_OK;
	ERR_clear_error();
	while (used < sizeof(t->plain)) {
		size_t size = 0;
		int answer = SSL_read_ex(
		    s->ssl, t->plain + used, sizeof(t->plain) - used, &size);

		used += size;
		if (answer == 1)
			continue;
		switch (SSL_get_error(s->ssl, answer)) {
		case SSL_ERROR_WANT_READ:
			return used;
		case SSL_ERROR_ZERO_RETURN:
			*ret_end = ST_CLOSED;
			return used;
		default:
			*ret_end = ST_IO;
			return used;
		}
	}
	return used;
}

/* The owner may close the stream in any call: then it is found no more. */
static void
tls_tell(struct tls_stream *s)
{
	struct tls *t = tls_of(s);
	uint64_t handle = pool_handle(&t->streams, s);
	enum status end;
	size_t size;

	do {
		size = tls_decrypt(s, &end);
		/* An answer of the protocol's own, such as to a key update. */
		if (tls_flush(s) != ST_OK)
			end = ST_IO;
		if (size > 0)
			s->base.on->on_data(
			    s->base.ctx, &s->base, t->plain, size);
		if (pool_find(&t->streams, handle) == NULL)
			return;
	} while (end == ST_OK && size == sizeof(t->plain));
	if (end != ST_OK)
		net_stream_end(&s->base, end);
}

static void
tls_on_data(void *ctx, struct net_stream *lower, uint8_t *at, size_t size)
{
	struct tls_stream *s = ctx;
	struct tls *t = tls_of(s);
	uint64_t handle = pool_handle(&t->streams, s);

	(void)lower;
	if (s->state == TLS_REFUSED)
		return;
	s->in = (struct bytes){ at, size };
	if (s->state == TLS_SHAKING) {
		if (!tls_shake(s))
			return;
		net_stream_init(&s->base, s->base.listener);
	}
	if (pool_find(&t->streams, handle) != NULL)
		tls_tell(s);
}

static void
tls_on_end(void *ctx, struct net_stream *lower, enum status why)
{
	struct tls_stream *s = ctx;

	(void)lower;
	if (s->state == TLS_UP) {
		/* Without a close_notify: it may have been cut on the way. */
		net_stream_end(&s->base, ST_IO);
		return;
	}
	if (s->state == TLS_SHAKING && why != ST_CLOSED)
		tls_of(s)->counts.refused++;
	tls_release(s);
}

static const struct net_events tls_events = {
	.on_data = tls_on_data,
	.on_end = tls_on_end,
	.on_drained = tls_on_drained,
};

static bool
tls_stream_prepare(struct tls *t, struct tls_stream *s)
{
	BIO *b = BIO_new(t->method);

	s->ssl = SSL_new(t->ctx);
	if (s->ssl == NULL || b == NULL) {
		BIO_free(b);
		SSL_free(s->ssl);
		return false;
	}
	BIO_set_data(b, s);
	SSL_set_bio(s->ssl, b, b);
	SSL_set_accept_state(s->ssl);
	return true;
}

void
tls_accept(struct tls *t, struct net_listener *l, struct net_stream *lower)
{
	struct tls_stream *s = pool_take(&t->streams);

	if (s == NULL || !net_listener_admits(l) || !tls_stream_prepare(t, s)) {
		if (s != NULL)
			pool_put(&t->streams, s);
		net_close(lower);
		return;
	}
	s->base.net = &t->base;
	s->base.listener = l;
	s->lower = lower;
	s->due = t->tick + TLS_SHAKE_TICKS;
	list_init(&s->shaking);
	list_append(&t->shaking, &s->shaking);
	net_own(lower, &tls_events, s);
}

void
tls_tick(struct tls *t)
{
	struct list *at = t->shaking.next;

	t->tick++;
	while (at != &t->shaking) {
		struct tls_stream *s = LIST_OF(at, struct tls_stream, shaking);

		at = at->next;
		if ((int32_t)(t->tick - s->due) < 0)
			continue;
		if (s->state == TLS_SHAKING)
			t->counts.refused++;
		tls_release(s);
	}
}

void
tls_stop_shaking(struct tls *t)
{
	struct list *at;

	while ((at = list_first(&t->shaking)) != NULL)
		tls_release(LIST_OF(at, struct tls_stream, shaking));
}

static void
tls_read(struct net_stream *base, bool on)
{
	net_read(tls_stream_of(base)->lower, on);
}

static void
tls_close(struct net_stream *base)
{
	struct tls_stream *s = tls_stream_of(base);
	struct net_listener *l = base->listener;

	net_stream_drop(base);
	tls_release(s);
	if (net_listener_unpin(l))
		free(l);
}

static void
tls_peer(const struct net_stream *base, struct net_peer *ret_peer)
{
	net_peer(tls_stream_of(base)->lower, ret_peer);
}

static const struct net_ops tls_ops = {
	.try_write = tls_try_write,
	.flush = tls_net_flush,
	.read = tls_read,
	.finish = tls_finish,
	.close = tls_close,
	.peer = tls_peer,
};

struct net_listener *
tls_listen(struct tls *t, const struct net_listen *how)
{
	struct net_listener *l = calloc(1, sizeof(*l));

	if (l != NULL)
		net_listener_init(l, &t->base, how);
	return l;
}

void
tls_unlisten(struct net_listener *l)
{
	if (net_listener_unpin(l))
		free(l);
}

static void
tls_announce(const struct tls *t, const struct config *c)
{
	LOG(API_TLS_CONFIGURED,
	    KV("certfile", config_text(c, SETTING_api_ssl_certfile)),
	    KV("subject", t->identity.subject),
	    KV("fingerprint", t->identity.fingerprint),
	    KI("not_after", t->identity.not_after));
}

enum status
tls_create(
    const struct config *c, struct tls **ret_tls, char ret_why[TLS_WHY_SIZE])
{
	struct tls *t = calloc(1, sizeof(*t));
	enum status st = ST_NO_MEMORY;

	if (t == NULL)
		return st;
	net_init(&t->base, &tls_ops);
	pool_init(&t->streams, sizeof(struct tls_stream), TLS_STREAMS_MAX, 0);
	list_init(&t->shaking);
	t->method = tls_bio_method();
	if (t->method != NULL)
		st = tls_context_create(c, &t->ctx, &t->identity, ret_why);
	if (st != ST_OK) {
		tls_destroy(t);
		return st;
	}
	tls_announce(t, c);
	*ret_tls = t;
	return ST_OK;
}

void
tls_destroy(struct tls *t)
{
	if (t == NULL)
		return;
	assert(t->streams.used == 0);
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->method);
	pool_fini(&t->streams);
	net_fini(&t->base);
	free(t);
}

enum status
tls_reload(struct tls *t, const struct config *c, char ret_why[TLS_WHY_SIZE])
{
	struct tls_identity identity;
	SSL_CTX *ctx;
	enum status st = tls_context_create(c, &ctx, &identity, ret_why);

	if (st != ST_OK) {
		LOG(API_TLS_RELOAD_FAILED, KV("why", ret_why));
		return st;
	}
	SSL_CTX_free(t->ctx);
	t->ctx = ctx;
	t->identity = identity;
	t->counts.reloads++;
	tls_announce(t, c);
	return ST_OK;
}

bool
tls_about(const struct tls *t, const struct net_stream *base,
    struct tls_about *ret_about)
{
	const struct tls_stream *s = tls_stream_of(base);
	const unsigned char *protocol = NULL;
	const X509 *client;
	unsigned size = 0;

	memset(ret_about, 0, sizeof(*ret_about));
	ret_about->version = ret_about->suite = "";
	if (t == NULL || base->net != &t->base)
		return false;
	ret_about->version = SSL_get_version(s->ssl);
	ret_about->suite = SSL_get_cipher_name(s->ssl);
	SSL_get0_alpn_selected(s->ssl, &protocol, &size);
	ret_about->is_http2 = size == 2 && memcmp(protocol, "h2", 2) == 0;
	client = SSL_get0_peer_certificate(s->ssl);
	if (client != NULL && SSL_get_verify_result(s->ssl) == X509_V_OK)
		tls_kit_subject(client, ret_about->subject);
	return true;
}

struct tls_counts
tls_counts(const struct tls *t)
{
	return t->counts;
}

const struct tls_identity *
tls_identity(const struct tls *t)
{
	return &t->identity;
}
