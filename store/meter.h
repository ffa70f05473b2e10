/*
 * meter - budgets: which apply, where they stand, and how that changes.
 *
 * A budget has a row per window it was ever charged in, under the time the
 * window begins, so no window is ever reset.  A rolling one has a row per
 * hour and is the sum of its last rolling_hours full hours and the one under
 * way: never less than what any stretch of rolling_hours has seen.  At a time
 * that is past it is the most that any such window around that time has.
 *
 * Bounds: BUDGETS_SUBJECT_MAX budgets of one subject, so that
 * BUDGETS_MATCH_MAX hold whatever applies to a cost.
 */
#ifndef STORE_METER_H
#define STORE_METER_H

#include "protocols/messages.h"
#include "store/txn.h"

#define BUDGET_LEVELS 5
#define BUDGETS_SUBJECT_MAX 6

/* Whom a cost belongs to, at each level; NULL: nobody. */
struct cost_dims {
	const char *of[BUDGET_LEVELS]; /* by enum budget_level */
};

struct meter {
	const struct budget *budget;
	int64_t start;           /* of the row that is charged */
	struct budget_meter row; /* as stored there */
	money spent;             /* of the whole window */
	money held;
	uint32_t alerted;
};

struct meters {
	struct meter of[BUDGETS_MATCH_MAX];
	uint32_t count;
};

/* The organisation is everybody's. */
struct cost_dims cost_dims_of(const char *project_id, const char *department,
    const char *agent_id, const char *task_id);

/* The window of a budget that a time lies in. */
int64_t meter_start(const struct budget *b, int64_t at);

/* NULL: absent, or stuck. */
const struct budget *budget_row(struct txn *t, const char *id);

void meter_load(
    struct txn *t, const struct budget *b, int64_t at, struct meter *ret_m);
/* Every budget that applies to them at that time. */
void meters_load(struct txn *t, const struct cost_dims *dims, int64_t at,
    struct meters *ret_ms);
/* Those of one subject only, added to what there is. */
void meters_load_subject(struct txn *t, enum budget_level level,
    const char *subject, int64_t at, struct meters *ms);

/* NULL, or the first with another currency. */
const struct meter *meters_foreign(
    const struct meters *ms, const char *currency);
/* NULL, or the first hard one that this much more would carry past. */
const struct meter *meters_refusing(const struct meters *ms, money more);

/* Stores the row.  INVALID past the range, CORRUPT if less than 0 is held. */
void meter_charge(struct txn *t, struct meter *m, money spent, money held);

/* A bit each for thresholds reached and not told yet; they count as told. */
uint32_t meter_alerts(struct meter *m);
/* In percent; 0 past the last. */
uint32_t meter_threshold(uint32_t bit);

void meter_status(const struct meter *m, struct budget_status *ret_status);
/* As a list in the transaction's memory. */
const struct budget_status *meters_statuses(
    struct txn *t, const struct meters *ms);

/* For windows of what was recorded and held before there was the budget. */
void meter_fill(struct txn *t, const struct budget *b);

#endif
