/* The inbox: who dials it, and the messages that came. */
#include <stdlib.h>
#include <string.h>

#include "runtime/link_uv_inside.h"

bool
inbox_make_room(struct line *c)
{
	size_t left = c->got - c->taken;
	size_t want = LINK_UV_READ_BYTES;
	uint8_t *bytes;

	if (left > 0 && c->taken > 0)
		memmove(c->read, c->read + c->taken, left);
	c->taken = 0;
	c->got = left;
	if (left >= LINK_UV_SIZE_BYTES)
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
	struct line *c = handle->data;

	(void)wanted;
	if (c->paused || !inbox_make_room(c)) {
		*ret_buf = uv_buf_init(NULL, 0);
		return;
	}
	*ret_buf =
	    uv_buf_init((char *)c->read + c->got, (unsigned)(c->room - c->got));
}

/*
 * One read a turn: the turn reads the messages where they lie.  What comes
 * before that finds no buffer; to stop reading would cost two system calls a
 * turn.
 */
static void
inbox_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct line *c = stream->data;

	(void)buf;
	if (got == UV_ENOBUFS && c->paused)
		return;
	c->paused = got != 0;
	if (got > 0)
		c->got += (size_t)got;
	if (got < 0) {
		c->ended = true;
		uv_read_stop(stream);
	}
}

static void
inbox_read(struct line *c)
{
	if (uv_read_start(&c->uv.stream, inbox_on_alloc, inbox_on_read) != 0)
		c->ended = true;
}

void
inbox_on_connect(uv_stream_t *listener, int rv)
{
	struct line *of = listener->data;
	struct link_uv *t = of->t;
	struct line *c;

	if (rv != 0)
		return;
	c = line_create(t, &t->path, true);
	if (c == NULL)
		return;
	if (uv_accept(listener, &c->uv.stream) != 0 ||
	    t->ninbound > LINK_UV_INBOUND_MAX) {
		line_close(c);
		return;
	}
	if (!t->path.ipc)
		(void)uv_tcp_nodelay(&c->uv.tcp, 1);
	if (!t->path.tls)
		inbox_read(c);
	else if (!line_tls_begin(c))
		line_close(c);
}

/* None of ours: what else came of it is not looked at. */
static bool
inbox_give_up(struct line *c)
{
	c->ended = true;
	c->taken = c->got;
	return false;
}

/* The next whole message of c, if there is one. */
static bool
inbox_next(struct line *c, struct link_packet *ret)
{
	size_t left = c->got - c->taken;
	const uint8_t *at;
	size_t size;

	if (left < LINK_UV_SIZE_BYTES)
		return false;
	at = c->read + c->taken;
	size = link_wire_get_length(at);
	if (size == 0 || size > LINK_MESSAGE_MAX)
		return inbox_give_up(c);
	if (left - LINK_UV_SIZE_BYTES < size)
		return false;
	ret->bytes = (struct bytes){ at + LINK_UV_SIZE_BYTES, size };
	ret->owner = NULL;
	if (c->tls != NULL && !line_tls_may_say(c, ret->bytes))
		return inbox_give_up(c);
	c->taken += LINK_UV_SIZE_BYTES + size;
	return true;
}

/*
 * The packets of a turn lie in the read buffers, which nothing touches before
 * the next uv_run; so put has nothing to do.
 */
size_t
link_uv_take(
    struct link_transport *transport, struct link_packet *ret, size_t max)
{
	struct link_uv *t = link_uv_of(transport);
	struct list *next;
	size_t n = 0;

	for (struct list *at = t->conns.next; at != &t->conns; at = next) {
		struct line *c = LIST_OF(at, struct line, node);

		next = at->next;
		if (!c->inbound || c->closing)
			continue;
		if (c->closing_next) {
			line_close(c);
			continue;
		}
		while (n < max && inbox_next(c, &ret[n]))
			n++;
		if (n == max)
			break;
		if (c->ended)
			c->closing_next = true;
		else
			c->paused = false;
	}
	return n;
}

void
link_uv_put(struct link_transport *transport, struct link_packet *packet)
{
	(void)transport;
	(void)packet;
}
