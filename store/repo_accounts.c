#include <string.h>

#include "store/ended.h"
#include "store/key_row.h"
#include "store/known_row.h"
#include "store/requests.h"
#include "store/row.h"
#include "store/session_row.h"
#include "store/user_row.h"

/*
 * Changes of accounts.  Whether a ceo is left who may come in is decided
 * here, in the transaction of the change: two who take the role from each
 * other at once cannot both succeed.
 */

static bool
user_rules(const struct user *u)
{
	return u->role == ROLE_CEO && !u->disabled;
}

/* Another ceo who may come in. */
static bool
user_has_peer(struct txn *t, const struct user *u)
{
	struct backend_entry entry;
	bool has = false;
	struct scan s;
	bool found;

	scan_open(&s, t, TABLE_USERS, NULL);
	found = scan_first(&s, &entry);
	while (found && !has) {
		size_t mark = txn_mark(t);
		const struct user *one =
		    ROW_DECODE(t, TABLE_USERS, &entry, user);

		if (one == NULL)
			break;
		has = user_rules(one) && strcmp(one->user_id, u->user_id) != 0;
		txn_release(t, mark);
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	return has;
}

/* NULL: the transaction is stuck, at NOT_FOUND if there is none. */
static const struct user *
user_of(struct txn *t, const char *user_id)
{
	const struct user *u;

	if (!request_id(t, user_id, "blank user id"))
		return NULL;
	u = user_get(t, user_id);
	if (u == NULL)
		(void)txn_fail(t, ST_NOT_FOUND, "there is no such user");
	return u;
}

static struct user
user_changed(const struct user *u, const struct store_user_change *ask)
{
	struct user now = *u;

	if (ask->has_role)
		now.role = ask->role;
	if (ask->has_disabled)
		now.disabled = ask->disabled;
	if (ask->password_hash != NULL)
		now.password_hash = ask->password_hash;
	if (ask->has_must_change_password)
		now.must_change_password = ask->must_change_password;
	now.updated_at =
	    ask->now > u->updated_at ? ask->now : u->updated_at + 1;
	return now;
}

static enum status
repo_accounts_change(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_user_change *ask = request;
	const struct user *u = user_of(t, ask->user_id);
	struct store_user_found *found = txn_take(t, sizeof(*found));
	struct user *now = txn_take(t, sizeof(*now));
	struct ended *ended = ended_take(t);
	struct key k;

	if (u == NULL || now == NULL || ended == NULL)
		return txn_status(t);
	*now = user_changed(u, ask);
	if (ask->expected_hash != NULL &&
	    strcmp(ask->expected_hash, u->password_hash) != 0)
		return txn_fail(
		    t, ST_CONFLICT, "the password has changed meanwhile");
	if (user_rules(u) && !user_rules(now) && !user_has_peer(t, u))
		return txn_fail(t, ST_CONFLICT, "it is the last ceo");
	user_key(&k, now->user_id);
	row_put(t, TABLE_USERS, &k, CATALOGUE_TYPE(user), now);
	if (ask->password_hash != NULL)
		sessions_forget(t, now->user_id, ended);
	ended_append(t, ask->audit, ended);
	found->user = now;
	return REQUEST_REPLY(t, ret, store_user_found, found);
}

static enum status
repo_accounts_delete(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_user_delete *ask = request;
	const struct user *u = user_of(t, ask->user_id);
	struct store_user_found *found = txn_take(t, sizeof(*found));
	struct ended *ended = ended_take(t);
	struct key k;

	if (u == NULL || found == NULL || ended == NULL)
		return txn_status(t);
	if (user_rules(u) && !user_has_peer(t, u))
		return txn_fail(t, ST_CONFLICT, "it is the last ceo");
	user_key(&k, u->user_id);
	(void)txn_delete(t, TABLE_USERS, &k);
	user_key(&k, u->username);
	(void)txn_delete(t, TABLE_USERS_BY_NAME, &k);
	key_rows_forget(t, u->user_id);
	known_forget(t, u->user_id);
	sessions_forget(t, u->user_id, ended);
	ended_append(t, ask->audit, ended);
	found->user = u;
	return REQUEST_REPLY(t, ret, store_user_found, found);
}

const struct request repo_accounts[] = {
	{ MSG_store_user_change, true, repo_accounts_change },
	{ MSG_store_user_delete, true, repo_accounts_delete },
	{ 0 },
};
