#include "runtime/link_uv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "runtime/base/list.h"
#include "runtime/link_path.h"

#define SIZE_BYTES 4u /* before each message */
#define OUTBOX_READ_BYTES 64
#define BACKLOG 128
#define DESTROY_TURNS 1000

struct link_uv;

union conn_handle {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_pipe_t pipe;
	uv_tcp_t tcp;
};

struct run {
	uint8_t *bytes;
	size_t used;
	size_t size;
};

struct conn {
	union conn_handle uv;
	struct list node; /* of all */
	struct link_uv *t;
	bool inbound;
	bool closing;
	bool ended; /* the other end has gone; what came is still to be read */
	enum link_outbox outbox;
	union {
		uv_connect_t dial;
		uv_write_t write;
	} request;

	/* Outbox: the kernel is given one; the other gathers meanwhile. */
	struct run writing;
	struct run filling;
	uint8_t nothing[OUTBOX_READ_BYTES];

	/* Inbox: bytes from taken to got are not read yet. */
	uint8_t *read;
	size_t room;
	size_t taken;
	size_t got;
	bool paused;
	bool closing_next; /* its last packets are in somebody's hands */
};

struct link_uv {
	struct link_transport transport;
	uv_loop_t *uv;
	struct link_path path;
	struct conn *listener;
	struct list conns;
	size_t nconns;
	size_t ninbound;
	struct conn *outboxes[LINK_NODE_MAX + 1];
};

static struct link_uv *
link_uv_of(struct link_transport *t)
{
	return (struct link_uv *)(void *)t;
}

/* ---- connections ---- */

static void
conn_on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	list_remove(&c->node);
	c->t->nconns--;
	c->t->ninbound -= c->inbound;
	free(c->writing.bytes);
	free(c->filling.bytes);
	free(c->read);
	free(c);
}

static void
conn_close(struct conn *c)
{
	if (c == NULL || c->closing)
		return;
	c->closing = true;
	c->outbox = OUTBOX_BROKEN;
	uv_close(&c->uv.handle, conn_on_closed);
}

static struct conn *
conn_create(struct link_uv *t, bool inbound)
{
	struct conn *c = calloc(1, sizeof(*c));
	int rv;

	if (c == NULL)
		return NULL;
	rv = t->path.ipc ? uv_pipe_init(t->uv, &c->uv.pipe, 0)
			 : uv_tcp_init(t->uv, &c->uv.tcp);
	if (rv != 0) {
		free(c);
		return NULL;
	}
	c->uv.handle.data = c;
	c->t = t;
	c->inbound = inbound;
	c->outbox = OUTBOX_DIALING;
	list_init(&c->node);
	list_append(&t->conns, &c->node);
	t->nconns++;
	t->ninbound += inbound;
	return c;
}

/* ---- outboxes ---- */

static void
outbox_on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buf)
{
	struct conn *c = handle->data;

	(void)wanted;
	*ret_buf = uv_buf_init((char *)c->nothing, sizeof(c->nothing));
}

/* An outbox may hear nothing; reading is how it learns of the end. */
static void
outbox_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	(void)buf;
	if (got < 0) {
		c->outbox = OUTBOX_BROKEN;
		uv_read_stop(stream);
	}
}

static void
outbox_on_dialed(uv_connect_t *request, int rv)
{
	struct conn *c = request->handle->data;

	if (c->closing)
		return;
	c->outbox = rv == 0 ? OUTBOX_READY : OUTBOX_BROKEN;
	if (rv == 0 &&
	    uv_read_start(&c->uv.stream, outbox_on_alloc, outbox_on_read) != 0)
		c->outbox = OUTBOX_BROKEN;
}

