/*
 * known_row - the networks that a user has logged in from.  For repositories.
 *
 * Whoever comes from one of them has a count of failed log-ins of its own
 * (actors/registry_tries.c), so strangers cannot lock a user out of it; and
 * since it is written with the log-in, a restart does not forget it.
 *
 * Bounds:  KNOWN_MAX of a user; the one longest unused makes room
 */
#ifndef STORE_KNOWN_ROW_H
#define STORE_KNOWN_ROW_H

#include "protocols/messages.h"
#include "store/txn.h"

#define KNOWN_MAX 8

/* NULL: it is not known, or the transaction is stuck. */
const struct known_network *known_get(
    struct txn *t, const char *user_id, const char *network);
void known_put(struct txn *t, const struct known_network *n);
/* All of a user. */
void known_forget(struct txn *t, const char *user_id);

#endif
