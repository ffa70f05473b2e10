/*
 * The BIO between OpenSSL and a stream: it reads the bytes that are being
 * told and keeps none; it writes to the one buffer of the net, which is
 * emptied before anything else happens.
 */
#include <string.h>

#include "gateway/tls_inside.h"

static int
tls_bio_read(BIO *b, char *ret_at, size_t size, size_t *ret_size)
{
	struct tls_stream *s = BIO_get_data(b);

	return tls_kit_take(b, &s->in, ret_at, size, ret_size);
}

static int
tls_bio_write(BIO *b, const char *at, size_t size, size_t *ret_size)
{
	struct tls_stream *s = BIO_get_data(b);
	struct tls *t = tls_of(s);

	BIO_clear_retry_flags(b);
	*ret_size = size;
	while (size > 0) {
		size_t room = TLS_OUT_SIZE - t->out_used;
		size_t part = size < room ? size : room;

		memcpy(t->out + t->out_used, at, part);
		t->out_used += part;
		at += part;
		size -= part;
		if (t->out_used == TLS_OUT_SIZE)
			(void)tls_flush(s);
	}
	return 1;
}

BIO_METHOD *
tls_bio_method(void)
{
	return tls_kit_method("net_stream", tls_bio_read, tls_bio_write);
}

enum status
tls_flush(struct tls_stream *s)
{
	struct tls *t = tls_of(s);
	const struct net_part part = { { t->out, t->out_used }, NULL };

	if (t->out_used > 0 && !s->broken &&
	    net_write(s->lower, &part, 1) != ST_OK)
		s->broken = true;
	t->out_used = 0;
	return s->broken ? ST_IO : ST_OK;
}