static void
outbox_dial(struct conn *c, const char *url)
{
	struct link_path path;
	int rv;

	if (link_path_parse(url, &path) != ST_OK ||
	    path.ipc != c->t->path.ipc) {
		c->outbox = OUTBOX_BROKEN;
		return;
	}
	if (path.ipc) {
		uv_pipe_connect(
		    &c->request.dial, &c->uv.pipe, path.path, outbox_on_dialed);
		return;
	}
	(void)uv_tcp_nodelay(&c->uv.tcp, 1);
	rv = uv_tcp_connect(&c->request.dial, &c->uv.tcp,
	    (const struct sockaddr *)&path.address, outbox_on_dialed);
	if (rv != 0)
		c->outbox = OUTBOX_BROKEN;
}

static void
link_uv_dial(struct link_transport *transport, uint16_t peer, const char *url)
{
	struct link_uv *t = link_uv_of(transport);

	conn_close(t->outboxes[peer]);
	t->outboxes[peer] = conn_create(t, false);
	if (t->outboxes[peer] != NULL)
		outbox_dial(t->outboxes[peer], url);
}

static enum link_outbox
link_uv_outbox(struct link_transport *transport, uint16_t peer)
{
	const struct conn *c = link_uv_of(transport)->outboxes[peer];

	return c == NULL ? OUTBOX_BROKEN : c->outbox;
}

static void outbox_write(struct conn *c);

static void
outbox_on_written(uv_write_t *request, int rv)
{
	struct conn *c = request->handle->data;
	struct run empty = c->writing;

	empty.used = 0;
	c->writing = c->filling;
	c->filling = empty;
	if (rv != 0)
		c->outbox = OUTBOX_BROKEN;
	else if (!c->closing && c->writing.used > 0)
		outbox_write(c);
}

static void
outbox_write(struct conn *c)
{
	uv_buf_t buf =
	    uv_buf_init((char *)c->writing.bytes, (unsigned)c->writing.used);

	if (uv_write(&c->request.write, &c->uv.stream, &buf, 1,
		outbox_on_written) != 0)
		c->outbox = OUTBOX_BROKEN;
}

/* Appends what is left of parts after the first skip bytes. */
static bool
run_append(struct run *r, const uv_buf_t *parts, size_t count, size_t skip)
{
	for (size_t i = 0; i < count; i++) {
		size_t gone = skip < parts[i].len ? skip : parts[i].len;
		size_t size = parts[i].len - gone;

		skip -= gone;
		if (r->used + size > r->size) {
			size_t want = 2 * (r->used + size);
			uint8_t *bytes = realloc(r->bytes, want);

			if (bytes == NULL)
				return false;
			r->bytes = bytes;
			r->size = want;
		}
		if (size > 0)
			memcpy(r->bytes + r->used, parts[i].base + gone, size);
		r->used += size;
	}
	return true;
}

static uv_buf_t
buf_of(struct bytes b)
{
	union {
		const uint8_t *at;
		char *base;
	} u = { b.at };

	return uv_buf_init(u.base, (unsigned)b.size);
}

/* Straight into the kernel; what it does not take waits. */
static enum status
outbox_send_now(struct conn *c, const uv_buf_t parts[3], size_t size)
{
	int sent = uv_try_write(&c->uv.stream, parts, 3);

	if (sent < 0 && sent != UV_EAGAIN) {
		c->outbox = OUTBOX_BROKEN;
		return ST_CLOSED;
	}
	sent = sent < 0 ? 0 : sent;
	if ((size_t)sent == size)
		return ST_OK;
	if (!run_append(&c->writing, parts, 3, (size_t)sent)) {
		c->outbox = OUTBOX_BROKEN; /* half a message is out */
		return ST_CLOSED;
	}
	outbox_write(c);
	return ST_OK;
}

static enum status
link_uv_send(struct link_transport *transport, uint16_t peer, struct bytes head,
    struct bytes body)
{
	struct conn *c = link_uv_of(transport)->outboxes[peer];
	size_t size = head.size + body.size;
	uint8_t length[SIZE_BYTES];
	uv_buf_t parts[3] = { uv_buf_init((char *)length, SIZE_BYTES),
		buf_of(head), buf_of(body) };

