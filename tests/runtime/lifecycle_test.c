/*
 * The life cycle against a service made of plain data: a loop that waits an
 * interval, works, and may be stubborn, on a clock that the test turns.
 */
#include "tests/runtime/lifecycle_world.h"

/* AT-01 */
static void
test_rival_starts_make_one_loop(void **state)
{
	struct caller rivals[RIVALS_MAX] = { 0 };
	struct world w;

	(void)state;
	for (int count = 3; count <= RIVALS_MAX; count += RIVALS_MAX - 3) {
		memset(rivals, 0, sizeof(rivals));
		world_init(&w);
		w.works_at_once = true;
		w.spawns_slowly = true;
		for (int i = 0; i < count; i++)
			lifecycle_start(&w.lc, &rivals[i].wish);
		world_spawned(&w);
		for (int i = 0; i < count; i++) {
			assert_answer(&rivals[i], ST_OK);
			assert_int_equal(rivals[i].already, i > 0);
		}
		assert_int_equal(w.spawns, 1);
		assert_true(w.working);
		assert_true(lifecycle_is_running(&w.lc));
	}
}

/* AT-02 */
static void
test_start_of_a_running_service_changes_nothing(void **state)
{
	struct caller again;
	struct world w;

	(void)state;
	world_init(&w);
	(void)world_start(&w);
	again = world_start(&w);
	assert_int_equal(again.st, ST_OK);
	assert_true(again.already);
	assert_int_equal(w.spawns, 1);
	assert_int_equal(w.lc.generation, 1);
	assert_string_equal(w.history, "ss");
}

/* AT-03 */
static void
test_stop_before_or_during_the_first_start(void **state)
{
	struct caller start = { 0 }, stop = { 0 };
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(world_stop(&w).st, ST_OK);
	assert_int_equal(w.lc.state, LIFECYCLE_IDLE);
	w.spawns_slowly = true;
	lifecycle_start(&w.lc, &start.wish);
	lifecycle_stop(&w.lc, &stop.wish);
	assert_int_equal(stop.answers, 0);
	world_spawned(&w);
	assert_answer(&start, ST_OK);
	assert_answer(&stop, ST_OK);
	assert_int_equal(w.lc.state, LIFECYCLE_IDLE);
	assert_int_equal(w.live, 0);
	assert_int_equal(w.live_most, 1);
	assert_string_equal(w.history, "psp");
}

/* AT-04 */
static void
test_stop_of_a_waiting_loop_takes_no_time(void **state)
{
	struct caller stop;
	struct world w;

	(void)state;
	world_init(&w);
	(void)world_start(&w);
	world_advance(&w, INTERVAL_US / 2);
	stop = world_stop(&w);
	assert_int_equal(stop.st, ST_OK);
	assert_int_equal(stop.at_us, w.now_us);
	assert_false(lifecycle_is_running(&w.lc));
	assert_int_equal(w.drain_at_us, 0);
}

/* AT-05 */
static void
test_tick_after_the_stop_begins_no_cycle(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	(void)world_start(&w);
	w.tick_at_us = w.now_us; /* awoken */
	(void)world_stop(&w);
	assert_false(lifecycle_tick(&w.lc, w.loop));
	assert_int_equal(w.lc.stale, 1);
	world_advance(&w, 2 * INTERVAL_US);
	assert_int_equal(w.cycles_begun, 0);
}

/* AT-06 */
static void
test_start_waits_for_the_stop_under_way(void **state)
{
	struct caller stop = { 0 }, start = { 0 };
	struct world w;

	(void)state;
	world_init(&w);
	w.works_at_once = true;
	(void)world_start(&w);
	lifecycle_stop(&w.lc, &stop.wish);
	lifecycle_start(&w.lc, &start.wish);
	assert_int_equal(stop.answers + start.answers, 0);
	world_release(&w);
	assert_answer(&stop, ST_OK);
	assert_answer(&start, ST_OK);
	assert_false(start.already);
	assert_string_equal(w.history, "sps");
	assert_int_equal(w.lc.generation, 2);
	assert_int_equal(w.live_most, 1);

	/* AT-07: the new loop hears a new stop. */
	memset(&stop, 0, sizeof(stop));
	lifecycle_stop(&w.lc, &stop.wish);
	assert_int_equal(stop.answers, 0);
	world_release(&w);
	assert_answer(&stop, ST_OK);
	assert_int_equal(w.lc.state, LIFECYCLE_IDLE);
}

