/* One connection: how its bytes become letters, and letters bytes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/link_nng.h"

/* What an outbox may hear: nothing; a read is how it learns of an end. */
#define OUTBOX_READ_BYTES 16

static size_t
conn_read_size(const struct link_conn *c)
{
	return c->inbound ? NNG_READ_BYTES : OUTBOX_READ_BYTES;
}

static void
conn_release(struct link_conn *c)
{
	if (!c->closed || !c->abandoned || c->flying > 0)
		return;
	if (c->inbound)
		c->t->ninbound--;
	list_remove(&c->node);
	list_append(&c->t->dead, &c->node);
	pthread_cond_signal(&c->t->work);
}

void
link_conn_close(struct link_conn *c)
{
	if (c->closed)
		return;
	c->closed = true;
	c->outbox = OUTBOX_BROKEN;
	if (c->stream != NULL)
		nng_stream_close(c->stream);
	if (c->dialer != NULL)
		nng_stream_dialer_close(c->dialer);
	if (!c->inbound)
		c->t->wake(c->t->ctx);
}

void
link_conn_abandon(struct link_conn *c)
{
	c->abandoned = true;
	link_conn_close(c);
	conn_release(c);
}

void
link_conn_free(struct link_conn *c)
{
	nng_aio_free(c->in);
	nng_aio_free(c->out);
	nng_stream_free(c->stream);
	nng_stream_dialer_free(c->dialer);
	free(c->writing.bytes);
	free(c->filling.bytes);
	free(c->letter);
	free(c);
}

/* --- sending --- */

static void
conn_write(struct link_conn *c)
{
	nng_iov iov = { c->writing.bytes + c->written,
		c->writing.used - c->written };

	c->flying++;
	(void)nng_aio_set_iov(c->out, 1, &iov);
	nng_stream_send(c->stream, c->out);
}

/* Nothing is being written: take what has gathered. */
static void
conn_write_next(struct link_conn *c)
{
	struct link_write empty = c->writing;

	empty.used = 0;
	c->writing = c->filling;
	c->filling = empty;
	c->written = 0;
	if (c->writing.used > 0)
		conn_write(c);
	else
		pthread_cond_signal(&c->t->quiet);
	if (c->starved) {
		c->starved = false;
		c->t->wake(c->t->ctx);
	}
}

static void
conn_on_written(struct link_conn *c)
{
	c->written += nng_aio_count(c->out);
	if (c->written < c->writing.used)
		conn_write(c);
	else
		conn_write_next(c);
}

static bool
write_reserve(struct link_write *w, size_t size)
{
	size_t want = w->size == 0 ? 4096 : w->size;
	uint8_t *bytes;

	if (size <= w->size - w->used)
		return true;
	while (want < w->used + size)
		want *= 2;
	bytes = realloc(w->bytes, want);
	if (bytes == NULL)
		return false;
	w->bytes = bytes;
	w->size = want;
	return true;
}

static void
write_put(struct link_write *w, struct bytes run)
{
	if (run.size > 0)
		memcpy(w->bytes + w->used, run.at, run.size);
	w->used += run.size;
}

enum status
link_conn_send(struct link_conn *c, struct bytes head, struct bytes body)
{
	size_t size = head.size + body.size;
	uint8_t length[NNG_LENGTH_SIZE];

	assert(size <= LINK_MESSAGE_MAX);
	if (c->closed || c->outbox != OUTBOX_READY)
		return ST_CLOSED;
	if (c->filling.used > 0 && c->filling.used + size > NNG_WRITE_BYTES) {
		c->starved = true;
		return ST_FULL;
	}
	if (!write_reserve(&c->filling, NNG_LENGTH_SIZE + size))
		return ST_NO_MEMORY;
	link_wire_put_length(length, (uint32_t)size);
	write_put(&c->filling, (struct bytes){ length, sizeof(length) });
	write_put(&c->filling, head);
	write_put(&c->filling, body);
	if (c->writing.used == 0)
		conn_write_next(c);
	return ST_OK;
}

static void
conn_on_dialed(struct link_conn *c)
{
	c->stream = nng_aio_get_output(c->out, 0);
	if (c->closed) {
		nng_stream_close(c->stream);
		return;
	}
	c->outbox = OUTBOX_READY;
	link_conn_receive(c);
	c->t->wake(c->t->ctx);
}

static void
conn_on_out(void *arg)
{
	struct link_conn *c = arg;
	struct link_nng *t = c->t;
	bool ok = nng_aio_result(c->out) == 0;

	pthread_mutex_lock(&t->mutex);
	c->flying--;
	if (ok && c->stream == NULL)
		conn_on_dialed(c);
	else if (!ok)
		link_conn_close(c);
	else if (!c->closed)
		conn_on_written(c);
	conn_release(c);
	pthread_mutex_unlock(&t->mutex);
}

