/*
 * The BIO between OpenSSL and a stream: it reads the bytes that are being
 * told and keeps none; it writes to the one buffer of the net, which is
 * emptied before anything else happens.
 */
#include <string.h>

#include "gateway/tls_inside.h"

static int
tls_bio_read(BIO *b, char *at, size_t size, size_t *ret_size)
{
	struct tls_stream *s = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (s->in_size == 0) {
		BIO_set_retry_read(b);
		return 0;
	}
	if (size > s->in_size)
		size = s->in_size;
	memcpy(at, s->in_at, size);
	s->in_at += size;
	s->in_size -= size;
	*ret_size = size;
	return 1;
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

static long
tls_bio_ctrl(BIO *b, int command, long n, void *p)
{
	(void)b;
	(void)n;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

static int
tls_bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

BIO_METHOD *
tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(
	    BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "net_stream");

	if (m == NULL)
		return NULL;
	BIO_meth_set_read_ex(m, tls_bio_read);
	BIO_meth_set_write_ex(m, tls_bio_write);
	BIO_meth_set_ctrl(m, tls_bio_ctrl);
	BIO_meth_set_create(m, tls_bio_create);
	return m;
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
