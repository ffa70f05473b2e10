/*
 * cursor - reads msgpack from bytes that a stranger may have written.
 *
 * Never reads past end, never allocates, never recurses.  The first mistake
 * sticks in bad: from then on every read gives zero or NULL, so a reader
 * asks once at its end.  Source: the format table of the msgpack
 * specification (github.com/msgpack/msgpack/blob/master/spec.md).
 */
#ifndef PROTOCOLS_CURSOR_H
#define PROTOCOLS_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

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

static inline struct cursor
cursor_of(const void *bytes, size_t size)
{
	return (struct cursor){ bytes, (const uint8_t *)bytes + size, false };
}

static inline size_t
cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* From here on nothing is left to read. */
static inline void
cursor_fail(struct cursor *c)
{
	c->at = c->end;
	c->bad = true;
}

/* The next n bytes, borrowed; NULL if there are fewer. */
static inline const uint8_t *
cursor_take(struct cursor *c, uint64_t n)
{
	const uint8_t *start = c->at;

	if (n > cursor_left(c)) {
		cursor_fail(c);
		return NULL;
	}
	c->at += n;
	return start;
}

/* The head of an item that is neither a small number nor a short text. */
struct cursor_item cursor_long_head(struct cursor *c);

/* The next head; what n says follows is still to be read. */
static inline struct cursor_item
cursor_head(struct cursor *c)
{
	if (c->at < c->end && *c->at <= 0x7f)
		return (struct cursor_item){ CURSOR_UINT, *c->at++ };
	if (c->at < c->end && (*c->at & 0xe0) == 0xa0)
		return (struct cursor_item){ CURSOR_TEXT, *c->at++ & 0x1f };
	return cursor_long_head(c);
}

/* Steps over a nil, if that is what comes next. */
static inline bool
cursor_nil(struct cursor *c)
{
	bool nil = c->at < c->end && *c->at == 0xc0;

	c->at += nil;
	return nil;
}

/* A head of the wanted kind, or a mistake. */
static inline uint64_t
cursor_want(struct cursor *c, enum cursor_kind wanted)
{
	struct cursor_item item = cursor_head(c);

	if (item.kind == wanted)
		return item.n;
	cursor_fail(c);
	return 0;
}

/* An integer of any width. */
int64_t cursor_int(struct cursor *c);

/* Steps over one item and all it holds. */
void cursor_skip(struct cursor *c);

#endif
