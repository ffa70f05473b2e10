/*
 * The cost-aggregator.  The store is a probe that answers, fails or stays
 * silent: what a failing store does to recording and to checks.
 */
#include "actors/cost_aggregator.h"

#include <string.h>

#include "actors/budget_rule.h"
#include "actors/cost_csv.h"
#include "runtime/config.h"
#include "runtime/mistake.h"
#include "tests/actors/people.h"
#include "tests/rig.h"

#define UNIT ((money)1000000000000)
#define CENT (UNIT / 100)
#define HOUR_US INT64_C(3600000000)
#define STORE ACTOR_NUMBER(store)
#define DEADLINE_MS 2000

static void
cost_rig_with(struct rig *r, const struct config *config)
{
	log_set_level(LOG_DEBUG);
	rig_init_with(r, config);
	rig_probe(r, STORE);
	rig_probe(r, ACTOR_NUMBER(scheduler));
	rig_spawn(r, &cost_aggregator_class, ACTOR_NUMBER(cost_aggregator));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
	rig_advance_ms(r, 1);
	RIG_ANSWER(r, RIG_TAKE(r, store, store_hold_expire), store_hold_expired,
	    .count = 0);
}

static void
cost_rig(struct rig *r)
{
	cost_rig_with(r, NULL);
}

static struct cost_add
a_cost(const char *project, money cost)
{
	return (struct cost_add){ .caller = MANAGER,
		.agent_id = "agent",
		.task_id = "task",
		.project_id = project,
		.provider = "provider",
		.model = "model",
		.cost = cost,
		.has_cost = true,
		.currency = "EUR",
		.input_tokens = 1,
		.output_tokens = 2 };
}

static uint64_t
ask_add(struct rig *r, const struct cost_add *ask)
{
	return rig_ask(r, ACTOR_NUMBER(gateway), ACTOR_NUMBER(cost_aggregator),
	    MSG_cost_add, ask, 10 * RIG_WITHIN_US);
}

static uint64_t
ask_cost(struct rig *r, const char *project, money cost)
{
	struct cost_add ask = a_cost(project, cost);

	return ask_add(r, &ask);
}

static struct heard *
asked(struct rig *r)
{
	return RIG_TAKE(r, store, store_cost_add);
}

static void
store_adds(struct rig *r, struct heard *h, money total)
{
	const struct store_cost_add *ask = RIG_BODY(h, store_cost_add);
	struct project_cost p = { .project_id = "p",
		.total_cost = total,
		.record_count = 1,
		.currency = "EUR" };

	RIG_ANSWER(r, h, store_cost_added, .record = ask->record,
	    .project = ask->record.project_id == NULL ? NULL : &p);
}

static void
store_fails(struct rig *r, struct heard *h)
{
	rig_refuse(r, h, ST_IO, PROBLEM_STORE_FAILED, "injected");
}

static enum cost_durable
durable_of(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, cost_added)->durable;
}

static money
in_memory(struct rig *r, const char *project)
{
	uint64_t tag = RIG_ASK(r, gateway, cost_aggregator, cost_project_total,
	    .project_id = project, .source = SOURCE_MEMORY);

	return RIG_REPLIED(r, gateway, tag, cost_total)->cost;
}

static uint64_t
ask_check(struct rig *r, const char *project, money budget)
{
	return RIG_ASK(r, gateway, cost_aggregator, budget_check,
	    .caller = MANAGER, .project_id = project, .project_budget = budget,
	    .has_project_budget = true);
}

static void
store_knows(struct rig *r, const char *project, money total)
{
	struct project_cost p = {
		.project_id = project, .total_cost = total, .currency = "EUR"
	};

	RIG_ANSWER(r, RIG_TAKE(r, store, store_project_cost_get),
	    store_project_cost_found, .project = total < 0 ? NULL : &p);
}

static void
store_cannot_say(struct rig *r)
{
	store_fails(r, RIG_TAKE(r, store, store_project_cost_get));
}

