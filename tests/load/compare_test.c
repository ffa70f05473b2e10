/* compare_test - a slow-down is seen, equal builds are called equal. */
#include "tests/check.h"

#include <math.h>

#include "load/compare.h"

#define RUNS 10
#define TRIALS 2000

static uint64_t chance = 1;

/* From 0 to 1; the same every time the test runs. */
static double
draw(void)
{
	chance ^= chance >> 12;
	chance ^= chance << 25;
	chance ^= chance >> 27;
	return (double)(chance * UINT64_C(2685821657736338717) >> 11) /
	       9007199254740992.0;
}

/* A run that is noisy by 2 %, and now and then meets a bad neighbour. */
static double
run_of(double speed)
{
	double noise = draw() + draw() + draw() + draw() - 2; /* sd 0.58 */

	return speed * (1 + 0.02 / 0.58 * noise) * (draw() < 0.05 ? 0.8 : 1);
}

static struct comparison
compare_speeds(double one, double other)
{
	double a[RUNS], b[RUNS];
	struct comparison c;

	for (size_t i = 0; i < RUNS; i++) {
		a[i] = run_of(one);
		b[i] = run_of(other);
	}
	assert_int_equal(compare(a, RUNS, b, RUNS, &c), ST_OK);
	return c;
}

static void
test_five_percent_slower_is_seen(void **state)
{
	int seen = 0, held = 0;

	(void)state;
	for (int i = 0; i < TRIALS; i++) {
		struct comparison c = compare_speeds(1e6, 0.95e6);

		seen += c.differ && c.high < 1;
		held += c.low <= 0.95 && 0.95 <= c.high;
	}
	/* Ten runs of 2 % noise: nearly always, and the interval holds. */
	assert_true(seen >= TRIALS * 95 / 100);
	assert_true(held >= TRIALS * 94 / 100);
}

static void
test_equal_builds_are_equal(void **state)
{
	int wrong = 0;

	(void)state;
	for (int i = 0; i < TRIALS; i++)
		wrong += compare_speeds(1e6, 1e6).differ;
	/* 5 % of the time chance looks like a difference, and no more. */
	assert_true(wrong <= TRIALS * 6 / 100);
	assert_true(wrong >= TRIALS * 2 / 100);
}

/* By hand: 4 and 4 that do not overlap; 1 of 70 orders, to each side. */
static void
test_the_smallest_sets_are_exact(void **state)
{
	double a[] = { 10, 11, 12, 13 }, b[] = { 20, 21, 22, 23 };
	struct comparison c;

	(void)state;
	assert_int_equal(compare(a, 4, b, 4, &c), ST_OK);
	assert_true(fabs(c.p - 2.0 / 70) < 1e-12);
	assert_true(fabs(c.low - 20.0 / 13) < 1e-12);
	assert_true(fabs(c.high - 23.0 / 10) < 1e-12);
	assert_true(c.differ);
	assert_int_equal(compare(b, 4, a, 4, &c), ST_OK);
	assert_true(fabs(c.high - 13.0 / 20) < 1e-12);
	assert_true(c.differ);
	assert_int_equal(compare(a, 4, a, 4, &c), ST_OK);
	assert_false(c.differ);
	assert_true(fabs(c.ratio - 1) < 1e-12);
}

/* Wilcoxon's tables: for 5 and 5, U <= 2 has 2.5 % on one side at most. */
static void
test_the_tail_is_that_of_the_tables(void **state)
{
	double a[] = { 1, 2, 3, 4, 5 };
	double b[] = { 4.5, 5.5, 6.5, 7.5,
		8.5 }; /* one pair is the other way */
	double d[] = { 3.5, 3.6, 5.5, 6.5, 7.5 }; /* four are */
	struct comparison c;

	(void)state;
	assert_int_equal(compare(a, 5, b, 5, &c), ST_OK);
	assert_true(c.differ);
	assert_true(fabs(c.p - 2 * 2.0 / 252) < 1e-12);
	assert_int_equal(compare(a, 5, d, 5, &c), ST_OK);
	assert_false(c.differ);
}

static void
test_bad_sets_are_refused(void **state)
{
	double good[] = { 1, 2, 3, 4 }, zero[] = { 1, 0, 2, 3 },
	       nan_[] = { 1, 2, 3, NAN };
	static double many[COMPARE_MAX + 1];
	struct comparison c;

	(void)state;
	assert_int_equal(compare(good, 3, good, 4, &c), ST_INVALID);
	assert_int_equal(compare(good, 4, zero, 4, &c), ST_INVALID);
	assert_int_equal(compare(nan_, 4, good, 4, &c), ST_INVALID);
	for (size_t i = 0; i <= COMPARE_MAX; i++)
		many[i] = 1 + (double)i;
	assert_int_equal(
	    compare(many, COMPARE_MAX + 1, good, 4, &c), ST_INVALID);
	assert_int_equal(
	    compare(many, COMPARE_MAX, many, COMPARE_MAX, &c), ST_OK);
	assert_false(c.differ);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_five_percent_slower_is_seen),
		RUN(test_equal_builds_are_equal),
		RUN(test_the_smallest_sets_are_exact),
		RUN(test_the_tail_is_that_of_the_tables),
		RUN(test_bad_sets_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
