/*
 * The cost-aggregator.  The store is a probe that answers, fails or stays
 * silent: what a failing store does to recording.
 */
#include "tests/actors/cost_rig.h"

/* C-06: one question and one answer for one record. */
static void
test_c06_record_is_one_question_to_the_store(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig(&r);
	tag = ask_cost(&r, "p", CENT);
	store_adds(&r, asked(&r), CENT);
	assert_int_equal(durable_of(&r, tag), DURABLE_APPLIED);
	assert_int_equal(rig_waiting(&r, STORE), 0);
	assert_int_equal(rig_logged(&r, EV_BUDGET_PROJECT_COST_AGGREGATED), 1);
	assert_true(in_memory(&r, "p") == CENT);
	rig_fini(&r);
}

/* C-29: without a project nothing is aggregated. */
static void
test_c29_record_without_project_aggregates_nothing(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig(&r);
	tag = ask_cost(&r, NULL, CENT);
	store_adds(&r, asked(&r), 0);
	assert_int_equal(durable_of(&r, tag), DURABLE_APPLIED);
	assert_int_equal(rig_logged(&r, EV_BUDGET_PROJECT_COST_AGGREGATED), 0);
	rig_fini(&r);
}

/* C-27: error, silence and nonsense of the store do not fail the record. */
static void
test_c27_failing_store_does_not_fail_the_record(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct rig r;
		struct heard *h;
		uint64_t tag;

		cost_rig(&r);
		tag = ask_cost(&r, "p", CENT);
		h = asked(&r);
		if (how == 0)
			store_fails(&r, h);
		else if (how == 1)
			RIG_ANSWER(&r, h, pong, .number = 1);
		else
			rig_advance_ms(&r, DEADLINE_MS + 50);
		assert_int_equal(durable_of(&r, tag), DURABLE_QUEUED);
		assert_true(in_memory(&r, "p") == CENT);
		assert_int_equal(
		    rig_logged(&r, EV_BUDGET_PROJECT_COST_AGGREGATION_FAILED),
		    1);
		assert_non_null(strstr(
		    rig_line(&r, EV_BUDGET_PROJECT_COST_AGGREGATION_FAILED, 0),
		    "project_id=p"));
		rig_fini(&r);
	}
}

