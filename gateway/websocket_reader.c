/*
 * Two states: in a head, taken byte by byte so that every check has one
 * place in the stream, and in a payload, taken in runs.
 */
#include "gateway/websocket_reader.h"

#include <assert.h>
#include <string.h>

#define FIN_BIT 0x80
#define RESERVED_BITS 0x70
#define OPCODE_BITS 0x0f
#define MASK_BIT 0x80
#define SIZE_BITS 0x7f
#define MASK_SIZE 4
#define SIZE_IN_2 126
#define SIZE_IN_8 127

void
websocket_reader_init(struct websocket_reader *r, enum websocket_role role,
    uint64_t keep_max, uint64_t refuse_max)
{
	assert(keep_max <= refuse_max && refuse_max <= SIZE_MAX / 2);
	*r = (struct websocket_reader){
		.role = role,
		.ended = WEBSOCKET_MORE,
		.keep_max = keep_max,
		.refuse_max = refuse_max,
	};
}

static void
websocket_refuse(struct websocket_reader *r, uint16_t code, const char *reason)
{
	r->ended = WEBSOCKET_REFUSED;
	r->code = code;
	r->reason = reason;
}

static bool
websocket_is_control(const struct websocket_reader *r)
{
	return r->opcode >= WEBSOCKET_CLOSE;
}

/* RSV1 in the first frame of a message, if that was agreed on. */
static bool
websocket_check_reserved(struct websocket_reader *r, uint8_t c)
{
	bool begins =
	    r->opcode == WEBSOCKET_TEXT || r->opcode == WEBSOCKET_BINARY;

	if (begins && r->message == 0)
		r->deflated = r->may_deflate && (c & WEBSOCKET_DEFLATED) != 0;
	if (begins && r->deflated)
		c &= (uint8_t)~WEBSOCKET_DEFLATED;
	return (c & RESERVED_BITS) == 0;
}

static void
websocket_check_first(struct websocket_reader *r)
{
	uint8_t c = r->head[0];

	r->last = (c & FIN_BIT) != 0;
	r->opcode = c & OPCODE_BITS;
	if (!websocket_check_reserved(r, c))
		websocket_refuse(r, WEBSOCKET_PROTOCOL, "reserved bit set");
	else if (r->opcode > WEBSOCKET_PONG ||
		 (r->opcode > WEBSOCKET_BINARY && r->opcode < WEBSOCKET_CLOSE))
		websocket_refuse(r, WEBSOCKET_PROTOCOL, "reserved opcode");
	else if (websocket_is_control(r)) {
		if (!r->last)
			websocket_refuse(
			    r, WEBSOCKET_PROTOCOL, "fragmented control frame");
	} else if (r->opcode == WEBSOCKET_CONTINUATION && r->message == 0)
		websocket_refuse(
		    r, WEBSOCKET_PROTOCOL, "continuation of nothing");
	else if (r->opcode != WEBSOCKET_CONTINUATION && r->message != 0)
		websocket_refuse(
		    r, WEBSOCKET_PROTOCOL, "message inside another");
}

static void
websocket_check_second(struct websocket_reader *r)
{
	bool masked = (r->head[1] & MASK_BIT) != 0;

	if (masked != (r->role == WEBSOCKET_SERVER))
		websocket_refuse(r, WEBSOCKET_PROTOCOL,
		    masked ? "masked frame" : "unmasked frame");
	else if (websocket_is_control(r) &&
		 (r->head[1] & SIZE_BITS) > WEBSOCKET_CONTROL_MAX)
		websocket_refuse(r, WEBSOCKET_PROTOCOL, "long control frame");
}

/* A fragment that brings nothing; false: too many of them. */
static bool
websocket_may_be_empty(struct websocket_reader *r)
{
	bool is_whole = r->last && r->opcode != WEBSOCKET_CONTINUATION;

	return r->left > 0 || is_whole || r->empty++ < WEBSOCKET_EMPTY_MAX;
}

/* How many bytes the length takes after the second byte. */
static uint8_t
websocket_size_width(const struct websocket_reader *r)
{
	uint8_t size = r->head[1] & SIZE_BITS;

	return size == SIZE_IN_8 ? 8 : size == SIZE_IN_2 ? 2 : 0;
}

