#include "gateway/event_frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/transcode.h"
#include "protocols/json.h"
#include "protocols/packer.h"
#include "runtime/base/clock.h"
#include "runtime/base/uuid.h"

#define NUMBER_SIZE 21
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
	return (struct frame_writer){ syntax, out, out->used, ST_OK, true };
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
	char text[NUMBER_SIZE];

	if (w->syntax == WEBSOCKET_MSGPACK) {
		packer_uint(&p, n);
		frame_pack(w, &p);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, n);
	frame_raw(w, text, strlen(text));
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

static void
frame_key(struct frame_writer *w, const char *key)
{
	frame_comma(w);
	frame_text(w, key);
	if (w->syntax == WEBSOCKET_JSON)
		frame_raw(w, ":", 1);
}

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
	frame_key(&w, "event_type");
	frame_text(&w, e->event_type);
	frame_key(&w, "channel");
	frame_text(&w, e->channel);
	frame_key(&w, "timestamp");
	frame_text(&w, at);
	frame_key(&w, "payload");
	frame_payload(&w, e->payload);
	frame_key(&w, "version");
	frame_number(&w, EVENT_VERSION);
	frame_key(&w, "event_id");
	frame_text(&w, id);
	frame_key(&w, "epoch");
	frame_number(&w, e->epoch);
	frame_key(&w, "offset");
	frame_number(&w, e->offset);
	return frame_end(&w);
}

enum status
reply_frame_write(enum websocket_subprotocol syntax, const char *key,
    const char *text, struct wire_out *out)
{
	struct frame_writer w = frame_writer_of(syntax, out);

	frame_map(&w, 1);
	frame_key(&w, key);
	frame_text(&w, text);
	return frame_end(&w);
}

enum status
channels_frame_write(enum websocket_subprotocol syntax, const char *text,
    const char *const *channels, uint32_t count, struct wire_out *out)
{
	struct frame_writer w = frame_writer_of(syntax, out);
	struct packer p;

	frame_map(&w, 2);
	frame_key(&w, "action");
	frame_text(&w, text);
	frame_key(&w, "channels");
	p = packer_of(out);
	packer_array(&p, count);
	if (syntax == WEBSOCKET_MSGPACK)
		frame_pack(&w, &p);
	else
		frame_raw(&w, "[", 1);
	w.first = true;
	for (uint32_t i = 0; i < count; i++) {
		frame_comma(&w);
		frame_text(&w, channels[i]);
	}
	if (syntax == WEBSOCKET_JSON)
		frame_raw(&w, "]", 1);
	return frame_end(&w);
}
