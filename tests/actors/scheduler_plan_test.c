/*
 * When services run: cron lines, jitter, what a restart makes of a run that
 * it missed, and the rows that make it so.  The store is a probe.
 */
#include "actors/scheduler.h"

#include <string.h>

#include "tests/actors/people.h"
#include "tests/rig.h"

#define SECOND_MS 1000
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define SECOND_US INT64_C(1000000)
#define TICKETS "ticket-cleanup"

static void
plan_rig(struct rig *r, const struct schedule_row *row)
{
	struct heard *asked;

	rig_init(r);
	rig_probe(r, ACTOR_NUMBER(store));
	rig_probe(r, ACTOR_NUMBER(settings));
	rig_probe(r, ACTOR_NUMBER(session_registry));
	rig_probe(r, ACTOR_NUMBER(ticket_store));
	rig_spawn(r, &scheduler_class, ACTOR_NUMBER(scheduler));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
	rig_settle(r);
	RIG_ANSWER(r, RIG_TAKE(r, settings, setting_watch), setting_overrides,
	    .rows = NULL);
	asked = RIG_TAKE(r, store, store_schedule_list);
	assert_null(rig_peek(r, ACTOR_NUMBER(store), MSG_store_schedule_put));
	RIG_ANSWER(r, asked, store_schedule_rows, .rows = row,
	    .rows_count = row != NULL);
	rig_settle(r);
}

/* Answers every row that waits; the newest of the service in ret. */
static void
keep_rows(struct rig *r, struct schedule_row *ret_row)
{
	struct heard *h;

	while (
	    rig_peek(r, ACTOR_NUMBER(store), MSG_store_schedule_put) != NULL) {
		h = RIG_TAKE(r, store, store_schedule_put);
		if (h->op == NULL) /* its asker has given up meanwhile */
			continue;
		if (ret_row != NULL &&
		    strcmp(RIG_BODY(h, store_schedule_put)->row.service,
			TICKETS) == 0)
			*ret_row = RIG_BODY(h, store_schedule_put)->row;
		RIG_ANSWER(r, h, done, 0);
		rig_settle(r);
	}
}

static bool
has_run(struct rig *r)
{
	return rig_peek(r, ACTOR_NUMBER(ticket_store), MSG_service_run) != NULL;
}

static void
run(struct rig *r)
{
	struct heard *h = RIG_TAKE(r, ticket_store, service_run);

	RIG_ANSWER(r, h, service_ran,
	    .generation = RIG_BODY(h, service_run)->generation);
	rig_settle(r);
}

static const struct schedule *
shown(struct rig *r)
{
	const struct schedules *all;
	uint64_t tag;

	(void)RIG_ASK(r, gateway, scheduler, schedule_list, .caller = OBSERVER);
	tag = RIG_ASK(r, gateway, scheduler, schedule_list, .caller = CEO);
	all = RIG_REPLIED(r, gateway, tag, schedules);
	for (uint32_t i = 0; i < all->schedules_count; i++)
		if (strcmp(all->schedules[i].service, TICKETS) == 0)
			return &all->schedules[i];
	fail_msg("not listed");
	return NULL;
}

static uint64_t
put_cron(struct rig *r, const char *line)
{
	return RIG_ASK(r, gateway, scheduler, schedule_put, .caller = CEO,
	    .service = TICKETS, .cron = line);
}

static void
test_a_cron_line_says_when_from_now_on(void **state)
{
	const struct schedule *s;
	uint64_t tag;
	struct rig r;

	(void)state;
	plan_rig(&r, NULL);
	keep_rows(&r, NULL);
	rig_advance_ms(&r, 30 * SECOND_MS);
	tag = put_cron(&r, "15,45 11 * * *");
	assert_null(rig_answer_to(&r, ACTOR_NUMBER(gateway), tag));
	keep_rows(&r, NULL);
	s = &RIG_REPLIED(&r, gateway, tag, schedule_told)->schedule;
	assert_string_equal(s->cron, "15,45 11 * * *");
	assert_true(s->is_own);
	assert_int_equal(
	    s->next_run_at, RIG_WALL_US + (int64_t)75 * 60 * SECOND_US);
	rig_advance_ms(&r, 75 * MINUTE_MS - 30 * SECOND_MS - 1);
	assert_false(has_run(&r)); /* S-09: the change itself runs nothing */
	rig_advance_ms(&r, 1);
	run(&r);
	rig_advance_ms(&r, 30 * MINUTE_MS - 1);
	assert_false(has_run(&r));
	rig_advance_ms(&r, 1);
	run(&r);
	rig_fini(&r);
}

