/*
 * Any text as a page's cursor.  Only what was sealed here opens, so whatever
 * opens must be byte for byte what was sealed: every text has one seal.
 * Inputs that begin with '!' are cursors, sealed here: they come back as they
 * were, and to nobody else.
 */
#include <string.h>

#include "gateway/bookmark.h"
#include "protocols/catalogue.h"
#include "protocols/messages.h"
#include "runtime/seal.h"
#include "tests/fuzz/fuzz.h"

static const uint8_t secret[BOOKMARK_SECRET] = "not a secret";

static struct bookmark
fuzz_bookmark(const char *user_id)
{
	const struct wire_type *list = catalogue_type_project_list();
	const struct wire_type *page = catalogue_type_project_page();

	return (struct bookmark){ secret, list, user_id,
		catalogue_find_field(list, "cursor"),
		catalogue_find_field(page, "next") };
}

/* What the cursor opens to for that user; NULL: it is refused. */
static const char *
fuzz_open(struct arena *a, const char *user_id, const char *cursor)
{
	struct project_list ask = { .cursor = cursor };
	struct bookmark b = fuzz_bookmark(user_id);
	enum status st = bookmark_open(&b, a, &ask);

	CHECK(st == ST_OK || (st == ST_INVALID && ask.cursor == cursor));
	return st == ST_OK ? ask.cursor : NULL;
}

/* NULL: too long. */
static const char *
fuzz_seal(struct arena *a, const char *cursor)
{
	const struct project_page page = { .next = cursor };
	struct bookmark b = fuzz_bookmark("bob");
	const struct project_page *sealed =
	    bookmark_seal(&b, a, catalogue_type_project_page(), &page);

	CHECK(sealed != &page);
	return sealed == NULL ? NULL : sealed->next;
}

static void
fuzz_round(struct arena *a, const char *cursor)
{
	const char *sealed = fuzz_seal(a, cursor);
	const char *opened;

	/* A page that ends with nothing has no cursor. */
	CHECK(sealed != NULL || strlen(cursor) > CURSOR_MAX / 2);
	if (sealed == NULL)
		return;
	CHECK(strlen(sealed) <= CURSOR_MAX);
	opened = fuzz_open(a, "bob", sealed);
	CHECK(cursor[0] == '\0'
		  ? opened == NULL
		  : opened != NULL && strcmp(opened, cursor) == 0);
	CHECK(fuzz_open(a, "eve", sealed) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char room[1u << 16];
	struct arena a = { room, sizeof(room), 0 };
	char *text = calloc(1, size + 1);
	const char *opened, *again;

	CHECK(text != NULL && seal_start() == ST_OK);
	if (size > 0)
		memcpy(text, data, size);
	opened = fuzz_open(&a, "bob", text);
	again = opened == NULL ? NULL : fuzz_seal(&a, opened);
	CHECK(opened == NULL || (again != NULL && strcmp(again, text) == 0));
	if (text[0] == '!')
		fuzz_round(&a, text + 1);
	free(text);
	return 0;
}