/* AT-07 */
static void
test_a_thousand_starts_and_stops_leave_no_orphan(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.works_at_once = true;
	for (uint64_t i = 1; i <= 1000; i++) {
		struct caller stop = { 0 };

		assert_int_equal(world_start(&w).st, ST_OK);
		assert_int_equal(w.lc.generation, i);
		lifecycle_stop(&w.lc, &stop.wish);
		world_release(&w);
		assert_answer(&stop, ST_OK);
		assert_int_equal(w.live, 0);
		assert_int_equal(w.drain_at_us, 0);
	}
	assert_int_equal(w.live_most, 1);
	assert_int_equal(w.cycles_done, 1000);
}

/* AT-08 */
static void
test_cycle_within_the_limit_is_finished_not_cut(void **state)
{
	struct caller stop = { 0 };
	uint64_t began;
	struct world w;

	(void)state;
	world_init(&w);
	w.works_at_once = true;
	(void)world_start(&w);
	began = w.now_us;
	lifecycle_stop(&w.lc, &stop.wish);
	world_advance(&w, 30000);
	assert_int_equal(stop.answers, 0);
	world_release(&w);
	assert_answer(&stop, ST_OK);
	assert_int_equal(stop.at_us - began, 30000);
	assert_int_equal(w.cycles_done, 1);
	assert_int_equal(w.cancels, 0);
	world_advance(&w, INTERVAL_US);
	assert_int_equal(w.lc.state, LIFECYCLE_IDLE);
}

/* AT-09 */
static void
test_restarted_service_really_works(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	(void)world_start(&w);
	(void)world_stop(&w);
	assert_int_equal(world_start(&w).st, ST_OK);
	assert_true(lifecycle_is_running(&w.lc));
	world_advance(&w, INTERVAL_US);
	assert_int_equal(w.cycles_begun, 1);
	world_release(&w);
	assert_int_equal(w.cycles_done, 1);
}

/* LC-02: first come, first served, however they are mixed. */
static void
test_rivals_of_both_kinds_are_served_in_their_order(void **state)
{
	struct caller rivals[RIVALS_MAX] = { 0 }, stop = { 0 };
	struct world w;

	(void)state;
	world_init(&w);
	w.works_at_once = true;
	(void)world_start(&w);
	lifecycle_stop(&w.lc, &stop.wish);
	for (int i = 0; i < RIVALS_MAX; i++) {
		if (i % 2 == 0)
			lifecycle_start(&w.lc, &rivals[i].wish);
		else
			lifecycle_stop(&w.lc, &rivals[i].wish);
	}
	for (int i = 0; i < RIVALS_MAX; i += 2) {
		assert_int_equal(rivals[i].answers, 0);
		world_release(&w); /* ends the stop before it */
		assert_answer(&rivals[i], ST_OK);
		assert_false(rivals[i].already);
		assert_int_equal(rivals[i + 1].answers, 0);
	}
	world_release(&w);
	assert_answer(&rivals[RIVALS_MAX - 1], ST_OK);
	assert_int_equal(w.lc.generation, 1 + RIVALS_MAX / 2);
	assert_int_equal(w.live_most, 1);
	assert_int_equal(w.live, 0);
}

/* K-03 */
static void
test_news_of_an_old_generation_is_dropped(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	(void)world_start(&w);
	(void)world_stop(&w);
	(void)world_start(&w);
	assert_false(lifecycle_ended(&w.lc, 1, ST_IO));
	assert_false(lifecycle_tick(&w.lc, 1));
	assert_false(lifecycle_deadline(&w.lc, 1));
	assert_false(lifecycle_deadline(&w.lc, 2)); /* nobody drains */
	assert_int_equal(w.lc.stale, 3);
	assert_int_equal(w.lc.state, LIFECYCLE_RUNNING);
	assert_true(lifecycle_tick(&w.lc, 2));
}

static void
test_every_state_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(lifecycle_state_text(LIFECYCLE_IDLE), "IDLE");
	assert_string_equal(lifecycle_state_text(LIFECYCLE_DEAD), "DEAD");
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_rival_starts_make_one_loop),
		RUN(test_start_of_a_running_service_changes_nothing),
		RUN(test_stop_before_or_during_the_first_start),
		RUN(test_stop_of_a_waiting_loop_takes_no_time),
		RUN(test_tick_after_the_stop_begins_no_cycle),
		RUN(test_start_waits_for_the_stop_under_way),
		RUN(test_a_thousand_starts_and_stops_leave_no_orphan),
		RUN(test_cycle_within_the_limit_is_finished_not_cut),
		RUN(test_restarted_service_really_works),
		RUN(test_rivals_of_both_kinds_are_served_in_their_order),
		RUN(test_news_of_an_old_generation_is_dropped),
		RUN(test_every_state_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