static void
websocket_check_size(struct websocket_reader *r)
{
	uint8_t width = websocket_size_width(r);
	uint64_t size = width == 0 ? r->head[1] & SIZE_BITS : 0;

	for (size_t i = 0; i < width; i++)
		size = size << 8 | r->head[2 + i];
	r->left = size;
	if ((width == 2 && size < SIZE_IN_2) ||
	    (width == 8 && size <= UINT16_MAX))
		websocket_refuse(
		    r, WEBSOCKET_PROTOCOL, "length in more bytes than needed");
	else if (width == 8 && size > INT64_MAX)
		websocket_refuse(r, WEBSOCKET_PROTOCOL, "length out of range");
	else if (!websocket_is_control(r) &&
		 (size > r->refuse_max || r->total > r->refuse_max - size))
		websocket_refuse(r, WEBSOCKET_TOO_BIG, "message too big");
	else if (!websocket_is_control(r) && !websocket_may_be_empty(r))
		websocket_refuse(r, WEBSOCKET_POLICY, "Too many empty frames");
}

static void
websocket_begin(struct websocket_reader *r)
{
	if (r->role == WEBSOCKET_SERVER)
		memcpy(r->mask, r->head + r->head_size - MASK_SIZE, MASK_SIZE);
	r->mask_at = 0;
	r->head_size = 0;
	r->control_kept = 0;
	r->in_payload = true;
	if (websocket_is_control(r))
		return;
	if (r->opcode != WEBSOCKET_CONTINUATION)
		r->message = r->opcode;
	r->total += r->left;
}

static void
websocket_take_head_byte(struct websocket_reader *r, uint8_t c)
{
	uint8_t sized;

	assert(r->head_size < WEBSOCKET_HEAD_MAX);
	r->head[r->head_size++] = c;
	if (r->head_size == 1) {
		websocket_check_first(r);
		return;
	}
	if (r->head_size == 2)
		websocket_check_second(r);
	sized = (uint8_t)(2 + websocket_size_width(r));
	if (r->ended == WEBSOCKET_MORE && r->head_size == sized)
		websocket_check_size(r);
	if (r->role == WEBSOCKET_SERVER)
		sized += MASK_SIZE;
	if (r->ended == WEBSOCKET_MORE && r->head_size == sized)
		websocket_begin(r);
}

static size_t
websocket_take_head(struct websocket_reader *r, const uint8_t *at, size_t size)
{
	size_t n = 0;

	while (n < size && !r->in_payload && r->ended == WEBSOCKET_MORE)
		websocket_take_head_byte(r, at[n++]);
	return n;
}

static enum websocket_step
websocket_tell_refused(struct websocket_reader *r, struct websocket_event *ev)
{
	*ev = (struct websocket_event){ .code = r->code, .reason = r->reason };
	return WEBSOCKET_REFUSED;
}

static enum websocket_step
websocket_end_close(struct websocket_reader *r, struct websocket_event *ev)
{
	struct bytes p = ev->payload;
	struct utf8_stream text = { 0 };

	ev->code = WEBSOCKET_NO_CODE;
	if (p.size >= 2) {
		ev->code = (uint16_t)(p.at[0] << 8 | p.at[1]);
		ev->payload = (struct bytes){ p.at + 2, p.size - 2 };
	}
	if (p.size == 1 ||
	    (p.size >= 2 && !websocket_code_is_sendable(ev->code)))
		websocket_refuse(r, WEBSOCKET_PROTOCOL, "bad close code");
	else if (p.size > 2 &&
		 (!utf8_stream_feed(&text, ev->payload.at, ev->payload.size) ||
		     !utf8_stream_is_whole(&text)))
		websocket_refuse(r, WEBSOCKET_BAD_TEXT, "bad close reason");
	if (r->ended == WEBSOCKET_REFUSED)
		return websocket_tell_refused(r, ev);
	r->ended = WEBSOCKET_ENDED;
	return WEBSOCKET_EVENT;
}

/* The last frame of a message is in; payload is where all of it lies. */
static enum websocket_step
websocket_end_message(struct websocket_reader *r, struct websocket_event *ev)
{
	if (r->message == WEBSOCKET_TEXT && !r->deflated &&
	    !utf8_stream_is_whole(&r->text)) {
		websocket_refuse(r, WEBSOCKET_BAD_TEXT, "text cut off");
		return websocket_tell_refused(r, ev);
	}
	ev->opcode = r->message;
	ev->oversized = r->total > r->keep_max;
	ev->deflated = r->deflated;
	if (ev->oversized)
		ev->payload = (struct bytes){ NULL, 0 };
	r->message = 0;
	r->total = 0;
	r->kept = 0;
	r->empty = 0;
	r->text = (struct utf8_stream){ 0 };
	return WEBSOCKET_EVENT;
}

