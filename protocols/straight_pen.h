/*
 * straight_pen - what straight.c writes and reads with.
 *
 * A pen checks nothing: its room was asked for as a whole.  A reader answers
 * false at the first byte that is not of the usual case.
 */
#ifndef PROTOCOLS_STRAIGHT_PEN_H
#define PROTOCOLS_STRAIGHT_PEN_H

#include <endian.h>

#include "runtime/base/arena.h"
#include "runtime/base/bytes.h"
#include "runtime/base/hot.h"
#include "runtime/base/utf8.h"

#define PEN_UINT_MAX 9u /* bytes that a number takes at most */
#define PEN_HEAD_MAX 3u /* in front of texts and bytes, up to 65535 */
#define PEN_PIECE 16u
#define PEN_COPY_MAX 128u
#define PEN_ARRAY_MAX 1u /* up to 15 fields */

/* Both ends of a run of one to two times `piece`; they may overlap. */
HOT_INLINE void
pen_copy_ends(uint8_t *to, const uint8_t *from, size_t size, size_t piece)
{
	memcpy(to, from, piece);
	memcpy(to + size - piece, from + size - piece, piece);
}

/* Returns where it ends, so that who ends with it need not remember. */
HOT_SELDOM static uint8_t *
pen_copy_call(uint8_t *to, const uint8_t *from, size_t size)
{
	return (uint8_t *)memcpy(to, from, size) + size;
}

/* A short run without a call or a loop. */
HOT_INLINE void
pen_copy(uint8_t *to, const uint8_t *from, size_t size)
{
	if (size < PEN_PIECE || size > PEN_COPY_MAX)
		memcpy(to, from, size);
	else if (size <= 2 * PEN_PIECE)
		pen_copy_ends(to, from, size, PEN_PIECE);
	else if (size <= 4 * PEN_PIECE)
		pen_copy_ends(to, from, size, 2 * PEN_PIECE);
	else
		pen_copy_ends(to, from, size, 4 * PEN_PIECE);
}

HOT_INLINE uint8_t *
pen_wide(uint8_t *at, unsigned head, uint64_t n, unsigned width)
{
	uint64_t big = width == 1 ? htole64(n) : htobe64(n << (64 - 8 * width));

	at[0] = (uint8_t)head;
	memcpy(at + 1, &big, width);
	return at + 1 + width;
}

HOT_INLINE uint8_t *
pen_uint(uint8_t *at, uint64_t n)
{
	if (n <= 0x7f) {
		*at = (uint8_t)n;
		return at + 1;
	}
	if (n > UINT32_MAX)
		return pen_wide(at, 0xcf, n, 8);
	if (n > UINT16_MAX)
		return pen_wide(at, 0xce, n, 4);
	if (n > UINT8_MAX)
		return pen_wide(at, 0xcd, n, 2);
	return pen_wide(at, 0xcc, n, 1);
}

HOT_INLINE uint8_t *
pen_bytes(uint8_t *at, struct bytes b)
{
	at = b.size <= UINT8_MAX ? pen_wide(at, 0xc4, b.size, 1)
				 : pen_wide(at, 0xc5, b.size, 2);
	if (__builtin_expect(b.size < PEN_PIECE || b.size > PEN_COPY_MAX, 0))
		return b.size == 0 ? at : pen_copy_call(at, b.at, b.size);
	pen_copy(at, b.at, b.size);
	return at + b.size;
}

/* NULL: not plain ASCII. */
HOT_INLINE uint8_t *
pen_text(uint8_t *at, const char *text)
{
	size_t size = text == NULL ? 0 : strlen(text);

	if (size <= 0x1f)
		*at++ = (uint8_t)(0xa0 | size);
	else
		at = size <= UINT8_MAX ? pen_wide(at, 0xd9, size, 1)
				       : pen_wide(at, 0xda, size, 2);
	return utf8_copy_ascii(at, text, size) ? at + size : NULL;
}

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	struct arena *arena;
	bool borrows; /* bytes stay where they are read */
	bool ample;   /* up to the next payload: room was asked for at once */
};

HOT_INLINE bool
reader_has(const struct reader *r, size_t size)
{
	return r->ample || (size_t)(r->end - r->at) >= size;
}

HOT_INLINE bool
reader_is(struct reader *r, unsigned byte)
{
	return reader_has(r, 1) && *r->at++ == byte;
}

HOT_INLINE bool
reader_wide(struct reader *r, unsigned width, uint64_t *ret_n)
{
	uint64_t n = 0;

	if (!reader_has(r, width))
		return false;
	memcpy(&n, r->at, width);
	*ret_n = be64toh(n) >> (64 - 8 * width);
	r->at += width;
	return true;
}

HOT_INLINE bool
reader_uint(struct reader *r, uint64_t max, uint64_t *ret_n)
{
	unsigned b;

	if (!reader_has(r, 1))
		return false;
	b = *r->at++;
	if (b <= 0x7f)
		*ret_n = b;
	else if (b == 0xce   ? !reader_wide(r, 4, ret_n)
		 : b == 0xcf ? !reader_wide(r, 8, ret_n)
		 : b == 0xcd ? !reader_wide(r, 2, ret_n)
		 : b == 0xcc ? !reader_wide(r, 1, ret_n)
			     : true)
		return false;
	return *ret_n <= max;
}

HOT_INLINE bool
reader_u32(struct reader *r, uint64_t max, uint32_t *ret_n)
{
	uint64_t n;

	if (!reader_uint(r, max, &n))
		return false;
	*ret_n = (uint32_t)n;
	return true;
}

HOT_INLINE bool
reader_bool(struct reader *r, bool *ret_value)
{
	if (!reader_has(r, 1) || (*r->at & 0xfe) != 0xc2)
		return false;
	*ret_value = (*r->at++ & 1) != 0;
	return true;
}

HOT_INLINE bool
reader_copy(struct reader *r, struct bytes *bytes)
{
	uint8_t *copy = arena_take_bytes(r->arena, bytes->size);

	if (copy == NULL)
		return false;
	pen_copy(copy, bytes->at, bytes->size);
	bytes->at = copy;
	return true;
}

HOT_INLINE bool
reader_bytes(struct reader *r, uint64_t max, struct bytes *ret_bytes)
{
	uint64_t n;
	unsigned b;

	if (!reader_has(r, 1))
		return false;
	b = *r->at++;
	if (b == 0xc4 ? !reader_wide(r, 1, &n)
		      : b != 0xc5 || !reader_wide(r, 2, &n))
		return false;
	r->ample = false;
	if (n > max || n > (size_t)(r->end - r->at))
		return false;
	*ret_bytes = (struct bytes){ n == 0 ? NULL : r->at, n };
	r->at += n;
	return r->borrows || n == 0 || reader_copy(r, ret_bytes);
}

HOT_INLINE bool
reader_text(struct reader *r, uint64_t max, const char **ret_text)
{
	uint64_t n;
	char *copy;
	unsigned b;

	if (!reader_has(r, 1))
		return false;
	b = *r->at++;
	n = b & 0x1f;
	if ((b & 0xe0) != 0xa0 &&
	    (b == 0xd9 ? !reader_wide(r, 1, &n)
		       : b != 0xda || !reader_wide(r, 2, &n)))
		return false;
	r->ample = false;
	if (n > max || n > (size_t)(r->end - r->at) ||
	    (copy = arena_take_bytes(r->arena, n + 1)) == NULL ||
	    !utf8_copy_ascii(copy, r->at, n))
		return false;
	copy[n] = '\0';
	r->at += n;
	*ret_text = copy;
	return true;
}

#endif