static const struct refused *
exhausted(struct rig *r, uint64_t tag)
{
	struct heard *h = RIG_TAKE(r, store, store_decision_put);
	const struct refused *why;
	const char *id = RIG_BODY(h, store_decision_put)->decision.id;

	RIG_ANSWER(r, h, done, 0);
	why = RIG_REPLIED(r, gateway, tag, refused);
	assert_int_equal(why->problem, PROBLEM_BUDGET_EXHAUSTED);
	assert_string_equal(why->decision, id);
	return why;
}

static void
passes(struct rig *r, uint64_t tag)
{
	assert_true(RIG_REPLIED(r, gateway, tag, budget_checked)->enforced);
}

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

/* What the store forbids is not in memory either; the answer explains. */
static void
test_refused_record_leaves_memory(void **state)
{
	struct budget_decision d = { .id = "d1",
		.rule = "mixed_currency",
		.problem = PROBLEM_MIXED_CURRENCY,
		.detail = "mixed",
		.asked_by = "" };
	const struct refused *why;
	struct heard *h;
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig(&r);
	tag = ask_cost(&r, "p", CENT);
	h = asked(&r);
	RIG_ANSWER(&r, h, store_cost_added,
	    .record = RIG_BODY(h, store_cost_add)->record, .decision = &d);
	why = RIG_REPLIED(&r, gateway, tag, refused);
	assert_int_equal(why->problem, PROBLEM_MIXED_CURRENCY);
	assert_string_equal(why->decision, "d1");
	assert_true(in_memory(&r, "p") == 0);
	rig_fini(&r);
}

/* C-18, C-14: at the budget is exhausted; ten tenths are one. */
static void
test_c18_exhausted_at_the_budget(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig(&r);
	tag = ask_check(&r, "p", 100 * UNIT);
	store_knows(&r, "p", 100 * UNIT - CENT);
	passes(&r, tag);
	for (int i = 0; i < 2; i++) {
		tag = ask_check(&r, "p", 100 * UNIT);
		store_knows(&r, "p", 100 * UNIT + i * CENT);
		(void)exhausted(&r, tag);
	}
	assert_int_equal(rig_logged(&r, EV_BUDGET_PROJECT_BUDGET_EXCEEDED), 2);
	assert_int_equal(
	    rig_logged(&r, EV_BUDGET_PROJECT_ENFORCEMENT_CHECK), 3);
	rig_fini(&r);
}

/* C-15 */
static void
test_c15_both_sources_round_alike(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig(&r);
	for (int i = 0; i < 10; i++) {
		tag = ask_cost(&r, "p", 10 * CENT);
		store_fails(&r, asked(&r));
		(void)durable_of(&r, tag);
	}
	tag = ask_check(&r, "p", UNIT);
	store_cannot_say(&r);
	(void)exhausted(&r, tag);
	rig_fini(&r);
}

/* C-16 */
static void
test_c16_rounding_comes_after_the_addition(void **state)
{
	struct budget_checker c = { 70 * CENT, 80 * CENT };

	(void)state;
	assert_true(budget_checker_stops(&c, 10 * CENT));
	assert_false(budget_checker_stops(&c, UNIT / 10 - UNIT / 10000000000));
	assert_true(budget_checker_stops(&c, UNIT / 10 - 1));
	c.budget = 0;
	assert_false(budget_checker_stops(&c, 10 * UNIT));
}

/* C-19 */
static void
test_c19_unknown_project_has_cost_nothing(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig(&r);
	tag = ask_check(&r, "new", 10 * UNIT);
	store_knows(&r, "new", -1);
	passes(&r, tag);
	assert_non_null(
	    strstr(rig_line(&r, EV_BUDGET_PROJECT_BASELINE_SOURCE, 0),
		"source=aggregate cost=0"));
	rig_fini(&r);
}