/* The row and the note of who did it are one request. */
static void
test_a_change_is_stored_with_its_note_before_it_counts(void **state)
{
	const struct store_schedule_put *ask;
	struct heard *h;
	struct rig r;
	uint64_t tag;

	(void)state;
	plan_rig(&r, NULL);
	keep_rows(&r, NULL);
	tag = put_cron(&r, "@daily");
	h = RIG_TAKE(&r, store, store_schedule_put);
	ask = RIG_BODY(h, store_schedule_put);
	assert_string_equal(ask->row.cron, "@daily");
	assert_string_equal(ask->audit->action, "schedule.put");
	assert_string_equal(ask->audit->target, TICKETS);
	assert_string_equal(ask->audit->by.user_id, "ceo");
	assert_null(shown(&r)->cron);
	rig_refuse(&r, h, ST_IO, PROBLEM_STORE_FAILED, "injected");
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, refused)->problem,
	    PROBLEM_STORE_FAILED);
	assert_null(shown(&r)->cron);
	rig_fini(&r);
}

static void
refused_as(struct rig *r, uint64_t tag, uint32_t problem)
{
	assert_int_equal(
	    RIG_REPLIED(r, gateway, tag, refused)->problem, problem);
	assert_null(rig_peek(r, ACTOR_NUMBER(store), MSG_store_schedule_put));
}

static void
test_what_is_no_schedule_is_refused_and_not_stored(void **state)
{
	struct rig r;

	(void)state;
	plan_rig(&r, NULL);
	keep_rows(&r, NULL);
	refused_as(&r, put_cron(&r, "61 * * * *"), PROBLEM_VALIDATION);
	refused_as(&r, put_cron(&r, ""), PROBLEM_VALIDATION);
	refused_as(&r, put_cron(&r, "0 0 30 2 *"), PROBLEM_VALIDATION);
	refused_as(&r,
	    RIG_ASK(&r, gateway, scheduler, schedule_put, .caller = CEO,
		.service = TICKETS, .has_interval_seconds = true),
	    PROBLEM_VALIDATION);
	refused_as(&r,
	    RIG_ASK(&r, gateway, scheduler, schedule_put, .caller = CEO,
		.service = TICKETS, .cron = "@daily", .interval_seconds = 5,
		.has_interval_seconds = true),
	    PROBLEM_VALIDATION);
	refused_as(&r,
	    RIG_ASK(&r, gateway, scheduler, schedule_put, .caller = CEO,
		.service = "nothing", .cron = "@daily"),
	    PROBLEM_NOT_FOUND);
	refused_as(&r,
	    RIG_ASK(&r, gateway, scheduler, schedule_put, .caller = MANAGER,
		.service = TICKETS, .cron = "@daily"),
	    PROBLEM_FORBIDDEN);
	assert_false(shown(&r)->is_own);
	rig_fini(&r);
}

/* AT-83: 6 h to 1 h at 30 min is due at 90 min. */
static void
test_at83_an_interval_of_its_own_counts_from_the_change(void **state)
{
	struct schedule_row row = { .service = TICKETS,
		.cron = "",
		.interval_seconds = 6 * 3600,
		.next_run_at = RIG_WALL_US + 6 * 3600 * SECOND_US };
	struct rig r;

	(void)state;
	plan_rig(&r, &row);
	keep_rows(&r, NULL);
	rig_advance_ms(&r, 30 * MINUTE_MS);
	(void)RIG_ASK(&r, gateway, scheduler, schedule_put, .caller = CEO,
	    .service = TICKETS, .interval_seconds = 3600,
	    .has_interval_seconds = true);
	keep_rows(&r, &row);
	assert_int_equal(row.interval_seconds, 3600);
	assert_int_equal(row.next_run_at, RIG_WALL_US + 5400 * SECOND_US);
	assert_false(has_run(&r));
	rig_advance_ms(&r, HOUR_MS - 1);
	assert_false(has_run(&r));
	rig_advance_ms(&r, 1);
	run(&r);
	rig_fini(&r);
}

