/*
 * frame_head - writes and reads the head of a frame, whole.
 *
 * For the runtime, which does both for every message.  Stateless; any thread.
 */
#ifndef PROTOCOLS_FRAME_HEAD_H
#define PROTOCOLS_FRAME_HEAD_H

#include <endian.h>

#include "protocols/frame.h"
#include "runtime/base/hot.h"

/* msgpack's, in front of the items that have one. */
enum {
	FRAME_TAG_ARRAY = 0x9d,
	FRAME_TAG_U16 = 0xcd,
	FRAME_TAG_U32 = 0xce,
	FRAME_TAG_U64 = 0xcf,
	FRAME_TAG_BYTES = 0xc4,
};

/* The first eight bytes as a little-endian number. */
#define FRAME_FIRST(kind, id)                                            \
	(FRAME_TAG_ARRAY | FRAME_VERSION << 8 | (uint64_t)(kind) << 16 | \
	    (uint64_t)FRAME_NORMAL << 24 | (uint64_t)FRAME_HOPS << 32 |  \
	    (uint64_t)FRAME_TAG_U16 << 40 |                              \
	    (uint64_t)__builtin_bswap16(id) << 48)

/* A tag and the number behind it. */
HOT_INLINE void
frame_put_u64(uint8_t *frame, int at, uint64_t n)
{
	frame[at - 1] = FRAME_TAG_U64;
	frame_set_u64(frame, at, n);
}

/*
 * Writes the head into FRAME_HEAD bytes at `at`.  Inlined, and each item is
 * stored as whole as it is read: every message pays for both.
 */
HOT_INLINE void
frame_write(uint8_t *at, const struct frame *f)
{
	const uint8_t first[8] = { FRAME_TAG_ARRAY, FRAME_VERSION, f->kind,
		f->lane, f->hops, FRAME_TAG_U16, (uint8_t)(f->id >> 8),
		(uint8_t)f->id };
	uint32_t tenant = __builtin_bswap32(f->tenant);

	memcpy(at, first, sizeof(first));
	at[FRAME_AT_TENANT - 1] = FRAME_TAG_U32;
	memcpy(at + FRAME_AT_TENANT, &tenant, sizeof(tenant));
	frame_put_u64(at, FRAME_AT_FROM, f->from);
	frame_put_u64(at, FRAME_AT_TO, f->to);
	frame_put_u64(at, FRAME_AT_REF, f->ref);
	frame_put_u64(at, FRAME_AT_DEADLINE, f->deadline_us);
	at[FRAME_AT_TRACE - 2] = FRAME_TAG_BYTES;
	at[FRAME_AT_TRACE - 1] = sizeof(f->trace);
	memcpy(at + FRAME_AT_TRACE, f->trace, sizeof(f->trace));
	frame_put_u64(at, FRAME_AT_SPAN, f->span);
}

/*
 * The head of a new message that another one caused: tenant and trace are its.
 * cause is a whole head, of which every item stands as it would here; it may
 * be `at` itself.  Numbers in registers, no copy through memory: a load that
 * spans several fresh stores waits for all of them.
 */
HOT_INLINE void
frame_begin(uint8_t *at, enum frame_kind kind, uint16_t id, uint64_t from,
    uint64_t to, uint64_t ref, uint64_t deadline_us, const uint8_t *cause)
{
	uint64_t first = FRAME_FIRST(kind, id);
	uint64_t trace[3];
	uint32_t tenant, last;

	first = htole64(first);
	memcpy(&tenant, cause + FRAME_AT_TENANT, sizeof(tenant));
	memcpy(trace, cause + FRAME_AT_TRACE - 2, sizeof(trace));
	memcpy(&last, cause + FRAME_HEAD - sizeof(last), sizeof(last));
	memcpy(at, &first, sizeof(first));
	at[FRAME_AT_TENANT - 1] = FRAME_TAG_U32;
	memcpy(at + FRAME_AT_TENANT, &tenant, sizeof(tenant));
	frame_put_u64(at, FRAME_AT_FROM, from);
	frame_put_u64(at, FRAME_AT_TO, to);
	frame_put_u64(at, FRAME_AT_REF, ref);
	frame_put_u64(at, FRAME_AT_DEADLINE, deadline_us);
	memcpy(at + FRAME_AT_TRACE - 2, trace, sizeof(trace));
	memcpy(at + FRAME_HEAD - sizeof(last), &last, sizeof(last));
}

