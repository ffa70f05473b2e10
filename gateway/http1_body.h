/*
 * http1_body - reads the body of an HTTP/1.x request (RFC 9112, 6 and 7).
 *
 * Keeps:   a few counters.  Hands out runs of the caller's bytes, copies
 *          nothing.  No allocation.
 * Bounds:  body_max bytes of data (413); per chunk HTTP1_CHUNK_DIGITS_MAX;
 *          per body HTTP1_CHUNK_EXTRA_MAX bytes of extensions and
 *          HTTP1_TRAILERS_MAX of trailers (431), which are read and dropped.
 * Threads: any one at a time.
 *
 * However the bytes are cut, the same data comes out and the same end.
 * Stricter than the RFC: no space before an extension, lines end in CR LF.
 */
#ifndef GATEWAY_HTTP1_BODY_H
#define GATEWAY_HTTP1_BODY_H

#include "gateway/http1.h"

#define HTTP1_CHUNK_DIGITS_MAX 8
#define HTTP1_CHUNK_EXTRA_MAX 1024
#define HTTP1_TRAILERS_MAX 4096

enum http1_body_state {
	HTTP1_BODY_PLAIN, /* left bytes, then done */
	HTTP1_CHUNK_SIZE, /* digits */
	HTTP1_EXTRA_NAME, /* extensions, to be dropped: first byte */
	HTTP1_EXTRA_NAME_REST,
	HTTP1_EXTRA_VALUE,
	HTTP1_EXTRA_VALUE_REST,
	HTTP1_EXTRA_QUOTED,
	HTTP1_EXTRA_ESCAPED,
	HTTP1_EXTRA_QUOTE_END,
	HTTP1_CHUNK_SIZE_FEED, /* the line feed after the size */
	HTTP1_CHUNK_DATA,
	HTTP1_CHUNK_DATA_RETURN, /* CR LF after the data */
	HTTP1_CHUNK_DATA_FEED,
	HTTP1_TRAILER_START, /* a name, or the empty line */
	HTTP1_TRAILER_NAME,
	HTTP1_TRAILER_VALUE,
	HTTP1_TRAILER_FEED,
	HTTP1_BODY_FEED, /* the very last line feed */
	HTTP1_BODY_END,
	HTTP1_BODY_BAD
};

struct http1_body {
	enum http1_step step;
	struct http1_refusal refusal; /* when refused */
	uint64_t size;                /* of the data handed out */

	/* the reader's own */
	enum http1_body_state state;
	uint64_t left; /* of the body, or of the chunk */
	uint64_t body_max;
	uint32_t digits;
	uint32_t extra; /* bytes dropped so far */
	uint32_t trailers;
};

/* For the body that the head announces; without one it is done at once. */
void http1_body_init(
    struct http1_body *b, const struct http1_head *h, uint64_t body_max);

/*
 * Reads on and says how many bytes it took.  HTTP1_DATA: *ret_data is a run
 * of them, call again with the rest.  HTTP1_DONE: the next head begins after
 * the bytes taken.  A body whose length is too large is refused on the first
 * call, before any of it is needed.
 */
MUST_CHECK enum http1_step http1_body_feed(struct http1_body *b,
    const uint8_t *at, size_t size, size_t *ret_used, struct bytes *ret_data);

#endif