static void
test_a_restart_keeps_the_time_that_was_due(void **state)
{
	struct schedule_row row = { .service = TICKETS,
		.cron = "",
		.next_run_at = RIG_WALL_US + 10 * SECOND_US,
		.last_run_at = RIG_WALL_US - 50 * SECOND_US };
	struct rig r;

	(void)state;
	plan_rig(&r, &row);
	keep_rows(&r, NULL);
	assert_int_equal(shown(&r)->last_run_at, row.last_run_at);
	rig_advance_ms(&r, 10 * SECOND_MS - 1);
	assert_false(has_run(&r));
	rig_advance_ms(&r, 1);
	run(&r);
	keep_rows(&r, &row);
	assert_int_equal(row.next_run_at, RIG_WALL_US + 70 * SECOND_US);
	assert_int_equal(row.last_run_at, RIG_WALL_US + 10 * SECOND_US);
	rig_fini(&r);
}

/* A clock that was wrong before must not silence a service for years. */
static void
test_a_row_from_a_far_future_waits_one_interval(void **state)
{
	struct schedule_row row = { .service = TICKETS,
		.cron = "",
		.next_run_at = RIG_WALL_US + 900000000 * SECOND_US };
	struct rig r;

	(void)state;
	plan_rig(&r, &row);
	rig_advance_ms(&r, MINUTE_MS);
	run(&r);
	rig_fini(&r);
}

static void
test_a_missed_run_is_made_up_for_once(void **state)
{
	struct schedule_row row = { .service = TICKETS,
		.cron = "0 * * * *",
		.missed = MISSED_ONCE,
		.next_run_at = RIG_WALL_US - 5 * 3600 * SECOND_US };
	struct rig r;

	(void)state;
	plan_rig(&r, &row);
	rig_advance_ms(&r, 1);
	assert_int_equal(rig_logged(&r, EV_SERVICE_MISSED), 1);
	run(&r);
	rig_advance_ms(&r, HOUR_MS - 2);
	assert_false(has_run(&r));
	rig_advance_ms(&r, 1);
	run(&r);
	rig_fini(&r);
}

static void
test_a_missed_run_is_passed_over(void **state)
{
	struct schedule_row row = { .service = TICKETS,
		.cron = "",
		.missed = MISSED_SKIP,
		.next_run_at = RIG_WALL_US - 70 * SECOND_US };
	struct rig r;

	(void)state;
	plan_rig(&r, &row);
	rig_advance_ms(&r, 50 * SECOND_MS - 1); /* 70 + 50 is two minutes */
	assert_false(has_run(&r));
	rig_advance_ms(&r, 1);
	run(&r);
	rig_fini(&r);
}

static void
test_jitter_comes_later_never_sooner_and_within_its_bound(void **state)
{
	struct schedule_row row = { .service = TICKETS,
		.cron = "",
		.jitter_seconds = 30,
		.next_run_at = RIG_WALL_US + 60 * SECOND_US };
	int64_t lowest = INT64_MAX, highest = 0;
	struct rig r;

	(void)state;
	plan_rig(&r, &row);
	keep_rows(&r, NULL);
	rig_advance_ms(&r, MINUTE_MS);
	for (int i = 0; i < 40; i++) {
		int64_t from = r.wall_us, late;

		run(&r);
		keep_rows(&r, &row);
		late = row.next_run_at - from - 60 * SECOND_US;
		assert_true(late >= 0 && late <= 30 * SECOND_US);
		lowest = late < lowest ? late : lowest;
		highest = late > highest ? late : highest;
		rig_advance_ms(
		    &r, (uint64_t)(row.next_run_at - r.wall_us) / 1000 + 1);
	}
	assert_true(highest - lowest > 5 * SECOND_US);
	rig_fini(&r);
}

