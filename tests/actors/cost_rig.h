/* cost_rig - the cost-aggregator, and a store that a test speaks for. */
#ifndef TESTS_ACTORS_COST_RIG_H
#define TESTS_ACTORS_COST_RIG_H

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

static inline struct config *
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

static inline void
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

static inline void
cost_rig(struct rig *r)
{
	cost_rig_with(r, NULL);
}

static inline struct cost_add
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

static inline uint64_t
ask_add(struct rig *r, const struct cost_add *ask)
{
	return rig_ask(r, ACTOR_NUMBER(gateway), ACTOR_NUMBER(cost_aggregator),
	    MSG_cost_add, ask, 10 * RIG_WITHIN_US);
}

static inline uint64_t
ask_cost(struct rig *r, const char *project, money cost)
{
	struct cost_add ask = a_cost(project, cost);

	return ask_add(r, &ask);
}

static inline struct heard *
asked(struct rig *r)
{
	return RIG_TAKE(r, store, store_cost_add);
}

static inline void
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

static inline void
store_fails(struct rig *r, struct heard *h)
{
	rig_refuse(r, h, ST_IO, PROBLEM_STORE_FAILED, "injected");
}

static inline enum cost_durable
durable_of(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, cost_added)->durable;
}

static inline money
in_memory(struct rig *r, const char *project)
{
	uint64_t tag = RIG_ASK(r, gateway, cost_aggregator, cost_project_total,
	    .project_id = project, .source = SOURCE_MEMORY);

	return RIG_REPLIED(r, gateway, tag, cost_total)->cost;
}

static inline uint64_t
ask_check(struct rig *r, const char *project, money budget)
{
	return RIG_ASK(r, gateway, cost_aggregator, budget_check,
	    .caller = MANAGER, .project_id = project, .project_budget = budget,
	    .has_project_budget = true);
}

static inline void
store_knows(struct rig *r, const char *project, money total)
{
	struct project_cost p = {
		.project_id = project, .total_cost = total, .currency = "EUR"
	};

	RIG_ANSWER(r, RIG_TAKE(r, store, store_project_cost_get),
	    store_project_cost_found, .project = total < 0 ? NULL : &p);
}

static inline void
store_cannot_say(struct rig *r)
{
	store_fails(r, RIG_TAKE(r, store, store_project_cost_get));
}

static inline const struct refused *
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

static inline void
passes(struct rig *r, uint64_t tag)
{
	assert_true(RIG_REPLIED(r, gateway, tag, budget_checked)->enforced);
}

#endif