static enum websocket_step
websocket_end_frame(struct websocket_reader *r, struct bytes payload,
    struct websocket_event *ev)
{
	*ev =
	    (struct websocket_event){ .opcode = r->opcode, .payload = payload };
	r->in_payload = false;
	if (r->opcode == WEBSOCKET_CLOSE)
		return websocket_end_close(r, ev);
	if (websocket_is_control(r))
		return WEBSOCKET_EVENT;
	return r->last ? websocket_end_message(r, ev) : WEBSOCKET_MORE;
}

/* Where the next byte of payload goes: control frames at the very end. */
static uint8_t *
websocket_keep_at(const struct websocket_reader *r)
{
	if (websocket_is_control(r))
		return r->buffer + r->keep_max + r->control_kept;
	return r->buffer + r->kept;
}

/* These n bytes need no buffer: all of the payload, or to be dropped. */
static bool
websocket_stays(const struct websocket_reader *r, size_t n)
{
	if (websocket_is_control(r))
		return r->control_kept == 0 && n == r->left;
	return r->total > r->keep_max ||
	       (r->kept == 0 && r->last && n == r->left);
}

/* Keeps these n bytes; returns where all of the payload lies so far. */
static struct bytes
websocket_keep(struct websocket_reader *r, const uint8_t *at, size_t n)
{
	if (websocket_stays(r, n))
		return (struct bytes){ at, n };
	if (n == 0)
		return (struct bytes){ r->buffer, r->kept };
	memcpy(websocket_keep_at(r), at, n);
	if (!websocket_is_control(r)) {
		r->kept += n;
		return (struct bytes){ r->buffer, r->kept };
	}
	r->control_kept = (uint8_t)(r->control_kept + n);
	return (struct bytes){ r->buffer + r->keep_max, r->control_kept };
}

static enum websocket_step
websocket_take_payload(struct websocket_reader *r, uint8_t *at, size_t size,
    size_t *ret_used, struct websocket_event *ev)
{
	size_t n = size < r->left ? size : (size_t)r->left;
	struct bytes payload;

	*ret_used = 0;
	if (n > 0 && r->buffer == NULL && !websocket_stays(r, n))
		return WEBSOCKET_WANTS_BUFFER;
	if (r->role == WEBSOCKET_SERVER)
		websocket_mask(at, n, r->mask, r->mask_at);
	if (!websocket_is_control(r) && r->message == WEBSOCKET_TEXT &&
	    !r->deflated && !utf8_stream_feed(&r->text, at, n)) {
		websocket_refuse(r, WEBSOCKET_BAD_TEXT, "text is not UTF-8");
		return websocket_tell_refused(r, ev);
	}
	payload = websocket_keep(r, at, n);
	r->mask_at = (uint8_t)((r->mask_at + n) % MASK_SIZE);
	r->left -= n;
	*ret_used = n;
	if (r->left > 0)
		return WEBSOCKET_MORE;
	return websocket_end_frame(r, payload, ev);
}

enum websocket_step
websocket_reader_feed(struct websocket_reader *r, uint8_t *at, size_t size,
    size_t *ret_used, struct websocket_event *ret_event)
{
	enum websocket_step step = WEBSOCKET_MORE;
	size_t used = 0, n;

	if (r->ended == WEBSOCKET_ENDED) {
		*ret_used = size;
		return WEBSOCKET_ENDED;
	}
	while (step == WEBSOCKET_MORE && r->ended == WEBSOCKET_MORE) {
		used += websocket_take_head(r, at + used, size - used);
		if (!r->in_payload)
			break;
		step = websocket_take_payload(
		    r, at + used, size - used, &n, ret_event);
		used += n;
		if (r->in_payload)
			break;
	}
	*ret_used = used;
	if (r->ended == WEBSOCKET_REFUSED)
		return websocket_tell_refused(r, ret_event);
	return step;
}

size_t
websocket_reader_wants(const struct websocket_reader *r)
{
	return (size_t)r->keep_max + WEBSOCKET_CONTROL_MAX;
}

void
websocket_reader_lend(struct websocket_reader *r, uint8_t *buffer)
{
	assert(r->buffer == NULL && buffer != NULL);
	r->buffer = buffer;
}

bool
websocket_reader_idle(const struct websocket_reader *r)
{
	return r->message == 0 && !r->in_payload;
}

uint8_t *
websocket_reader_take_back(struct websocket_reader *r)
{
	uint8_t *buffer = r->buffer;

	r->buffer = NULL;
	return buffer;
}
