/* items_test - lists within a text. */
#include "tests/check.h"

#include <stdio.h>

#include "runtime/base/items.h"

/* Each item in brackets. */
static const char *
cut(const char *text)
{
	struct bytes rest = { (const uint8_t *)text, strlen(text) };
	static char shown[64];
	struct bytes item;
	size_t used = 0;

	shown[0] = '\0';
	while (items_next(&rest, ',', &item))
		used += (size_t)snprintf(shown + used, sizeof(shown) - used,
		    "[%.*s]", (int)item.size, (const char *)item.at);
	return shown;
}

static const char *
words(const char *text)
{
	static char shown[64];
	const char *word;
	size_t size, used = 0;

	shown[0] = '\0';
	while ((word = items_word(&text, ", ", &size)) != NULL)
		used += (size_t)snprintf(shown + used, sizeof(shown) - used,
		    "[%.*s]", (int)size, word);
	return shown;
}

static void
test_items_may_be_empty_but_the_last(void **state)
{
	(void)state;
	assert_string_equal(cut(""), "");
	assert_string_equal(cut("a"), "[a]");
	assert_string_equal(cut("a,b c,d"), "[a][b c][d]");
	assert_string_equal(cut(",a,,b,"), "[][a][][b]");
}

static void
test_words_are_never_empty(void **state)
{
	(void)state;
	assert_string_equal(words(""), "");
	assert_string_equal(words(" , "), "");
	assert_string_equal(words(" a,b  c,,d "), "[a][b][c][d]");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_items_may_be_empty_but_the_last),
		RUN(test_words_are_never_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
