/* calendar_test - where hours, days, weeks and months begin. */
#include "tests/check.h"

#include <string.h>

#include "runtime/base/calendar.h"
#include "runtime/base/clock.h"
#include "runtime/base/currency.h"

static int64_t
at(const char *text)
{
	int64_t us;

	assert_int_equal(clock_parse(text, strlen(text), &us), ST_OK);
	return us;
}

static void
begins(enum calendar_unit unit, const char *time, int64_t offset,
    const char *start, const char *next)
{
	assert_int_equal(calendar_floor(unit, at(time), offset), at(start));
	assert_int_equal(calendar_next(unit, at(time), offset), at(next));
}

static void
test_units_begin_where_people_say(void **state)
{
	(void)state;
	begins(CALENDAR_HOUR, "2026-04-03T10:59:59Z", 0, "2026-04-03T10:00:00Z",
	    "2026-04-03T11:00:00Z");
	begins(CALENDAR_DAY, "2026-04-03T10:00:00Z", 0, "2026-04-03T00:00:00Z",
	    "2026-04-04T00:00:00Z");
	begins(CALENDAR_WEEK, "2026-04-05T23:00:00Z", 0, "2026-03-30T00:00:00Z",
	    "2026-04-06T00:00:00Z");
	begins(CALENDAR_MONTH, "2028-02-29T12:00:00Z", 0,
	    "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
	begins(CALENDAR_MONTH, "2026-12-31T23:59:59Z", 0,
	    "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
	begins(CALENDAR_MONTH, "1969-12-31T23:59:59Z", 0,
	    "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z");
}

/* In India it is tomorrow already. */
static void
test_an_offset_moves_midnight(void **state)
{
	(void)state;
	begins(CALENDAR_DAY, "2026-04-30T19:00:00Z", 330,
	    "2026-04-30T18:30:00Z", "2026-05-01T18:30:00Z");
	begins(CALENDAR_MONTH, "2026-04-30T19:00:00Z", 330,
	    "2026-04-30T18:30:00Z", "2026-05-31T18:30:00Z");
	begins(CALENDAR_DAY, "2026-04-30T01:00:00Z", -120,
	    "2026-04-29T02:00:00Z", "2026-04-30T02:00:00Z");
}

/* Every day of 800 years is in the month that begins before it. */
static void
test_months_follow_each_other(void **state)
{
	int64_t month = at("1600-01-01T00:00:00Z");
	int64_t day = month;

	(void)state;
	for (int n = 0; n < 800 * 12; n++) {
		int64_t next = calendar_next(CALENDAR_MONTH, month, 0);
		int64_t days = (next - month) / CALENDAR_DAY_US;

		assert_true(days >= 28 && days <= 31);
		for (; day < next; day += CALENDAR_DAY_US)
			assert_int_equal(
			    calendar_floor(CALENDAR_MONTH, day, 0), month);
		month = next;
	}
	assert_int_equal(month, at("2400-01-01T00:00:00Z"));
}

static void
test_currencies_are_those_of_the_list(void **state)
{
	(void)state;
	assert_true(currency_known("AED"));
	assert_true(currency_known("EUR"));
	assert_true(currency_known("ZWG"));
	assert_false(currency_known(""));
	assert_false(currency_known("eur"));
	assert_false(currency_known("EURO"));
	assert_false(currency_known("QQQ"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units_begin_where_people_say),
		cmocka_unit_test(test_an_offset_moves_midnight),
		cmocka_unit_test(test_months_follow_each_other),
		cmocka_unit_test(test_currencies_are_those_of_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
