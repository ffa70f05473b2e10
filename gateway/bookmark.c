#include "gateway/bookmark.h"

#include <stdio.h>
#include <string.h>

#include "protocols/messages.h"
#include "runtime/base/arena_text.h"
#include "runtime/base/base64url.h"
#include "runtime/seal.h"

#define CSV_END "_csv"
#define BOOKMARK_BYTES_MAX BASE64URL_BYTES_SIZE(CURSOR_MAX)
#define LIST_NAME_MAX 64

static const char **
bookmark_text(const struct wire_field *f, void *body)
{
	return (const char **)(void *)((char *)body + f->offset);
}

static void
bookmark_mac(const struct bookmark *b, struct bytes cursor,
    uint8_t ret_mac[SEAL_MAC_MAX])
{
	char text[LIST_NAME_MAX + ID_MAX + BOOKMARK_BYTES_MAX + 16];
	const char *name = b->list->name;
	size_t size = strlen(name), end = strlen(CSV_END);
	int used;

	if (size > end && strcmp(name + size - end, CSV_END) == 0)
		size -= end;
	/* Neither a name nor an id has a NUL in it. */
	used = snprintf(text, sizeof(text), "bookmark%c%.*s%c%.*s%c", 0,
	    (int)(size < LIST_NAME_MAX ? size : LIST_NAME_MAX), name, 0, ID_MAX,
	    b->user_id, 0);
	memcpy(text + used, cursor.at, cursor.size);
	seal_mac(SEAL_SHA256, (struct bytes){ b->secret, BOOKMARK_SECRET },
	    (struct bytes){ (const uint8_t *)text, (size_t)used + cursor.size },
	    ret_mac);
}

enum status
bookmark_open(const struct bookmark *b, struct arena *a, void *request)
{
	const char **text =
	    b->cursor == NULL ? NULL : bookmark_text(b->cursor, request);
	uint8_t bytes[BOOKMARK_BYTES_MAX], mac[SEAL_MAC_MAX];
	size_t size, cursor;
	const char *opened;

	if (text == NULL || *text == NULL)
		return ST_OK;
	size = strlen(*text);
	if (size > CURSOR_MAX ||
	    base64url_decode(*text, size, bytes) != ST_OK ||
	    BASE64URL_BYTES_SIZE(size) <= BOOKMARK_TAG)
		return ST_INVALID;
	cursor = BASE64URL_BYTES_SIZE(size) - BOOKMARK_TAG;
	bookmark_mac(b, (struct bytes){ bytes, cursor }, mac);
	if (!seal_equal(mac, bytes + cursor, BOOKMARK_TAG))
		return ST_INVALID;
	opened = arena_text(a, (struct bytes){ bytes, cursor });
	if (opened == NULL)
		return ST_NO_MEMORY;
	*text = opened;
	return ST_OK;
}

static const char *
bookmark_make(const struct bookmark *b, struct arena *a, const char *text)
{
	struct bytes cursor = { (const uint8_t *)text, strlen(text) };
	uint8_t bytes[BOOKMARK_BYTES_MAX], mac[SEAL_MAC_MAX];
	size_t all = cursor.size + BOOKMARK_TAG;
	char *sealed = NULL;

	if (all <= BOOKMARK_BYTES_MAX)
		sealed = arena_take(a, BASE64URL_TEXT_SIZE(all) + 1);
	if (sealed == NULL)
		return NULL;
	bookmark_mac(b, cursor, mac);
	memcpy(bytes, cursor.at, cursor.size);
	memcpy(bytes + cursor.size, mac, BOOKMARK_TAG);
	base64url_encode(bytes, all, sealed);
	return sealed;
}

const void *
bookmark_seal(const struct bookmark *b, struct arena *a,
    const struct wire_type *type, const void *reply)
{
	const char *cursor = NULL, *text;
	void *copy;

	if (b->next != NULL)
		memcpy(&cursor, (const char *)reply + b->next->offset,
		    sizeof(cursor));
	if (cursor == NULL)
		return reply;
	copy = arena_take(a, type->size);
	text = bookmark_make(b, a, cursor);
	if (copy == NULL || text == NULL)
		return NULL;
	memcpy(copy, reply, type->size);
	*bookmark_text(b->next, copy) = text;
	return copy;
}
