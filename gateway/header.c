#include "gateway/header.h"

#include <string.h>

#include "gateway/chars.h"

bool
header_is(struct bytes b, const char *text)
{
	if (strlen(text) != b.size)
		return false;
	for (size_t i = 0; i < b.size; i++)
		if (chars_lower(b.at[i]) != chars_lower((uint8_t)text[i]))
			return false;
	return true;
}

static bool
header_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct bytes
header_trim(struct bytes b)
{
	while (b.size > 0 && header_is_blank(b.at[0])) {
		b.at++;
		b.size--;
	}
	while (b.size > 0 && header_is_blank(b.at[b.size - 1]))
		b.size--;
	return b;
}

/* Up to the first comma outside quotes, or all of it. */
static size_t
header_item_size(struct bytes b)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < b.size; i++) {
		if (b.at[i] == '"')
			quoted = !quoted;
		else if (b.at[i] == ',' && !quoted)
			break;
	}
	return i;
}

bool
header_list_next(struct bytes *rest, struct bytes *ret_item)
{
	while (rest->size > 0) {
		size_t size = header_item_size(*rest);
		size_t skip = size < rest->size ? size + 1 : size;
		struct bytes item = { rest->at, size };

		rest->at += skip;
		rest->size -= skip;
		item = header_trim(item);
		if (item.size > 0) {
			*ret_item = item;
			return true;
		}
	}
	return false;
}

bool
header_list_has(struct bytes list, const char *token)
{
	struct bytes item;

	while (header_list_next(&list, &item))
		if (header_is(item, token))
			return true;
	return false;
}
