/* The timing wheel, beside a model that knows only due times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "runtime/timer.h"

#define TIMERS 200
#define MS 1000u

struct watched {
	struct timer_node node;
	uint64_t due_ms; /* UINT64_MAX: not running */
	uint64_t fired_ms;
	unsigned fired;
};

static struct wheel wheel;
static struct watched watched[TIMERS];

static void
on_due(struct timer_node *t)
{
	struct watched *w = LIST_OF(t, struct watched, node);

	w->fired++;
	w->fired_ms = wheel.now_ms;
	w->due_ms = UINT64_MAX;
}

static int
setup(void **state)
{
	(void)state;
	wheel_init(&wheel, 5000 * MS);
	for (int i = 0; i < TIMERS; i++) {
		watched[i] = (struct watched){ .due_ms = UINT64_MAX };
		timer_node_init(&watched[i].node, on_due);
	}
	return 0;
}

static void
start(int i, uint64_t due_ms)
{
	watched[i].due_ms = due_ms;
	wheel_start(&wheel, &watched[i].node, due_ms * MS);
}

static void
test_fires_in_its_millisecond_not_before(void **state)
{
	(void)state;
	start(0, 5010);
	wheel_turn(&wheel, 5009 * MS + 999);
	assert_int_equal(watched[0].fired, 0);
	wheel_turn(&wheel, 5010 * MS);
	assert_int_equal(watched[0].fired, 1);
	wheel_turn(&wheel, 9000 * MS);
	assert_int_equal(watched[0].fired, 1);
}

static void
test_part_of_a_millisecond_rounds_up(void **state)
{
	(void)state;
	wheel_start(&wheel, &watched[0].node, 5010 * MS + 1);
	wheel_turn(&wheel, 5010 * MS + 999);
	assert_int_equal(watched[0].fired, 0);
	wheel_turn(&wheel, 5011 * MS);
	assert_int_equal(watched[0].fired, 1);
}

static void
test_stopped_timer_never_fires(void **state)
{
	(void)state;
	start(0, 5100);
	wheel_stop(&wheel, &watched[0].node);
	wheel_stop(&wheel, &watched[0].node);
	wheel_turn(&wheel, 6000 * MS);
	assert_int_equal(watched[0].fired, 0);
	assert_int_equal(wheel_next_us(&wheel), UINT64_MAX);
}

static void
test_started_again_it_moves(void **state)
{
	(void)state;
	start(0, 5100);
	start(0, 5300);
	wheel_turn(&wheel, 5299 * MS);
	assert_int_equal(watched[0].fired, 0);
	wheel_turn(&wheel, 5300 * MS);
	assert_int_equal(watched[0].fired, 1);
	assert_int_equal(wheel.count, 0);
}

static void
test_every_span_up_to_and_past_the_last(void **state)
{
	static const uint64_t spans[] = { 1, 63, 64, 65, 4095, 4096, 4097,
		262143, 262144, 262145, TIMER_SPAN_MS - 1, TIMER_SPAN_MS,
		TIMER_SPAN_MS + 77 };

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		(void)setup(state);
		start(0, 5000 + spans[i]);
		wheel_turn(&wheel, (5000 + spans[i] - 1) * MS);
		assert_int_equal(watched[0].fired, 0);
		wheel_turn(&wheel, (5000 + spans[i]) * MS);
		assert_int_equal(watched[0].fired, 1);
	}
}

static uint64_t
model_next(void)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < TIMERS; i++)
		if (watched[i].due_ms < next)
			next = watched[i].due_ms;
	return next;
}

/* Starts, stops and turns by a fixed seed; nothing is ever early or late. */
static void
test_agrees_with_a_model(void **state)
{
	uint64_t now_ms = 5000;
	unsigned short seed[3] = { 1, 2, 3 };

	(void)state;
	for (int step = 0; step < 20000; step++) {
		int i = (int)(nrand48(seed) % TIMERS);
		uint64_t away = 1 + (uint64_t)nrand48(seed) %
					(step % 7 == 0 ? 300000 : 500);

		if (nrand48(seed) % 4 == 0) {
			wheel_stop(&wheel, &watched[i].node);
			watched[i].due_ms = UINT64_MAX;
		} else {
			start(i, now_ms + away);
		}
		assert_true(wheel_next_us(&wheel) == UINT64_MAX ||
			    wheel_next_us(&wheel) <= model_next() * MS);
		now_ms += (uint64_t)nrand48(seed) % 20;
		wheel_turn(&wheel, now_ms * MS);
		assert_true(model_next() > now_ms);
	}
}

static void
test_fired_is_what_was_due(void **state)
{
	(void)state;
	for (int i = 0; i < TIMERS; i++)
		start(i, 5001 + (uint64_t)i * 97);
	wheel_turn(&wheel, (5001 + TIMERS * 97) * MS);
	for (int i = 0; i < TIMERS; i++)
		assert_int_equal(watched[i].fired_ms, 5001 + i * 97);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_fires_in_its_millisecond_not_before, setup),
		cmocka_unit_test_setup(
		    test_part_of_a_millisecond_rounds_up, setup),
		cmocka_unit_test_setup(test_stopped_timer_never_fires, setup),
		cmocka_unit_test_setup(test_started_again_it_moves, setup),
		cmocka_unit_test_setup(
		    test_every_span_up_to_and_past_the_last, setup),
		cmocka_unit_test_setup(test_agrees_with_a_model, setup),
		cmocka_unit_test_setup(test_fired_is_what_was_due, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
