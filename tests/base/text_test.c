/* text_test - whole characters only, hex, and what counts as blank. */
#include "tests/check.h"

#include <string.h>

#include "runtime/base/text.h"

/* One, two, three and four bytes: ends at 1, 3, 6 and 10. */
#define MIXED "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"

static void
test_text_that_fits_is_copied_whole(void **state)
{
	char text[sizeof(MIXED)];

	(void)state;
	assert_true(text_fit(text, sizeof(text), MIXED));
	assert_string_equal(text, MIXED);
	assert_true(text_fit(text, 4, "abc"));
	assert_string_equal(text, "abc");
	assert_false(text_fit(text, 4, "abcd"));
	assert_string_equal(text, "abc");
}

static void
test_nothing_beyond_the_room_is_touched(void **state)
{
	char text[8];

	(void)state;
	memset(text, '#', sizeof(text));
	assert_false(text_fit(text, 4, "abcdefgh"));
	assert_memory_equal(text, "abc\0####", sizeof(text));
}

static void
test_a_character_is_never_cut(void **state)
{
	static const size_t kept[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6 };
	char text[sizeof(MIXED)];

	(void)state;
	for (size_t room = 0; room < 10; room++) {
		assert_false(text_fit(text, room + 1, MIXED));
		assert_int_equal(strlen(text), kept[room]);
		assert_memory_equal(text, MIXED, kept[room]);
	}
}

static void
test_room_for_the_end_alone_holds_only_nothing(void **state)
{
	char text[1] = { '#' };

	(void)state;
	assert_true(text_fit(text, 1, ""));
	assert_int_equal(text[0], '\0');
	assert_false(text_fit(text, 1, "a"));
	assert_int_equal(text[0], '\0');
}

static void
test_no_text_is_an_empty_text(void **state)
{
	char text[4] = "old";

	(void)state;
	assert_true(text_fit(text, sizeof(text), NULL));
	assert_string_equal(text, "");
}

static void
test_what_is_no_utf8_cannot_lead_out_of_the_text(void **state)
{
	char text[5];

	(void)state;
	assert_false(text_fit(text, sizeof(text), "\x80\x80\x80\x80\x80\x80"));
	assert_string_equal(text, "");
}

static void
test_hex_is_lower_case_and_ends(void **state)
{
	static const unsigned char bytes[] = { 0x00, 0x0f, 0xa5, 0xff };
	char text[2 * sizeof(bytes) + 2];

	(void)state;
	memset(text, '#', sizeof(text));
	text_hex(bytes, sizeof(bytes), text);
	assert_memory_equal(text, "000fa5ff\0#", sizeof(text));
	text_hex(NULL, 0, text);
	assert_string_equal(text, "");
}

static void
test_hex_is_read_back_and_nothing_else_is(void **state)
{
	static const char *const wrong[] = { "", "0f", "0fa", "0fa50", "0fA5",
		"0fg5", "0f 5", "0fa5 " };
	unsigned char bytes[2] = { 0 };

	(void)state;
	assert_true(text_unhex("0fa5", bytes, sizeof(bytes)));
	assert_memory_equal(bytes, "\x0f\xa5", sizeof(bytes));
	assert_true(text_unhex("", NULL, 0));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(text_unhex(wrong[i], bytes, sizeof(bytes)));
}

static void
test_blank_is_white_space_alone(void **state)
{
	(void)state;
	assert_true(text_is_blank(NULL));
	assert_true(text_is_blank(""));
	assert_true(text_is_blank(" \t\r\n\v\f"));
	assert_false(text_is_blank("  a"));
	assert_false(text_is_blank("a  "));
}

/* Every White_Space of Unicode, alone and in a row, and what is next to it. */
static void
test_blank_knows_the_white_space_of_unicode(void **state)
{
	static const char *const spaces[] = { "\xc2\x85", "\xc2\xa0",
		"\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x83", "\xe2\x80\x8a",
		"\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
		"\xe3\x80\x80", "\x1c", "\x1f" };
	static const char *const others[] = { "\xc2\x84", "\xc2\xa1",
		"\xe1\x9a\x81", "\xe2\x80\x8b", "\xe2\x80\xaa", "\xe3\x80\x81",
		"\xe2", "\xe2\x80", "\x1b", "\x7f" };
	char all[64] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		assert_true(text_is_blank(spaces[i]));
		strncat(all, spaces[i], sizeof(all) - strlen(all) - 1);
	}
	assert_true(text_is_blank(all));
	strncat(all, "x", sizeof(all) - strlen(all) - 1);
	assert_false(text_is_blank(all));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(text_is_blank(others[i]));
}

static void
test_what_cannot_be_seen_is_not_plain(void **state)
{
	static const char *const plain[] = { "", "ada", "a b", "Jos\xc3\xa9",
		"\xe5\xb0\x8f\xe6\x98\x8e", "\xf0\x9f\x98\x80", "~!\"" };
	static const char *const odd[] = { "a\tb", "a\x7f", "\x1f", "\xc2\x85",
		"a\xc2\xa0", "a\xc2\xad-", "\xe2\x80\x8b", "a\xe2\x80\x8d-",
		"\xe2\x80\xae-", "\xe2\x81\xa0", "\xe3\x80\x80", "\xe3\x85\xa4",
		"\xef\xbb\xbf-", "a\xef\xb8\x8f", "\xf3\xa0\x81\x81", "\xff",
		"a\xc3" };

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_true(text_is_plain(plain[i]));
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_false(text_is_plain(odd[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_that_fits_is_copied_whole),
		cmocka_unit_test(test_nothing_beyond_the_room_is_touched),
		cmocka_unit_test(test_a_character_is_never_cut),
		cmocka_unit_test(
		    test_room_for_the_end_alone_holds_only_nothing),
		cmocka_unit_test(test_no_text_is_an_empty_text),
		cmocka_unit_test(
		    test_what_is_no_utf8_cannot_lead_out_of_the_text),
		cmocka_unit_test(test_hex_is_lower_case_and_ends),
		cmocka_unit_test(test_hex_is_read_back_and_nothing_else_is),
		cmocka_unit_test(test_blank_is_white_space_alone),
		cmocka_unit_test(test_blank_knows_the_white_space_of_unicode),
		cmocka_unit_test(test_what_cannot_be_seen_is_not_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
