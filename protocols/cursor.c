#include "protocols/cursor.h"

#include <endian.h>
#include <string.h>

/* 0xc0 to 0xdf: what it is, bytes of the number that follows, or n itself. */
struct shape {
	uint8_t kind;
	uint8_t width;
	uint8_t n;
};

static const struct shape shapes[32] = {
	{ CURSOR_NIL, 0, 0 },
	{ CURSOR_BAD, 0, 0 },
	{ CURSOR_BOOL, 0, 0 },
	{ CURSOR_BOOL, 0, 1 },
	{ CURSOR_BYTES, 1, 0 },
	{ CURSOR_BYTES, 2, 0 },
	{ CURSOR_BYTES, 4, 0 },
	{ CURSOR_EXT, 1, 1 },
	{ CURSOR_EXT, 2, 1 },
	{ CURSOR_EXT, 4, 1 },
	{ CURSOR_FLOAT, 4, 0 },
	{ CURSOR_FLOAT, 8, 0 },
	{ CURSOR_UINT, 1, 0 },
	{ CURSOR_UINT, 2, 0 },
	{ CURSOR_UINT, 4, 0 },
	{ CURSOR_UINT, 8, 0 },
	{ CURSOR_INT, 1, 0 },
	{ CURSOR_INT, 2, 0 },
	{ CURSOR_INT, 4, 0 },
	{ CURSOR_INT, 8, 0 },
	{ CURSOR_EXT, 0, 2 },
	{ CURSOR_EXT, 0, 3 },
	{ CURSOR_EXT, 0, 5 },
	{ CURSOR_EXT, 0, 9 },
	{ CURSOR_EXT, 0, 17 },
	{ CURSOR_TEXT, 1, 0 },
	{ CURSOR_TEXT, 2, 0 },
	{ CURSOR_TEXT, 4, 0 },
	{ CURSOR_ARRAY, 2, 0 },
	{ CURSOR_ARRAY, 4, 0 },
	{ CURSOR_MAP, 2, 0 },
	{ CURSOR_MAP, 4, 0 },
};

static uint64_t
cursor_number(struct cursor *c, unsigned width)
{
	const uint8_t *bytes = cursor_take(c, width);
	uint64_t n = 0;

	if (bytes == NULL || width == 0)
		return 0;
	memcpy((uint8_t *)&n + sizeof(n) - width, bytes, width);
	return be64toh(n);
}

/* A number of width bytes in two's complement, widened to 64 bits. */
static struct cursor_item
cursor_signed(uint64_t n, unsigned width)
{
	unsigned shift = 64 - 8 * width;
	int64_t value = (int64_t)(n << shift) >> shift;

	return (struct cursor_item){ value < 0 ? CURSOR_INT : CURSOR_UINT,
		(uint64_t)value };
}

static struct cursor_item
cursor_shaped(struct cursor *c, const struct shape *s)
{
	uint64_t n = cursor_number(c, s->width);

	if (c->bad || s->kind == CURSOR_BAD) {
		cursor_fail(c);
		return (struct cursor_item){ CURSOR_BAD, 0 };
	}
	if (s->kind == CURSOR_INT)
		return cursor_signed(n, s->width);
	return (struct cursor_item){ (enum cursor_kind)s->kind, n + s->n };
}

struct cursor_item
cursor_long_head(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 1);

	if (b == NULL)
		return (struct cursor_item){ CURSOR_BAD, 0 };
	if (*b <= 0x7f)
		return (struct cursor_item){ CURSOR_UINT, *b };
	if (*b <= 0x8f)
		return (struct cursor_item){ CURSOR_MAP, *b & 0x0f };
	if (*b <= 0x9f)
		return (struct cursor_item){ CURSOR_ARRAY, *b & 0x0f };
	if (*b <= 0xbf)
		return (struct cursor_item){ CURSOR_TEXT, *b & 0x1f };
	if (*b <= 0xdf)
		return cursor_shaped(c, &shapes[*b - 0xc0]);
	return cursor_signed(*b, 1);
}

int64_t
cursor_int(struct cursor *c)
{
	struct cursor_item item = cursor_head(c);

	if (item.kind == CURSOR_INT ||
	    (item.kind == CURSOR_UINT && item.n <= INT64_MAX))
		return (int64_t)item.n;
	cursor_fail(c);
	return 0;
}

/* Each step eats a byte and todo never passes what is left, so it ends. */
void
cursor_skip(struct cursor *c)
{
	for (uint64_t todo = 1; todo > 0 && !c->bad; todo--) {
		struct cursor_item item = cursor_head(c);

		if (item.kind == CURSOR_TEXT || item.kind == CURSOR_BYTES ||
		    item.kind == CURSOR_EXT)
			cursor_take(c, item.n);
		else if (item.kind == CURSOR_ARRAY)
			todo += item.n;
		else if (item.kind == CURSOR_MAP)
			todo += 2 * item.n;
		if (todo - 1 > cursor_left(c))
			cursor_fail(c);
	}
}