/* C-28: one that hangs keeps nobody else waiting. */
static void
test_c28_hanging_store_blocks_nobody(void **state)
{
	uint64_t hung, tags[100];
	struct rig r;

	(void)state;
	cost_rig(&r);
	hung = ask_cost(&r, "p", CENT);
	(void)asked(&r);
	for (int i = 0; i < 100; i++) {
		tags[i] = ask_cost(&r, NULL, CENT);
		store_adds(&r, asked(&r), 0);
		assert_true(in_memory(&r, "p") == CENT);
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(durable_of(&r, tags[i]), DURABLE_APPLIED);
	assert_null(rig_answer_to(&r, ACTOR_NUMBER(gateway), hung));
	rig_advance_ms(&r, DEADLINE_MS + 50);
	assert_int_equal(durable_of(&r, hung), DURABLE_QUEUED);
	rig_fini(&r);
}

/* C-36: what the store missed it gets, in order, under the same ids. */
static void
test_c36_outbox_is_replayed(void **state)
{
	struct uuid ids[50];
	struct rig r;

	(void)state;
	cost_rig(&r);
	for (int i = 0; i < 50; i++) {
		uint64_t tag = ask_cost(&r, "p", 2 * CENT);
		struct heard *h = rig_peek(&r, STORE, MSG_store_cost_add);

		ids[i] = RIG_BODY(h, store_cost_add)->record.record_id;
		store_fails(&r, h);
		(void)durable_of(&r, tag);
	}
	rig_advance_ms(&r, 250);
	for (int i = 0; i < 50; i++) {
		struct heard *h = asked(&r);

		assert_memory_equal(
		    &RIG_BODY(h, store_cost_add)->record.record_id, &ids[i],
		    sizeof(ids[i]));
		if (i == 7) { /* down once more */
			store_fails(&r, h);
			rig_advance_ms(&r, 250);
			h = asked(&r);
			assert_memory_equal(
			    &RIG_BODY(h, store_cost_add)->record.record_id,
			    &ids[i], sizeof(ids[i]));
		}
		store_adds(&r, h, 0);
	}
	rig_advance_ms(&r, 5000);
	assert_null(rig_peek(&r, STORE, MSG_store_cost_add));
	assert_true(in_memory(&r, "p") == 100 * CENT);
	rig_fini(&r);
}

static void
replayed_is(struct heard *h, const char *project)
{
	assert_string_equal(
	    RIG_BODY(h, store_cost_add)->record.project_id, project);
}

/* A project whose row is corrupt keeps its own records waiting alone. */
static void
test_a_record_that_is_stuck_lets_the_others_pass(void **state)
{
	static const char *const projects[] = { "bad", "p", "q" };
	struct heard *h;
	struct rig r;

	(void)state;
	cost_rig(&r);
	for (int i = 0; i < 3; i++) {
		uint64_t tag = ask_cost(&r, projects[i], CENT);

		store_fails(&r, asked(&r));
		(void)durable_of(&r, tag);
	}
	rig_advance_ms(&r, 250);
	h = asked(&r);
	replayed_is(h, "bad");
	rig_refuse(&r, h, ST_CORRUPT, PROBLEM_STORE_FAILED, "injected");
	for (int i = 1; i < 3; i++) {
		h = asked(&r);
		replayed_is(h, projects[i]);
		store_adds(&r, h, CENT);
	}
	for (int i = 0; i < 2; i++) { /* alone: once each time */
		h = asked(&r);
		replayed_is(h, "bad");
		rig_refuse(&r, h, ST_CORRUPT, PROBLEM_STORE_FAILED, "injected");
		rig_settle(&r);
		assert_null(rig_peek(&r, STORE, MSG_store_cost_add));
		rig_advance_ms(&r, 250);
	}
	store_adds(&r, asked(&r), CENT); /* mended */
	rig_advance_ms(&r, 5000);
	assert_null(rig_peek(&r, STORE, MSG_store_cost_add));
	rig_fini(&r);
}

/* C-35, in memory: the same id again is the same record. */
static void
test_c35_repeated_record_is_in_memory_once(void **state)
{
	struct cost_add ask = a_cost("p", CENT);
	struct rig r;

	(void)state;
	ask.has_record_id = true;
	ask.record_id.octets[0] = 7;
	cost_rig(&r);
	for (int i = 0; i < 5; i++) {
		uint64_t tag = ask_add(&r, &ask);

		store_fails(&r, asked(&r));
		(void)durable_of(&r, tag);
	}
	assert_true(in_memory(&r, "p") == CENT);
	rig_fini(&r);
}

static void
store_forbids(struct rig *r, struct heard *h)
{
	struct budget_decision d = { .id = "d1",
		.rule = "mixed_currency",
		.problem = PROBLEM_MIXED_CURRENCY,
		.detail = "mixed",
		.asked_by = "" };

	RIG_ANSWER(r, h, store_cost_added,
	    .record = RIG_BODY(h, store_cost_add)->record, .decision = &d);
}

/* What the store forbids is not in memory either; the answer explains. */
static void
test_refused_record_leaves_memory(void **state)
{
	const struct refused *why;
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig(&r);
	tag = ask_cost(&r, "p", CENT);
	store_forbids(&r, asked(&r));
	why = RIG_REPLIED(&r, gateway, tag, refused);
	assert_int_equal(why->problem, PROBLEM_MIXED_CURRENCY);
	assert_string_equal(why->decision, "d1");
	assert_true(in_memory(&r, "p") == 0);
	rig_fini(&r);
}

/* Memory may have given its place to another one meanwhile. */
static void
test_refused_record_that_left_memory_takes_nobody_along(void **state)
{
	struct config *c = config_of("cost:\n  max_window_records: 1\n");
	struct heard *first, *second;
	struct rig r;
	uint64_t tag, other;

	(void)state;
	cost_rig_with(&r, c);
	tag = ask_cost(&r, "p", CENT);
	first = asked(&r);
	other = ask_cost(&r, "q", 2 * CENT);
	second = asked(&r);
	store_forbids(&r, first);
	(void)RIG_REPLIED(&r, gateway, tag, refused);
	assert_true(in_memory(&r, "p") == 0);
	assert_true(in_memory(&r, "q") == 2 * CENT);
	store_forbids(&r, second);
	(void)RIG_REPLIED(&r, gateway, other, refused);
	assert_true(in_memory(&r, "q") == 0);
	rig_fini(&r);
	config_destroy(c);
}

/* C-26: no memory is nothing to go on from. */
static void
test_c26_no_memory_ends_the_actor(void **state)
{
	struct rig r;

	(void)state;
	cost_rig(&r);
	(void)ask_cost(&r, "p", CENT);
	rig_refuse(&r, asked(&r), ST_NO_MEMORY, 0, "injected");
	rig_settle(&r);
	assert_int_equal(rig_logged(&r, EV_ACTOR_FAILED), 1);
	assert_int_equal(
	    rig_logged(&r, EV_BUDGET_PROJECT_COST_AGGREGATION_FAILED), 0);
	rig_fini(&r);
}

static void
refused_as(struct rig *r, const struct cost_add *ask, const char *field)
{
	const struct refused *why =
	    RIG_REPLIED(r, gateway, ask_add(r, ask), refused);

	assert_int_equal(why->problem, PROBLEM_VALIDATION);
	assert_non_null(strstr(why->detail, field));
}

/* C-08, C-10 */
static void
test_c10_bad_records_are_refused_and_forgotten(void **state)
{
	struct cost_add ask;
	struct rig r;

	(void)state;
	cost_rig(&r);
	ask = a_cost(" ", CENT);
	refused_as(&r, &ask, "project_id");
	ask = a_cost("p", -1);
	refused_as(&r, &ask, "cost");
	ask = a_cost("p", CENT);
	ask.agent_id = "\t";
	refused_as(&r, &ask, "agent_id");
	ask = a_cost("p", CENT);
	ask.currency = "QQQ";
	refused_as(&r, &ask, "currency");
	ask.currency = NULL; /* none is hard-coded */
	refused_as(&r, &ask, "currency");
	ask = a_cost("p", CENT);
	ask.has_timestamp = true;
	ask.timestamp = RIG_WALL_US + 25 * HOUR_US;
	refused_as(&r, &ask, "timestamp");
	assert_int_equal(rig_waiting(&r, STORE), 0);
	assert_true(in_memory(&r, "p") == 0);
	rig_fini(&r);
}

/* The durable timer: what the store says is due next is asked for then. */
static void
test_holds_are_expired_when_they_are_due(void **state)
{
	struct heard *h;
	struct rig r;

	(void)state;
	cost_rig(&r);
	rig_advance_ms(&r, 60000); /* it looks at times by itself */
	h = RIG_TAKE(&r, store, store_hold_expire);
	RIG_ANSWER(&r, h, store_hold_expired, .count = 0,
	    .next_at = r.wall_us + 5000000, .has_next_at = true);
	rig_advance_ms(&r, 4999);
	assert_null(rig_peek(&r, STORE, MSG_store_hold_expire));
	rig_advance_ms(&r, 2);
	h = RIG_TAKE(&r, store, store_hold_expire);
	store_fails(&r, h); /* then soon again */
	rig_advance_ms(&r, 1001);
	h = RIG_TAKE(&r, store, store_hold_expire);
	RIG_ANSWER(&r, h, store_hold_expired, .count = 3);
	assert_int_equal(rig_logged(&r, EV_BUDGET_HOLDS_EXPIRED), 1);
	rig_fini(&r);
}

static void
test_csv_is_exact_and_harmless(void **state)
{
	const struct cost_point points[] = {
		{ .start = 0, .key = "=1+\"x\"", .cost = 1, .records = 2 },
		{ .start = 0, .key = "", .cost = -UNIT / 2 },
	};
	struct cost_points page = {
		.points = points, .points_count = 2, .currency = "EUR"
	};
	char text[512];

	(void)state;
	assert_int_equal(cost_csv_write(&page, text, sizeof(text)), 2);
	assert_string_equal(text,
	    "start,key,cost,currency,input_tokens,output_tokens,records\r\n"
	    "1970-01-01T00:00:00.000000+00:00,\"'=1+\"\"x\"\"\","
	    "0.000000000001,EUR,0,0,2\r\n"
	    "1970-01-01T00:00:00.000000+00:00,\"\",-0.5,EUR,0,0,0\r\n");
	/* What does not fit is left out whole. */
	assert_int_equal(cost_csv_write(&page, text, 150), 1);
	assert_string_equal(text + strlen(text) - 3, "2\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c06_record_is_one_question_to_the_store),
		cmocka_unit_test(
		    test_c29_record_without_project_aggregates_nothing),
		cmocka_unit_test(
		    test_c27_failing_store_does_not_fail_the_record),
		cmocka_unit_test(test_c28_hanging_store_blocks_nobody),
		cmocka_unit_test(test_c36_outbox_is_replayed),
		cmocka_unit_test(
		    test_a_record_that_is_stuck_lets_the_others_pass),
		cmocka_unit_test(test_c35_repeated_record_is_in_memory_once),
		cmocka_unit_test(test_refused_record_leaves_memory),
		cmocka_unit_test(
		    test_refused_record_that_left_memory_takes_nobody_along),
		cmocka_unit_test(test_c26_no_memory_ends_the_actor),
		cmocka_unit_test(
		    test_c10_bad_records_are_refused_and_forgotten),
		cmocka_unit_test(test_holds_are_expired_when_they_are_due),
		cmocka_unit_test(test_csv_is_exact_and_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
