/*
 * idem - which requests with an idempotency key have been done.
 *
 * A mark is written in the transaction of what it stands for, and lasts
 * IDEM_KEEP_US.  Each new mark forgets a few that have expired, so the table
 * needs no one to clean it.  A key belongs to its scope and its principal.
 */
#ifndef STORE_IDEM_H
#define STORE_IDEM_H

#include "protocols/messages.h"
#include "store/txn.h"

#define IDEM_KEEP_US (INT64_C(86400) * 1000000)
#define IDEM_SWEEP_MAX 4 /* expired marks that one new mark forgets */

/* NULL: not done yet, or too long ago at now, or stuck. */
const struct idem_mark *idem_find(struct txn *t, const char *scope,
    const char *principal, const char *key, int64_t now);

/* As idem_find gave it, or in place of an expired one. */
void idem_put(struct txn *t, const struct idem_mark *mark, int64_t now);

bool idem_same_body(const struct idem_mark *mark, struct bytes body_hash);

#endif
