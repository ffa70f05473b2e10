/* Loops that do not stop, die, or lose whoever asked: AT-10 to AT-13. */
#include "tests/runtime/lifecycle_world.h"

/* A loop that ignores what it is told, and a stop of it. */
static void
world_get_stuck(struct world *w, struct caller *stop)
{
	world_init(w);
	w->works_at_once = true;
	w->ignores_cancel = true;
	(void)world_start(w);
	memset(stop, 0, sizeof(*stop));
	lifecycle_stop(&w->lc, &stop->wish);
}

/* AT-10 */
static void
test_stubborn_loop_times_the_stop_out(void **state)
{
	struct caller stop, late = { 0 };
	struct world w;

	(void)state;
	world_get_stuck(&w, &stop);
	world_advance(&w, DRAIN_US - 1);
	assert_int_equal(stop.answers, 0);
	lifecycle_stop(&w.lc, &late.wish); /* shares the outcome */
	world_advance(&w, 1);
	assert_answer(&stop, ST_TIMEOUT);
	assert_answer(&late, ST_TIMEOUT);
	assert_int_equal(w.lc.state, LIFECYCLE_FAILED);
	assert_int_equal(w.news[LIFECYCLE_STUCK], 1);
	assert_int_equal(w.cancels, 1);
	assert_string_equal(w.history, "sTxx");
	world_advance(&w, INTERVAL_US);
	assert_int_equal(w.cancels, 1);
	assert_int_equal(w.news[LIFECYCLE_STUCK], 1);
}

/* AT-11 */
static void
test_unrestartable_is_for_ever(void **state)
{
	struct caller stop;
	struct world w;

	(void)state;
	world_get_stuck(&w, &stop);
	world_advance(&w, DRAIN_US);
	assert_int_equal(world_start(&w).st, ST_CONFLICT);
	assert_int_equal(w.news[LIFECYCLE_REFUSED], 1);
	world_release(&w); /* the orphan ends */
	assert_int_equal(w.live, 0);
	assert_int_equal(world_start(&w).st, ST_CONFLICT);
	assert_int_equal(w.spawns, 1);
	assert_int_equal(world_stop(&w).st, ST_OK);
	assert_int_equal(w.lc.state, LIFECYCLE_FAILED);
}

/* Integrity 4.1, the row of FAILED. */
static void
test_stop_of_an_orphan_waits_once_more(void **state)
{
	struct caller stop, again = { 0 }, third = { 0 };
	struct world w;

	(void)state;
	world_get_stuck(&w, &stop);
	world_advance(&w, DRAIN_US);
	lifecycle_stop(&w.lc, &again.wish);
	world_advance(&w, DRAIN_US);
	assert_answer(&again, ST_TIMEOUT);
	lifecycle_stop(&w.lc, &third.wish);
	world_release(&w);
	assert_answer(&third, ST_OK);
	assert_int_equal(w.lc.state, LIFECYCLE_FAILED);
	assert_int_equal(w.cancels, 1);
	assert_int_equal(w.drain_at_us, 0);
}

/* AT-12 */
static void
test_gone_asker_neither_stops_nor_spoils_the_drain(void **state)
{
	struct caller stop, next;
	struct world w;

	(void)state;
	world_get_stuck(&w, &stop);
	w.drain_at_us = w.now_us + 10000000;
	world_advance(&w, 1000000);
	lifecycle_forget(&w.lc, &stop.wish);
	assert_int_equal(w.lc.state, LIFECYCLE_DRAINING);
	assert_int_equal(w.live, 1);
	world_release(&w);
	assert_int_equal(stop.answers, 0);
	assert_int_equal(w.lc.state, LIFECYCLE_IDLE);
	assert_string_equal(w.history, "s");
	next = world_start(&w);
	assert_int_equal(next.st, ST_OK);
	assert_int_equal(w.live, 1);
}

