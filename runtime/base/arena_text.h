/* arena_text - bytes of others as a text of the turn's. */
#ifndef RUNTIME_BASE_ARENA_TEXT_H
#define RUNTIME_BASE_ARENA_TEXT_H

#include "runtime/base/arena.h"
#include "runtime/base/bytes.h"

/* Ends with a NUL, and with the turn; NULL when the arena is full. */
static inline char *
arena_text(struct arena *a, struct bytes b)
{
	char *text = arena_take(a, b.size + 1);

	if (text != NULL && b.size > 0)
		memcpy(text, b.at, b.size);
	return text;
}

#endif
