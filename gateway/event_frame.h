/*
 * event_frame - what a client reads: events, and replies to its messages.
 *
 * The same map in JSON and in msgpack.  Pure functions, any thread.
 */
#ifndef GATEWAY_EVENT_FRAME_H
#define GATEWAY_EVENT_FRAME_H

#include "gateway/recovery.h"
#include "gateway/transcode.h"
#include "gateway/websocket.h"
#include "gateway/websocket_handshake.h"
#include "protocols/messages.h"
#include "protocols/wire.h"

#define EVENT_VERSION 1

/* Beside what WebSockets speak: server-sent events, whose data is JSON. */
#define SYNTAX_SSE ((enum websocket_subprotocol)2)
#define SYNTAXES 3

/* Of the frames that carry it. */
static inline enum websocket_opcode
syntax_opcode(enum websocket_subprotocol syntax)
{
	return syntax == WEBSOCKET_JSON ? WEBSOCKET_TEXT : WEBSOCKET_BINARY;
}

/* Appends.  FULL if it does not fit, MALFORMED if the payload is no JSON. */
MUST_CHECK enum status event_frame_write(enum websocket_subprotocol syntax,
    const struct event *e, struct wire_out *out);

/* {"KEY":"TEXT"} */
MUST_CHECK enum status reply_frame_write(enum websocket_subprotocol syntax,
    const char *key, const char *text, struct wire_out *out);

/* {"action":"...","channels":[...],"positions":{"...":{...}}} */
struct channels_frame {
	const char *action;
	const struct position *channels;  /* their names alone */
	const struct position *positions; /* NULL: nobody asked for them */
	uint32_t channels_count;
	uint32_t positions_count;
};

MUST_CHECK enum status channels_frame_write(enum websocket_subprotocol syntax,
    const struct channels_frame *f, struct wire_out *out);

/* {"action":"lost","channel":"...","epoch":...,"offset":...} */
MUST_CHECK enum status lost_frame_write(enum websocket_subprotocol syntax,
    const struct position *now, struct wire_out *out);

/* {"action":"dropped","count":...} */
MUST_CHECK enum status dropped_frame_write(
    enum websocket_subprotocol syntax, uint32_t count, struct wire_out *out);

/* Room that a frame of an event with a payload of so many bytes may take. */
#define EVENT_FRAME_MAX(payload) (TRANSCODE_SIZE(payload) + 4096)

/* Appends the whole frame, head and all; as event_frame_write. */
MUST_CHECK enum status event_frame_append(enum websocket_subprotocol syntax,
    const struct event *e, struct wire_out *out);

#endif
