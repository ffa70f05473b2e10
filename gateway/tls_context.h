/*
 * tls_context - certificates and rules of TLS, read from files; OpenSSL 3.
 *
 * TLS 1.2 and 1.3; suites with forward secrecy and AEAD only; no compression,
 * no renegotiation, no early data.  A client that speaks ALPN must name h2 or
 * http/1.1.  A context never changes: new files make a new one, and streams
 * of the old one live on with it.
 */
#ifndef GATEWAY_TLS_CONTEXT_H
#define GATEWAY_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "runtime/base/status.h"
#include "runtime/config.h"

#define TLS_WHY_SIZE 256
#define TLS_SUBJECT_SIZE 256
#define TLS_FINGERPRINT_SIZE 65 /* hex of a SHA-256, and a NUL */

/* Of the certificate that is shown to clients. */
struct tls_identity {
	char subject[TLS_SUBJECT_SIZE];
	char fingerprint[TLS_FINGERPRINT_SIZE];
	int64_t not_after; /* seconds since 1970 */
};

/*
 * Reads api.ssl_certfile and the others.  INVALID and why, which names the
 * file and never shows what is in it.
 */
MUST_CHECK enum status tls_context_create(const struct config *c,
    SSL_CTX **ret_context, struct tls_identity *ret_identity,
    char ret_why[TLS_WHY_SIZE]);

/* "CN=name,O=..." as RFC 2253 writes it; cut to fit. */
void tls_subject(const X509 *x, char ret_subject[TLS_SUBJECT_SIZE]);

#endif
