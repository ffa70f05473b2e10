/* Failed log-ins: counted within a window, locked for a while, bounded. */
#include "actors/lockout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define THRESHOLD 3
#define WINDOW_US 1000
#define DURATION_US 5000

static struct lockout l;

static void
lockout_reset(void)
{
	memset(&l, 0, sizeof(l));
	l.key[0] = 1;
	l.threshold = THRESHOLD;
	l.window_us = WINDOW_US;
	l.duration_us = DURATION_US;
}

static void
test_the_last_of_too_many_locks(void **state)
{
	(void)state;
	lockout_reset();
	assert_false(lockout_fail(&l, "u", 0));
	assert_false(lockout_fail(&l, "u", 1));
	assert_int_equal(lockout_wait_us(&l, "u", 1), 0);
	assert_true(lockout_fail(&l, "u", 2));
	assert_int_equal(lockout_wait_us(&l, "u", 2), DURATION_US);
	assert_int_equal(lockout_wait_us(&l, "v", 2), 0);
	/* More failures meanwhile neither lengthen it nor lock again. */
	assert_false(lockout_fail(&l, "u", 100));
	assert_int_equal(lockout_wait_us(&l, "u", DURATION_US + 1), 1);
	assert_int_equal(lockout_wait_us(&l, "u", DURATION_US + 2), 0);
	assert_false(lockout_fail(&l, "u", DURATION_US + 2));
}

static void
test_failures_far_apart_do_not_lock(void **state)
{
	(void)state;
	lockout_reset();
	for (uint64_t i = 0; i < 10; i++)
		assert_false(lockout_fail(
		    &l, "u", i * WINDOW_US / 2 + i / 2 * WINDOW_US));
	assert_int_equal(lockout_wait_us(&l, "u", 10 * WINDOW_US), 0);
}

static void
test_a_good_login_starts_anew(void **state)
{
	(void)state;
	lockout_reset();
	for (int i = 0; i < 5; i++) {
		assert_false(lockout_fail(&l, "u", 0));
		assert_false(lockout_fail(&l, "u", 0));
		lockout_forget(&l, "u");
	}
	lockout_forget(&l, "unknown");
}

/* A flood of made-up names may push out a count, never a lock. */
static void
test_a_flood_of_names_leaves_locks_alone(void **state)
{
	char name[32];

	(void)state;
	lockout_reset();
	for (int i = 0; i < THRESHOLD; i++)
		(void)lockout_fail(&l, "victim", 0);
	for (int i = 0; i < 4 * LOCKOUT_SETS * LOCKOUT_WAYS; i++) {
		snprintf(name, sizeof(name), "made-up-%d", i);
		(void)lockout_fail(&l, name, 1);
	}
	assert_int_equal(lockout_wait_us(&l, "victim", 1), DURATION_US - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_of_too_many_locks),
		cmocka_unit_test(test_failures_far_apart_do_not_lock),
		cmocka_unit_test(test_a_good_login_starts_anew),
		cmocka_unit_test(test_a_flood_of_names_leaves_locks_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
