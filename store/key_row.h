/*
 * key_row - the rows of API keys, and the index by user.  For repositories.
 */
#ifndef STORE_KEY_ROW_H
#define STORE_KEY_ROW_H

#include "protocols/messages.h"
#include "store/txn.h"

/* NULL: there is none, or the transaction is stuck. */
const struct api_key *key_row_get(struct txn *t, const char *key_id);
/* Of one that is there. */
void key_row_touch(struct txn *t, const struct api_key *k, int64_t at);
/* Refused from now on, whether it is there or not. */
void key_row_revoke(struct txn *t, const char *key_id);
/* All of a user. */
void key_rows_forget(struct txn *t, const char *user_id);

#endif
