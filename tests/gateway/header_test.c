#include "gateway/header.h"

#include "tests/gateway/check.h"

#define TAG "\"47cd78ab5f984852\""

static void
test_names_are_equal_in_any_case(void **state)
{
	(void)state;
	assert_true(header_is(text("HoSt"), "host"));
	assert_false(header_is(text("hosts"), "host"));
	assert_false(header_is(text(""), "host"));
	assert_false(header_is(text("h\xd0st"), "h\xf0st"));
	assert_false(header_is(text("@"), "`"));
}

static void
test_lists_skip_what_is_empty(void **state)
{
	struct bytes rest = text(" , a,,\tb c ,\"x,y\", ");
	struct bytes item;

	(void)state;
	assert_true(header_list_next(&rest, &item) && is(item, "a"));
	assert_true(header_list_next(&rest, &item) && is(item, "b c"));
	assert_true(header_list_next(&rest, &item) && is(item, "\"x,y\""));
	assert_false(header_list_next(&rest, &item));
	assert_true(header_list_has(text("a, CLOSE"), "close"));
	assert_false(header_list_has(text("closed, xclose"), "close"));
}

static void
test_if_match_is_strong(void **state)
{
	static const struct {
		const char *list;
		enum etag_match match;
	} cases[] = {
		{ "", ETAG_ABSENT },
		{ "  ", ETAG_ABSENT },
		{ "*", ETAG_ANY },
		{ " * ", ETAG_ANY },
		{ "*, *", ETAG_DIFFERENT },
		{ TAG, ETAG_SAME },
		{ "\t" TAG " ", ETAG_SAME },
		{ "\"0000000000000000\", " TAG, ETAG_SAME },
		{ "\"0000000000000000\"," TAG ",\"1\"", ETAG_SAME },
		{ "\"0000000000000000\"", ETAG_DIFFERENT },
		{ "W/" TAG, ETAG_DIFFERENT },
		{ "w/" TAG, ETAG_DIFFERENT },
		{ "W/" TAG ", " TAG, ETAG_SAME },
		{ "47cd78ab5f984852", ETAG_DIFFERENT },
		{ "\"47CD78AB5F984852\"", ETAG_DIFFERENT },
		{ "\"47cd78ab5f98485\"", ETAG_DIFFERENT },
		{ "\"" TAG "\"", ETAG_DIFFERENT },
		{ ",,", ETAG_DIFFERENT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    etag_list_match(text(cases[i].list), text(TAG)),
		    cases[i].match);
}

static void
test_several_lines_are_one_list(void **state)
{
	(void)state;
	assert_int_equal(
	    etag_match_join(ETAG_ABSENT, ETAG_DIFFERENT), ETAG_DIFFERENT);
	assert_int_equal(etag_match_join(ETAG_DIFFERENT, ETAG_SAME), ETAG_SAME);
	assert_int_equal(etag_match_join(ETAG_SAME, ETAG_ABSENT), ETAG_SAME);
	assert_int_equal(etag_match_join(ETAG_ANY, ETAG_DIFFERENT), ETAG_ANY);
	assert_int_equal(
	    etag_match_join(ETAG_ABSENT, ETAG_ABSENT), ETAG_ABSENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_names_are_equal_in_any_case),
		RUN(test_lists_skip_what_is_empty),
		RUN(test_if_match_is_strong),
		RUN(test_several_lines_are_one_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
