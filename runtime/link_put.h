/*
 * link_put - a frame into the open batch of a link, inline: every message to
 * another node passes here.  Internal to runtime/link*.
 *
 * Frames in a row to one receiver begin with the same bytes, as a rule; those
 * are most of a short one (link_wire.h says how they are left out).
 */
#ifndef RUNTIME_LINK_PUT_H
#define RUNTIME_LINK_PUT_H

#include <string.h>

#include "runtime/base/hot.h"
#include "runtime/link_flow.h"

typedef uint64_t link_pair __attribute__((vector_size(16)));

HOT_INLINE link_pair
link_pair_differs(const uint8_t *a, const uint8_t *b, size_t at)
{
	link_pair x, y;

	memcpy(&x, a + at, sizeof(x));
	memcpy(&y, b + at, sizeof(y));
	return x ^ y;
}

/* Sixteen bytes at a time, the last of which overlap. */
HOT_INLINE bool
link_shares_head(const uint8_t *a, const uint8_t *b)
{
	link_pair all =
	    link_pair_differs(a, b, 0) | link_pair_differs(a, b, 16) |
	    link_pair_differs(a, b, 32) | link_pair_differs(a, b, 48) |
	    link_pair_differs(a, b, LINK_SHARED_BYTES - 16);

	_Static_assert(LINK_SHARED_BYTES > 64 && LINK_SHARED_BYTES <= 80,
	    "five pieces cover it");
	return (all[0] | all[1]) == 0;
}

/* One frame may always be on its way if there is any credit at all. */
HOT_INLINE bool
link_has_room(const struct link_flow *f, enum link_lane lane, size_t size)
{
	const struct link_credit *most = &f->most[lane];

	if (__builtin_expect(f->frames[lane] == 0 && lane == LINK_NORMAL, 0))
		return most->frames > 0 && most->bytes > 0;
	return f->frames[lane] < most->frames &&
	       f->bytes[lane] + size <= most->bytes;
}

/*
 * There is credit for it and room in b, which is open.  The copy comes last:
 * nothing needs to be kept over its call.
 */
HOT_INLINE void
link_put(struct link_flow *f, struct link_batch *b, enum link_lane lane,
    const uint8_t *bytes, uint32_t size)
{
	uint8_t *at = b->data + b->used;
	uint32_t left = size, again = 0;

	b->frames[lane]++;
	b->bytes[lane] += size;
	f->frames[lane]++;
	f->bytes[lane] += size;
	f->taken++;
	if (b->like != 0 && size >= LINK_SHARED_BYTES &&
	    link_shares_head(b->data + b->like, bytes)) {
		bytes += LINK_SHARED_BYTES;
		left -= LINK_SHARED_BYTES;
		again = LINK_AGAIN;
	} else {
		b->like =
		    size < LINK_SHARED_BYTES ? 0 : b->used + LINK_LENGTH_SIZE;
	}
	link_wire_put_length(at, left | again);
	b->used += LINK_LENGTH_SIZE + left;
	if (left > 0)
		memcpy(at + LINK_LENGTH_SIZE, bytes, left);
}

/* False: it takes link_flow_push to know. */
HOT_INLINE bool
link_put_usual(
    struct link_flow *f, enum link_lane lane, const uint8_t *bytes, size_t size)
{
	struct link_batch *b = f->open;

	if (b == NULL || size + LINK_LENGTH_SIZE > b->size - b->used ||
	    !link_has_room(f, lane, size))
		return false;
	link_put(f, b, lane, bytes, (uint32_t)size);
	return true;
}

#endif
