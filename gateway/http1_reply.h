/*
 * http1_reply - writes the head of a reply into a bounded buffer.
 *
 * A writer that sticks at its first failure: begin, add fields, end, and
 * look at the status of end only.  A name or value that would break out of
 * its line (CR, LF, NUL, any control byte but tab) is ST_INVALID, so no
 * reply can carry a header that nobody wrote.  What does not fit is ST_FULL.
 * HTTP1_REPLY_HEAD_MAX is enough for the fields that the gateway sends.
 */
#ifndef GATEWAY_HTTP1_REPLY_H
#define GATEWAY_HTTP1_REPLY_H

#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define HTTP1_REPLY_HEAD_MAX 6144
#define HTTP1_DATE_SIZE 30 /* Sun, 06 Nov 1994 08:49:37 GMT and a NUL */

/* Asks the client for the body it held back (Expect: 100-continue). */
extern const struct bytes http1_reply_continue;

/* The text of a second, kept while that second lasts; one per loop. */
struct http1_date {
	int64_t second; /* since 1970 */
	char text[HTTP1_DATE_SIZE];
};

/* IMF-fixdate of the wall clock; all zero is a valid start. */
const char *http1_date_text(struct http1_date *d, int64_t wall_us);

struct http1_reply {
	uint8_t *at;
	size_t size;
	size_t used;
	uint32_t http;
	enum status failed; /* ST_OK until the first failure */
};

/* Status line and Date; date may be NULL for none. */
void http1_reply_begin(struct http1_reply *r, void *at, size_t size,
    uint32_t http, const char *date);

void http1_reply_field(
    struct http1_reply *r, const char *name, const char *value);

/* The same for a value that ends where its bytes end. */
void http1_reply_bytes(
    struct http1_reply *r, const char *name, struct bytes value);

/*
 * Content-Length, but for 1xx, 204 and 304, which have no body to measure.
 */
void http1_reply_length(struct http1_reply *r, uint64_t size);

/* Says whether the connection lives on, where that is not the default. */
void http1_reply_connection(
    struct http1_reply *r, uint8_t minor, bool keep_alive);

/* Ends the head; *ret_size bytes are to be sent. */
MUST_CHECK enum status http1_reply_end(struct http1_reply *r, size_t *ret_size);

/* "Not Found"; "Unknown" for what this program never sends. */
const char *http1_reply_phrase(uint32_t http);

#endif
