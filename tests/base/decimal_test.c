/* decimal_test - digits alone, and up to a bound. */
#include "tests/check.h"

#include "runtime/base/decimal.h"

static void
test_digits_are_a_number(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_true(decimal_parse("0", 0, &n));
	assert_int_equal(n, 0);
	assert_true(decimal_parse("007", 7, &n));
	assert_int_equal(n, 7);
	assert_true(decimal_parse("18446744073709551615", UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
	assert_true(decimal_read("12345", 3, 123, &n));
	assert_int_equal(n, 123);
}

static void
test_anything_else_is_none_and_nothing_is_touched(void **state)
{
	static const char *const lies[] = { "", " 1", "1 ", "+1", "-1", "1a",
		"0x1", "18446744073709551616", "99999999999999999999999" };
	uint64_t n = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		assert_false(decimal_parse(lies[i], UINT64_MAX, &n));
	assert_false(decimal_parse("8", 7, &n));
	assert_false(decimal_parse("10", 9, &n));
	assert_false(decimal_parse("1", 0, &n));
	assert_int_equal(n, 42);
}

static void
test_a_number_may_have_something_behind_it(void **state)
{
	const char *text = "12:3";
	uint64_t n = 0;

	(void)state;
	assert_true(decimal_take(&text, 12, &n));
	assert_int_equal(n, 12);
	assert_string_equal(text, ":3");
	assert_false(decimal_take(&text, 12, &n));
	assert_string_equal(text, ":3");
}

static void
test_ports_have_five_digits_at_most(void **state)
{
	uint16_t port = 0;

	(void)state;
	assert_true(decimal_port("65535", 5, &port));
	assert_int_equal(port, 65535);
	assert_true(decimal_port("00080", 5, &port));
	assert_int_equal(port, 80);
	assert_false(decimal_port("65536", 5, &port));
	assert_false(decimal_port("000080", 6, &port));
	assert_false(decimal_port("", 0, &port));
	assert_int_equal(port, 80);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_digits_are_a_number),
		RUN(test_anything_else_is_none_and_nothing_is_touched),
		RUN(test_a_number_may_have_something_behind_it),
		RUN(test_ports_have_five_digits_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
