/*
 * The cost-aggregator.  The store is a probe that answers, fails or stays
 * silent: what a failing store does to recording and to checks.
 */
#include "tests/actors/cost_rig.h"

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

/* D12: what the store has not heard of yet counts, if it is set so. */
static void
test_d12_memory_counts_if_it_has_more(void **state)
{
	struct config *config = config_of("cost: {reconcile: max}\n");
	const struct budget_checked *got;
	struct rig r;
	uint64_t tag;

	(void)state;
	cost_rig_with(&r, config);
	tag = ask_cost(&r, "p", 30 * UNIT);
	store_fails(&r, asked(&r));
	assert_int_equal(durable_of(&r, tag), DURABLE_QUEUED);
	tag = ask_check(&r, "p", 30 * UNIT);
	store_knows(&r, "p", -1);
	(void)exhausted(&r, tag);
	tag = ask_check(&r, "p", 31 * UNIT);
	store_knows(&r, "p", 29 * UNIT);
	got = RIG_REPLIED(&r, gateway, tag, budget_checked);
	assert_true(got->cost == 30 * UNIT);
	assert_int_equal(got->source, SOURCE_MEMORY);
	tag = ask_check(&r, "p", 32 * UNIT);
	store_knows(&r, "p", 31 * UNIT);
	got = RIG_REPLIED(&r, gateway, tag, budget_checked);
	assert_true(got->cost == 31 * UNIT);
	assert_int_equal(got->source, SOURCE_AGGREGATE);
	rig_fini(&r);
	config_destroy(config);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c18_exhausted_at_the_budget),
		cmocka_unit_test(test_c15_both_sources_round_alike),
		cmocka_unit_test(test_c16_rounding_comes_after_the_addition),
		cmocka_unit_test(test_c19_unknown_project_has_cost_nothing),
		cmocka_unit_test(test_d12_memory_counts_if_it_has_more),
		cmocka_unit_test(test_c20_no_budget_asks_nobody),
		cmocka_unit_test(test_c21_check_falls_back_to_memory),
		cmocka_unit_test(test_c22_checker_falls_back_to_memory),
		cmocka_unit_test(
		    test_c17_pruning_does_not_lower_what_a_check_sees),
		cmocka_unit_test(test_c23_nobody_knows),
		cmocka_unit_test(test_c24_closed_mode_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
