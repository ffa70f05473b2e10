/* What is asked of the system for a thread, and when a step of work ends. */
#include "runtime/base/processor.h"

#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/pace.h"
#include "tests/check.h"

static struct {
	int has_policy;
	long call;
	uint32_t policy;
	int32_t nice;
	uint64_t slice_ns;
	int given_way;
	int nice_of_work;
	bool done;
	cpu_set_t there, left;
	int limits;
} seen;

/* Instead of the library's. */
long
syscall(long call, ...)
{
	const uint8_t *turns;
	va_list args;

	va_start(args, call);
	(void)va_arg(args, int);
	turns = va_arg(args, const uint8_t *);
	va_end(args);
	seen.call = call;
	if (call != SYS_sched_setattr)
		return -1;
	/* Where sched_setattr(2) says they stand. */
	memcpy(&seen.policy, turns + 4, sizeof(seen.policy));
	memcpy(&seen.nice, turns + 16, sizeof(seen.nice));
	memcpy(&seen.slice_ns, turns + 24, sizeof(seen.slice_ns));
	return 0;
}

int
sched_getscheduler(pid_t thread)
{
	(void)thread;
	return seen.has_policy;
}

int
sched_getaffinity(pid_t thread, size_t size, cpu_set_t *ret_set)
{
	(void)thread;
	(void)size;
	*ret_set = seen.there;
	return 0;
}

int
sched_setaffinity(pid_t thread, size_t size, const cpu_set_t *set)
{
	(void)thread;
	(void)size;
	seen.left = *set;
	seen.limits++;
	return 0;
}

int
sched_yield(void)
{
	seen.given_way++;
	return 0;
}

static int
forget(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	return 0;
}

static void
test_short_turns_leave_the_rest_as_it_is(void **state)
{
	(void)state;
	processor_take_short_turns();
	assert_int_equal(seen.call, SYS_sched_setattr);
	assert_int_equal(seen.policy, SCHED_OTHER);
	assert_int_equal(seen.nice, getpriority(PRIO_PROCESS, 0));
	assert_int_equal(seen.slice_ns, PROCESSOR_TURN_US * 1000);
}

static void
test_who_has_a_policy_of_its_own_keeps_it(void **state)
{
	(void)state;
	seen.has_policy = SCHED_FIFO;
	processor_take_short_turns();
	assert_int_equal(seen.call, 0);
}

static void
note_nice(void *arg)
{
	(void)arg;
	seen.nice_of_work = getpriority(PRIO_PROCESS, (id_t)gettid());
	seen.done = true;
}

static void
test_work_in_the_background_is_nice_and_waited_for(void **state)
{
	(void)state;
	background_run(note_nice, NULL, true);
	assert_true(seen.done);
	assert_int_equal(seen.nice_of_work, 19);
}

static void
test_work_leaves_one_processor_to_others(void **state)
{
	(void)state;
	CPU_SET(2, &seen.there);
	CPU_SET(5, &seen.there);
	CPU_SET(7, &seen.there);
	background_run(note_nice, NULL, true);
	assert_int_equal(seen.limits, 0);
	background_run(note_nice, NULL, false);
	assert_int_equal(seen.limits, 1);
	assert_int_equal(CPU_COUNT(&seen.left), 2);
	assert_true(CPU_ISSET(5, &seen.left) && CPU_ISSET(7, &seen.left));
}

static void
test_the_only_processor_is_used(void **state)
{
	(void)state;
	CPU_SET(3, &seen.there);
	background_run(note_nice, NULL, false);
	assert_true(seen.done);
	assert_int_equal(seen.limits, 0);
}

static void
test_work_gives_way_after_each_step(void **state)
{
	struct pace p = { 0 };

	(void)state;
	pace_init(&p, 0);
	assert_true(pace_took(&p, BACKGROUND_STEP - 1));
	assert_int_equal(seen.given_way, 0);
	assert_true(pace_took(&p, 1));
	assert_int_equal(seen.given_way, 1);
	assert_true(pace_took(&p, UINT64_C(1) << 40));
	assert_int_equal(seen.given_way, 2);
}

static void
test_small_rows_are_a_step_too(void **state)
{
	struct pace p = { 0 };

	(void)state;
	pace_init(&p, 0);
	for (uint32_t i = 1; i < PACE_STEP_CALLS; i++)
		assert_true(pace_took(&p, 1));
	assert_int_equal(seen.given_way, 0);
	assert_true(pace_took(&p, 1));
	assert_int_equal(seen.given_way, 1);
}

int
main(void)
{
#define FRESH(test) cmocka_unit_test_setup(test, forget)
	const struct CMUnitTest tests[] = {
		FRESH(test_short_turns_leave_the_rest_as_it_is),
		FRESH(test_who_has_a_policy_of_its_own_keeps_it),
		FRESH(test_work_in_the_background_is_nice_and_waited_for),
		FRESH(test_work_leaves_one_processor_to_others),
		FRESH(test_the_only_processor_is_used),
		FRESH(test_work_gives_way_after_each_step),
		FRESH(test_small_rows_are_a_step_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
