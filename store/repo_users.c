#include <string.h>

#include "protocols/messages.h"
#include "store/audit.h"
#include "store/known_row.h"
#include "store/requests.h"
#include "store/row.h"
#include "store/user_row.h"

static const struct user *
user_find_name(struct txn *t, const char *username)
{
	const struct user *user;
	struct key name, k;
	struct bytes id;

	user_key(&name, username);
	if (!txn_get(t, TABLE_USERS_BY_NAME, &name, &id))
		return NULL;
	key_init(&k);
	key_tail_bytes(&k, id);
	user = ROW_GET(t, TABLE_USERS, &k, user);
	if (user == NULL || strcmp(user->username, username) != 0)
		row_is_corrupt(t, TABLE_USERS_BY_NAME, key_bytes(&name));
	return user;
}

static enum status
repo_users_create(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_user_create *ask = request;
	const struct user *user = &ask->user;
	struct key id, name;
	struct bytes taken;

	if (!request_id(t, user->user_id, "blank user id") ||
	    !request_id(t, user->username, "blank user name"))
		return txn_status(t);
	if (ask->first && txn_count(t, TABLE_USERS) > 0)
		return txn_fail(t, ST_CONFLICT, "there is a user already");
	user_key(&name, user->username);
	if (txn_get(t, TABLE_USERS_BY_NAME, &name, &taken))
		return txn_fail(t, ST_EXISTS, "the user name is taken");
	user_key(&id, user->user_id);
	if (!row_put_new(t, TABLE_USERS, &id, CATALOGUE_TYPE(user), user))
		return txn_fail(t, ST_EXISTS, "the user id is taken");
	txn_put(t, TABLE_USERS_BY_NAME, &name, key_bytes(&id));
	audit_append(t, ask->audit);
	return request_done(t, ret);
}

static void
users_find_known(
    struct txn *t, const char *network, struct store_user_found *found)
{
	const struct known_network *n =
	    known_get(t, found->user->user_id, network);

	found->has_known_at = n != NULL;
	found->known_at = n == NULL ? 0 : n->at;
}

static enum status
repo_users_find(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_user_find *ask = request;
	struct store_user_found *found = txn_take(t, sizeof(*found));

	if (found == NULL)
		return txn_status(t);
	if ((ask->user_id == NULL) == (ask->username == NULL))
		return txn_fail(t, ST_INVALID, "either an id or a name");
	if (ask->username != NULL) {
		if (request_id(t, ask->username, "blank user name"))
			found->user = user_find_name(t, ask->username);
	} else if (request_id(t, ask->user_id, "blank user id")) {
		found->user = user_get(t, ask->user_id);
	}
	if (ask->network != NULL && found->user != NULL)
		users_find_known(t, ask->network, found);
	return REQUEST_REPLY(t, ret, store_user_found, found);
}

static enum status
repo_users_list(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_user_list *ask = request;
	struct store_user_page *page = txn_take(t, sizeof(*page));
	struct user *users = txn_take(t, ask->limit * sizeof(*users));
	struct backend_entry entry;
	struct key from;
	struct scan s;

	if (!request_limit(t, ask->limit))
		return txn_status(t);
	key_init(&from);
	key_text(&from, ask->after); /* its end makes it the first after it */
	scan_open(&s, t, TABLE_USERS, NULL);
	page->users = users;
	page->more = scan_seek(&s, &from, &entry);
	while (page->more && page->users_count < ask->limit) {
		const struct user *user =
		    ROW_DECODE(t, TABLE_USERS, &entry, user);

		if (user == NULL)
			break;
		users[page->users_count++] = *user;
		page->more = scan_next(&s, &entry);
	}
	scan_close(&s);
	return REQUEST_REPLY(t, ret, store_user_page, page);
}

const struct request repo_users[] = {
	{ MSG_store_user_create, true, repo_users_create },
	{ MSG_store_user_find, false, repo_users_find },
	{ MSG_store_user_list, false, repo_users_list },
	{ 0 },
};
