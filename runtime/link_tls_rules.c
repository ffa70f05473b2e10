/* What a node shows and whom it believes: contexts of OpenSSL, from files. */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "runtime/link_tls_inside.h"

#define SUITES                                           \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:" \
	"TLS_CHACHA20_POLY1305_SHA256"

static enum status
rules_failed(char ret_why[LINK_TLS_WHY_SIZE], const char *what,
    const char *path, const char *otherwise)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(code)
				 ? strerror(ERR_GET_REASON(code))
				 : ERR_reason_error_string(code);

	snprintf(ret_why, LINK_TLS_WHY_SIZE, "%s %.150s: %.60s", what, path,
	    reason == NULL ? otherwise : reason);
	ERR_clear_error();
	return ST_INVALID;
}

bool
link_tls_names(const X509 *x, const char *node)
{
	union {
		const X509 *given;
		X509 *asked; /* it is not changed */
	} u = { x };

	return X509_check_host(
		   u.asked, node, strlen(node), LINK_TLS_NAME_RULES, NULL) == 1;
}

/* An idle connection keeps no buffers; what is written may lie elsewhere. */
static bool
rules_restrict(SSL_CTX *ctx)
{
	char groups[] = "X25519:P-256"; /* a macro casts const away */

	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	tls_kit_ask_nobody(ctx);
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, SUITES) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, groups) == 1;
}

static enum status
rules_load(SSL_CTX *ctx, const struct link_tls_config *c,
    char ret_why[LINK_TLS_WHY_SIZE])
{
	static const char unfit[] = "it does not fit";

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, c->certfile) != 1)
		return rules_failed(
		    ret_why, "cannot use the certificate", c->certfile, unfit);
	if (SSL_CTX_use_PrivateKey_file(ctx, c->keyfile, SSL_FILETYPE_PEM) != 1)
		return rules_failed(ret_why, "cannot use the private key",
		    "of runtime.link.keyfile", unfit);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return rules_failed(ret_why,
		    "the private key is not of the certificate", c->certfile,
		    unfit);
	if (SSL_CTX_load_verify_file(ctx, c->ca_certs) != 1)
		return rules_failed(ret_why, "cannot use the authorities in",
		    c->ca_certs, unfit);
	if (!link_tls_names(SSL_CTX_get0_certificate(ctx), c->name))
		return rules_failed(ret_why, "the certificate", c->certfile,
		    "it does not have this node among its DNS names");
	return ST_OK;
}

static enum status
rules_make(const SSL_METHOD *method, const struct link_tls_config *c,
    SSL_CTX **ret_context, char ret_why[LINK_TLS_WHY_SIZE])
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	enum status st = ST_NO_MEMORY;

	snprintf(ret_why, LINK_TLS_WHY_SIZE, "out of memory");
	if (ctx == NULL)
		return st;
	st = rules_restrict(ctx)
		 ? rules_load(ctx, c, ret_why)
		 : rules_failed(ret_why, "OpenSSL does not know", SUITES, "");
	if (st == ST_OK)
		*ret_context = ctx;
	else
		SSL_CTX_free(ctx);
	return st;
}

enum status
link_tls_rules_read(const struct link_tls_config *c,
    struct link_tls_rules *ret_rules, char ret_why[LINK_TLS_WHY_SIZE])
{
	struct link_tls_rules r = { 0 };
	enum status st = rules_make(TLS_client_method(), c, &r.dial, ret_why);

	if (st == ST_OK)
		st = rules_make(TLS_server_method(), c, &r.accept, ret_why);
	if (st != ST_OK) {
		link_tls_rules_fini(&r);
		return st;
	}
	tls_kit_identify(SSL_CTX_get0_certificate(r.accept), &r.identity);
	*ret_rules = r;
	return ST_OK;
}

void
link_tls_rules_fini(struct link_tls_rules *r)
{
	SSL_CTX_free(r->dial);
	SSL_CTX_free(r->accept);
}
