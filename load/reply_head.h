/*
 * reply_head - the head of an answer of ours, for commands and load runs.
 *
 * Only what Troupe's own gateway answers is understood: HTTP/1.1, a status
 * and a length in digits.  Stateless; any thread.
 */
#ifndef LOAD_REPLY_HEAD_H
#define LOAD_REPLY_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/status.h"

#define REPLY_ETAG_SIZE 80

struct reply_head {
	size_t size; /* of the head, with the empty line that ends it */
	unsigned status;
	bool has_length;
	size_t length;              /* of the body; 0 if nobody says */
	char etag[REPLY_ETAG_SIZE]; /* cut to it; "" if there was none */
};

/* NOT_FOUND: it has not come whole.  MALFORMED: it is none of ours. */
MUST_CHECK enum status reply_head_read(
    const char *at, size_t size, struct reply_head *ret_head);

#endif
