/*
 * Any text as If-Match.  It allows a tag exactly if it is `*`, or if some
 * item of its list, without blanks around it, is the tag; here judged by a
 * second reading that shares nothing with the first.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/etag.h"
#include "tests/fuzz/fuzz.h"

#define TAG "\"0123456789abcdef\""

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The tag stands at i, with only blanks to the next comma on both sides. */
static bool
stands_alone(const char *text, size_t i)
{
	size_t from = i, to = i + strlen(TAG);

	while (from > 0 && is_blank(text[from - 1]))
		from--;
	while (is_blank(text[to]))
		to++;
	return (from == 0 || text[from - 1] == ',') &&
	       (text[to] == ',' || text[to] == '\0');
}

static bool
allows(const char *text)
{
	const char *star = strchr(text, '*');
	size_t size = strlen(text);
	size_t blanks = 0;

	for (size_t i = 0; i < size; i++)
		blanks += is_blank(text[i]);
	if (star != NULL && blanks + 1 == size)
		return true;
	for (const char *at = strstr(text, TAG); at != NULL;
	     at = strstr(at + 1, TAG))
		if (stands_alone(text, (size_t)(at - text)))
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);

	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	assert(if_match_allows(text, TAG) == allows(text));
	assert(if_match_is_given(text) == (text[0] != '\0'));
	free(text);
	return 0;
}
