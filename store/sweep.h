/*
 * sweep - forgets rows that an index of times says are old.
 *
 * The index's key is a time, then the row's own key.  Each new row forgets a
 * few old ones, so such a table needs no one to clean it.
 */
#ifndef STORE_SWEEP_H
#define STORE_SWEEP_H

#include "store/txn.h"

/* Those at or before until, oldest first; how many. */
uint32_t sweep_old(struct txn *t, enum table index, enum table rows,
    int64_t until, uint32_t max);

/* The key of an index entry's row. */
struct key sweep_row_key(struct bytes entry_key);

#endif
