#include "gateway/tls_context.h"

#include <openssl/err.h>
#include <stdio.h>

#define SUITES "ECDHE+AESGCM:ECDHE+CHACHA20"
#define TICKETS 1 /* per TLS 1.3 handshake; sealed, so that we keep nothing */

enum client_auth { CLIENT_NONE, CLIENT_OPTIONAL, CLIENT_REQUIRED };

/* Ours before theirs; the wire form of RFC 7301. */
static const unsigned char tls_protocols[] = "\x02h2\x08http/1.1";

static int
tls_on_alpn(SSL *ssl, const unsigned char **ret_at, unsigned char *ret_size,
    const unsigned char *in, unsigned size, void *ctx)
{
	unsigned char *at = NULL;

	(void)ssl;
	(void)ctx;
	if (SSL_select_next_proto(&at, ret_size, tls_protocols,
		sizeof(tls_protocols) - 1, in, size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret_at = at;
	return SSL_TLSEXT_ERR_OK;
}

static enum status
tls_failed(char ret_why[TLS_WHY_SIZE], const char *what, const char *path)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	snprintf(ret_why, TLS_WHY_SIZE, "%s %.150s: %.60s", what, path,
	    reason == NULL ? "it does not fit" : reason);
	ERR_clear_error();
	return ST_INVALID;
}

static void
tls_set_rules(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* An idle connection keeps no buffer. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
				  SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"troupe", 6);
	SSL_CTX_set_num_tickets(ctx, TICKETS);
	SSL_CTX_set_alpn_select_cb(ctx, tls_on_alpn, NULL);
}

static enum status
tls_load_pair(
    SSL_CTX *ctx, const char *cert, const char *key, char ret_why[TLS_WHY_SIZE])
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return tls_failed(ret_why, "cannot use the certificate", cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return tls_failed(ret_why, "cannot use the private key",
		    "of api.ssl_keyfile");
	if (SSL_CTX_check_private_key(ctx) != 1)
		return tls_failed(
		    ret_why, "the private key is not of the certificate", cert);
	return ST_OK;
}

static enum status
tls_load_authorities(SSL_CTX *ctx, const char *path, enum client_auth auth,
    char ret_why[TLS_WHY_SIZE])
{
	STACK_OF(X509_NAME) * names;
	int mode = SSL_VERIFY_PEER;

	if (auth == CLIENT_NONE || *path == '\0')
		return ST_OK;
	names = SSL_load_client_CA_file(path);
	if (names == NULL ||
	    SSL_CTX_load_verify_locations(ctx, path, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return tls_failed(
		    ret_why, "cannot use the authorities in", path);
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	if (auth == CLIENT_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return ST_OK;
}

enum status
tls_context_create(const struct config *c, SSL_CTX **ret_context,
    struct tls_identity *ret_identity, char ret_why[TLS_WHY_SIZE])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char groups[] = "X25519:P-256:P-384"; /* a macro casts const away */
	enum status st = ST_NO_MEMORY;

	snprintf(ret_why, TLS_WHY_SIZE, "out of memory");
	if (ctx == NULL)
		return st;
	tls_set_rules(ctx);
	tls_kit_ask_nobody(ctx);
	if (SSL_CTX_set_cipher_list(ctx, SUITES) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, groups) != 1)
		st = tls_failed(ret_why, "OpenSSL does not know", SUITES);
	else
		st =
		    tls_load_pair(ctx, config_text(c, SETTING_api_ssl_certfile),
			config_text(c, SETTING_api_ssl_keyfile), ret_why);
	if (st == ST_OK)
		st = tls_load_authorities(ctx,
		    config_text(c, SETTING_api_ssl_ca_certs),
		    (enum client_auth)config_choice(
			c, SETTING_api_ssl_client_auth),
		    ret_why);
	if (st != ST_OK) {
		SSL_CTX_free(ctx);
		return st;
	}
	tls_kit_identify(SSL_CTX_get0_certificate(ctx), ret_identity);
	*ret_context = ctx;
	return ST_OK;
}
