/*
 * The scheduler on the real runtime; its owners are probes that answer, wait
 * or ignore.  Drain limit and interval come from a probe that is the settings.
 */
#include "actors/scheduler.h"

#include <string.h>

#include "tests/actors/people.h"
#include "tests/rig.h"

#define MINUTE_MS 60000
#define TICKETS "ticket-cleanup"
#define SESSIONS "session-cleanup"

static void
scheduler_rig(struct rig *r, const char *drain_ms)
{
	struct setting_row row = { "scheduler", "stop_drain_timeout_ms",
		drain_ms, "", 0 };

	rig_init(r);
	rig_probe(r, ACTOR_NUMBER(settings));
	rig_probe(r, ACTOR_NUMBER(session_registry));
	rig_probe(r, ACTOR_NUMBER(ticket_store));
	rig_probe(r, ACTOR_NUMBER(cost_aggregator));
	rig_probe(r, ACTOR_NUMBER(event_hub));
	rig_spawn(r, &scheduler_class, ACTOR_NUMBER(scheduler));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
	rig_settle(r);
	RIG_ANSWER(r, RIG_TAKE(r, settings, setting_watch), setting_overrides,
	    .rows = &row, .rows_count = 1);
}

static uint64_t
ask_start(struct rig *r, const char *service)
{
	return RIG_ASK(r, gateway, scheduler, service_start, .caller = CEO,
	    .service = service);
}

static uint64_t
ask_stop(struct rig *r, const char *service)
{
	return RIG_ASK(r, gateway, scheduler, service_stop, .caller = CEO,
	    .service = service);
}

static const struct service_told *
told(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, service_told);
}

static const struct refused *
refused_of(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, refused);
}

static bool
is_answered(struct rig *r, uint64_t tag)
{
	return rig_answer_to(r, ACTOR_NUMBER(gateway), tag) != NULL;
}

static void
ran(struct rig *r, struct heard *h, uint64_t count)
{
	RIG_ANSWER(r, h, service_ran,
	    .generation = RIG_BODY(h, service_run)->generation, .count = count);
}

static const struct service_state *
state_of(struct rig *r, const char *service)
{
	uint64_t tag =
	    RIG_ASK(r, gateway, scheduler, service_list, .caller = CEO);
	const struct service_states *all =
	    RIG_REPLIED(r, gateway, tag, service_states);

	for (uint32_t i = 0; i < all->services_count; i++)
		if (strcmp(all->services[i].service, service) == 0)
			return &all->services[i];
	fail_msg("no service %s is listed", service);
	return NULL;
}

/* Sessions 4.2: every 60 s tickets, then sessions, from the answer on. */
static void
test_each_service_runs_every_minute(void **state)
{
	struct heard *tickets, *sessions;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	rig_advance_ms(&r, MINUTE_MS - 1);
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	rig_advance_ms(&r, 1);
	tickets = RIG_TAKE(&r, ticket_store, service_run);
	sessions = RIG_TAKE(&r, session_registry, service_run);
	assert_string_equal(RIG_BODY(tickets, service_run)->service, TICKETS);
	assert_string_equal(RIG_BODY(sessions, service_run)->service, SESSIONS);
	assert_int_equal(RIG_BODY(tickets, service_run)->generation, 1);
	rig_advance_ms(&r, 2 * MINUTE_MS); /* never two at once */
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	ran(&r, tickets, 7);
	rig_advance_ms(&r, MINUTE_MS);
	(void)RIG_TAKE(&r, ticket_store, service_run);
	assert_int_equal(state_of(&r, TICKETS)->runs, 1);
	assert_int_equal(state_of(&r, SESSIONS)->runs, 0);
	rig_fini(&r);
}

/* Scenario 20: one that fails stops neither the other nor itself. */
static void
test_failing_service_does_not_stop_the_other(void **state)
{
	const struct service_state *s;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	for (int i = 0; i < 3; i++) {
		rig_advance_ms(&r, MINUTE_MS);
		rig_refuse(&r, RIG_TAKE(&r, session_registry, service_run),
		    ST_IO, PROBLEM_STORE_FAILED, "injected");
		ran(&r, RIG_TAKE(&r, ticket_store, service_run), 1);
		ran(&r, RIG_TAKE(&r, event_hub, service_run), 0);
	}
	assert_int_equal(rig_logged(&r, EV_SERVICE_FAILED), 3);
	assert_non_null(strstr(rig_line(&r, EV_SERVICE_FAILED, 0), SESSIONS));
	assert_non_null(
	    strstr(rig_line(&r, EV_SERVICE_FAILED, 0), "error_type=IO"));
	s = state_of(&r, SESSIONS);
	assert_int_equal(s->status, SERVICE_RUNNING);
	assert_int_equal(s->runs, 3);
	assert_int_equal(s->failures, 3);
	assert_string_equal(s->last_error, "injected");
	assert_int_equal(state_of(&r, TICKETS)->failures, 0);

	rig_advance_ms(&r, MINUTE_MS);
	ran(&r, RIG_TAKE(&r, session_registry, service_run), 2);
	assert_string_equal(state_of(&r, SESSIONS)->last_error, "");
	rig_fini(&r);
}

