/* cost_asks - the requests of bench/cost.c, straight to their repositories. */
#ifndef BENCH_COST_ASKS_H
#define BENCH_COST_ASKS_H

#include "bench/cost_rows.h"
#include "store/requests.h"

#define NOW_US INT64_C(1775210400000000)
#define HOLD_AT(n) (NOW_US + (int64_t)(n)*100) /* each in its turn */
#define KEEP_US UINT64_C(86400000000)
#define UNIT ((money)1000000000000)

static enum status
run_request(struct txn *t, uint16_t id, const void *body)
{
	struct store_reply reply = { 0 };

	return request_find(id)->run(t, body, &reply);
}

static enum status
run_record(struct txn *t, uint64_t n)
{
	struct names x;

	names_of(n, &x);
	return run_request(t, MSG_store_cost_add,
	    &(struct store_cost_add){
		.record = { .record_id = x.id,
		    .agent_id = x.agent,
		    .task_id = x.task,
		    .project_id = x.project,
		    .provider = "provider",
		    .model = "a-model-of-theirs",
		    .cost = (money)(n % 1000) * 1000000,
		    .currency = "EUR",
		    .input_tokens = 1200,
		    .output_tokens = 300,
		    .timestamp = NOW_US + (int64_t)n * 1000 },
		.principal = "user",
		.now = NOW_US + (int64_t)n * 1000,
		.keep_us = KEEP_US,
		.event_id = x.id,
		.decision_id = "" });
}

static enum status
run_hold(struct txn *t, uint64_t n)
{
	struct names x;

	names_of(n, &x);
	return run_request(t, MSG_store_hold_add,
	    &(struct store_hold_add){ .hold = { .id = x.hold,
					  .amount = UNIT / 100,
					  .currency = "EUR",
					  .agent_id = x.agent,
					  .task_id = x.task,
					  .project_id = x.project,
					  .created_at = HOLD_AT(n),
					  .expires_at = HOLD_AT(n) + 600000000,
					  .created_by = "user" },
		.decision_id = "decision" });
}

static enum status
run_settle(struct txn *t, uint64_t n)
{
	struct names x;

	names_of(n, &x);
	return run_request(t, MSG_store_hold_settle,
	    &(struct store_hold_settle){ .id = x.hold,
		.record = { .record_id = x.id,
		    .agent_id = "",
		    .task_id = "",
		    .currency = "",
		    .provider = "provider",
		    .model = "a-model-of-theirs",
		    .cost = UNIT / 200,
		    .input_tokens = 1200,
		    .output_tokens = 300 },
		.principal = "user",
		.now = HOLD_AT(n),
		.keep_us = KEEP_US,
		.event_id = x.id,
		.decision_id = "decision" });
}

static enum status
run_check(struct txn *t, uint64_t n)
{
	struct names x;

	names_of(n, &x);
	return run_request(t, MSG_store_budget_check,
	    &(struct store_budget_check){ .project_id = x.project,
		.agent_id = x.agent,
		.task_id = x.task,
		.amount = UNIT,
		.has_amount = true,
		.now = NOW_US });
}

static enum status
run_total(struct txn *t, uint64_t n)
{
	struct names x;

	names_of(n, &x);
	return run_request(t, MSG_store_project_cost_get,
	    &(struct store_project_cost_get){ .project_id = x.project });
}

static enum status
run_list(struct txn *t, const char *project, uint64_t after, uint32_t limit)
{
	return run_request(t, MSG_store_cost_list,
	    &(struct store_cost_list){
		.project_id = project, .after = after, .limit = limit });
}

static enum status
run_page(struct txn *t, uint64_t n)
{
	struct names x;

	names_of(n, &x);
	return run_list(t, x.project, 0, 10);
}

#endif
