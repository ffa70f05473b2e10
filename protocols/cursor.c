#include "protocols/cursor.h"

/* 0xc0 to 0xdf: what it is, bytes of the number that follows, added to n. */
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

static struct cursor_item
cursor_mistake(struct cursor *c)
{
	cursor_fail(c);
	return (struct cursor_item){ CURSOR_BAD, 0 };
}

struct cursor_item
cursor_rare_head(struct cursor *c, unsigned b)
{
	const struct shape *s = &shapes[b & 0x1f];
	enum cursor_kind kind = (enum cursor_kind)s->kind;
	uint64_t n;

	if (b >= 0xe0)
		return cursor_signed(b, 1);
	if (kind == CURSOR_BAD)
		return cursor_mistake(c);
	if (s->width == 0)
		return (struct cursor_item){ kind, s->n };
	n = cursor_number(c, s->width);
	if (c->bad)
		return cursor_mistake(c);
	if (kind == CURSOR_INT)
		return cursor_signed(n, s->width);
	return (struct cursor_item){ kind, n + s->n };
}

/* Each step eats a byte and todo never passes what is left, so it ends. */
void
cursor_skip_rest(struct cursor *c, struct cursor_item item)
{
	uint64_t todo = 0;

	for (;; item = cursor_head(c)) {
		if (item.kind == CURSOR_TEXT || item.kind == CURSOR_BYTES ||
		    item.kind == CURSOR_EXT)
			cursor_take(c, item.n);
		else if (item.kind == CURSOR_ARRAY)
			todo += item.n;
		else if (item.kind == CURSOR_MAP)
			todo += 2 * item.n;
		if (todo > cursor_left(c))
			cursor_fail(c);
		if (todo == 0 || c->bad)
			return;
		todo--;
	}
}

void
cursor_skip(struct cursor *c)
{
	cursor_skip_rest(c, cursor_head(c));
}
