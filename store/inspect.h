/*
 * inspect - is everything in a database what it should be?
 *
 * Reads one snapshot from end to end: every row decodes and stands under the
 * key its content asks for, every index entry has its row and the reverse,
 * the chain of the audit log holds, the journal has no gaps, and totals,
 * slots and meters are what the records and the open holds add up to.
 *
 * Totals are added up again in a database in memory, so the inspection takes
 * about as much memory as the tables of totals have bytes; records are read
 * one by one.  While a record, a hold or a budget cannot be read, sums are not
 * compared: that row is the finding.  Blocking; one thread.
 */
#ifndef STORE_INSPECT_H
#define STORE_INSPECT_H

#include "runtime/base/pace.h"
#include "store/txn.h"

#define INSPECT_KEY_SIZE (4 * BACKEND_KEY_MAX + 1)

/* A table, a key as text (other bytes as \xNN), and one sentence. */
typedef void (*inspect_tell)(
    void *ctx, const char *table, const char *key, const char *what);

struct inspection {
	inspect_tell tell;
	void *ctx;
	struct pace *pace; /* NULL: as fast as it goes */
	uint64_t rows;
	uint64_t entries; /* of indexes */
	uint64_t wrong;   /* times it told */
};

/* Of a database at this program's schema.  What the reading stuck at:
 * CANCELLED if its pace is. */
MUST_CHECK enum status inspect_all(struct txn *t, struct inspection *i);

/* ---- for its parts ---- */

void inspect_wrong(
    struct inspection *i, enum table table, struct bytes key, const char *what);
/* False: it is to give up, and t is stuck. */
bool inspect_took(
    struct txn *t, struct inspection *i, const struct backend_entry *entry);
void inspect_journal(struct txn *t, struct inspection *i);
void inspect_audit(struct txn *t, struct inspection *i);
void inspect_sums(struct txn *t, struct inspection *i);
void inspect_redo(struct txn *t, struct inspection *i);

#endif
