/*
 * marks - which record ids count already, without a page of disk for each.
 *
 * A mark is a row of TABLE_COST_APPLIED under its record's place and id, so
 * marks are written one behind the other, however ids are spread.  Where the
 * mark of an id may be is known in memory: a table of 8 bytes a mark, filled
 * from the rows when a database is first written to.  Memory only points: the
 * row alone says that a mark is there, so a transaction that is given up, or a
 * mark that was swept away, leaves nothing to undo.
 *
 * Keeps:   for every row that has not outlived its time, a pointer to it
 * Bounds:  MARKS_MAX; past it the oldest mark goes before its time
 * Threads: of the write transaction in hand
 */
#ifndef STORE_MARKS_H
#define STORE_MARKS_H

#include "protocols/messages.h"
#include "store/txn.h"

#define MARKS_MAX (UINT64_C(3) << 23) /* in 256 MiB */

struct marks;

void marks_destroy(struct marks *m); /* NULL is fine */

/* The mark of id, in the transaction's memory; NULL: none, or stuck. */
const struct cost_applied *marks_find(struct txn *t, const struct uuid *id);

/* Adds one; some that are older than until go. */
void marks_put(struct txn *t, const struct uuid *id,
    const struct cost_applied *mark, int64_t until);

#endif