	assert(size <= LINK_MESSAGE_MAX);
	if (c == NULL || c->outbox != OUTBOX_READY)
		return ST_CLOSED;
	link_wire_put_length(length, (uint32_t)size);
	if (c->writing.used == 0)
		return outbox_send_now(c, parts, SIZE_BYTES + size);
	if (c->filling.used > 0 && c->filling.used + size > LINK_UV_WRITE_BYTES)
		return ST_FULL;
	return run_append(&c->filling, parts, 3, 0) ? ST_OK : ST_NO_MEMORY;
}

/* ---- inbox ---- */

/* Room for the message that has begun, and for some of what follows. */
static bool
inbox_make_room(struct conn *c)
{
	size_t left = c->got - c->taken;
	size_t want = LINK_UV_READ_BYTES;
	uint8_t *bytes;

	if (left > 0 && c->taken > 0)
		memmove(c->read, c->read + c->taken, left);
	c->taken = 0;
	c->got = left;
	if (left >= SIZE_BYTES)
		want += link_wire_get_length(c->read);
	if (want <= c->room && (c->room == want || c->room - want < want))
		return true;
	bytes = realloc(c->read, want < left ? left : want);
	if (bytes == NULL)
		return false;
	c->read = bytes;
	c->room = want < left ? left : want;
	return true;
}

static void
inbox_on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buf)
{
	struct conn *c = handle->data;

	(void)wanted;
	if (!inbox_make_room(c)) {
		*ret_buf = uv_buf_init(NULL, 0);
		return;
	}
	*ret_buf =
	    uv_buf_init((char *)c->read + c->got, (unsigned)(c->room - c->got));
}

static void
inbox_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	(void)buf;
	if (got > 0)
		c->got += (size_t)got;
	/* One read a turn: the turn reads the messages where they lie. */
	if (got != 0) {
		c->paused = true;
		uv_read_stop(stream);
	}
	if (got < 0)
		c->ended = true;
}

static void
inbox_read(struct conn *c)
{
	c->paused = false;
	if (uv_read_start(&c->uv.stream, inbox_on_alloc, inbox_on_read) != 0)
		c->ended = true;
}

static void
inbox_on_connect(uv_stream_t *listener, int rv)
{
	struct conn *of = listener->data;
	struct link_uv *t = of->t;
	struct conn *c;

	if (rv != 0)
		return;
	c = conn_create(t, true);
	if (c == NULL)
		return;
	if (uv_accept(listener, &c->uv.stream) != 0 ||
	    t->ninbound > LINK_UV_INBOUND_MAX) {
		conn_close(c);
		return;
	}
	if (!t->path.ipc)
		(void)uv_tcp_nodelay(&c->uv.tcp, 1);
	inbox_read(c);
}

/* The next whole message of c, if there is one. */
static bool
inbox_next(struct conn *c, struct link_packet *ret)
{
	size_t left = c->got - c->taken;
	const uint8_t *at;
	size_t size;

	if (left < SIZE_BYTES)
		return false;
	at = c->read + c->taken;
	size = link_wire_get_length(at);
	if (size == 0 || size > LINK_MESSAGE_MAX) {
		c->ended = true; /* none of ours */
		c->taken = c->got;
		return false;
	}
	if (left - SIZE_BYTES < size)
		return false;
	*ret = (struct link_packet){ { at + SIZE_BYTES, size }, NULL };
	c->taken += SIZE_BYTES + size;
	return true;
}

/*
 * The packets of a turn lie in the read buffers, which nothing touches before
 * the next uv_run; so put has nothing to do.
 */
static size_t
link_uv_take(
    struct link_transport *transport, struct link_packet *ret, size_t max)
{
	struct link_uv *t = link_uv_of(transport);
	struct list *next;
	size_t n = 0;

	for (struct list *at = t->conns.next; at != &t->conns; at = next) {
		struct conn *c = LIST_OF(at, struct conn, node);

		next = at->next;
		if (!c->inbound || c->closing)
			continue;
		if (c->closing_next) {
			conn_close(c);
			continue;
		}
		while (n < max && inbox_next(c, &ret[n]))
			n++;
		if (n == max)
			break;
		if (c->ended)
			c->closing_next = true;
		else if (c->paused)
			inbox_read(c);
	}
	return n;
}

