/*
 * decision - why something about money was refused, kept for who asks.
 *
 * A row per refusal, written where it was decided, with every limit as it
 * stood.  Each new one forgets a few that are older than DECISION_KEEP_US.
 */
#ifndef STORE_DECISION_H
#define STORE_DECISION_H

#include "store/cost.h"

#define DECISION_KEEP_US (INT64_C(30) * 86400 * 1000000)
#define DECISION_SWEEP_MAX 4

void decision_put(struct txn *t, const struct budget_decision *d);

/* In the transaction's memory: rule, problem, detail and limits of r. */
struct budget_decision *decision_of(struct txn *t, const struct cost_result *r,
    const char *id, int64_t now, const char *principal);

#endif
