/*
 * unpacker - a cursor, and the arena that takes what it read.
 *
 * Nothing is borrowed from the bytes, and no memory is taken that the bytes
 * do not fill.  Ask unpacker_status once at the end.  item is the head that
 * was read; it is checked here.
 */
#ifndef PROTOCOLS_UNPACKER_H
#define PROTOCOLS_UNPACKER_H

#include "protocols/cursor.h"
#include "runtime/base/arena.h"
#include "runtime/base/bytes.h"
#include "runtime/base/money.h"
#include "runtime/base/status.h"
#include "runtime/base/utf8.h"

struct unpacker {
	struct cursor c;
	struct arena *arena;
	bool full; /* the arena was too small, whatever the bytes say */
};

MUST_CHECK static inline enum status
unpacker_status(const struct unpacker *u)
{
	return u->full ? ST_NO_MEMORY : u->c.bad ? ST_MALFORMED : ST_OK;
}

/* What an arena gave, or the end of the reading. */
HOT_INLINE void *
unpacker_need(struct unpacker *u, void *memory)
{
	if (memory == NULL) {
		u->full = true;
		cursor_fail(&u->c);
	}
	return memory;
}

HOT_INLINE uint64_t
unpacker_uint(struct unpacker *u, struct cursor_item item, uint64_t max)
{
	uint64_t n = cursor_item_is(&u->c, item, CURSOR_UINT);

	if (n > max)
		cursor_fail(&u->c);
	return n;
}

/* The bytes that follow a head of this kind, borrowed; NULL when bad. */
HOT_INLINE const uint8_t *
unpacker_run(struct unpacker *u, struct cursor_item item,
    enum cursor_kind wanted, uint64_t max)
{
	if (item.kind == wanted && item.n <= max)
		return cursor_take(&u->c, item.n);
	cursor_fail(&u->c);
	return NULL;
}

/* UTF-8 without NUL, ended by one; "" after a mistake. */
HOT_INLINE const char *
unpacker_text(struct unpacker *u, struct cursor_item item, uint64_t max)
{
	const uint8_t *bytes = unpacker_run(u, item, CURSOR_TEXT, max);
	char *text;

	if (u->c.bad)
		return "";
	text = unpacker_need(u, arena_take_bytes(u->arena, item.n + 1));
	if (text == NULL)
		return "";
	text[item.n] = '\0';
	if (!utf8_copy_ascii(text, bytes, item.n) && !utf8_valid(bytes, item.n))
		cursor_fail(&u->c);
	return text;
}

HOT_INLINE struct bytes
unpacker_bytes(struct unpacker *u, struct cursor_item item, uint64_t max)
{
	const uint8_t *bytes = unpacker_run(u, item, CURSOR_BYTES, max);
	uint8_t *copy;

	if (u->c.bad || item.n == 0)
		return (struct bytes){ NULL, 0 };
	copy = unpacker_need(u, arena_take_bytes(u->arena, item.n));
	if (copy == NULL)
		return (struct bytes){ NULL, 0 };
	memcpy(copy, bytes, item.n);
	return (struct bytes){ copy, item.n };
}

/* Exactly 16 bytes: a uuid as it is. */
HOT_INLINE void
unpacker_wide(struct unpacker *u, struct cursor_item item, void *ret_wide)
{
	const uint8_t *bytes =
	    unpacker_run(u, item, CURSOR_BYTES, sizeof(struct uuid));

	if (!u->c.bad && item.n == sizeof(struct uuid))
		memcpy(ret_wide, bytes, sizeof(struct uuid));
	else
		cursor_fail(&u->c);
}

/* 16 bytes, two's complement, big-endian. */
HOT_INLINE money
unpacker_money(struct unpacker *u, struct cursor_item item)
{
	uint64_t wide[2] = { 0, 0 };

	unpacker_wide(u, item, wide);
	return (
	    money)((money_magnitude)be64toh(wide[0]) << 64 | be64toh(wide[1]));
}

#endif
