#include <assert.h>

#include "gateway/event_frame.h"
#include "gateway/socket_parts.h"
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
	return s->backlog->count == SOCKET_QUEUE_MAX;
}

static size_t
parts_size(const struct net_part *parts, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += parts[i].bytes.size;
	return size;
}

enum status
socket_push(struct socket *s, const struct net_part *parts, size_t count)
{
	struct conn *c = s->conn;
	enum status st;

	assert(c->state != CONN_CLOSING);
	if (socket_queue_is_full(s))
		return ST_FULL;
	st = net_write(c->stream, parts, count);
	if (st == ST_FULL)
		return ST_FULL;
	if (st != ST_OK) {
		LOG(API_WS_SEND_FAILED, KV("client", s->client),
		    KV("status", status_name(st)));
		conn_close(c);
		return ST_CLOSED;
	}
	if (net_owed(c->stream) > 0)
		backlog_add(s, parts_size(parts, count));
	return ST_OK;
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
	enum status st = socket_push_frame(s,
	    s->syntax == WEBSOCKET_JSON ? WEBSOCKET_TEXT : WEBSOCKET_BINARY,
	    (struct bytes){ out->bytes, out->used });

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
names_insert(const char **names, uint32_t count, const char *name)
{
	for (; count > 0 && strcmp(names[count - 1], name) > 0; count--)
		names[count] = names[count - 1];
	names[count] = name;
}

enum status
socket_reply_channels(struct socket *s, const char *action, uint32_t channels)
{
	const char *names[CHANNELS_SHARED + 1];
	char own[CHANNEL_MAX + 1];
	uint8_t bytes[SOCKET_REPLY_MAX];
	struct wire_out out = { bytes, sizeof(bytes), 0 };
	uint32_t count = 0;
	enum status st = channel_private_name(s->person->user_id, own);

	for (uint32_t c = 0; c <= CHANNEL_OWN; c++)
		if ((channels & CHANNEL_BIT(c)) != 0)
			names_insert(names, count++,
			    c == CHANNEL_OWN ? own
					     : channel_name((enum channel)c));
	if (st == ST_OK)
		st = channels_frame_write((enum websocket_subprotocol)s->syntax,
		    action, names, count, &out);
	assert(st == ST_OK);
	return socket_push_reply(s, &out);
}

/* The first, and then at each doubling. */
void
socket_note_dropped(struct socket *s, const char *what)
{
	s->dropped++;
	s->all->dropped++;
	if ((s->dropped & (s->dropped - 1)) == 0)
		LOG(API_WS_BACKPRESSURE_DROPPED, KV("client", s->client),
		    KV("user_id", s->person == NULL ? "" : s->person->user_id),
		    KV("what", what), KU("dropped", s->dropped));
}

void
socket_on_drained(struct conn *c)
{
	backlog_drop(c->socket);
}
