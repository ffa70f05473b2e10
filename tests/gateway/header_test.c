#include "gateway/header.h"

#include "tests/gateway/check.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_names_are_equal_in_any_case),
		RUN(test_lists_skip_what_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
