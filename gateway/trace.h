/*
 * trace - W3C trace context: the traceparent header, in and out.
 *
 * A request that brings a good one goes on in its trace; any other begins a
 * new one.  Every request is a span of its own, which the messages it causes
 * carry in their envelopes (protocols/frame.h).  tracestate is not kept.
 * Stateless.
 */
#ifndef GATEWAY_TRACE_H
#define GATEWAY_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/bytes.h"

#define TRACE_ID_SIZE 16
#define TRACE_TEXT_SIZE 56 /* 00-32 digits-16 digits-01, and a NUL */

struct trace {
	uint8_t id[TRACE_ID_SIZE];
	uint64_t span;   /* ours */
	uint64_t parent; /* the caller's; 0: we began it */
	uint8_t flags;   /* only 1, sampled, is known */
};

/*
 * False, and trace untouched: it is no traceparent of version 00, nor of a
 * later one that begins like it.  span is left as it was.
 */
bool trace_parse(struct bytes value, struct trace *ret_trace);

void trace_print(const struct trace *t, char ret_text[TRACE_TEXT_SIZE]);

#endif
