/*
 * session_row - a session's row, its indexes, and its tombstone.
 *
 * A session has its row and an entry in each of three indexes, and while it
 * is not revoked one in a fourth, by when it was last active.  A revocation
 * has a tombstone, with or without a row; where there is a row it says so
 * too, and both expire at the same moment, so that they are forgotten
 * together.  For the repositories alone.
 */
#ifndef STORE_SESSION_ROW_H
#define STORE_SESSION_ROW_H

#include "protocols/messages.h"
#include "store/ended.h"
#include "store/txn.h"

void session_key(struct key *k, const char *id);
bool session_is_active(const struct session *s, int64_t now);
struct revocation session_revocation(const struct session *s);

/* NULL: there is none, or the transaction is stuck. */
const struct session *session_get(struct txn *t, const char *id);
/* Of an index whose keys end in an id, at id_at; none there is corrupt. */
const struct session *session_of_entry(
    struct txn *t, enum table index, struct bytes key, size_t id_at);

/* Of a row just put. */
void session_index(struct txn *t, const struct session *s);
/* Of a row that was not revoked. */
void session_mark_revoked(struct txn *t, const struct session *s);
/* The row, what leads to it, and its tombstone. */
void session_delete(struct txn *t, const struct session *s);
/* Moves last_active_at, never back, never past the end. */
void session_touch(struct txn *t, const struct session *s, int64_t at);

/* Rows of a user that are not revoked, without a tombstone: their tokens are
 * refused for another reason.  At most SESSIONS_FORGET_MAX; what is left
 * expires by itself.  Which is added to ended. */
#define SESSIONS_FORGET_MAX ENDED_MAX
void sessions_forget(struct txn *t, const char *user_id, struct ended *ended);

/* The fourth index, for databases that were made without it. */
enum status sessions_index_activity(struct txn *t);

/* Its tokens are refused, with or without a row. */
bool session_is_refused(struct txn *t, const char *session_id);
/*
 * Refuses its tokens from now on; true if they were not before.  The row, if
 * there is one, knows better than r whose it is and when it ends: ret has
 * what the tombstone says.
 */
bool session_refuse(
    struct txn *t, const struct revocation *r, struct revocation *ret_refused);

const struct revocation *tombstone_get(struct txn *t, const char *id);
void tombstone_put(struct txn *t, const struct revocation *r);
void tombstone_delete(struct txn *t, const struct revocation *r);

#endif
