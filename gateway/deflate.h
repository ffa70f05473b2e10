/*
 * deflate - messages of WebSockets in few bytes: permessage-deflate (RFC 7692).
 *
 * No side keeps a context from one message to the next, so two streams of zlib
 * serve all sockets of a loop, whatever their number: DEFLATE_BYTES in all.
 * An event is compressed once, with the largest window; every socket whose own
 * window holds the whole event can read it (deflate_fits), and one with a
 * smaller window is told it as it is.
 * Bounds:  inflate_message stops at the room it was given.
 * Threads: one.
 */
#ifndef GATEWAY_DEFLATE_H
#define GATEWAY_DEFLATE_H

#include "gateway/http1.h"

#define DEFLATE_WINDOW_MIN 8 /* bits, as clients may ask for */
#define DEFLATE_WINDOW_MAX 15
#define DEFLATE_WORTH_MIN 64u      /* bytes; a shorter message stays as it is */
#define DEFLATE_REPLY_MAX 128u     /* of what the 101 says */
#define DEFLATE_BYTES (320u << 10) /* of both streams */

/* What was agreed on; window 0: no extension. */
struct deflate_offer {
	uint8_t window;       /* bits a client can look back */
	bool window_is_named; /* then the reply names it too */
};

/* The first offer of permessage-deflate that can be taken; else window 0. */
struct deflate_offer deflate_choose(
    const struct http1_head *h, const uint8_t *at);

/* The value of Sec-WebSocket-Extensions. */
void deflate_reply(
    const struct deflate_offer *offer, char ret_text[DEFLATE_REPLY_MAX]);

struct deflater;

struct deflater *deflater_create(void); /* NULL without memory */
void deflater_destroy(struct deflater *d);

/* Can a socket with this window read a message of so many bytes? */
static inline bool
deflate_fits(uint8_t window, size_t size)
{
	return window != 0 && size <= (size_t)1 << window;
}

/* FULL: it would not become shorter, or out is too small. */
MUST_CHECK enum status deflate_message(struct deflater *d, struct bytes message,
    uint8_t *out, size_t out_size, size_t *ret_size);

/* MALFORMED; FULL: it is longer than out. */
MUST_CHECK enum status inflate_message(struct deflater *d, struct bytes message,
    uint8_t *out, size_t out_size, size_t *ret_size);

#endif
