/*
 * websocket - the frames of WebSocket: their names and how they are written
 * (RFC 6455).  websocket_reader.h reads them.
 *
 * A server writes a frame unmasked, so one frame can go to any number of
 * sockets: write it once and share the bytes.  Pure functions, any thread.
 *
 * What deflate.h made of a payload goes behind a head with WEBSOCKET_DEFLATED.
 */
#ifndef GATEWAY_WEBSOCKET_H
#define GATEWAY_WEBSOCKET_H

#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define WEBSOCKET_DEFLATED 0x40   /* RSV1, in the first byte of a head */
#define WEBSOCKET_HEAD_MAX 14     /* two bytes, eight of length, a mask */
#define WEBSOCKET_CONTROL_MAX 125 /* payload of ping, pong and close */
#define WEBSOCKET_REASON_MAX (WEBSOCKET_CONTROL_MAX - 2)

enum websocket_opcode {
	WEBSOCKET_CONTINUATION = 0x0,
	WEBSOCKET_TEXT = 0x1,
	WEBSOCKET_BINARY = 0x2,
	WEBSOCKET_CLOSE = 0x8,
	WEBSOCKET_PING = 0x9,
	WEBSOCKET_PONG = 0xa
};

enum websocket_code {
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_GOING_AWAY = 1001,
	WEBSOCKET_PROTOCOL = 1002,
	WEBSOCKET_UNSUPPORTED = 1003,
	WEBSOCKET_NO_CODE = 1005, /* never sent: a close without one */
	WEBSOCKET_BAD_TEXT = 1007,
	WEBSOCKET_POLICY = 1008,
	WEBSOCKET_TOO_BIG = 1009,
	WEBSOCKET_INTERNAL = 1011
};

/* May an endpoint send this code in a close frame? */
bool websocket_code_is_sendable(uint16_t code);

/*
 * XORs a payload with its mask, eight bytes at a time; at is the place of
 * the first byte in the mask, 0 to 3.
 */
void websocket_mask(
    uint8_t *payload, size_t size, const uint8_t mask[4], uint8_t at);

/*
 * The head of an unmasked frame: write it once in front of a payload that
 * goes to many sockets.  At most WEBSOCKET_HEAD_MAX bytes; returns how many.
 */
size_t websocket_head_write(uint8_t *out, enum websocket_opcode opcode,
    bool last, uint64_t payload_size);

/* A server's whole frame.  ST_FULL if it does not fit into out. */
MUST_CHECK enum status websocket_frame_write(uint8_t *out, size_t out_size,
    enum websocket_opcode opcode, struct bytes payload, size_t *ret_size);

/*
 * A close frame; NO_CODE writes an empty one.  A reason past
 * WEBSOCKET_REASON_MAX is ST_FULL; a code nobody may send is ST_INVALID.
 */
MUST_CHECK enum status websocket_close_write(uint8_t *out, size_t out_size,
    uint16_t code, const char *reason, size_t *ret_size);

/* A client's whole frame, for load tools and tests. */
MUST_CHECK enum status websocket_masked_write(uint8_t *out, size_t out_size,
    enum websocket_opcode opcode, bool last, const uint8_t mask[4],
    struct bytes payload, size_t *ret_size);

#endif
