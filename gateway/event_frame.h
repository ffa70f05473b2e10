/*
 * event_frame - what a client reads: events, and replies to its messages.
 *
 * The same map in JSON and in msgpack.  Pure functions, any thread.
 */
#ifndef GATEWAY_EVENT_FRAME_H
#define GATEWAY_EVENT_FRAME_H

#include "gateway/websocket_handshake.h"
#include "protocols/messages.h"
#include "protocols/wire.h"

#define EVENT_VERSION 1
#define EVENT_JSON_MAX 32768 /* bytes of one event; a longer one is dropped */

/* Appends.  FULL if it does not fit, MALFORMED if the payload is no JSON. */
MUST_CHECK enum status event_frame_write(enum websocket_subprotocol syntax,
    const struct event *e, struct wire_out *out);

/* {"KEY":"TEXT"} */
MUST_CHECK enum status reply_frame_write(enum websocket_subprotocol syntax,
    const char *key, const char *text, struct wire_out *out);

/* {"action":"TEXT","channels":[...]} */
MUST_CHECK enum status channels_frame_write(enum websocket_subprotocol syntax,
    const char *text, const char *const *channels, uint32_t count,
    struct wire_out *out);

#endif
