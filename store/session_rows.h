/*
 * session_rows - what other repositories may do to a session.
 *
 * In store/repo_sessions.c; each works in the caller's transaction.
 */
#ifndef STORE_SESSION_ROWS_H
#define STORE_SESSION_ROWS_H

#include "protocols/messages.h"
#include "store/txn.h"

/* Its tokens are refused, with or without a row. */
bool session_is_refused(struct txn *t, const char *session_id);

/*
 * Refuses its tokens from now on; true if they were not before.  The row, if
 * there is one, knows better than r whose it is and when it ends: ret has
 * what the tombstone says.
 */
bool session_refuse(
    struct txn *t, const struct revocation *r, struct revocation *ret_refused);

#endif
