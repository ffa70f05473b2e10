#include "gateway/event_frame.h"

#include <assert.h>
#include <string.h>

#include "gateway/control.h"
#include "gateway/transcode.h"
#include "gateway/websocket.h"
#include "protocols/event_type.h"
#include "protocols/json.h"
#include "protocols/packer.h"
#include "runtime/base/clock.h"
#include "runtime/base/uuid.h"

#define EVENT_KEYS 8

/* Either syntax, by the same calls; sticks at its first failure. */
struct frame_writer {
	enum websocket_subprotocol syntax;
	struct wire_out *out;
	size_t began; /* what out held before */
	enum status status;
	bool first; /* no comma before the next */
};

static struct frame_writer
frame_writer_of(enum websocket_subprotocol syntax, struct wire_out *out)
{
	return (struct frame_writer){ syntax == SYNTAX_SSE ? WEBSOCKET_JSON
							   : syntax,
		out, out->used, ST_OK, true };
}

static void
frame_raw(struct frame_writer *w, const char *text, size_t size)
{
	if (w->status == ST_OK && size > w->out->size - w->out->used)
		w->status = ST_FULL;
	if (w->status != ST_OK)
		return;
	memcpy(w->out->bytes + w->out->used, text, size);
	w->out->used += size;
}

static void
frame_pack(struct frame_writer *w, const struct packer *p)
{
	if (w->status == ST_OK)
		w->status = packer_done(p, w->out);
}

static void
frame_text(struct frame_writer *w, const char *text)
{
	struct packer p = packer_of(w->out);

	if (w->syntax == WEBSOCKET_MSGPACK) {
		packer_text(&p, text, strlen(text));
		frame_pack(w, &p);
	} else if (w->status == ST_OK) {
		w->status = json_encode_text(text, w->out);
	}
}

static void
frame_number(struct frame_writer *w, uint64_t n)
{
	struct packer p = packer_of(w->out);

	if (w->syntax == WEBSOCKET_MSGPACK) {
		packer_uint(&p, n);
		frame_pack(w, &p);
	} else if (w->status == ST_OK) {
		w->status = json_encode_uint(n, w->out);
	}
}

static void
frame_map(struct frame_writer *w, size_t pairs)
{
	struct packer p = packer_of(w->out);

	w->first = true;
	packer_map(&p, pairs);
	if (w->syntax == WEBSOCKET_MSGPACK)
		frame_pack(w, &p);
	else
		frame_raw(w, "{", 1);
}

static void
frame_comma(struct frame_writer *w)
{
	if (!w->first && w->syntax == WEBSOCKET_JSON)
		frame_raw(w, ",", 1);
	w->first = false;
}

/* Any text as a key. */
static void
frame_name(struct frame_writer *w, const char *name)
{
	frame_comma(w);
	frame_text(w, name);
	if (w->syntax == WEBSOCKET_JSON)
		frame_raw(w, ":", 1);
}

/* One of ours, as JSON has it behind a comma: nothing to escape in it. */
static void
frame_key(struct frame_writer *w, const char *key, const char *json)
{
	if (w->syntax == WEBSOCKET_MSGPACK)
		frame_text(w, key);
	else
		frame_raw(w, json + w->first, strlen(json + w->first));
	w->first = false;
}

#define FRAME_KEY(w, key) frame_key((w), (key), ",\"" key "\":")

static enum status
frame_end(struct frame_writer *w)
{
	if (w->syntax == WEBSOCKET_JSON)
		frame_raw(w, "}", 1);
	if (w->status != ST_OK)
		w->out->used = w->began;
	return w->status;
}

/* The payload is JSON already. */
static void
frame_payload(struct frame_writer *w, const char *payload)
{
	size_t size = strlen(payload);

	if (w->syntax == WEBSOCKET_JSON)
		frame_raw(w, payload, size);
	else if (w->status == ST_OK)
		w->status = transcode_json(payload, size, w->out);
}

enum status
event_frame_write(enum websocket_subprotocol syntax, const struct event *e,
    struct wire_out *out)
{
	struct frame_writer w = frame_writer_of(syntax, out);
	char at[CLOCK_TEXT_SIZE], id[UUID_TEXT_SIZE];

	clock_text(e->timestamp, at);
	uuid_text(&e->event_id, id);
	frame_map(&w, EVENT_KEYS);
	FRAME_KEY(&w, "event_type");
	frame_text(&w, e->event_type);
	FRAME_KEY(&w, "channel");
	frame_text(&w, e->channel);
	FRAME_KEY(&w, "timestamp");
	frame_text(&w, at);
	FRAME_KEY(&w, "payload");
	frame_payload(&w, e->payload);
	FRAME_KEY(&w, "version");
	frame_number(&w, EVENT_VERSION);
	FRAME_KEY(&w, "event_id");
	frame_text(&w, id);
	FRAME_KEY(&w, "epoch");
	frame_number(&w, e->epoch);
	FRAME_KEY(&w, "offset");
	frame_number(&w, e->offset);
	return frame_end(&w);
}

enum status
reply_frame_write(enum websocket_subprotocol syntax, const char *key,
    const char *text, struct wire_out *out)
{
	struct frame_writer w = frame_writer_of(syntax, out);

	frame_map(&w, 1);
	frame_name(&w, key);
	frame_text(&w, text);
	return frame_end(&w);
}

