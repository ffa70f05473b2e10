#include "runtime/base/fault.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/check.h"

/* Read once in a process: one variable for all tests, in this order. */
#define CLOCK_FILE "fault_test.clock"
#define HOUR_US INT64_C(3600000000)

static void
set_ahead(int64_t us)
{
	int fd = open(CLOCK_FILE, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, &us, sizeof(us)), sizeof(us));
	close(fd);
}

static void
test_nothing_happens_before_it_is_allowed(void **state)
{
	(void)state;
	assert_true(fault_is_asked());
	assert_false(fault_fails("a.step"));
	assert_ptr_equal(fault_clock(), &clock_system);
}

static void
test_a_step_fails_every_time_and_no_other_does(void **state)
{
	(void)state;
	fault_allow();
	for (int i = 0; i < 3; i++) {
		assert_true(fault_fails("a.step"));
		assert_false(fault_fails("a.ste"));
		assert_false(fault_fails("a.step2"));
	}
	fault_point("a.step"); /* it is to fail, not to kill */
}

static void
test_each_of_several_has_its_own_count(void **state)
{
	(void)state;
	assert_false(fault_fails("b.step"));
	assert_true(fault_fails("c.step"));
	assert_true(fault_fails("b.step"));
	assert_false(fault_fails("b.step"));
	assert_false(fault_fails("c.step"));
}

static void
test_the_wall_clock_is_set_and_the_other_is_not(void **state)
{
	const struct clock *c = fault_clock();
	uint64_t mono_us;
	int64_t ahead_us;

	(void)state;
	assert_ptr_not_equal(c, &clock_system);
	for (int64_t hours = 0; hours < 3; hours++) {
		set_ahead(hours * HOUR_US);
		ahead_us = clock_wall_us(c) - clock_wall_us(&clock_system);
		assert_in_range(ahead_us + HOUR_US / 2, hours * HOUR_US,
		    (hours + 1) * HOUR_US);
		mono_us = clock_mono_us(c);
		assert_true(mono_us <= clock_mono_us(&clock_system));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_nothing_happens_before_it_is_allowed),
		RUN(test_a_step_fails_every_time_and_no_other_does),
		RUN(test_each_of_several_has_its_own_count),
		RUN(test_the_wall_clock_is_set_and_the_other_is_not),
	};
	int failed;

	setenv("TROUPE_FAULT", "fail:a.step:*,fail:b.step:2,fail:c.step", 1);
	setenv("TROUPE_FAULT_CLOCK", CLOCK_FILE, 1);
	set_ahead(0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(CLOCK_FILE);
	return failed;
}