/* AT-02 and AT-04 */
static void
test_stop_of_a_waiting_service_is_at_once(void **state)
{
	uint64_t start, stop;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	start = ask_start(&r, TICKETS);
	assert_true(told(&r, start)->already);
	assert_int_equal(told(&r, start)->state.generation, 1);
	stop = ask_stop(&r, TICKETS);
	assert_false(told(&r, stop)->already);
	assert_int_equal(told(&r, stop)->state.status, SERVICE_IDLE);
	assert_false(told(&r, stop)->state.has_next_run_at);
	rig_advance_ms(&r, 3 * MINUTE_MS);
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	stop = ask_stop(&r, TICKETS);
	assert_true(told(&r, stop)->already);
	rig_fini(&r);
}

/* The one that runs, with its run not answered. */
static struct heard *
blocked_run(struct rig *r)
{
	rig_advance_ms(r, MINUTE_MS);
	return RIG_TAKE(r, ticket_store, service_run);
}

/* AT-06, AT-07 */
static void
test_start_queues_behind_the_drain(void **state)
{
	uint64_t stop, start, again;
	struct heard *run;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "10000");
	run = blocked_run(&r);
	stop = ask_stop(&r, TICKETS);
	start = ask_start(&r, TICKETS);
	assert_false(is_answered(&r, stop));
	assert_false(is_answered(&r, start));
	assert_int_equal(state_of(&r, TICKETS)->status, SERVICE_DRAINING);
	ran(&r, run, 1);
	assert_int_equal(told(&r, stop)->state.status, SERVICE_IDLE);
	assert_int_equal(told(&r, start)->state.status, SERVICE_RUNNING);
	assert_int_equal(told(&r, start)->state.generation, 2);
	assert_false(told(&r, start)->already);

	run = blocked_run(&r);
	assert_int_equal(RIG_BODY(run, service_run)->generation, 2);
	again = ask_stop(&r, TICKETS);
	ran(&r, run, 1);
	assert_int_equal(told(&r, again)->state.status, SERVICE_IDLE);
	assert_int_equal(rig_logged(&r, EV_SERVICE_STUCK), 0);
	rig_fini(&r);
}

/* AT-07 */
static void
test_a_thousand_restarts_each_run_again(void **state)
{
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	log_set_level(LOG_WARN);
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t stop = ask_stop(&r, TICKETS);
		uint64_t start = ask_start(&r, TICKETS);

		assert_int_equal(told(&r, stop)->state.status, SERVICE_IDLE);
		assert_int_equal(told(&r, start)->state.generation, i + 2);
	}
	(void)blocked_run(&r);
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	log_set_level(LOG_INFO);
	rig_fini(&r);
}

/* AT-10 */
static void
test_owner_that_ignores_the_stop_makes_it_unrestartable(void **state)
{
	struct heard *cancel;
	uint64_t stop;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	(void)blocked_run(&r);
	stop = ask_stop(&r, TICKETS);
	rig_advance_ms(&r, 49);
	assert_false(is_answered(&r, stop));
	assert_null(
	    rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_cancel));
	rig_advance_ms(&r, 1);
	assert_int_equal(refused_of(&r, stop)->status, ST_TIMEOUT);
	cancel = RIG_TAKE(&r, ticket_store, service_cancel);
	assert_int_equal(RIG_BODY(cancel, service_cancel)->generation, 1);
	assert_int_equal(rig_logged(&r, EV_SERVICE_STUCK), 1);
	assert_int_equal(state_of(&r, TICKETS)->status, SERVICE_FAILED);
	rig_advance_ms(&r, MINUTE_MS);
	assert_null(
	    rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_cancel));
	rig_fini(&r);
}

/* AT-11 */
static void
test_unrestartable_stays_so_when_the_orphan_ends(void **state)
{
	struct heard *run;
	uint64_t start;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	run = blocked_run(&r);
	(void)ask_stop(&r, TICKETS);
	rig_advance_ms(&r, 50);
	for (int i = 0; i < 2; i++) {
		start = ask_start(&r, TICKETS);
		assert_int_equal(
		    refused_of(&r, start)->problem, PROBLEM_UNRESTARTABLE);
		assert_non_null(
		    strstr(refused_of(&r, start)->detail, "unrestartable"));
		assert_int_equal(
		    rig_logged(&r, EV_SERVICE_UNRESTARTABLE), i + 1);
		if (i == 0)
			ran(&r, run, 1);
	}
	assert_int_equal(problem_find(PROBLEM_UNRESTARTABLE)->http, 409);
	rig_advance_ms(&r, 2 * MINUTE_MS);
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	rig_fini(&r);
}

