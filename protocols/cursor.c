#include "protocols/cursor.h"

const struct cursor_shape cursor_shapes[32] = {
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
