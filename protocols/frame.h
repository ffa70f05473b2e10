/*
 * frame - the envelope of every message, in front of its body.
 *
 * A frame is one msgpack array of 13 items, the last of which is the body.
 * The other twelve have fixed widths, so each stands at a fixed place and is
 * read and patched there without decoding anything:
 *
 *   at  0  array of 13          at 22  to        address
 *       1  version  1              31  ref       correlation, 0: no answer
 *       2  kind     frame_kind     40  deadline  us, on the holder's clock
 *       3  lane     frame_lane     49  trace     16 bytes, W3C trace-id
 *       4  hops     left           67  span      W3C parent-id
 *       5  id       message        76  body      array of the .def file
 *       8  tenant   number
 *      13  from     address
 *
 * The deadline is absolute on the clock of the node that holds the frame; a
 * link sends the time that is left instead.  Stateless; any thread.
 */
#ifndef PROTOCOLS_FRAME_H
#define PROTOCOLS_FRAME_H

#include <stdint.h>
#include <string.h>

#include "runtime/base/status.h"

#define FRAME_VERSION 1
#define FRAME_HEAD 76
#define FRAME_MAX (1u << 20) /* head and body */
#define FRAME_HOPS 8
#define FRAME_DEADLINE_NONE UINT64_MAX

#define FRAME_KINDS(X) X(SIGNAL) X(REQUEST) X(REPLY) X(REFUSAL)
#define FRAME_LANES(X) X(NORMAL) X(CONTROL)

enum frame_kind {
#define X(k) FRAME_##k,
	FRAME_KINDS(X)
#undef X
};

enum frame_lane {
#define X(k) FRAME_##k,
	FRAME_LANES(X)
#undef X
};

/* The envelope as a struct, for those who want all of it. */
struct frame {
	uint8_t kind;
	uint8_t lane;
	uint8_t hops;
	uint16_t id;
	uint32_t tenant;
	uint64_t from;
	uint64_t to;
	uint64_t ref;
	uint64_t deadline_us;
	uint8_t trace[16];
	uint64_t span;
};

enum {
	FRAME_AT_KIND = 2,
	FRAME_AT_LANE = 3,
	FRAME_AT_HOPS = 4,
	FRAME_AT_ID = 6,
	FRAME_AT_TENANT = 9,
	FRAME_AT_FROM = 14,
	FRAME_AT_TO = 23,
	FRAME_AT_REF = 32,
	FRAME_AT_DEADLINE = 41,
	FRAME_AT_TRACE = 51,
	FRAME_AT_SPAN = 68,
};

/* MALFORMED unless the head is exactly as above; looks at no body. */
MUST_CHECK enum status frame_check(const uint8_t *bytes, size_t size);

const char *frame_kind_name(enum frame_kind kind);

static inline uint64_t
frame_get_u64(const uint8_t *frame, int at)
{
	uint64_t n;

	memcpy(&n, frame + at, sizeof(n));
	return __builtin_bswap64(n);
}

static inline void
frame_set_u64(uint8_t *frame, int at, uint64_t n)
{
	n = __builtin_bswap64(n);
	memcpy(frame + at, &n, sizeof(n));
}

static inline uint16_t
frame_get_id(const uint8_t *frame)
{
	return (uint16_t)(frame[FRAME_AT_ID] << 8 | frame[FRAME_AT_ID + 1]);
}

static inline void
frame_set_id(uint8_t *frame, uint16_t id)
{
	frame[FRAME_AT_ID] = (uint8_t)(id >> 8);
	frame[FRAME_AT_ID + 1] = (uint8_t)id;
}

#endif
