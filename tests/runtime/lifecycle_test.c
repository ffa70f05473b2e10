/*
 * The life cycle against a service made of plain data: a loop that waits an
 * interval, works, and may be stubborn, on a clock that the test turns.
 */
#include "runtime/lifecycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DRAIN_US 50000
#define INTERVAL_US UINT64_C(3600000000)
#define RIVALS_MAX 100
#define HISTORY_MAX 64

struct caller {
	struct lifecycle_wish wish; /* first, so that an answer finds us */
	int answers;
	enum status st;
	bool already;
	uint64_t at_us;
};

struct world {
	struct lifecycle lc;
	uint64_t now_us;
	uint64_t drain_at_us; /* 0: not armed */
	uint64_t tick_at_us;  /* 0: the loop does not wait */
	uint64_t drain_us;
	uint64_t loop; /* generation of the loop that lives */
	bool works_at_once;
	bool spawns_slowly;
	bool ignores_cancel;
	bool working;
	bool told_to_stop;
	int live;
	int live_most;
	int spawns;
	int cycles_begun;
	int cycles_done;
	int cycles_cut;
	int cancels;
	int news[LIFECYCLE_REFUSED + 1];
	enum status last_news;
	char history[HISTORY_MAX + 1]; /* s: start ok, p: stop ok, ... */
};

static void
world_note(struct world *w, char what)
{
	size_t n = strlen(w->history);

	if (n < HISTORY_MAX)
		w->history[n] = what;
}

static void
world_end_loop(struct world *w, enum status st)
{
	w->live--;
	w->working = false;
	w->tick_at_us = 0;
	(void)lifecycle_ended(&w->lc, w->loop, st);
}

static void
world_work(struct world *w)
{
	w->tick_at_us = 0;
	if (!lifecycle_tick(&w->lc, w->loop))
		return;
	w->working = true;
	w->cycles_begun++;
}

/* The cycle at hand is through. */
static void
world_release(struct world *w)
{
	assert_true(w->working);
	w->working = false;
	w->cycles_done++;
	if (w->told_to_stop)
		world_end_loop(w, ST_OK);
	else
		w->tick_at_us = w->now_us + INTERVAL_US;
}

static void
world_spawned(struct world *w)
{
	uint64_t loop = w->loop;

	(void)lifecycle_started(&w->lc, loop);
	if (w->live == 0 || w->told_to_stop || w->loop != loop)
		return;
	if (w->works_at_once)
		world_work(w);
	else
		w->tick_at_us = w->now_us + INTERVAL_US;
}

static void
on_spawn(void *ctx, uint64_t generation)
{
	struct world *w = ctx;

	w->spawns++;
	w->live++;
	if (w->live > w->live_most)
		w->live_most = w->live;
	w->loop = generation;
	w->told_to_stop = false;
	if (!w->spawns_slowly)
		world_spawned(w);
}

static void
on_signal(void *ctx, uint64_t generation)
{
	struct world *w = ctx;

	assert_int_equal(generation, w->loop);
	w->told_to_stop = true;
	if (!w->working)
		world_end_loop(w, ST_OK);
}

static void
on_cancel(void *ctx, uint64_t generation)
{
	struct world *w = ctx;

	assert_int_equal(generation, w->loop);
	w->cancels++;
	if (w->ignores_cancel)
		return;
	w->cycles_cut++;
	world_end_loop(w, ST_CANCELLED);
}

static void
on_arm(void *ctx, uint64_t generation)
{
	struct world *w = ctx;

	(void)generation;
	assert_int_equal(w->drain_at_us, 0);
	w->drain_at_us = w->now_us + w->drain_us;
}

static void
on_disarm(void *ctx)
{
	((struct world *)ctx)->drain_at_us = 0;
}

static void
on_answer(void *ctx, struct lifecycle_wish *wish, enum status st, bool already)
{
	struct caller *c = (struct caller *)wish;
	struct world *w = ctx;

	c->answers++;
	c->st = st;
	c->already = already;
	c->at_us = w->now_us;
	world_note(w, st == ST_OK ? (wish->wants_start ? 's' : 'p') : 'x');
}

static void
on_tell(void *ctx, enum lifecycle_news news, enum status st)
{
	struct world *w = ctx;

	w->news[news]++;
	w->last_news = st;
	world_note(w, "DSTR"[news]);
}

static void
on_changed(void *ctx, enum lifecycle_state was, enum lifecycle_state now,
    const char *why)
{
	struct world *w = ctx;

	assert_true(was != now);
	assert_non_null(why);
	assert_int_equal(w->lc.state, now);
}

static const struct lifecycle_calls calls = { on_spawn, on_signal, on_cancel,
	on_arm, on_disarm, on_answer, on_tell, on_changed };

static void
world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->now_us = 1;
	w->drain_us = DRAIN_US;
	lifecycle_init(&w->lc, &calls, w);
}

/* Whatever falls due within us, in its order. */
static void
world_advance(struct world *w, uint64_t us)
{
	uint64_t until = w->now_us + us;

	for (;;) {
		uint64_t next = until;

		if (w->drain_at_us != 0 && w->drain_at_us < next)
			next = w->drain_at_us;
		if (w->tick_at_us != 0 && w->tick_at_us < next)
			next = w->tick_at_us;
		w->now_us = next;
		if (w->drain_at_us != 0 && w->drain_at_us <= next) {
			w->drain_at_us = 0;
			(void)lifecycle_deadline(&w->lc, w->loop);
		} else if (w->tick_at_us != 0 && w->tick_at_us <= next) {
			world_work(w);
		} else {
			return;
		}
	}
}

static struct caller
world_start(struct world *w)
{
	struct caller c = { 0 };

	lifecycle_start(&w->lc, &c.wish);
	assert_int_equal(c.answers, 1);
	return c;
}

static struct caller
world_stop(struct world *w)
{
	struct caller c = { 0 };

	lifecycle_stop(&w->lc, &c.wish);
	assert_int_equal(c.answers, 1);
	return c;
}

static void
assert_answer(const struct caller *c, enum status st)
{
	assert_int_equal(c->answers, 1);
	assert_int_equal(c->st, st);
}

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
		RUN(test_stubborn_loop_times_the_stop_out),
		RUN(test_unrestartable_is_for_ever),
		RUN(test_stop_of_an_orphan_waits_once_more),
		RUN(test_gone_asker_neither_stops_nor_spoils_the_drain),
		RUN(test_gone_starter_leaves_the_start_going),
		RUN(test_dead_loop_is_told_and_may_be_started_again),
		RUN(test_loop_that_dies_unborn_tells_its_starter),
		RUN(test_error_of_the_last_cycle_does_not_fail_the_stop),
		RUN(test_cancelled_loop_is_no_failure),
		RUN(test_rivals_of_both_kinds_are_served_in_their_order),
		RUN(test_all_who_queued_behind_a_stuck_stop_are_answered),
		RUN(test_news_of_an_old_generation_is_dropped),
		RUN(test_every_state_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
