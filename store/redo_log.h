/*
 * redo_log - every committed transaction as a record, until it is shipped.
 *
 * While a timeline is under way each write transaction leaves one record, in
 * the same transaction: it is there exactly if what it tells is.  Records have
 * numbers that only grow, also from one timeline to the next, times that never
 * go back, and each carries the sum of the one before.  What has been shipped
 * is forgotten bit by bit, by the transactions that follow.
 *
 * In TABLE_REDO: under number 0 where the log stands, then the records.
 *
 * The log never stands in a commit's way.  Past tail_max bytes, or where a
 * record cannot be made, it is given up: the timeline is 0 until somebody
 * begins another one, which needs a new base.
 *
 * The writer's thread alone; counters: any.
 */
#ifndef STORE_REDO_LOG_H
#define STORE_REDO_LOG_H

#include <stdatomic.h>

#include "runtime/base/clock.h"
#include "store/redo.h"

#define REDO_TAIL_MAX (UINT64_C(256) << 20)
#define REDO_FORGET_MORE 4096 /* rows, by whoever says they are shipped */

/* The row under number 0. */
struct redo_place {
	uint64_t timeline; /* 0: nothing is logged */
	uint64_t txid;
	int64_t at;
	uint64_t sum;   /* of the last record of the timeline; 0: none yet */
	uint64_t from;  /* the first that has not been shipped */
	uint64_t first; /* no row is before */
	uint64_t tail_bytes; /* in rows */
	uint64_t tail_max;
};

struct redo_log {
	struct redo redo;
	const struct clock *clock;
	struct redo_place was; /* when the transaction began */
	bool give_up;          /* there is no room for records */
	struct {
		uint64_t records, bytes, given_up;
	} next; /* what counts once the transaction is committed */
	_Atomic uint64_t records, bytes, given_up;
};

void redo_log_init(struct redo_log *l, const struct clock *clock);
void redo_log_fini(struct redo_log *l);

/* All zero if there is none. */
MUST_CHECK enum status redo_place_get(
    struct backend_txn *txn, struct redo_place *ret_place);
/* Likewise, in a transaction of its own. */
MUST_CHECK enum status redo_place_of(
    struct backend *b, struct redo_place *ret_place);
MUST_CHECK enum status redo_place_put(
    struct backend_txn *txn, const struct redo_place *p);

/* Right after a write transaction has begun, and right before its commit. */
MUST_CHECK enum status redo_log_begin(
    struct redo_log *l, struct backend_txn *txn);
MUST_CHECK enum status redo_log_end(
    struct redo_log *l, struct backend_txn *txn);
/* After it. */
void redo_log_committed(struct redo_log *l);

/* In a transaction of the writer: a new timeline, or none at all. */
MUST_CHECK enum status redo_log_turn(
    struct backend_txn *txn, uint64_t timeline, uint64_t tail_max, int64_t now);
/* In another database than the one that logged: its log ends here. */
MUST_CHECK enum status redo_log_cut(
    struct backend_txn *txn, uint64_t txid_floor);
/* Likewise, in a transaction of its own. */
MUST_CHECK enum status redo_log_stop(struct backend *b);
MUST_CHECK enum status redo_log_shipped(
    struct backend_txn *txn, uint64_t timeline, uint64_t txid);

#endif
