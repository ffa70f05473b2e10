/*
 * cursor - reads msgpack from bytes that a stranger may have written.
 *
 * Never reads past end, never allocates, never recurses.  The first mistake
 * sticks in bad: from then on nothing is left to read, so a reader asks once
 * at its end.  Source: the format table of the msgpack specification
 * (github.com/msgpack/msgpack/blob/master/spec.md).  A cursor that is a local
 * variable mostly stays in registers: what is frequent is inline.
 */
#ifndef PROTOCOLS_CURSOR_H
#define PROTOCOLS_CURSOR_H

#include "protocols/cursor_bytes.h"

enum cursor_kind {
	CURSOR_BAD,
	CURSOR_NIL,
	CURSOR_BOOL,
	CURSOR_UINT,
	CURSOR_INT,   /* below zero; n is its two's complement */
	CURSOR_FLOAT, /* n is its bits, of 4 or 8 bytes */
	CURSOR_TEXT,
	CURSOR_BYTES,
	CURSOR_EXT, /* n counts the type byte too */
	CURSOR_ARRAY,
	CURSOR_MAP,
};

struct cursor_item {
	enum cursor_kind kind;
	uint64_t n; /* value, bytes to follow, items or pairs to follow */
};

/* A number of width bytes in two's complement, widened. */
HOT_INLINE struct cursor_item
cursor_signed(uint64_t n, unsigned width)
{
	unsigned shift = 64 - 8 * width;
	int64_t value = (int64_t)(n << shift) >> shift;

	return (struct cursor_item){ value < 0 ? CURSOR_INT : CURSOR_UINT,
		(uint64_t)value };
}

HOT_INLINE struct cursor_item
cursor_counted(struct cursor *c, enum cursor_kind kind, unsigned width)
{
	uint64_t n = cursor_number(c, width);

	return (struct cursor_item){ c->bad ? CURSOR_BAD : kind, n };
}

/* What heads past 0xbf say, by the table. */
struct cursor_item cursor_rare_head(struct cursor *c, unsigned b);

/*
 * Heads past 0xbf.  The frequent ones are named, so that a good guess of the
 * branch knows their width before the byte has been read; the table is for
 * the others.
 */
HOT_INLINE struct cursor_item
cursor_wide_head(struct cursor *c, unsigned b)
{
	struct cursor_item item;
	struct cursor copy;

	switch (b) {
	case 0xc0:
		return (struct cursor_item){ CURSOR_NIL, 0 };
	case 0xc2:
	case 0xc3:
		return (struct cursor_item){ CURSOR_BOOL, b & 1 };
	case 0xc4:
		return cursor_counted(c, CURSOR_BYTES, 1);
	case 0xcc:
		return cursor_counted(c, CURSOR_UINT, 1);
	case 0xcd:
		return cursor_counted(c, CURSOR_UINT, 2);
	case 0xce:
		return cursor_counted(c, CURSOR_UINT, 4);
	case 0xcf:
		return cursor_counted(c, CURSOR_UINT, 8);
	case 0xd9:
		return cursor_counted(c, CURSOR_TEXT, 1);
	default:
		copy = *c; /* c itself may stay in registers */
		item = cursor_rare_head(&copy, b);
		*c = copy;
		return item;
	}
}

/* The next head; what n says follows is still to be read. */
HOT_INLINE struct cursor_item
cursor_head(struct cursor *c)
{
	unsigned b;

	if (c->at == c->end) {
		cursor_fail(c);
		return (struct cursor_item){ CURSOR_BAD, 0 };
	}
	b = *c->at++;
	if (b <= 0x7f)
		return (struct cursor_item){ CURSOR_UINT, b };
	if (b >= 0xc0)
		return cursor_wide_head(c, b);
	if (b >= 0xa0)
		return (struct cursor_item){ CURSOR_TEXT, b & 0x1f };
	return (struct cursor_item){ b >= 0x90 ? CURSOR_ARRAY : CURSOR_MAP,
		b & 0x0f };
}

/* What a head says if it is of the wanted kind; otherwise a mistake. */
HOT_INLINE uint64_t
cursor_item_is(
    struct cursor *c, struct cursor_item item, enum cursor_kind wanted)
{
	if (item.kind == wanted)
		return item.n;
	cursor_fail(c);
	return 0;
}

/* An integer of any width that fits. */
HOT_INLINE int64_t
cursor_item_int(struct cursor *c, struct cursor_item item)
{
	if (item.kind == CURSOR_INT ||
	    (item.kind == CURSOR_UINT && item.n <= INT64_MAX))
		return (int64_t)item.n;
	cursor_fail(c);
	return 0;
}

static inline uint64_t
cursor_want(struct cursor *c, enum cursor_kind wanted)
{
	return cursor_item_is(c, cursor_head(c), wanted);
}

/* Steps over one item and all it holds. */
void cursor_skip(struct cursor *c);
/* All that is left of an item whose head was read. */
void cursor_skip_rest(struct cursor *c, struct cursor_item item);

#endif
