/* money_test - exact decimals in, the same out, and never a wrap. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/money.h"

#define MOST "170141183460469231731687303.715884105727"
#define LEAST "-170141183460469231731687303.715884105728"

static enum status
parse(const char *text, money *ret_amount)
{
	return money_parse(text, strlen(text), ret_amount);
}

static void
test_text_comes_back_shortest(void **state)
{
	static const char *const pairs[][2] = {
		{ "0", "0" },
		{ "-0", "0" },
		{ "0.1", "0.1" },
		{ "0.10", "0.1" },
		{ "1e2", "100" },
		{ "12.5E-1", "1.25" },
		{ "1e-12", "0.000000000001" },
		{ "-1e-12", "-0.000000000001" },
		{ "0.1000000000000000000000", "0.1" },
		{ "0e99999999999", "0" },
		{ "1000000e-18", "0.000000000001" },
		{ "-42.000000000042", "-42.000000000042" },
		{ MOST, MOST },
		{ LEAST, LEAST },
	};
	char text[MONEY_TEXT_SIZE];
	money amount;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t size;

		assert_int_equal(parse(pairs[i][0], &amount), ST_OK);
		size = money_text(amount, text);
		assert_string_equal(text, pairs[i][1]);
		assert_int_equal(size, strlen(text));
	}
}

static void
test_tenth_is_exact(void **state)
{
	money amount = 0;

	(void)state;
	assert_int_equal(parse("0.1", &amount), ST_OK);
	assert_true(amount == 100000000000);
}

static void
test_refusals_say_why(void **state)
{
	static const struct {
		const char *text;
		enum status why;
	} bad[] = {
		{ "", ST_MALFORMED },
		{ "-", ST_MALFORMED },
		{ "+1", ST_MALFORMED },
		{ "01", ST_MALFORMED },
		{ ".5", ST_MALFORMED },
		{ "1.", ST_MALFORMED },
		{ "1e", ST_MALFORMED },
		{ "1e+", ST_MALFORMED },
		{ "1 ", ST_MALFORMED },
		{ " 1", ST_MALFORMED },
		{ "0x1", ST_MALFORMED },
		{ "NaN", ST_MALFORMED },
		{ "1e5.0", ST_MALFORMED },
		{ "1.2.3", ST_MALFORMED },
		{ "0.0000000000001", ST_INVALID },
		{ "1e-13", ST_INVALID },
		{ "170141183460469231731687303.715884105728", ST_FULL },
		{ "-170141183460469231731687303.715884105729", ST_FULL },
		{ "1e27", ST_FULL },
		{ "1e99999999999999999999", ST_FULL },
	};
	money amount = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i].text, &amount), bad[i].why);
	assert_true(amount == 7);
}

static void
test_adding_past_the_range_is_full(void **state)
{
	money most;
	money least;
	money sum = 7;

	(void)state;
	assert_int_equal(parse(MOST, &most), ST_OK);
	assert_int_equal(parse(LEAST, &least), ST_OK);
	assert_int_equal(money_add(most, 1, &sum), ST_FULL);
	assert_int_equal(money_add(least, -1, &sum), ST_FULL);
	assert_int_equal(money_add(least, least, &sum), ST_FULL);
	assert_true(sum == 7);
	assert_int_equal(money_add(most, least, &sum), ST_OK);
	assert_true(sum == -1);
}

static void
test_rounding_is_half_to_even(void **state)
{
	static const struct {
		const char *amount;
		unsigned digits;
		const char *rounded;
	} of[] = { { "0.125", 2, "0.12" }, { "0.135", 2, "0.14" },
		{ "0.1250000001", 2, "0.13" }, { "-0.125", 2, "-0.12" },
		{ "-0.135", 2, "-0.14" }, { "0.99999999999", 10, "1" },
		{ "0.000000000050", 10, "0" },
		{ "0.000000000150", 10, "0.0000000002" }, { "1.5", 0, "2" },
		{ "2.5", 0, "2" }, { "0.123456789012", 12, "0.123456789012" } };
	char text[MONEY_TEXT_SIZE];
	money amount;

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		assert_int_equal(parse(of[i].amount, &amount), ST_OK);
		money_text(money_round(amount, of[i].digits), text);
		assert_string_equal(text, of[i].rounded);
	}
	assert_int_equal(parse(MOST, &amount), ST_OK);
	assert_true(money_round(amount, 0) <= amount);
}

static void
test_millionths_are_rounded_once(void **state)
{
	uint64_t rest = 0;
	money sum = 0, amount;

	(void)state;
	for (int i = 0; i < 5; i++) /* five tenths of the least unit */
		assert_int_equal(
		    money_add_millionths(100000, 1, &sum, &rest), ST_OK);
	assert_int_equal(rest, 500000);
	assert_int_equal(money_settle_millionths(sum, rest, &amount), ST_OK);
	assert_true(amount == 0);
	assert_int_equal(
	    money_settle_millionths(sum + 1, rest, &amount), ST_OK);
	assert_true(amount == 2);
	assert_int_equal(
	    money_add_millionths((money)1 << 100, UINT64_MAX, &sum, &rest),
	    ST_FULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounding_is_half_to_even),
		cmocka_unit_test(test_millionths_are_rounded_once),
		RUN(test_text_comes_back_shortest),
		RUN(test_tenth_is_exact),
		RUN(test_refusals_say_why),
		RUN(test_adding_past_the_range_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
