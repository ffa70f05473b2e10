/* user_row - a user by his id, or his id by his name.  For repositories. */
#ifndef STORE_USER_ROW_H
#define STORE_USER_ROW_H

#include "protocols/messages.h"
#include "store/txn.h"

/* Of TABLE_USERS by an id, of TABLE_USERS_BY_NAME by a name. */
void user_key(struct key *k, const char *id);

/* NULL: there is none, or the transaction is stuck. */
const struct user *user_get(struct txn *t, const char *user_id);

#endif
