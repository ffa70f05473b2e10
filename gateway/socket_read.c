#include "gateway/socket_parts.h"
#include "runtime/base/log.h"

/* An answer to the client's close, or our own word on a broken frame. */
static void
socket_finish(struct socket *s, uint16_t code, const char *reason)
{
	uint8_t frame[WEBSOCKET_HEAD_MAX + WEBSOCKET_CONTROL_MAX];
	struct net_part part = { { frame, 0 }, NULL };
	struct conn *c = s->conn;
	bool said = s->state == SOCKET_CLOSING;

	if (!said)
		s->code = code;
	socket_leave(s);
	if (!said && websocket_close_write(frame, sizeof(frame), code, reason,
			 &part.bytes.size) == ST_OK) {
		if (!conn_write(c, &part, 1))
			return;
	}
	conn_finish(c);
}

static void
socket_on_control(struct socket *s, const struct control *ask)
{
	enum websocket_subprotocol syntax =
	    (enum websocket_subprotocol)s->syntax;
	const char *fault = control_fault(ask, syntax);

	if (fault != NULL) {
		LOG(API_WS_CONTROL_REFUSED, KV("client", s->client),
		    KV("reason", fault));
		socket_reply(s, "error", fault);
	} else if (ask->action == CONTROL_SUBSCRIBE) {
		socket_subscribe(s, ask);
	} else if (ask->action == CONTROL_UNSUBSCRIBE) {
		socket_unsubscribe(s, ask);
	} else {
		socket_reply(s, "action", control_says_text(SAYS_PONG));
	}
}

/*
 * One more message, ping or pong in this second; false: more than it may
 * send.
 */
static bool
socket_may_say(struct socket *s, uint64_t now_us)
{
	uint64_t second = now_us / 1000000;

	if (s->second != second) {
		s->second = second;
		s->said = 0;
	}
	return s->said++ < s->all->limits.control_max;
}

/* False: it said too much, and is closed. */
static bool
socket_count_frame(struct socket *s)
{
	if (socket_may_say(s, actor_now_us(s->all->gateway->self)))
		return true;
	s->all->gateway->counts.sockets_flooding++;
	socket_close(s, WEBSOCKET_POLICY, "Too many messages");
	return false;
}

/* Each ping is answered: many of them are as much work as messages. */
static void
socket_on_ping(struct socket *s, const struct websocket_event *e)
{
	if (!socket_count_frame(s))
		return;
	if (e->opcode == WEBSOCKET_PONG)
		s->awaits_pong = false;
	else
		(void)socket_push_frame(s, WEBSOCKET_PONG, e->payload);
}

static void
socket_on_message(struct socket *s, const struct websocket_event *e)
{
	struct actor *self = s->all->gateway->self;
	struct control ask;
	bool text = e->opcode == WEBSOCKET_TEXT;

	s->heard_us = actor_now_us(self);
	if (!socket_count_frame(s))
		return;
	if (text != (s->syntax == WEBSOCKET_JSON))
		socket_close(s, WEBSOCKET_UNSUPPORTED,
		    text ? "Binary messages only" : "Text messages only");
	else if (e->oversized ||
		 control_read((enum websocket_subprotocol)s->syntax, e->payload,
		     actor_arena(self), &ask) != ST_OK)
		socket_reply(s, "error", "Message too large");
	else
		socket_on_control(s, &ask);
}

/*
 * A compressed message in plain, in the arena.  False: the socket has ended,
 * for bytes that are no such message, or no text.
 */
static bool
socket_inflate(struct socket *s, struct websocket_event *e)
{
	struct sockets *k = s->all;
	uint8_t *plain =
	    arena_take_bytes(actor_arena(k->gateway->self), SOCKET_KEEP_MAX);
	struct utf8_stream text = { 0 };
	size_t size = 0;
	enum status st = ST_NO_MEMORY;

	if (plain != NULL)
		st = inflate_message(
		    k->deflater, e->payload, plain, SOCKET_KEEP_MAX, &size);
	e->oversized = st == ST_FULL;
	e->payload = (struct bytes){ plain, e->oversized ? 0 : size };
	if (st == ST_MALFORMED || (st == ST_OK && e->opcode == WEBSOCKET_TEXT &&
				      (!utf8_stream_feed(&text, plain, size) ||
					  !utf8_stream_is_whole(&text))))
		socket_finish(s, WEBSOCKET_BAD_TEXT, "bad compressed message");
	else if (st != ST_OK && st != ST_FULL)
		socket_finish(s, WEBSOCKET_INTERNAL, "Internal error");
	else
		return true;
	return false;
}

