/*
 * Going out.  What an owner writes is encrypted only while the stream below
 * owes nothing: so at most one record lies there in cipher, and the rest in
 * the queue, where shared bytes stay shared.
 */
#include <assert.h>
#include <string.h>

#include "gateway/tls_inside.h"
#include "runtime/net_queue.h"

/* One record; the stream below has taken all of it, or owes it. */
static enum status
tls_encrypt(struct tls_stream *s, struct bytes plain)
{
	size_t written = 0;

	if (SSL_write_ex(s->ssl, plain.at, plain.size, &written) != 1 ||
	    written != plain.size)
		return ST_IO;
	return tls_flush(s);
}

/* The parts from skip on as one run, at most a record. */
static struct bytes
tls_gather(
    struct tls *t, const struct net_part *parts, size_t count, size_t skip)
{
	size_t used = 0;

	for (size_t i = 0; i < count && used < TLS_RECORD_MAX; i++) {
		struct bytes b = parts[i].bytes;
		size_t skipped = skip < b.size ? skip : b.size;
		size_t size = b.size - skipped;

		skip -= skipped;
		if (used == 0 && size >= TLS_RECORD_MAX)
			return (struct bytes){ b.at + skipped, TLS_RECORD_MAX };
		if (size > TLS_RECORD_MAX - used)
			size = TLS_RECORD_MAX - used;
		if (size > 0)
			memcpy(t->gather + used, b.at + skipped, size);
		used += size;
	}
	return (struct bytes){ t->gather, used };
}

static size_t
tls_parts_size(const struct net_part *parts, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += parts[i].bytes.size;
	return size;
}

enum status
tls_try_write(struct net_stream *base, const struct net_part *parts,
    size_t count, size_t *ret_sent)
{
	struct tls_stream *s = tls_stream_of(base);
	size_t size = tls_parts_size(parts, count);
	size_t sent = 0;

	while (sent < size && net_owed(s->lower) == 0) {
		struct bytes plain = tls_gather(tls_of(s), parts, count, sent);

		if (tls_encrypt(s, plain) != ST_OK)
			return ST_IO;
		sent += plain.size;
		if (net_owed(s->lower) > 0)
			s->lent = plain.size;
	}
	/* What lies below is still owed, though we need not keep it. */
	base->owed = s->lent;
	*ret_sent = sent;
	return ST_OK;
}

/* The stream below owes something, so on_drained comes. */
enum status
tls_net_flush(struct net_stream *base)
{
	assert(net_owed(tls_stream_of(base)->lower) > 0);
	return ST_OK;
}

/* The front of the queue as one run, at most a record. */
static struct bytes
tls_take(struct tls *t, const struct net_queue *q)
{
	struct net_part parts[NET_PARTS_MAX];
	size_t count = 0;

	for (const struct net_ref *r = q->head;
	     r != NULL && count < NET_PARTS_MAX; r = r->next)
		parts[count++] = (struct net_part){ { r->at, r->size }, NULL };
	return tls_gather(t, parts, count, 0);
}

static enum status
tls_pump(struct tls_stream *s)
{
	while (s->base.queue.head != NULL && net_owed(s->lower) == 0) {
		struct bytes plain = tls_take(tls_of(s), &s->base.queue);

		if (tls_encrypt(s, plain) != ST_OK)
			return ST_IO;
		net_queue_drop(s->base.net, &s->base.queue, plain.size);
		if (net_owed(s->lower) > 0)
			s->lent = plain.size;
		else
			s->base.owed -= plain.size;
	}
	return ST_OK;
}

void
tls_on_drained(void *ctx, struct net_stream *lower)
{
	struct tls_stream *s = ctx;

	(void)lower;
	if (s->state != TLS_UP || s->base.owed == 0)
		return;
	s->base.owed -= s->lent;
	s->lent = 0;
	if (tls_pump(s) != ST_OK) {
		net_stream_end(&s->base, ST_IO);
		return;
	}
	if (s->base.owed > 0)
		return;
	if (s->base.state == NET_FINISHING)
		tls_finish(&s->base);
	s->base.on->on_drained(s->base.ctx, &s->base);
}

void
tls_finish(struct net_stream *base)
{
	struct tls_stream *s = tls_stream_of(base);

	(void)SSL_shutdown(s->ssl);
	(void)tls_flush(s);
	if (!s->broken)
		net_finish(s->lower);
}