/* Integrity 4.1, the row of STARTING. */
static void
test_gone_starter_leaves_the_start_going(void **state)
{
	struct caller start = { 0 }, rival = { 0 };
	struct world w;

	(void)state;
	world_init(&w);
	w.spawns_slowly = true;
	lifecycle_start(&w.lc, &start.wish);
	lifecycle_start(&w.lc, &rival.wish);
	lifecycle_forget(&w.lc, &start.wish);
	world_spawned(&w);
	assert_int_equal(start.answers, 0);
	assert_answer(&rival, ST_OK);
	assert_int_equal(w.spawns, 1);
}

/* AT-13 */
static void
test_dead_loop_is_told_and_may_be_started_again(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	(void)world_start(&w);
	world_end_loop(&w, ST_IO);
	assert_int_equal(w.news[LIFECYCLE_DIED], 1);
	assert_int_equal(w.last_news, ST_IO);
	assert_false(lifecycle_is_running(&w.lc));
	assert_int_equal(w.lc.state, LIFECYCLE_DEAD);
	assert_int_equal(world_stop(&w).st, ST_OK);
	assert_int_equal(world_start(&w).st, ST_OK);
	assert_int_equal(w.lc.generation, 2);
}

static void
test_loop_that_dies_unborn_tells_its_starter(void **state)
{
	struct caller start = { 0 }, rival = { 0 };
	struct world w;

	(void)state;
	world_init(&w);
	w.spawns_slowly = true;
	lifecycle_start(&w.lc, &start.wish);
	lifecycle_start(&w.lc, &rival.wish);
	world_end_loop(&w, ST_NO_MEMORY);
	assert_answer(&start, ST_NO_MEMORY);
	assert_int_equal(rival.answers, 0); /* its own attempt is under way */
	assert_int_equal(w.spawns, 2);
	world_spawned(&w);
	assert_answer(&rival, ST_OK);
	assert_int_equal(w.live_most, 1);
}

/* LC-04: an error at the end is told, and the stop is a success. */
static void
test_error_of_the_last_cycle_does_not_fail_the_stop(void **state)
{
	struct caller stop = { 0 };
	struct world w;

	(void)state;
	world_init(&w);
	w.works_at_once = true;
	(void)world_start(&w);
	lifecycle_stop(&w.lc, &stop.wish);
	world_end_loop(&w, ST_IO);
	assert_answer(&stop, ST_OK);
	assert_int_equal(w.news[LIFECYCLE_SPOILT], 1);
	assert_int_equal(w.news[LIFECYCLE_DIED], 0);
}

/* LC-10 */
static void
test_cancelled_loop_is_no_failure(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	(void)world_start(&w);
	world_end_loop(&w, ST_CANCELLED);
	assert_int_equal(w.news[LIFECYCLE_DIED], 0);
	assert_int_equal(w.lc.state, LIFECYCLE_DEAD);
}

static void
test_all_who_queued_behind_a_stuck_stop_are_answered(void **state)
{
	struct caller stop, start = { 0 }, behind = { 0 };
	struct world w;

	(void)state;
	world_get_stuck(&w, &stop);
	lifecycle_start(&w.lc, &start.wish);
	lifecycle_stop(&w.lc, &behind.wish);
	world_advance(&w, DRAIN_US);
	assert_answer(&stop, ST_TIMEOUT);
	assert_answer(&behind, ST_TIMEOUT);
	assert_answer(&start, ST_CONFLICT);
	assert_int_equal(w.spawns, 1);
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_stubborn_loop_times_the_stop_out),
		RUN(test_unrestartable_is_for_ever),
		RUN(test_stop_of_an_orphan_waits_once_more),
		RUN(test_gone_asker_neither_stops_nor_spoils_the_drain),
		RUN(test_gone_starter_leaves_the_start_going),
		RUN(test_dead_loop_is_told_and_may_be_started_again),
		RUN(test_loop_that_dies_unborn_tells_its_starter),
		RUN(test_error_of_the_last_cycle_does_not_fail_the_stop),
		RUN(test_cancelled_loop_is_no_failure),
		RUN(test_all_who_queued_behind_a_stuck_stop_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
