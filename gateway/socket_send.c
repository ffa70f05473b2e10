#include <assert.h>

#include "gateway/event_frame.h"
#include "gateway/socket_parts.h"
#include "gateway/stream.h"
#include "protocols/event_type.h"
#include "runtime/base/log.h"

void
backlog_drop(struct socket *s)
{
	if (s->backlog == NULL)
		return;
	pool_put(&s->all->backlogs, s->backlog);
	s->backlog = NULL;
}

/* Forgets the frames that the client has taken since. */
static void
backlog_trim(struct backlog *b, size_t owed)
{
	while (b->count > 0 && b->bytes - b->sizes[b->head] >= owed) {
		b->bytes -= b->sizes[b->head];
		b->head = (uint8_t)((b->head + 1) % SOCKET_QUEUE_MAX);
		b->count--;
	}
}

static void
backlog_add(struct socket *s, size_t size)
{
	struct backlog *b = s->backlog;

	if (b == NULL)
		b = s->backlog = pool_take(&s->all->backlogs);
	if (b == NULL)
		return; /* there is one for every socket, but for memory */
	assert(b->count < SOCKET_QUEUE_MAX);
	b->sizes[(b->head + b->count++) % SOCKET_QUEUE_MAX] = (uint32_t)size;
	b->bytes += size;
}

static bool
socket_queue_is_full(struct socket *s)
{
	if (s->backlog == NULL)
		return false;
	backlog_trim(s->backlog, net_owed(s->conn->stream));
	return s->backlog->count == SOCKET_QUEUE_MAX ||
	       net_owed(s->conn->stream) >= s->all->limits.queue_bytes_max;
}

static size_t
parts_size(const struct net_part *parts, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += parts[i].bytes.size;
	return size;
}

/* OK; FULL; CLOSED: the connection broke, and is gone. */
static enum status
socket_write(struct socket *s, const struct net_part *parts, size_t count)
{
	struct conn *c = s->conn;
	enum status st;

	assert(c->state != CONN_CLOSING);
	if (s->sse != NULL)
		return stream_write(c, parts, count);
	st = net_write(c->stream, parts, count);
	if (st == ST_OK || st == ST_FULL)
		return st;
	LOG(API_WS_SEND_FAILED, KV("client", s->client),
	    KV("status", status_name(st)));
	conn_close(c);
	return ST_CLOSED;
}

enum status
socket_push(struct socket *s, const struct net_part *parts, size_t count)
{
	enum status st;

	if (socket_queue_is_full(s))
		return ST_FULL;
	st = socket_write(s, parts, count);
	if (st == ST_OK && net_owed(s->conn->stream) > 0)
		backlog_add(s, parts_size(parts, count));
	return st;
}

enum status
socket_push_many(struct socket *s, const struct net_part *parts, size_t count,
    size_t *ret_pushed)
{
	enum status st = ST_FULL;
	size_t n;

	*ret_pushed = 0;
	if (s->backlog == NULL)
		st = socket_write(s, parts, count);
	if (st == ST_OK) {
		*ret_pushed = count;
		for (n = 0; n < count && net_owed(s->conn->stream) > 0; n++)
			backlog_add(s, parts[n].bytes.size);
		return ST_OK;
	}
	for (n = 0; n < count && st == ST_FULL; n++) {
		st = socket_push(s, &parts[n], 1);
		if (st != ST_OK)
			break;
		*ret_pushed = n + 1;
		st = ST_FULL;
	}
	return st == ST_FULL && *ret_pushed == count ? ST_OK : st;
}

enum status
socket_push_whole(struct socket *s, const struct net_part *whole,
    const uint32_t *sizes, size_t count)
{
	enum status st =
	    s->backlog == NULL ? socket_write(s, whole, 1) : ST_FULL;

	for (size_t n = 0;
	     n < count && st == ST_OK && net_owed(s->conn->stream) > 0; n++)
		backlog_add(s, sizes[n]);
	return st;
}

enum status
socket_push_frame(
    struct socket *s, enum websocket_opcode opcode, struct bytes payload)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t size = websocket_head_write(head, opcode, true, payload.size);
	const struct net_part parts[] = { { { head, size }, NULL },
		{ payload, NULL } };

	return socket_push(s, parts, payload.size > 0 ? 2 : 1);
}

static enum status
socket_push_reply(struct socket *s, const struct wire_out *out)
{
	const struct bytes reply = { out->bytes, out->used };
	enum status st;

	if (s->sse != NULL)
		st = sse_push_json(
		    s, event_reserved_name(EVENT_RESERVED_CONTROL), reply);
	else
		st = socket_push_frame(s, syntax_opcode(s->syntax), reply);

	if (st == ST_FULL)
		socket_note_dropped(s, "reply");
	return st;
}

