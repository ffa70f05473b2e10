/* items - a list within a text.  Nothing is copied. */
#ifndef RUNTIME_BASE_ITEMS_H
#define RUNTIME_BASE_ITEMS_H

#include <stdbool.h>
#include <string.h>

#include "runtime/base/bytes.h"

/*
 * The next item, which may be empty, and rest is what follows it; false at
 * the end.  A separator at the very end begins no item.
 */
static inline bool
items_next(struct bytes *rest, char between, struct bytes *ret_item)
{
	const uint8_t *stop;

	if (rest->size == 0)
		return false;
	stop = memchr(rest->at, between, rest->size);
	*ret_item = *rest;
	if (stop != NULL)
		ret_item->size = (size_t)(stop - rest->at);
	rest->at += ret_item->size + (stop != NULL);
	rest->size -= ret_item->size + (stop != NULL);
	return true;
}

/* The next run without any of `between`; NULL at the end. */
static inline const char *
items_word(const char **rest, const char *between, size_t *ret_size)
{
	const char *at = *rest + strspn(*rest, between);

	*ret_size = strcspn(at, between);
	*rest = at + *ret_size;
	return *ret_size == 0 ? NULL : at;
}

#endif
