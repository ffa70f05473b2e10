/*
 * tls_kit - what the gateway's TLS and that of the links have in common: what
 * a certificate says of itself, and the BIO of a connection that knows no
 * socket.  OpenSSL 3.
 *
 * Such a BIO keeps nothing: it reads the bytes that are lent to it, and hands
 * on what is written.
 *
 * Threads: any, one at a time for what is passed
 */
#ifndef RUNTIME_TLS_KIT_H
#define RUNTIME_TLS_KIT_H

#include <openssl/ssl.h>

#include "runtime/base/bytes.h"

#define TLS_SUBJECT_SIZE 256
#define TLS_FINGERPRINT_SIZE 65 /* hex of a SHA-256, and a NUL */

/* Of the certificate that is shown to others. */
struct tls_identity {
	char subject[TLS_SUBJECT_SIZE];
	char fingerprint[TLS_FINGERPRINT_SIZE];
	int64_t not_after; /* seconds since 1970 */
};

void tls_kit_identify(const X509 *x, struct tls_identity *ret_identity);
/* "CN=name,O=..." as RFC 2253 writes it; cut to fit. */
void tls_kit_subject(const X509 *x, char ret_subject[TLS_SUBJECT_SIZE]);

/* A key that wants a password is refused; nobody is there to be asked. */
void tls_kit_ask_nobody(SSL_CTX *ctx);

typedef int (*tls_kit_read_fn)(
    BIO *b, char *ret_at, size_t size, size_t *ret_size);
typedef int (*tls_kit_write_fn)(
    BIO *b, const char *at, size_t size, size_t *ret_size);

/* NULL: no memory. */
BIO_METHOD *tls_kit_method(
    const char *name, tls_kit_read_fn read, tls_kit_write_fn write);
/* What a read does: takes from what is lent, and asks for more after it. */
int tls_kit_take(
    BIO *b, struct bytes *lent, char *ret_at, size_t size, size_t *ret_size);

#endif
