/* histogram_test - percentiles are as near as promised, and never too low. */
#include "tests/check.h"

#include <string.h>

#include "runtime/base/histogram.h"

static struct histogram one, two;

static void
clear(void)
{
	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
}

static void
test_small_values_are_exact(void **state)
{
	(void)state;
	clear();
	for (uint64_t v = 0; v <= 100; v++)
		histogram_record(&one, v);
	assert_int_equal(one.count, 101);
	assert_int_equal(histogram_at(&one, 500000), 50);
	assert_int_equal(histogram_at(&one, 990000), 99);
	assert_int_equal(histogram_at(&one, 1000000), 100);
	assert_int_equal(histogram_at(&one, 0), 0);
}

static void
test_every_answer_is_within_a_step(void **state)
{
	(void)state;
	for (uint64_t v = 1; v <= HISTOGRAM_MAX; v += v / 37 + 1) {
		uint64_t got;

		clear();
		histogram_record(&one, v);
		histogram_record(&one, HISTOGRAM_MAX);
		got = histogram_at(&one, 500000);
		assert_true(got >= v);
		assert_true(got - v <= v / HISTOGRAM_STEPS);
	}
}

static void
test_neighbours_share_a_bucket_or_come_next(void **state)
{
	(void)state;
	for (uint64_t v = 0; v < 200000; v++) {
		uint32_t a = histogram_bucket(v);
		uint32_t b = histogram_bucket(v + 1);

		assert_true(b == a || b == a + 1);
	}
	assert_int_equal(
	    histogram_bucket(HISTOGRAM_MAX), HISTOGRAM_BUCKETS - 1);
}

static void
test_too_great_a_value_counts_as_the_greatest(void **state)
{
	(void)state;
	clear();
	histogram_record(&one, UINT64_MAX);
	assert_int_equal(histogram_at(&one, 1000000), HISTOGRAM_MAX);
}

static void
test_nothing_recorded_is_zero(void **state)
{
	(void)state;
	clear();
	assert_int_equal(histogram_at(&one, 999000), 0);
}

static void
test_adding_is_as_recording_both(void **state)
{
	(void)state;
	clear();
	for (uint64_t v = 0; v < 1000; v++)
		histogram_record(v % 2 == 0 ? &one : &two, v * v);
	histogram_add(&one, &two);
	assert_int_equal(one.count, 1000);
	assert_int_equal(one.max, 999 * 999);
	assert_in_range(
	    histogram_at(&one, 500000), 499 * 499, 500 * 500 + 2000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_small_values_are_exact),
		RUN(test_every_answer_is_within_a_step),
		RUN(test_neighbours_share_a_bucket_or_come_next),
		RUN(test_too_great_a_value_counts_as_the_greatest),
		RUN(test_nothing_recorded_is_zero),
		RUN(test_adding_is_as_recording_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
