/*
 * utf8_stream - checks text that comes in pieces (RFC 3629).
 *
 * Refuses overlong forms, surrogates and what lies past U+10FFFF at the
 * first byte that makes them, so that a cut elsewhere changes nothing.
 */
#ifndef GATEWAY_UTF8_STREAM_H
#define GATEWAY_UTF8_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is the start; small enough to keep one per connection. */
struct utf8_stream {
	uint8_t left; /* continuation bytes still to come */
	uint8_t low;  /* bounds of the next one; 0 of 0: any */
	uint8_t high;
};

/* False at the first byte that cannot belong to any text. */
bool utf8_stream_feed(struct utf8_stream *u, const uint8_t *at, size_t size);

/* No character is cut off at the end. */
bool utf8_stream_is_whole(const struct utf8_stream *u);

#endif
