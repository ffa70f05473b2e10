#include "runtime/base/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "runtime/base/clock.h"

#define MINUTE_US INT64_C(60000000)

static int64_t
at(const char *text)
{
	int64_t us;

	assert_int_equal(clock_parse(text, strlen(text), &us), ST_OK);
	return us;
}

static void
check_next(const char *line, const char *after, const char *expected)
{
	struct cron c;
	const char *why;
	int64_t next;

	assert_int_equal(cron_parse(line, &c, &why), ST_OK);
	assert_int_equal(cron_next(&c, at(after), &next), ST_OK);
	if (next != at(expected)) {
		char text[CLOCK_TEXT_SIZE];

		clock_text(next, text);
		fail_msg("%s after %s is %s", line, after, text);
	}
}

static void
test_lines_name_their_times(void **state)
{
	(void)state;
	check_next("* * * * *", "2026-11-29T01:02:03Z", "2026-11-29T01:03:00Z");
	check_next("0 3 * * *", "2026-11-29T03:00:00Z", "2026-11-30T03:00:00Z");
	check_next("0 3 * * *", "2026-11-29T02:59:59Z", "2026-11-29T03:00:00Z");
	check_next("*/15 8-18/2 * * MON-FRI", "2026-11-29T10:00:00Z",
	    "2026-11-30T08:00:00Z");
	check_next(
	    "59 23 31 dec *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z");
	check_next("5,10-12 0 1 1,7 *", "2026-02-01T00:00:00Z",
	    "2026-07-01T00:05:00Z");
	check_next(
	    "50/3 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:50:00Z");
	check_next("@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
	check_next("@Weekly", "2026-11-29T00:00:00Z", "2026-12-06T00:00:00Z");
	check_next("@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
}

/* Sunday is 0 and 7; a range to 7 ends with it. */
static void
test_sunday_has_two_numbers(void **state)
{
	(void)state;
	check_next("0 0 * * 7", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z");
	check_next("0 0 * * 0", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z");
	check_next(
	    "0 0 * * 6-7", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z");
	check_next(
	    "0 0 * * sat,SUN", "2026-11-29T00:00:00Z", "2026-12-05T00:00:00Z");
}

static void
test_day_or_weekday_where_both_are_named(void **state)
{
	(void)state;
	check_next(
	    "0 0 13 * FRI", "2026-11-01T00:00:00Z", "2026-11-06T00:00:00Z");
	check_next(
	    "0 0 13 * FRI", "2026-11-07T00:00:00Z", "2026-11-13T00:00:00Z");
	/* `*` with a step does not make it an either-or. */
	check_next(
	    "0 0 */2 * FRI", "2026-11-01T00:00:00Z", "2026-11-13T00:00:00Z");
}

static void
test_rare_days_are_found_and_impossible_ones_are_not(void **state)
{
	struct cron c;
	const char *why;
	int64_t next;

	(void)state;
	check_next(
	    "0 0 29 2 *", "2097-01-01T00:00:00Z", "2104-02-29T00:00:00Z");
	check_next(
	    "0 0 29 FEB *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z");
	assert_int_equal(cron_parse("0 0 30 2 *", &c, &why), ST_OK);
	assert_int_equal(
	    cron_next(&c, at("2026-01-01T00:00:00Z"), &next), ST_NOT_FOUND);
}

static void
test_what_is_no_line_is_refused_with_its_field(void **state)
{
	static const struct {
		const char *line;
		const char *why;
	} bad[] = {
		{ "", "minute" },
		{ "60 * * * *", "minute" },
		{ "-1 * * * *", "minute" },
		{ "1- * * * *", "minute" },
		{ "5-1 * * * *", "minute" },
		{ "*/0 * * * *", "minute" },
		{ "*/ * * * *", "minute" },
		{ "1,,2 * * * *", "minute" },
		{ "1, * * * *", "minute" },
		{ "100000000000 * * * *", "minute" },
		{ "*5 * * * *", "minute" },
		{ "0 24 * * *", "hour" },
		{ "0", "hour" },
		{ "0 0 0 * *", "day" },
		{ "0 0 32 * *", "day" },
		{ "0 0 1 13 *", "month" },
		{ "0 0 1 JANUARY *", "month" },
		{ "0 0 * * 8", "weekday" },
		{ "0 0 * * * *", "five fields" },
		{ "@reboot", "minute" },
		{ "0 0 * * MON#1", "weekday" },
		{ "0 0 L * *", "day" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cron c;
		const char *why = "";

		assert_int_equal(
		    cron_parse(bad[i].line, &c, &why), ST_MALFORMED);
		if (strstr(why, bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].line, why);
	}
}

/* The reference: look at every minute, with the C library's calendar. */
static int64_t
next_slowly(const struct cron *c, int64_t wall_us, int64_t minutes)
{
	for (int64_t m = wall_us / MINUTE_US + 1; minutes-- > 0; m++) {
		time_t s = (time_t)(m * 60);
		struct tm tm;
		bool day, weekday;

		gmtime_r(&s, &tm);
		day = (c->days >> tm.tm_mday & 1) != 0;
		weekday = (c->weekdays >> tm.tm_wday & 1) != 0;
		if ((c->months >> (tm.tm_mon + 1) & 1) != 0 &&
		    (c->hours >> tm.tm_hour & 1) != 0 &&
		    (c->minutes >> tm.tm_min & 1) != 0 &&
		    (c->any_day || c->any_weekday ? day && weekday
						  : day || weekday))
			return m * MINUTE_US;
	}
	return -1;
}

static uint32_t
dice(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

static void
test_any_line_agrees_with_a_search_minute_by_minute(void **state)
{
	uint32_t seed = 20261129;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct cron c = {
			.minutes = UINT64_C(1) << dice(&seed, 60),
			.hours = 1u << dice(&seed, 24) | 1u << dice(&seed, 24),
			.days = 1u << (1 + dice(&seed, 31)) |
				1u << (1 + dice(&seed, 31)),
			.months = 0x1ffeu,
			.weekdays = 1u << dice(&seed, 7) | 1u << dice(&seed, 7),
			.any_day = dice(&seed, 2) != 0,
			.any_weekday = dice(&seed, 2) != 0,
		};
		int64_t from = at("2023-12-01T00:00:00Z") +
			       MINUTE_US * dice(&seed, 500000);
		int64_t slow = next_slowly(&c, from, 60 * 1440);
		int64_t next;

		if (slow >= 0) {
			assert_int_equal(cron_next(&c, from, &next), ST_OK);
			assert_int_equal(next, slow);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_name_their_times),
		cmocka_unit_test(test_sunday_has_two_numbers),
		cmocka_unit_test(test_day_or_weekday_where_both_are_named),
		cmocka_unit_test(
		    test_rare_days_are_found_and_impossible_ones_are_not),
		cmocka_unit_test(
		    test_what_is_no_line_is_refused_with_its_field),
		cmocka_unit_test(
		    test_any_line_agrees_with_a_search_minute_by_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