void
link_conn_dial(struct link_conn *c, const char *url)
{
	if (nng_stream_dialer_alloc(&c->dialer, url) != 0) {
		link_conn_close(c);
		return;
	}
	/* ipc:// has no such option and needs none. */
	(void)nng_stream_dialer_set_bool(c->dialer, NNG_OPT_TCP_NODELAY, true);
	c->flying++;
	nng_stream_dialer_dial(c->dialer, c->out);
}

/* --- receiving --- */

static size_t
take(uint8_t *to, size_t want, struct bytes *in)
{
	size_t n = in->size < want ? in->size : want;

	memcpy(to, in->at, n);
	in->at += n;
	in->size -= n;
	return n;
}

static uint32_t
conn_length(const struct link_conn *c)
{
	return (uint32_t)c->length[0] | (uint32_t)c->length[1] << 8 |
	       (uint32_t)c->length[2] << 16 | (uint32_t)c->length[3] << 24;
}

/* False if no message of ours is so long, or there is no memory. */
static bool
conn_begin_letter(struct link_conn *c)
{
	uint32_t size = conn_length(c);

	if (size == 0 || size > LINK_MESSAGE_MAX)
		return false;
	c->letter = malloc(sizeof(*c->letter) + size);
	if (c->letter == NULL)
		return false;
	list_init(&c->letter->node);
	c->letter->size = size;
	c->got = 0;
	return true;
}

/* Appends what becomes whole to whole; false ends the connection. */
static bool
conn_parse(struct link_conn *c, struct bytes in, struct list *whole)
{
	while (in.size > 0) {
		if (c->letter == NULL) {
			c->length_got += take(c->length + c->length_got,
			    NNG_LENGTH_SIZE - c->length_got, &in);
			if (c->length_got < NNG_LENGTH_SIZE)
				return true;
			if (!conn_begin_letter(c))
				return false;
			continue;
		}
		c->got += take(
		    c->letter->bytes + c->got, c->letter->size - c->got, &in);
		if (c->got == c->letter->size) {
			list_append(whole, &c->letter->node);
			c->letter = NULL;
			c->length_got = 0;
		}
	}
	return true;
}

static void
conn_deliver(struct link_conn *c, struct list *whole)
{
	struct link_nng *t = c->t;
	bool first = list_empty(&t->letters);
	struct list *node;

	while ((node = list_first(whole)) != NULL) {
		list_remove(node);
		list_append(&t->letters, node);
		t->letters_bytes +=
		    LIST_OF(node, struct link_letter, node)->size;
	}
	if (first && !list_empty(&t->letters))
		t->wake(t->ctx);
}

void
link_conn_receive(struct link_conn *c)
{
	nng_iov iov = { c->read, conn_read_size(c) };

	if (c->t->letters_bytes >= NNG_QUEUE_BYTES && c->inbound) {
		c->paused = true;
		return;
	}
	c->paused = false;
	c->flying++;
	(void)nng_aio_set_iov(c->in, 1, &iov);
	nng_stream_recv(c->stream, c->in);
}

static void
conn_on_in(void *arg)
{
	struct link_conn *c = arg;
	struct link_nng *t = c->t;
	bool ok = nng_aio_result(c->in) == 0;
	struct list whole;

	list_init(&whole);
	/* No other aio of c touches what parsing does. */
	if (ok && c->inbound)
		ok = conn_parse(
		    c, (struct bytes){ c->read, nng_aio_count(c->in) }, &whole);
	pthread_mutex_lock(&t->mutex);
	c->flying--;
	conn_deliver(c, &whole);
	if (!ok) {
		c->abandoned |= c->inbound;
		link_conn_close(c);
	} else if (!c->closed) {
		link_conn_receive(c);
	}
	conn_release(c);
	pthread_mutex_unlock(&t->mutex);
}

struct link_conn *
link_conn_create(struct link_nng *t, bool inbound)
{
	size_t read_size = inbound ? NNG_READ_BYTES : OUTBOX_READ_BYTES;
	struct link_conn *c = calloc(1, sizeof(*c) + read_size);

	if (c == NULL)
		return NULL;
	if (nng_aio_alloc(&c->in, conn_on_in, c) != 0 ||
	    nng_aio_alloc(&c->out, conn_on_out, c) != 0) {
		nng_aio_free(c->in);
		free(c);
		return NULL;
	}
	list_init(&c->node);
	c->t = t;
	c->inbound = inbound;
	c->outbox = OUTBOX_DIALING;
	t->nconns++;
	return c;
}
