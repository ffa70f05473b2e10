#include <string.h>

#include "gateway/fanout_inside.h"

/*
 * The same once more, compressed for those who agreed on it.  Without room,
 * or without a gain, they are told it as it is.
 */
static void
job_take_tight(struct sockets *k, struct job *j,
    enum websocket_subprotocol syntax, struct bytes payload)
{
	struct shared *b =
	    shared_take(k->fanout->shareds, WEBSOCKET_HEAD_MAX + payload.size);
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t head_size, size;

	if (b == NULL)
		return;
	if (deflate_message(k->deflater, payload, b->bytes + WEBSOCKET_HEAD_MAX,
		payload.size, &size) != ST_OK) {
		shared_drop(b);
		return;
	}
	head_size =
	    websocket_head_write(head, syntax_opcode(syntax), true, size);
	head[0] |= WEBSOCKET_DEFLATED;
	memcpy(b->bytes + WEBSOCKET_HEAD_MAX - head_size, head, head_size);
	j->tight_holds[syntax] = b;
	j->tight[syntax] = (struct net_part){
		{ b->bytes + WEBSOCKET_HEAD_MAX - head_size, head_size + size },
		&b->hold
	};
}

/* Head and payload, behind one hold if there is room for it. */
static void
job_take_frame(struct fanout *f, struct job *j,
    enum websocket_subprotocol syntax, struct bytes payload)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t size = websocket_head_write(
	    head, syntax_opcode(syntax), true, payload.size);
	struct shared *b = shared_take(f->shareds, size + payload.size);
	uint8_t *to = b == NULL ? f->scratch[syntax] : b->bytes;

	memmove(to + size, payload.at, payload.size);
	memcpy(to, head, size);
	j->holds[syntax] = b;
	j->parts[syntax] = (struct net_part){ { to, size + payload.size },
		b == NULL ? NULL : &b->hold };
}

/* OK, or why nobody hears of it. */
static enum status
job_write_frame(struct sockets *k, struct job *j,
    enum websocket_subprotocol syntax, const struct event *e)
{
	struct fanout *f = k->fanout;
	struct wire_out out = { f->scratch[syntax],
		FANOUT_ROOM - WEBSOCKET_HEAD_MAX, 0 };
	enum status st = event_frame_write(syntax, e, &out);

	if (st == ST_OK && syntax == WEBSOCKET_JSON &&
	    out.used > EVENT_JSON_MAX)
		st = ST_FULL;
	if (st != ST_OK || k->speaking[syntax] == 0)
		return st;
	if (k->inflating[syntax] > 0)
		job_take_tight(
		    k, j, syntax, (struct bytes){ out.bytes, out.used });
	job_take_frame(f, j, syntax, (struct bytes){ out.bytes, out.used });
	return ST_OK;
}

static enum status
job_write_sse(struct sockets *k, struct job *j, const struct event *e)
{
	struct fanout *f = k->fanout;
	struct wire_out out = { f->scratch[SYNTAX_SSE], FANOUT_ROOM, 0 };
	enum status st = event_frame_append(SYNTAX_SSE, e, &out);
	struct shared *b;

	if (st != ST_OK)
		return st;
	b = shared_take(f->shareds, out.used);
	if (b != NULL)
		memcpy(b->bytes, out.bytes, out.used);
	j->holds[SYNTAX_SSE] = b;
	j->parts[SYNTAX_SSE] =
	    (struct net_part){ { b == NULL ? out.bytes : b->bytes, out.used },
		    b == NULL ? NULL : &b->hold };
	return ST_OK;
}

static uint32_t
job_filtering(const struct sockets *k, const struct job *j)
{
	return j->topic == NULL ? k->filtering[j->channel]
				: j->topic->filtering;
}

/* Also finds out whether the payload is an object. */
static enum status
job_write_fields(struct sockets *k, struct job *j, const struct event *e)
{
	struct bytes json = { (const uint8_t *)e->payload, strlen(e->payload) };
	struct fields there = { k->gateway->scratch, 0 };
	enum status st = fields_of_json(json, &there);

	if (st != ST_OK || job_filtering(k, j) == 0)
		return st;
	j->fields = shared_take(k->fanout->shareds, there.size);
	if (j->fields == NULL)
		return ST_NO_MEMORY;
	memcpy(j->fields->bytes, there.at, there.size);
	return ST_OK;
}

enum status
job_write(struct sockets *k, struct job *j, const struct event *e)
{
	enum status st = job_write_frame(k, j, WEBSOCKET_JSON, e);

	if (st == ST_OK)
		st = job_write_fields(k, j, e);
	if (st == ST_OK && k->speaking[WEBSOCKET_MSGPACK] > 0)
		st = job_write_frame(k, j, WEBSOCKET_MSGPACK, e);
	if (st == ST_OK && k->speaking[SYNTAX_SSE] > 0)
		st = job_write_sse(k, j, e);
	return st;
}
