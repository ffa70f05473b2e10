/* cursor_bytes - the part of a cursor that knows bytes and nothing more. */
#ifndef PROTOCOLS_CURSOR_BYTES_H
#define PROTOCOLS_CURSOR_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/hot.h"

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
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
HOT_INLINE void
cursor_fail(struct cursor *c)
{
	c->at = c->end;
	c->bad = true;
}

/* The next n bytes, borrowed; NULL if there are fewer. */
HOT_INLINE const uint8_t *
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

/* A big-endian number of 1 to 8 bytes; one load where eight are left. */
HOT_INLINE uint64_t
cursor_number(struct cursor *c, unsigned width)
{
	uint64_t n = 0;

	if (cursor_left(c) >= sizeof(n)) {
		memcpy(&n, c->at, sizeof(n));
		c->at += width;
		return be64toh(n) >> (64 - 8 * width);
	}
	if (cursor_left(c) < width)
		cursor_fail(c);
	for (; c->at < c->end && width > 0; width--)
		n = n << 8 | *c->at++;
	return n;
}

#endif
