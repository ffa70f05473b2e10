/*
 * http1 - reads the head of an HTTP/1.x request, strictly (RFC 9112, 9110).
 *
 * Keeps:   offsets into the caller's bytes and nothing else.  The caller
 *          passes everything since the head's first byte on every call, and
 *          may have moved it in between.  No allocation.
 * Bounds:  HTTP1_LINE_MAX (414), HTTP1_HEAD_MAX and HTTP1_HEADERS_MAX (431).
 * Threads: any one at a time.
 *
 * However the bytes are cut, the outcome is the same: a line is judged when
 * its end has come, a byte that may stand nowhere as soon as it is seen.
 *
 * Stricter than the RFCs allow, so that no two programs read it differently:
 *   - lines end in CR LF; no bare CR or LF, no folded lines, no space before
 *     the colon, one space between the parts of the request line;
 *   - at most one empty line before the request;
 *   - only origin-form targets (target.h): this is no proxy;
 *   - a repeated Content-Length is refused even when the copies agree;
 *   - "chunked" alone is the one transfer coding, and only in HTTP/1.1;
 *   - Host is required once in 1.1 and is a plain name or address.
 */
#ifndef GATEWAY_HTTP1_H
#define GATEWAY_HTTP1_H

#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define HTTP1_LINE_MAX 8192 /* bytes of the request line with its CR LF */
#define HTTP1_HEAD_MAX 16384
#define HTTP1_HEADERS_MAX 64
#define HTTP1_EMPTY_LINES_MAX 1    /* before the request line */
#define HTTP1_LENGTH_DIGITS_MAX 18 /* of Content-Length; longer is 413 */

#define HTTP1_METHODS(X) \
	X(GET) X(HEAD) X(POST) X(PUT) X(PATCH) X(DELETE) X(OPTIONS)

enum http1_method {
#define METHOD(name) HTTP1_##name,
	HTTP1_METHODS(METHOD)
#undef METHOD
};

/* What a reader says after it has looked at more bytes. */
enum http1_step {
	HTTP1_MORE,   /* all well so far */
	HTTP1_DATA,   /* bodies only: here are some bytes */
	HTTP1_DONE,   /* complete */
	HTTP1_REFUSED /* answer with the refusal and close */
};

/* What to answer, and why in a few words that are safe to show. */
struct http1_refusal {
	uint32_t http; /* 400, 413, 414, 417, 431, 501 or 505 */
	const char *reason;
};

/* A run of the head's bytes, as an offset from its first. */
struct http1_span {
	uint16_t at;
	uint16_t size;
};

struct http1_header {
	struct http1_span name;
	struct http1_span value; /* trimmed */
};

struct http1_head {
	enum http1_step step;
	struct http1_refusal refusal; /* when refused */
	size_t size; /* when done: what follows is body or the next head */

	enum http1_method method;
	uint8_t minor;           /* 0 or 1 */
	struct http1_span path;  /* checked, still escaped */
	struct http1_span query; /* without the question mark */
	struct http1_span host;
	struct http1_span upgrade; /* only when Connection names it */
	uint64_t length; /* of the body; UINT64_MAX: too large to count */
	bool has_length;
	bool chunked;
	bool keep_alive;
	bool expects_continue;

	/* the reader's own */
	size_t scanned;
	size_t line_at;
	uint32_t empty_lines;
	bool has_request;
	bool has_host;
	bool says_close;
	bool says_keep_alive;
	bool says_upgrade;

	uint32_t headers_count;
	struct http1_header headers[HTTP1_HEADERS_MAX]; /* stays last */
};

/* Ready for the next request; leaves the table of headers as it is. */
void http1_head_init(struct http1_head *h);

/*
 * Looks at the bytes since the last call.  at is the head's first byte and
 * size all that has come since, perhaps more than the head.  Once done or
 * refused, more calls say the same.
 */
MUST_CHECK enum http1_step http1_head_feed(
    struct http1_head *h, const uint8_t *at, size_t size);

/* The bytes of a span, for as long as the head's bytes stay put. */
static inline struct bytes
http1_bytes(const uint8_t *at, struct http1_span s)
{
	return (struct bytes){ at + s.at, s.size };
}

/*
 * The value of a header that may stand once: ST_NOT_FOUND, or ST_CONFLICT
 * when it stands more often.
 */
MUST_CHECK enum status http1_head_find(const struct http1_head *h,
    const uint8_t *at, const char *name, struct bytes *ret_value);

/*
 * Walks all values of a header that is a list: start with *cursor at 0;
 * false when there are no more.
 */
bool http1_head_next(const struct http1_head *h, const uint8_t *at,
    const char *name, uint32_t *cursor, struct bytes *ret_value);

const char *http1_method_name(enum http1_method m);

#endif