/* C-20 */
static void
test_c20_no_budget_asks_nobody(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig(&r);
	for (int i = 0; i < 2; i++) {
		tag = ask_check(&r, "p", -5 * i * UNIT);
		assert_false(
		    RIG_REPLIED(&r, gateway, tag, budget_checked)->enforced);
	}
	tag = RIG_ASK(&r, gateway, cost_aggregator, budget_baseline,
	    .caller = MANAGER, .project_id = "p", .project_budget = 0);
	assert_false(RIG_REPLIED(&r, gateway, tag, budget_base)->enforced);
	assert_int_equal(rig_waiting(&r, STORE), 0);
	assert_int_equal(rig_logged(&r, EV_BUDGET_PROJECT_COST_QUERIED), 0);
	assert_int_equal(
	    rig_logged(&r, EV_BUDGET_PROJECT_ENFORCEMENT_CHECK), 0);
	rig_fini(&r);
}

static void
thirty_in_memory(struct rig *r)
{
	uint64_t tag = ask_cost(r, "p", 30 * UNIT);

	store_fails(r, asked(r));
	(void)durable_of(r, tag);
}

/* C-21 */
static void
test_c21_check_falls_back_to_memory(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig(&r);
	thirty_in_memory(&r);
	tag = ask_check(&r, "p", 20 * UNIT);
	store_cannot_say(&r);
	(void)exhausted(&r, tag);
	tag = ask_check(&r, "p", 40 * UNIT);
	store_cannot_say(&r);
	passes(&r, tag);
	assert_int_equal(rig_logged(&r, EV_BUDGET_PREFLIGHT_ERROR), 2);
	assert_int_equal(rig_logged(&r, EV_BUDGET_BASELINE_ERROR), 0);
	assert_non_null(strstr(rig_line(&r, EV_BUDGET_PREFLIGHT_ERROR, 0),
	    "reason=project_cost_aggregate_query_failed"));
	assert_non_null(
	    strstr(rig_line(&r, EV_BUDGET_PROJECT_BASELINE_SOURCE, 1),
		"source=in_memory"));
	rig_fini(&r);
}

static struct budget_checker
a_checker(struct rig *r, money budget)
{
	uint64_t tag = RIG_ASK(r, gateway, cost_aggregator, budget_baseline,
	    .caller = MANAGER, .project_id = "p", .project_budget = budget);
	const struct budget_base *base;

	store_cannot_say(r);
	base = RIG_REPLIED(r, gateway, tag, budget_base);
	assert_true(base->enforced);
	return (struct budget_checker){ base->baseline, base->project_budget };
}

/* C-22 */
static void
test_c22_checker_falls_back_to_memory(void **state)
{
	struct budget_checker c;
	struct rig r;

	(void)state;
	cost_rig(&r);
	thirty_in_memory(&r);
	c = a_checker(&r, 40 * UNIT);
	assert_false(budget_checker_stops(&c, 10 * UNIT - CENT));
	assert_true(budget_checker_stops(&c, 10 * UNIT));
	assert_int_equal(rig_logged(&r, EV_BUDGET_BASELINE_ERROR), 1);
	assert_int_equal(rig_logged(&r, EV_BUDGET_PREFLIGHT_ERROR), 0);
	rig_fini(&r);
}

static struct config *
config_of(const char *yaml)
{
	struct config_input in = { .file = "t.yaml" };
	struct mistakes told;
	struct config *c = NULL;

	mistakes_init(&told);
	in.text.at = (const uint8_t *)yaml;
	in.text.size = strlen(yaml);
	assert_int_equal(config_load(&in, &told, &c), ST_OK);
	return c;
}