/* AT-12 */
static void
test_asker_who_leaves_sees_neither_success_nor_timeout(void **state)
{
	uint64_t stop, start;
	struct heard *run;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "10000");
	run = blocked_run(&r);
	stop = rig_ask(&r, ACTOR_NUMBER(gateway), ACTOR_NUMBER(scheduler),
	    MSG_service_stop,
	    &(struct service_stop){ .caller = CEO, .service = TICKETS },
	    1000000);
	rig_advance_ms(&r, 1001);
	assert_int_equal(refused_of(&r, stop)->status, ST_TIMEOUT);
	assert_int_equal(state_of(&r, TICKETS)->status, SERVICE_DRAINING);
	assert_int_equal(rig_logged(&r, EV_SERVICE_STUCK), 0);
	ran(&r, run, 1);
	assert_int_equal(state_of(&r, TICKETS)->status, SERVICE_IDLE);
	start = ask_start(&r, TICKETS);
	assert_int_equal(told(&r, start)->state.generation, 2);
	(void)blocked_run(&r);
	rig_fini(&r);
}

/* AT-05, PR-01 */
static void
test_wake_runs_now_and_never_after_a_stop(void **state)
{
	uint64_t wake, stop;
	struct heard *run;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	wake = RIG_ASK(&r, gateway, scheduler, service_wake, .caller = CEO,
	    .service = TICKETS);
	assert_false(told(&r, wake)->already);
	stop = ask_stop(&r, TICKETS);
	rig_advance_ms(&r, MINUTE_MS);
	assert_int_equal(told(&r, stop)->state.status, SERVICE_IDLE);
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	wake = RIG_ASK(&r, gateway, scheduler, service_wake, .caller = CEO,
	    .service = TICKETS);
	assert_int_equal(refused_of(&r, wake)->problem, PROBLEM_CONFLICT);

	(void)ask_start(&r, TICKETS);
	(void)RIG_ASK(&r, gateway, scheduler, service_wake, .caller = CEO,
	    .service = TICKETS);
	rig_advance_ms(&r, 1);
	run = RIG_TAKE(&r, ticket_store, service_run);
	(void)RIG_ASK(&r, gateway, scheduler, service_wake, .caller = CEO,
	    .service = TICKETS); /* at work: once more when it is done */
	ran(&r, run, 1);
	rig_advance_ms(&r, 1);
	ran(&r, RIG_TAKE(&r, ticket_store, service_run), 1);
	rig_advance_ms(&r, MINUTE_MS - 1);
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	rig_fini(&r);
}

static void
test_only_the_ceo_and_the_machine_may_ask(void **state)
{
	const struct principal refused[] = { MANAGER, PAIR, BOARD, OBSERVER };
	uint64_t tag;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		tag = RIG_ASK(&r, gateway, scheduler, service_stop,
		    .caller = refused[i], .service = TICKETS);
		assert_int_equal(
		    refused_of(&r, tag)->problem, PROBLEM_FORBIDDEN);
		tag = RIG_ASK(
		    &r, gateway, scheduler, service_list, .caller = refused[i]);
		assert_int_equal(
		    refused_of(&r, tag)->problem, PROBLEM_FORBIDDEN);
	}
	tag = RIG_ASK(&r, gateway, scheduler, service_stop, .caller = NOBODY,
	    .service = TICKETS);
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_UNAUTHORIZED);
	tag = RIG_ASK(&r, gateway, scheduler, service_stop, .caller = MACHINE,
	    .service = TICKETS);
	assert_int_equal(told(&r, tag)->state.status, SERVICE_IDLE);
	tag = ask_stop(&r, "tickets");
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_NOT_FOUND);
	rig_fini(&r);
}

static void
test_services_are_listed_by_name(void **state)
{
	const struct service_states *all;
	uint64_t tag;
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	tag = RIG_ASK(&r, gateway, scheduler, service_list, .caller = CEO);
	all = RIG_REPLIED(&r, gateway, tag, service_states);
	assert_int_equal(all->services_count, 7);
	assert_string_equal(all->services[0].service, "audit-prune");
	assert_string_equal(all->services[1].service, "backup-drill");
	assert_string_equal(all->services[2].service, "backup-scheduler");
	assert_string_equal(all->services[3].service, "cost-prune");
	assert_string_equal(all->services[4].service, "journal-prune");
	assert_string_equal(all->services[5].service, SESSIONS);
	assert_string_equal(all->services[6].service, TICKETS);
	assert_int_equal(all->services[4].interval_ms, MINUTE_MS);
	assert_true(all->services[4].has_next_run_at);
	assert_int_equal(all->services[4].next_run_at,
	    RIG_WALL_US + INT64_C(1000) * MINUTE_MS);
	assert_false(all->services[4].has_last_run_at);
	rig_fini(&r);
}