static void
test_a_row_that_was_not_kept_is_sent_again(void **state)
{
	struct heard *h;
	struct rig r;

	(void)state;
	plan_rig(&r, NULL);
	h = RIG_TAKE(&r, store, store_schedule_put);
	rig_refuse(&r, h, ST_CLOSED, PROBLEM_UNAVAILABLE, "injected");
	rig_settle(&r);
	assert_null(rig_peek(&r, ACTOR_NUMBER(store), MSG_store_schedule_put));
	rig_advance_ms(&r, 5 * SECOND_MS);
	assert_non_null(
	    rig_peek(&r, ACTOR_NUMBER(store), MSG_store_schedule_put));
	keep_rows(&r, NULL);
	rig_fini(&r);
}

/* A cron line follows the wall clock, which somebody may set. */
static void
test_a_clock_that_is_set_forward_is_noticed(void **state)
{
	struct schedule_row row = { .service = TICKETS,
		.cron = "0 20 * * *",
		.next_run_at = RIG_WALL_US + 10 * 3600 * SECOND_US };
	struct rig r;

	(void)state;
	plan_rig(&r, &row);
	keep_rows(&r, NULL);
	r.wall_us += 10 * 3600 * SECOND_US;
	rig_advance_ms(&r, MINUTE_MS);
	run(&r);
	/* And set back, it is not run twice for the same time. */
	r.wall_us -= 2 * 3600 * SECOND_US;
	rig_advance_ms(&r, 3 * HOUR_MS);
	assert_false(has_run(&r));
	rig_fini(&r);
}

/* Nor does it wait for a year that was wrong to come once more. */
static void
test_a_clock_that_is_set_back_far_silences_nothing(void **state)
{
	struct schedule_row row = { .service = TICKETS,
		.cron = "0 * * * *",
		.next_run_at = RIG_WALL_US + 3600 * SECOND_US };
	struct rig r;

	(void)state;
	plan_rig(&r, &row);
	r.wall_us += 365 * 24 * 3600 * SECOND_US;
	rig_advance_ms(&r, MINUTE_MS);
	run(&r);
	keep_rows(&r, NULL);
	r.wall_us -= 365 * 24 * 3600 * SECOND_US;
	rig_advance_ms(&r, HOUR_MS);
	assert_true(has_run(&r));
	run(&r);
	rig_advance_ms(&r, HOUR_MS);
	assert_true(has_run(&r));
	rig_fini(&r);
}

/* Planned while the service was off, and the process ended before it was on. */
static void
test_a_plan_without_a_time_counts_from_the_start(void **state)
{
	struct schedule_row row = { .service = TICKETS,
		.cron = "",
		.interval_seconds = 7,
		.next_run_at = 0 };
	struct rig r;

	(void)state;
	plan_rig(&r, &row);
	rig_advance_ms(&r, 7 * SECOND_MS - 1);
	assert_false(has_run(&r));
	rig_advance_ms(&r, 1);
	run(&r);
	rig_fini(&r);
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_a_cron_line_says_when_from_now_on),
		RUN(test_a_change_is_stored_with_its_note_before_it_counts),
		RUN(test_what_is_no_schedule_is_refused_and_not_stored),
		RUN(test_at83_an_interval_of_its_own_counts_from_the_change),
		RUN(test_a_restart_keeps_the_time_that_was_due),
		RUN(test_a_row_from_a_far_future_waits_one_interval),
		RUN(test_a_missed_run_is_made_up_for_once),
		RUN(test_a_missed_run_is_passed_over),
		RUN(test_jitter_comes_later_never_sooner_and_within_its_bound),
		RUN(test_a_row_that_was_not_kept_is_sent_again),
		RUN(test_a_clock_that_is_set_forward_is_noticed),
		RUN(test_a_clock_that_is_set_back_far_silences_nothing),
		RUN(test_a_plan_without_a_time_counts_from_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
