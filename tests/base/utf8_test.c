/* utf8_test - what is text, and what only looks like it. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/utf8.h"

static const char *const good[] = {
	"",
	"text",
	"\x7f",
	"\xc2\x80",
	"\xdf\xbf",
	"\xe0\xa0\x80",
	"\xed\x9f\xbf",
	"\xee\x80\x80",
	"\xef\xbf\xbf",
	"\xf0\x90\x80\x80",
	"\xf4\x8f\xbf\xbf",
	"eight by\xc3\xa9te",
};

static const char *const bad[] = {
	"\x80",
	"\xbf",
	"\xc0\x80",
	"\xc1\xbf",
	"\xc2",
	"\xc2\x41",
	"\xc2\xc0",
	"\xe0\x9f\xbf",
	"\xe0\xa0",
	"\xed\xa0\x80",
	"\xed\xbf\xbf",
	"\xf0\x8f\xbf\xbf",
	"\xf0\x90\x80",
	"\xf4\x90\x80\x80",
	"\xf5\x80\x80\x80",
	"\xff",
	"\xfe",
	"abcdefgh\xe9",
};

static void
test_wellformed_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_false(utf8_valid("a\0b", 3));
}

/* Every size and every place of the odd byte, in memory of exactly its size. */
static void
test_copy_notices_the_odd_byte_anywhere(void **state)
{
	static const char odd[] = { '\0', '\x80', '\xff' };

	(void)state;
	for (size_t size = 1; size < 40; size++) {
		char *from = malloc(size);
		char *to = malloc(size);

		assert_true(from != NULL && to != NULL);
		memset(from, 'x', size);
		assert_true(utf8_copy_ascii(to, from, size));
		assert_memory_equal(to, from, size);
		for (size_t i = 0; i < size * sizeof(odd); i++) {
			from[i % size] = odd[i / size];
			assert_false(utf8_copy_ascii(to, from, size));
			assert_memory_equal(to, from, size);
			from[i % size] = i % 2 == 0 ? '\x01' : '\x7f';
			assert_true(utf8_copy_ascii(to, from, size));
		}
		free(from);
		free(to);
	}
}

static void
test_encoding_and_checking_agree(void **state)
{
	char text[4];

	(void)state;
	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		size_t n;

		if (c == 0xd800)
			c = 0xe000;
		n = utf8_encode(c, text);
		assert_true(utf8_valid(text, n));
		assert_int_equal(utf8_char_size((const uint8_t *)text, n), n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_wellformed_only),
		RUN(test_copy_notices_the_odd_byte_anywhere),
		RUN(test_encoding_and_checking_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