static void
frame_list(struct frame_writer *w, size_t count)
{
	struct packer p = packer_of(w->out);

	w->first = true;
	packer_array(&p, count);
	if (w->syntax == WEBSOCKET_MSGPACK)
		frame_pack(w, &p);
	else
		frame_raw(w, "[", 1);
}

static void
frame_close(struct frame_writer *w, const char *bracket)
{
	if (w->syntax != WEBSOCKET_MSGPACK)
		frame_raw(w, bracket, 1);
	w->first = false;
}

static void
frame_bool(struct frame_writer *w, bool b)
{
	struct packer p = packer_of(w->out);

	packer_bool(&p, b);
	if (w->syntax == WEBSOCKET_MSGPACK)
		frame_pack(w, &p);
	else
		frame_raw(w, b ? "true" : "false", b ? 4 : 5);
}

static void
frame_member(struct frame_writer *w, const char *key, uint64_t n)
{
	frame_name(w, key);
	frame_number(w, n);
}

static void
frame_positions(struct frame_writer *w, const struct channels_frame *f)
{
	FRAME_KEY(w, "positions");
	frame_map(w, f->positions_count);
	for (uint32_t i = 0; i < f->positions_count; i++) {
		const struct position *p = &f->positions[i];

		frame_name(w, p->channel);
		frame_map(w, 3);
		frame_member(w, "epoch", p->epoch);
		frame_member(w, "offset", p->offset);
		FRAME_KEY(w, "recovered");
		frame_bool(w, p->recovered);
		frame_close(w, "}");
	}
	frame_close(w, "}");
}

enum status
channels_frame_write(enum websocket_subprotocol syntax,
    const struct channels_frame *f, struct wire_out *out)
{
	struct frame_writer w = frame_writer_of(syntax, out);

	frame_map(&w, f->positions == NULL ? 2 : 3);
	FRAME_KEY(&w, "action");
	frame_text(&w, f->action);
	FRAME_KEY(&w, "channels");
	frame_list(&w, f->channels_count);
	for (uint32_t i = 0; i < f->channels_count; i++) {
		frame_comma(&w);
		frame_text(&w, f->channels[i].channel);
	}
	frame_close(&w, "]");
	if (f->positions != NULL)
		frame_positions(&w, f);
	return frame_end(&w);
}

enum status
lost_frame_write(enum websocket_subprotocol syntax, const struct position *now,
    struct wire_out *out)
{
	struct frame_writer w = frame_writer_of(syntax, out);

	frame_map(&w, 4);
	FRAME_KEY(&w, "action");
	frame_text(&w, control_says_text(SAYS_LOST));
	FRAME_KEY(&w, "channel");
	frame_text(&w, now->channel);
	frame_member(&w, "epoch", now->epoch);
	frame_member(&w, "offset", now->offset);
	return frame_end(&w);
}

enum status
dropped_frame_write(
    enum websocket_subprotocol syntax, uint32_t count, struct wire_out *out)
{
	struct frame_writer w = frame_writer_of(syntax, out);

	frame_map(&w, 2);
	FRAME_KEY(&w, "action");
	frame_text(&w, control_says_text(SAYS_DROPPED));
	frame_member(&w, "count", count);
	return frame_end(&w);
}

/* Line ends between the parts of a JSON text would end its line of data. */
static void
lines_join(uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i] == '\n' || at[i] == '\r')
			at[i] = ' ';
}

static enum status
event_sse_append(const struct event *e, struct wire_out *out)
{
	struct frame_writer w = frame_writer_of(SYNTAX_SSE, out);
	size_t at;

	/* A type is any text: one that could break its line, or be taken for
	 * what the stream says itself, is not told. */
	if (strpbrk(e->event_type, "\r\n") == NULL &&
	    !event_type_is_reserved(e->event_type)) {
		frame_raw(&w, "event: ", 7);
		frame_raw(&w, e->event_type, strlen(e->event_type));
		frame_raw(&w, "\n", 1);
	}
	frame_raw(&w, "data: ", 6);
	at = out->used;
	if (w.status == ST_OK)
		w.status = event_frame_write(SYNTAX_SSE, e, out);
	if (w.status == ST_OK && out->used - at > EVENT_JSON_MAX)
		w.status = ST_FULL;
	if (w.status == ST_OK)
		lines_join(out->bytes + at, out->used - at);
	frame_raw(&w, "\n\n", 2);
	if (w.status != ST_OK)
		out->used = w.began;
	return w.status;
}

enum status
event_frame_append(enum websocket_subprotocol syntax, const struct event *e,
    struct wire_out *out)
{
	size_t began = out->used;
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t size, head_size;
	enum status st;

	if (syntax == SYNTAX_SSE)
		return event_sse_append(e, out);
	if (out->size - out->used < WEBSOCKET_HEAD_MAX)
		return ST_FULL;
	out->used += WEBSOCKET_HEAD_MAX;
	st = event_frame_write(syntax, e, out);
	size = out->used - began - WEBSOCKET_HEAD_MAX;
	if (st == ST_OK && syntax == WEBSOCKET_JSON && size > EVENT_JSON_MAX)
		st = ST_FULL;
	out->used = began;
	if (st != ST_OK)
		return st;
	head_size =
	    websocket_head_write(head, syntax_opcode(syntax), true, size);
	memmove(out->bytes + began + head_size,
	    out->bytes + began + WEBSOCKET_HEAD_MAX, size);
	memcpy(out->bytes + began, head, head_size);
	out->used = began + head_size + size;
	return ST_OK;
}