/* BS-04, AT-83: a new interval counts from the change, and fires nothing. */
static void
test_interval_follows_its_setting(void **state)
{
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	rig_advance_ms(&r, 8000);
	RIG_SEND(&r, settings, scheduler, setting_changed, .namespace = "api",
	    .key = "ticket_cleanup_interval_seconds", .value = "10");
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	assert_int_equal(state_of(&r, TICKETS)->interval_ms, 10000);
	rig_advance_ms(&r, 9999);
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	rig_advance_ms(&r, 1);
	ran(&r, RIG_TAKE(&r, ticket_store, service_run), 1);
	RIG_SEND(&r, settings, scheduler, setting_changed, .namespace = "api",
	    .key = "ticket_cleanup_interval_seconds", .value = "soon");
	assert_int_equal(rig_logged(&r, EV_SERVICE_SETTING_IGNORED), 1);
	assert_int_equal(state_of(&r, TICKETS)->interval_ms, MINUTE_MS);
	RIG_SEND(&r, settings, scheduler, setting_changed, .namespace = "api",
	    .key = "ticket_cleanup_interval_seconds", .value = NULL);
	assert_int_equal(state_of(&r, TICKETS)->interval_ms, MINUTE_MS);
	rig_fini(&r);
}

/* Sessions 3.3: the loop keeps ticking but does nothing. */
static void
test_disabled_clean_up_ticks_and_does_nothing(void **state)
{
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	RIG_SEND(&r, settings, scheduler, setting_changed, .namespace = "api",
	    .key = "lifecycle_cleanup_enabled", .value = "false");
	rig_advance_ms(&r, 5 * MINUTE_MS);
	assert_null(rig_peek(&r, ACTOR_NUMBER(ticket_store), MSG_service_run));
	assert_int_equal(state_of(&r, TICKETS)->status, SERVICE_RUNNING);
	RIG_SEND(&r, settings, scheduler, setting_changed, .namespace = "api",
	    .key = "lifecycle_cleanup_enabled", .value = "true");
	rig_advance_ms(&r, MINUTE_MS);
	(void)RIG_TAKE(&r, ticket_store, service_run);
	rig_fini(&r);
}

static void
test_settings_are_watched_again_until_they_answer(void **state)
{
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	RIG_SEND(&r, settings, scheduler, setting_restarted, 0);
	rig_refuse(&r, RIG_TAKE(&r, settings, setting_watch), ST_UNAVAILABLE,
	    PROBLEM_UNAVAILABLE, "");
	rig_advance_ms(&r, 5000);
	(void)RIG_TAKE(&r, settings, setting_watch);
	rig_fini(&r);
}

/* An owner that is asked for an hour and says nothing is let go. */
static void
test_run_without_an_answer_fails_after_its_bound(void **state)
{
	struct rig r;

	(void)state;
	scheduler_rig(&r, "50");
	(void)blocked_run(&r);
	rig_advance_ms(&r, SERVICE_RUN_US_MAX / 1000 - 1);
	assert_int_equal(state_of(&r, TICKETS)->runs, 0);
	rig_advance_ms(&r, 2);
	assert_int_equal(state_of(&r, TICKETS)->failures, 1);
	rig_advance_ms(&r, MINUTE_MS);
	(void)RIG_TAKE(&r, ticket_store, service_run);
	rig_fini(&r);
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_each_service_runs_every_minute),
		RUN(test_failing_service_does_not_stop_the_other),
		RUN(test_stop_of_a_waiting_service_is_at_once),
		RUN(test_start_queues_behind_the_drain),
		RUN(test_a_thousand_restarts_each_run_again),
		RUN(test_owner_that_ignores_the_stop_makes_it_unrestartable),
		RUN(test_unrestartable_stays_so_when_the_orphan_ends),
		RUN(test_asker_who_leaves_sees_neither_success_nor_timeout),
		RUN(test_wake_runs_now_and_never_after_a_stop),
		RUN(test_only_the_ceo_and_the_machine_may_ask),
		RUN(test_services_are_listed_by_name),
		RUN(test_interval_follows_its_setting),
		RUN(test_disabled_clean_up_ticks_and_does_nothing),
		RUN(test_settings_are_watched_again_until_they_answer),
		RUN(test_run_without_an_answer_fails_after_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
