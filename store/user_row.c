#include "store/user_row.h"

#include "store/row.h"

void
user_key(struct key *k, const char *id)
{
	key_init(k);
	key_tail(k, id);
}

const struct user *
user_get(struct txn *t, const char *user_id)
{
	struct key k;

	user_key(&k, user_id);
	return ROW_GET(t, TABLE_USERS, &k, user);
}
