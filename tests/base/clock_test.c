/* clock_test - one text per instant, and every instant has one. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/base/clock.h"

static void
test_text_of_an_instant(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} known[] = {
		{ 0, "1970-01-01T00:00:00.000000+00:00" },
		{ -1, "1969-12-31T23:59:59.999999+00:00" },
		{ INT64_C(1775210400000000),
		    "2026-04-03T10:00:00.000000+00:00" },
		{ INT64_C(951782400000001),
		    "2000-02-29T00:00:00.000001+00:00" },
		{ INT64_C(253402300799999999),
		    "9999-12-31T23:59:59.999999+00:00" },
		{ INT64_C(-62167219200000000),
		    "0000-01-01T00:00:00.000000+00:00" },
		{ INT64_MAX, "9999-12-31T23:59:59.999999+00:00" },
		{ INT64_MIN, "0000-01-01T00:00:00.000000+00:00" },
	};
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		clock_text(known[i].us, text);
		assert_string_equal(text, known[i].text);
	}
}

/* Days all over the range, against the system's calendar. */
static void
test_text_of_many_days(void **state)
{
	char text[CLOCK_TEXT_SIZE], date[24], wanted[64];
	const int64_t first = -719528, last = 2932896;

	(void)state;
	for (int64_t day = first; day <= last; day += 11) {
		int64_t second = (day - first) % 86400;
		time_t at = (time_t)(day * 86400 + second);
		struct tm tm;

		gmtime_r(&at, &tm);
		strftime(date, sizeof(date), "%m-%dT%H:%M:%S", &tm);
		snprintf(wanted, sizeof(wanted), "%04d-%.14s.%06d+00:00",
		    tm.tm_year + 1900, date, (int)second);
		clock_text((int64_t)at * 1000000 + second, text);
		assert_string_equal(text, wanted);
	}
}

static uint64_t
still_mono(void *ctx)
{
	return *(const uint64_t *)ctx;
}

static int64_t
still_wall(void *ctx)
{
	return (int64_t) * (const uint64_t *)ctx * 2;
}

static void
test_a_clock_is_turned_by_hand(void **state)
{
	uint64_t now = 7;
	struct clock c = { still_mono, still_wall, &now };

	(void)state;
	assert_int_equal(clock_mono_us(&c), 7);
	now = 9;
	assert_int_equal(clock_mono_us(&c), 9);
	assert_int_equal(clock_wall_us(&c), 18);
	assert_true(
	    clock_mono_us(&clock_system) <= clock_mono_us(&clock_system));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_text_of_an_instant),
		RUN(test_text_of_many_days),
		RUN(test_a_clock_is_turned_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