static void
link_uv_put(struct link_transport *transport, struct link_packet *packet)
{
	(void)transport;
	(void)packet;
}

/* ---- the listener ---- */

static enum status
link_uv_status(int rv)
{
	switch (rv) {
	case 0:
		return ST_OK;
	case UV_ENOMEM:
		return ST_NO_MEMORY;
	case UV_EADDRINUSE:
		return ST_EXISTS;
	case UV_EADDRNOTAVAIL:
	case UV_EINVAL:
		return ST_INVALID;
	default:
		return ST_IO;
	}
}

static int
link_uv_bind(struct link_uv *t, struct conn *c)
{
	int fd;

	if (!t->path.ipc)
		return uv_tcp_bind(
		    &c->uv.tcp, (const struct sockaddr *)&t->path.address, 0);
	fd = link_path_bind(&t->path);
	return fd < 0 ? UV_EIO : uv_pipe_open(&c->uv.pipe, fd);
}

static enum status
link_uv_listen(struct link_uv *t)
{
	struct conn *c = conn_create(t, false);
	int rv;

	if (c == NULL)
		return ST_NO_MEMORY;
	rv = link_uv_bind(t, c);
	if (rv == 0)
		rv = uv_listen(&c->uv.stream, BACKLOG, inbox_on_connect);
	if (rv != 0) {
		conn_close(c);
		return link_uv_status(rv);
	}
	t->listener = c;
	return ST_OK;
}

/* Somebody has taken our path away: nobody can reach us until we bind anew. */
static void
link_uv_relisten(struct link_transport *transport)
{
	struct link_uv *t = link_uv_of(transport);

	if (t->listener != NULL && link_path_is_bound(&t->path))
		return;
	conn_close(t->listener);
	t->listener = NULL;
	(void)link_uv_listen(t);
}

/* ---- whole ---- */

static bool
link_uv_is_writing(const struct link_uv *t)
{
	for (struct list *at = t->conns.next; at != &t->conns; at = at->next) {
		const struct conn *c = LIST_OF(at, struct conn, node);

		if (c->outbox == OUTBOX_READY && c->writing.used > 0)
			return true;
	}
	return false;
}

/* The loop stands still, so we turn it: to send what waits, then to close. */
static void
link_uv_destroy(struct link_transport *transport)
{
	struct link_uv *t = link_uv_of(transport);

	for (int i = 0; i < DESTROY_TURNS && link_uv_is_writing(t); i++)
		uv_run(t->uv, UV_RUN_NOWAIT);
	for (struct list *at = t->conns.next; at != &t->conns; at = at->next)
		conn_close(LIST_OF(at, struct conn, node));
	while (t->nconns > 0)
		uv_run(t->uv, UV_RUN_ONCE);
	link_path_unlock(&t->path);
	free(t);
}

static const struct link_transport link_uv_transport = {
	.dial = link_uv_dial,
	.outbox = link_uv_outbox,
	.send = link_uv_send,
	.take = link_uv_take,
	.put = link_uv_put,
	.relisten = link_uv_relisten,
	.destroy = link_uv_destroy,
};

enum status
link_uv_create(void *uv, const char *listen, struct link_transport **ret_t)
{
	struct link_uv *t = calloc(1, sizeof(*t));
	enum status st;

	if (t == NULL)
		return ST_NO_MEMORY;
	t->transport = link_uv_transport;
	t->uv = uv;
	list_init(&t->conns);
	st = link_path_parse(listen, &t->path);
	if (st == ST_OK)
		st = link_path_lock(&t->path);
	if (st == ST_OK)
		st = link_uv_listen(t);
	if (st != ST_OK) {
		link_uv_destroy(&t->transport);
		return st;
	}
	*ret_t = &t->transport;
	return ST_OK;
}
