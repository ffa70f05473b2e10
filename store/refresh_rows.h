/*
 * refresh_rows - the refresh family of a session, made and ended with it.
 *
 * In store/repo_refresh.c; each works in the caller's transaction.
 */
#ifndef STORE_REFRESH_ROWS_H
#define STORE_REFRESH_ROWS_H

#include "protocols/messages.h"
#include "store/txn.h"

void refresh_put(struct txn *t, const struct refresh_family *f);
/* Nothing happens if there is none. */
void refresh_delete(struct txn *t, const char *session_id);

#endif
