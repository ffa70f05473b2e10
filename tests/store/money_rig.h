/* money_rig - costs, budgets and holds for the tests of the store. */
#ifndef TESTS_STORE_MONEY_RIG_H
#define TESTS_STORE_MONEY_RIG_H

#include "protocols/problem.h"
#include "tests/store/asker.h"

#define UNIT ((money)1000000000000)
#define CENT (UNIT / 100)
#define NOW INT64_C(1775210400000000) /* 2026-04-03T10:00:00Z */
#define HOUR INT64_C(3600000000)
#define DAY (24 * HOUR)
#define KEEP_US 86400000000u

/* The nth id there is. */
static inline struct uuid
an_id(uint64_t n)
{
	struct uuid id = { { 0 } };

	for (int i = 0; i < 8; i++)
		id.octets[15 - i] = (uint8_t)(n >> (8 * i));
	return id;
}

static inline struct cost_record
a_record(uint64_t n, const char *project, money cost)
{
	return (struct cost_record){ .record_id = an_id(n),
		.agent_id = "agent",
		.task_id = "task",
		.project_id = project,
		.provider = "provider",
		.model = "model",
		.cost = cost,
		.currency = "EUR",
		.input_tokens = 1,
		.output_tokens = 2,
		.timestamp = NOW };
}

static inline enum status
add(const struct cost_record *r, int64_t now)
{
	return ASK(store_cost_add, .record = *r, .principal = "u", .now = now,
	    .keep_us = KEEP_US, .event_id = r->record_id,
	    .decision_id = "decision");
}

static inline const struct store_cost_added *
added(void)
{
	return REPLY_IS(store_cost_added);
}

static inline const struct project_cost *
project_of(const char *project)
{
	OK(ASK(store_project_cost_get, .project_id = project));
	return REPLY_IS(store_project_cost_found)->project;
}

static inline struct budget
a_budget(const char *id, enum budget_level level, const char *subject,
    enum budget_window window, money amount)
{
	return (struct budget){ .id = id,
		.level = level,
		.subject = subject,
		.window = window,
		.rolling_hours = window == WINDOW_ROLLING ? 3 : 0,
		.amount = amount,
		.currency = "EUR",
		.hard = true,
		.created_at = NOW,
		.updated_at = NOW,
		.version = 1 };
}

static inline const struct budget_status *
make_budget(const struct budget *b)
{
	OK(ASK(store_budget_create, .budget = *b, .principal = "u"));
	return &REPLY_IS(budget_made)->status;
}

static inline const struct budget_status *
status_of(const char *id, int64_t now)
{
	OK(ASK(store_budget_get, .id = id, .now = now));
	return &REPLY_IS(budget_made)->status;
}

static inline enum status
ask_hold(const char *id, money amount, int64_t now, int64_t ttl)
{
	return ASK(store_hold_add,
	    .hold = { .id = id,
		.amount = amount,
		.currency = "EUR",
		.agent_id = "agent",
		.task_id = "task",
		.project_id = "p",
		.created_at = now,
		.expires_at = now + ttl,
		.created_by = "u" },
	    .decision_id = "decision");
}

/* The problem it was refused with; 0: it was made. */
static inline uint32_t
hold_problem(void)
{
	const struct store_hold_made *made = REPLY_IS(store_hold_made);

	return made->decision == NULL ? 0 : made->decision->problem;
}

static inline uint32_t
settle(const char *id, uint64_t record, money cost, int64_t now)
{
	OK(ASK(store_hold_settle, .id = id,
	    .record = { .record_id = an_id(record),
		.agent_id = "",
		.task_id = "",
		.currency = "",
		.provider = "provider",
		.model = "model",
		.cost = cost },
	    .principal = "u", .now = now, .keep_us = KEEP_US,
	    .event_id = an_id(record), .decision_id = "decision"));
	return hold_problem();
}

static inline uint32_t
void_hold(const char *id, int64_t now)
{
	OK(ASK(store_hold_void, .id = id, .principal = "u", .now = now,
	    .decision_id = "decision"));
	return hold_problem();
}

static inline uint32_t
expire(int64_t now)
{
	OK(ASK(store_hold_expire, .now = now, .limit = 100));
	return REPLY_IS(store_hold_expired)->count;
}

#define MONEY_IS(got, expected) assert_true((got) == (expected))

#endif
