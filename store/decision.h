/*
 * decision - why something about money was refused, kept for who asks.
 *
 * A row per refusal, written where it was decided, with every limit as it
 * stood.  Each new one forgets a few that are older than DECISION_KEEP_US.
 */
#ifndef STORE_DECISION_H
#define STORE_DECISION_H

#include "store/cost.h"
#include "store/requests.h"

#define DECISION_KEEP_US (INT64_C(30) * 86400 * 1000000)
#define DECISION_SWEEP_MAX 4

void decision_put(struct txn *t, const struct budget_decision *d);

/* In the transaction's memory: rule, problem, detail and limits of r. */
struct budget_decision *decision_of(struct txn *t, const struct cost_result *r,
    const char *id, int64_t now, const char *principal);

/* What is refused, and as what. */
struct decision_ask {
	const char *id; /* empty: no decision is kept */
	int64_t at;
	const char *principal;
	enum status st; /* of the failure, if none is kept */
	uint32_t problem;
	const char *rule;
	const char *detail;
};

/*
 * Refuses a request before it has written: keeps the decision and answers
 * store_refused, or fails.  d: what else it says, of the transaction's memory.
 */
enum status decision_refuse(struct txn *t, const struct decision_ask *ask,
    struct budget_decision *d, struct store_reply *ret);

#endif
