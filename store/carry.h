/*
 * carry - what a restored database takes over from the one it replaces.
 *
 * A restore brings data back, not credentials: whatever was revoked after the
 * backup stays revoked, a refresh token that was used stays used, and a
 * session that the backup does not know ends.  Event channels begin another
 * epoch, so that nobody takes a new event for one it has seen.  Accounts are
 * what the backup says.  The log of transactions ends (store/redo_log.h): what
 * follows has numbers that nothing had before.
 *
 *   take it from the live database, open the restored one, put it there
 *
 * Any thread, with nobody else at either database.  Bounds: CARRY_BYTES_MAX,
 * and CARRY_REFUSED_MAX, past which nobody would be let in at all; more is
 * FULL, and the restore is undone.
 */
#ifndef STORE_CARRY_H
#define STORE_CARRY_H

#include "store/backend.h"

#define CARRY_BYTES_MAX (UINT64_C(512) << 20)
#define CARRY_REFUSED_MAX 200000u /* as the session-registry's REVOKED_MAX */

struct carry;

struct carry_new {
	uint64_t epoch;
	uint64_t txid_floor; /* as store_swap says */
	int64_t now;         /* what has expired needs no refusal */
};

/* b NULL: there was none, and nothing is carried. */
MUST_CHECK enum status carry_take(struct backend *b, struct carry **ret_carry);
/* One transaction: all of it, or none. */
MUST_CHECK enum status carry_put(
    struct backend *b, const struct carry *c, const struct carry_new *to);
void carry_destroy(struct carry *c); /* NULL is fine */

#endif
