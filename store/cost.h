/*
 * cost - a cost record and everything that counts it, in one transaction.
 *
 * Written together or not at all: the record and its indexes, the project's
 * total, quarter-hour slots by organisation, department, project, agent and
 * category, the meters of every budget that applies, the mark that makes a
 * repeated record_id one record, and the events.
 */
#ifndef STORE_COST_H
#define STORE_COST_H

#include "store/meter.h"
#include "store/requests.h"

#define COST_SLOT_US (INT64_C(15) * 60 * 1000000)
#define COST_SCAN_MAX 2000000 /* rows one question may walk */
#define COST_NO_CATEGORY "uncategorised"

struct cost_charge {
	struct cost_record record; /* all but seq; a price may fill its cost */
	bool priced;
	money held; /* what its hold promised and gives back */
	struct bytes body_hash;
	int64_t now;
	uint64_t keep_us;
	struct uuid event_id;
};

/* What became of it; a problem means that nothing was written. */
struct cost_result {
	bool duplicate;
	const struct project_cost *project;
	uint32_t problem;
	const char *rule;
	const char *detail;
	struct meters meters;
	const struct event *events;
	uint32_t events_count;
};

/* The transaction's status: a problem is an answer, not a failure. */
enum status cost_apply(
    struct txn *t, struct cost_charge *c, struct cost_result *ret_result);

/* What a record breaks; NULL: nothing. */
const char *cost_fault(const struct cost_record *r);

/* Stays at the bound of 64 bits. */
uint64_t cost_tokens_add(uint64_t sum, uint64_t more);

/* The record that was stored with this id; NULL: none that is remembered. */
const struct cost_record *cost_known(struct txn *t, const struct uuid *id);

const struct project_cost *project_cost_row(
    struct txn *t, const char *project_id);

/* A slot's key up to its time; what it holds of a record's kind of thing. */
void cost_slot_prefix(struct key *k, enum cost_by by, const char *id);
const char *cost_category(const struct cost_record *r);

/* The price in force at a time; NULL: none, or stuck. */
const struct price *price_at(
    struct txn *t, const char *provider, const char *model, int64_t at);

/* What an index entry holds, so that sums need not read the rows. */
void cost_index_value(const struct cost_record *r, struct key *ret_value);

/* Adds it to its project's total and its slots, and nowhere else. */
void cost_sum_up(struct txn *t, const struct cost_record *rec);

/* Totals and slots of version 1's records, which had none. */
void cost_fill(struct txn *t);

#endif
