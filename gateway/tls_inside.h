/* tls_inside - what the files of tls share. */
#ifndef GATEWAY_TLS_INSIDE_H
#define GATEWAY_TLS_INSIDE_H

#include "gateway/tls.h"
#include "runtime/base/list.h"
#include "runtime/net_inside.h"

#define TLS_RECORD_MAX 16384u /* plain bytes of one record */
#define TLS_OUT_SIZE 40960u   /* a record and a flight of the handshake */

enum tls_state {
	TLS_SHAKING,
	TLS_REFUSED, /* an alert was sent; the rest is not listened to */
	TLS_UP
};

struct tls {
	struct net base;
	struct pool streams;
	struct list shaking;
	SSL_CTX *ctx;
	BIO_METHOD *method;
	struct tls_identity identity;
	struct tls_counts counts;
	uint32_t tick;
	size_t out_used;
	uint8_t out[TLS_OUT_SIZE];      /* encrypted, on its way */
	uint8_t gather[TLS_RECORD_MAX]; /* plain parts of one record */
	uint8_t plain[NET_READ_SIZE];   /* what came, until it is told */
};

struct tls_stream {
	struct net_stream base;
	struct net_stream *lower;
	SSL *ssl;
	struct bytes in; /* lent, while the lower net tells */
	size_t lent;     /* plain bytes that lie encrypted below */
	struct list shaking;
	uint32_t due; /* the tick a handshake must be done by */
	uint8_t state;
	bool broken; /* the stream below took no more */
};

/* ---- tls_bio.c ---- */
BIO_METHOD *tls_bio_method(void); /* NULL without memory */
/* Gives what was encrypted to the stream below. */
enum status tls_flush(struct tls_stream *s);

/* ---- tls_write.c: the net's operations, going out ---- */
enum status tls_try_write(struct net_stream *base, const struct net_part *parts,
    size_t count, size_t *ret_sent);
enum status tls_net_flush(struct net_stream *base);
void tls_finish(struct net_stream *base);
/* The stream below owes nothing any more. */
void tls_on_drained(void *ctx, struct net_stream *lower);

static inline struct tls_stream *
tls_stream_of(const struct net_stream *s)
{
	union {
		const struct net_stream *given;
		struct tls_stream *stream;
	} u = { s };

	return u.stream;
}

static inline struct tls *
tls_of(const struct tls_stream *s)
{
	return (struct tls *)s->base.net;
}

#endif