static void
socket_on_frame(struct socket *s, struct websocket_event *e)
{
	if (e->deflated && !e->oversized && s->state != SOCKET_CLOSING &&
	    !socket_inflate(s, e))
		return;
	if (e->opcode == WEBSOCKET_CLOSE)
		socket_finish(s, e->code, "");
	else if (s->state == SOCKET_CLOSING)
		return;
	else if (e->opcode == WEBSOCKET_PONG || e->opcode == WEBSOCKET_PING)
		socket_on_ping(s, e);
	else if (s->state == SOCKET_AUTH)
		socket_on_first(s, e);
	else
		socket_on_message(s, e);
}

static void
socket_lend(struct socket *s)
{
	uint8_t *buffer = pool_take(&s->all->buffers);

	if (buffer != NULL)
		websocket_reader_lend(&s->reader, buffer);
	else
		socket_finish(s, WEBSOCKET_INTERNAL, "Internal error");
}

static void
socket_on_step(
    struct socket *s, enum websocket_step step, struct websocket_event *e)
{
	switch (step) {
	case WEBSOCKET_EVENT:
		socket_on_frame(s, e);
		break;
	case WEBSOCKET_WANTS_BUFFER:
		socket_lend(s);
		break;
	case WEBSOCKET_REFUSED:
		s->all->gateway->counts.sockets_flooding +=
		    e->code == WEBSOCKET_POLICY;
		socket_finish(s, e->code, e->reason);
		break;
	case WEBSOCKET_MORE:
	case WEBSOCKET_ENDED:
		break;
	}
}

static void
socket_take_buffer_back(struct socket *s)
{
	uint8_t *buffer;

	if (!websocket_reader_idle(&s->reader))
		return;
	buffer = websocket_reader_take_back(&s->reader);
	if (buffer != NULL)
		pool_put(&s->all->buffers, buffer);
}

/* How many bytes were used; SIZE_MAX: the connection goes or has gone. */
static size_t
socket_read(struct conn *c, uint8_t *at, size_t size)
{
	struct gateway *g = c->gateway;
	uint64_t handle = conn_handle(c);
	enum websocket_step step = WEBSOCKET_EVENT;
	struct websocket_event e;
	size_t done = 0, used;

	while (step != WEBSOCKET_MORE && !socket_waits(c->socket)) {
		struct socket *s = c->socket;

		step = websocket_reader_feed(
		    &s->reader, at + done, size - done, &used, &e);
		done += used;
		socket_on_step(s, step, &e);
		if (conn_find(g, handle) == NULL || c->state == CONN_CLOSING)
			return SIZE_MAX;
	}
	socket_take_buffer_back(c->socket);
	return done;
}

void
socket_on_data(struct conn *c, uint8_t *at, size_t size)
{
	size_t used;

	if (c->state == CONN_CLOSING || c->socket->sse != NULL)
		return; /* one that only listens says nothing */
	if (c->kept_size > 0 || socket_waits(c->socket)) {
		if (!conn_keep(c, at, size))
			conn_close(c);
		else
			socket_go_on(c);
		return;
	}
	used = socket_read(c, at, size);
	if (used != SIZE_MAX && !conn_keep(c, at + used, size - used))
		conn_close(c);
}

void
socket_go_on(struct conn *c)
{
	size_t used;

	if (socket_waits(c->socket))
		return;
	/* One that only listens is read for its end alone. */
	if (c->kept_size > 0 && c->socket->sse == NULL) {
		used = socket_read(c, c->kept, c->kept_size);
		if (used == SIZE_MAX)
			return;
		conn_forget(c, used);
	}
	if (c->ended)
		conn_close(c);
	else if (!socket_waits(c->socket))
		net_read(c->stream, true);
}

void
socket_on_end(struct conn *c)
{
	conn_close(c);
}