/*
 * What the heads of all signals from one address to another have in common:
 * bytes 8 to 31, the tenant left out.
 */
struct frame_route {
	uint64_t words[3];
};

HOT_INLINE struct frame_route
frame_route(uint64_t from, uint64_t to)
{
	uint8_t head[FRAME_AT_REF] = { [FRAME_AT_TENANT - 1] = FRAME_TAG_U32,
		[FRAME_AT_REF - 1] = FRAME_TAG_U64 };
	struct frame_route r;

	frame_put_u64(head, FRAME_AT_FROM, from);
	frame_put_u64(head, FRAME_AT_TO, to);
	memcpy(&r, head + FRAME_AT_TENANT - 1, sizeof(r));
	return r;
}

/* From the tag of the trace to the end of the head, from another whole head. */
HOT_INLINE void
frame_copy_trace(uint8_t *at, const uint8_t *cause)
{
	memcpy(at + FRAME_AT_TRACE - 2, cause + FRAME_AT_TRACE - 2, 16);
	memcpy(at + FRAME_HEAD - 16, cause + FRAME_HEAD - 16, 16);
}

/*
 * frame_begin of a signal that goes along a route, in few and wide stores.
 * What is read soon and whole (ref, deadline) is stored last and whole.
 */
HOT_INLINE void
frame_begin_signal(uint8_t *at, uint16_t id, const struct frame_route *route,
    const uint8_t *cause)
{
	static const uint8_t rest[16] = { 0, 0, 0, 0, 0, 0, 0, FRAME_TAG_U64,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint64_t first = FRAME_FIRST(FRAME_SIGNAL, id);
	uint32_t tenant;
	uint64_t second;

	memcpy(&tenant, cause + FRAME_AT_TENANT, sizeof(tenant));
	second = le64toh(route->words[0]) | (uint64_t)le32toh(tenant) << 8;
	first = htole64(first);
	second = htole64(second);
	memcpy(at, &first, sizeof(first));
	memcpy(at + 8, &second, sizeof(second));
	memcpy(at + 16, &route->words[1], 16);
	memcpy(at + FRAME_AT_REF + 1, rest, sizeof(rest));
	memset(at + FRAME_AT_REF, 0, 8);
	frame_copy_trace(at, cause);
}

/* Reads a head that frame_check has let through. */
HOT_INLINE void
frame_read(const uint8_t *at, struct frame *ret_frame)
{
	uint32_t tenant;

	memcpy(&tenant, at + FRAME_AT_TENANT, sizeof(tenant));
	ret_frame->kind = at[FRAME_AT_KIND];
	ret_frame->lane = at[FRAME_AT_LANE];
	ret_frame->hops = at[FRAME_AT_HOPS];
	ret_frame->id = frame_get_id(at);
	ret_frame->tenant = __builtin_bswap32(tenant);
	ret_frame->from = frame_get_u64(at, FRAME_AT_FROM);
	ret_frame->to = frame_get_u64(at, FRAME_AT_TO);
	ret_frame->ref = frame_get_u64(at, FRAME_AT_REF);
	ret_frame->deadline_us = frame_get_u64(at, FRAME_AT_DEADLINE);
	memcpy(ret_frame->trace, at + FRAME_AT_TRACE, sizeof(ret_frame->trace));
	ret_frame->span = frame_get_u64(at, FRAME_AT_SPAN);
}

#endif