/* C-17, with a window of an hour. */
static void
test_c17_pruning_does_not_lower_what_a_check_sees(void **state)
{
	struct config *config = config_of("cost: {retention_window_s: 3600}\n");
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig_with(&r, config);
	tag = ask_cost(&r, "p", 60 * UNIT);
	store_adds(&r, asked(&r), 60 * UNIT);
	(void)durable_of(&r, tag);
	rig_advance_ms(&r, 3600 * 1000);
	assert_true(in_memory(&r, "p") == 60 * UNIT);
	rig_advance_ms(&r, 1);
	assert_true(in_memory(&r, "p") == 0);
	tag = ask_check(&r, "p", 50 * UNIT);
	store_knows(&r, "p", 60 * UNIT);
	(void)exhausted(&r, tag);
	rig_fini(&r);
	config_destroy(config);
}

/* C-23, C-25: nobody knows.  A check passes, a checker starts from 0. */
static void
test_c23_nobody_knows(void **state)
{
	struct config *config = config_of("cost: {max_window_records: 0}\n");
	struct budget_checker c;
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig_with(&r, config);
	tag = ask_check(&r, "p", UNIT);
	store_cannot_say(&r);
	assert_false(RIG_REPLIED(&r, gateway, tag, budget_checked)->enforced);
	assert_int_equal(rig_logged(&r, EV_BUDGET_PREFLIGHT_ERROR), 2);
	assert_int_equal(rig_logged(&r, EV_BUDGET_PROJECT_BUDGET_EXCEEDED), 0);
	assert_int_equal(rig_logged(&r, EV_BUDGET_ENFORCEMENT_SKIPPED), 1);
	c = a_checker(&r, 5 * UNIT);
	assert_false(budget_checker_stops(&c, 5 * UNIT - CENT));
	assert_true(budget_checker_stops(&c, 5 * UNIT));
	rig_fini(&r);
	config_destroy(config);
}

/* C-24 */
static void
test_c24_closed_mode_refuses(void **state)
{
	struct config *config = config_of("cost: {max_window_records: 0}\n"
					  "budget: {fail_mode: closed}\n");
	const struct refused *why;
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig_with(&r, config);
	tag = ask_check(&r, "p", UNIT);
	store_cannot_say(&r);
	why = RIG_REPLIED(&r, gateway, tag, refused);
	assert_int_equal(why->problem, PROBLEM_STORE_FAILED);
	assert_non_null(strstr(why->detail, "query_failed"));
	rig_fini(&r);
	config_destroy(config);
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
	ask.currency = "XXX";
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
	assert_int_equal(cost_csv_write(&page, text, sizeof(text)), ST_OK);
	assert_string_equal(text,
	    "start,key,cost,currency,input_tokens,output_tokens,records\r\n"
	    "1970-01-01T00:00:00.000000+00:00,\"'=1+\"\"x\"\"\","
	    "0.000000000001,EUR,0,0,2\r\n"
	    "1970-01-01T00:00:00.000000+00:00,\"\",-0.5,EUR,0,0,0\r\n");
	assert_int_equal(cost_csv_write(&page, text, 100), ST_FULL);
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
		cmocka_unit_test(test_c35_repeated_record_is_in_memory_once),
		cmocka_unit_test(test_refused_record_leaves_memory),
		cmocka_unit_test(
		    test_c17_pruning_does_not_lower_what_a_check_sees),
		cmocka_unit_test(test_c18_exhausted_at_the_budget),
		cmocka_unit_test(test_c15_both_sources_round_alike),
		cmocka_unit_test(test_c16_rounding_comes_after_the_addition),
		cmocka_unit_test(test_c19_unknown_project_has_cost_nothing),
		cmocka_unit_test(test_c20_no_budget_asks_nobody),
		cmocka_unit_test(test_c21_check_falls_back_to_memory),
		cmocka_unit_test(test_c22_checker_falls_back_to_memory),
		cmocka_unit_test(test_c23_nobody_knows),
		cmocka_unit_test(test_c24_closed_mode_refuses),
		cmocka_unit_test(test_c26_no_memory_ends_the_actor),
		cmocka_unit_test(
		    test_c10_bad_records_are_refused_and_forgotten),
		cmocka_unit_test(test_holds_are_expired_when_they_are_due),
		cmocka_unit_test(test_csv_is_exact_and_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
