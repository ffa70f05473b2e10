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

#include "runtime/base/status.h"
#include "runtime/config.h"
#include "runtime/tls_kit.h"

#define TLS_WHY_SIZE 256

/*
 * Reads api.ssl_certfile and the others.  INVALID and why, which names the
 * file and never shows what is in it.
 */
MUST_CHECK enum status tls_context_create(const struct config *c,
    SSL_CTX **ret_context, struct tls_identity *ret_identity,
    char ret_why[TLS_WHY_SIZE]);

#endif