enum status
socket_reply(struct socket *s, const char *key, const char *text)
{
	uint8_t bytes[SOCKET_REPLY_MAX];
	struct wire_out out = { bytes, sizeof(bytes), 0 };
	enum status st = reply_frame_write(
	    (enum websocket_subprotocol)s->syntax, key, text, &out);

	assert(st == ST_OK);
	return socket_push_reply(s, &out);
}

static void
positions_insert(
    struct position *list, uint32_t count, const struct position *p)
{
	for (; count > 0 && strcmp(list[count - 1].channel, p->channel) > 0;
	     count--)
		list[count] = list[count - 1];
	list[count] = *p;
}

/* Sorted by name; names lie in the arena. */
static struct position *
positions_of(struct socket *s, uint64_t channels, const struct sinces *sinces,
    uint32_t *ret_count)
{
	struct arena *a = actor_arena(s->all->gateway->self);
	uint32_t count = 0;
	struct position *list =
	    arena_take(a, (CHANNEL_BITS + 1) * sizeof(list[0]));

	while (list != NULL && channels != 0) {
		uint32_t c = channels_pop(&channels);
		char *name = arena_take(a, CHANNEL_MAX + 1);
		struct position p = { .channel = name };

		if (name == NULL)
			return NULL;
		interest_name(interest_of(s, c), name);
		if (sinces != NULL) {
			p.epoch = sinces->each[c].head_epoch;
			p.offset = sinces->each[c].head;
			p.recovered = sinces->each[c].recovered;
		}
		positions_insert(list, count++, &p);
	}
	*ret_count = count;
	return list;
}

enum status
socket_reply_channels(struct socket *s, const char *action, uint64_t channels,
    uint64_t asked, const struct sinces *sinces)
{
	struct wire_out out = { s->all->gateway->scratch, GATEWAY_REPLY_MAX,
		0 };
	struct channels_frame f = { .action = action };
	enum status st = ST_NO_MEMORY;

	f.channels = positions_of(s, channels, NULL, &f.channels_count);
	if (sinces != NULL)
		f.positions =
		    positions_of(s, asked, sinces, &f.positions_count);
	if (f.channels != NULL && (sinces == NULL || f.positions != NULL))
		st = channels_frame_write(
		    (enum websocket_subprotocol)s->syntax, &f, &out);
	assert(st == ST_OK); /* the arena holds far more than a frame names */
	return socket_push_reply(s, &out);
}

enum status
socket_reply_lost(struct socket *s, const struct position *now)
{
	uint8_t bytes[SOCKET_REPLY_MAX];
	struct wire_out out = { bytes, sizeof(bytes), 0 };
	enum status st =
	    lost_frame_write((enum websocket_subprotocol)s->syntax, now, &out);

	assert(st == ST_OK);
	return socket_push_reply(s, &out);
}

/* What it did not get while it was too slow; told once it reads again. */
static void
socket_tell_dropped(struct socket *s)
{
	uint8_t bytes[SOCKET_REPLY_MAX];
	struct wire_out out = { bytes, sizeof(bytes), 0 };
	enum status st = dropped_frame_write(
	    (enum websocket_subprotocol)s->syntax, s->untold, &out);

	assert(st == ST_OK);
	s->untold = 0;
	(void)socket_push_reply(s, &out);
}

/* The first, and then at each doubling. */
void
socket_note_dropped(struct socket *s, const char *what)
{
	s->dropped++;
	s->untold++;
	s->all->dropped++;
	if ((s->dropped & (s->dropped - 1)) == 0)
		LOG(API_WS_BACKPRESSURE_DROPPED, KV("client", s->client),
		    KV("user_id", s->person == NULL ? "" : s->person->user_id),
		    KV("what", what), KU("dropped", s->dropped));
}

void
socket_on_drained(struct conn *c)
{
	struct gateway *g = c->gateway;
	uint64_t handle = conn_handle(c);
	struct socket *s = c->socket;

	backlog_drop(s);
	if (s->sse != NULL)
		c->due_us = UINT64_MAX;
	if (s->state != SOCKET_OPEN || c->state == CONN_CLOSING)
		return;
	if (s->untold > 0)
		socket_tell_dropped(s);
	if (conn_find(g, handle) == c && c->state != CONN_CLOSING)
		recoveries_on_drained(s);
}

void
event_log_lost(const struct event *e, enum status st, uint32_t sockets)
{
	bool is_private = strncmp(e->channel, CHANNEL_PRIVATE_PREFIX,
			      strlen(CHANNEL_PRIVATE_PREFIX)) == 0;
	const char *name =
	    is_private ? CHANNEL_PRIVATE_PREFIX "<redacted>" : e->channel;

	if (st == ST_MALFORMED)
		LOG(API_WS_INVALID_MESSAGE, KV("event_type", e->event_type),
		    KV("channel", name), KU("sockets", sockets));
	else
		LOG(API_WS_EVENT_DROPPED, KV("event_type", e->event_type),
		    KV("channel", name), KU("bytes", strlen(e->payload)),
		    KU("sockets", sockets));
}
