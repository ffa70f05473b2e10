#include <string.h>

#include "store/audit.h"
#include "store/key_row.h"
#include "store/requests.h"
#include "store/row.h"
#include "store/user_row.h"

#define KEYS_FORGET_MAX 1024

static void
id_key(struct key *k, const char *id)
{
	key_init(k);
	key_tail(k, id);
}

static void
by_user_key(struct key *k, const char *user_id, const char *key_id)
{
	key_init(k);
	key_text(k, user_id);
	key_tail(k, key_id);
}

const struct api_key *
key_row_get(struct txn *t, const char *key_id)
{
	struct key k;

	id_key(&k, key_id);
	return ROW_GET(t, TABLE_API_KEYS, &k, api_key);
}

static void
key_row_put(struct txn *t, const struct api_key *row)
{
	struct key k;

	id_key(&k, row->key_id);
	row_put(t, TABLE_API_KEYS, &k, CATALOGUE_TYPE(api_key), row);
}

void
key_row_touch(struct txn *t, const struct api_key *row, int64_t at)
{
	struct api_key used = *row;

	if (row->has_last_used_at && row->last_used_at >= at)
		return;
	used.last_used_at = at;
	used.has_last_used_at = true;
	key_row_put(t, &used);
}

static void
key_row_delete(struct txn *t, const char *user_id, const char *key_id)
{
	struct key k;

	id_key(&k, key_id);
	(void)txn_delete(t, TABLE_API_KEYS, &k);
	by_user_key(&k, user_id, key_id);
	(void)txn_delete(t, TABLE_API_KEYS_BY_USER, &k);
	id_key(&k, key_id);
	txn_put(t, TABLE_KEYS_GONE, &k, (struct bytes){ 0 });
}

void
key_row_revoke(struct txn *t, const char *key_id)
{
	const struct api_key *row = key_row_get(t, key_id);
	struct key k;

	if (row != NULL) {
		key_row_delete(t, row->user_id, row->key_id);
		return;
	}
	id_key(&k, key_id);
	txn_put(t, TABLE_KEYS_GONE, &k, (struct bytes){ 0 });
}

/* The ids of a user's keys, up to max; in the order of the index. */
static uint32_t
keys_collect(struct txn *t, const char *user_id, const char *after,
    const char **ids, uint32_t max, bool *ret_more)
{
	struct backend_entry entry;
	struct key prefix, from;
	struct key_reader r;
	struct scan scan;
	uint32_t n = 0;
	bool found;

	key_init(&prefix);
	key_text(&prefix, user_id);
	from = prefix;
	key_text(&from, after); /* its end makes it the first after it */
	scan_open(&scan, t, TABLE_API_KEYS_BY_USER, &prefix);
	found = scan_seek(&scan, &from, &entry);
	while (found && n < max) {
		key_read(&r, entry.key);
		(void)key_read_text(&r);
		ids[n++] = txn_copy_text(t, key_read_tail(&r));
		found = scan_next(&scan, &entry);
	}
	scan_close(&scan);
	*ret_more = found;
	return n;
}

void
key_rows_forget(struct txn *t, const char *user_id)
{
	const char **ids = txn_take(t, KEYS_FORGET_MAX * sizeof(*ids));
	bool more;
	uint32_t n;

	if (ids == NULL)
		return;
	n = keys_collect(t, user_id, "", ids, KEYS_FORGET_MAX, &more);
	for (uint32_t i = 0; i < n && txn_status(t) == ST_OK; i++)
		key_row_delete(t, user_id, ids[i]);
}

static bool
key_is_valid(struct txn *t, const struct api_key *row)
{
	return request_id(t, row->key_id, "blank key id") &&
	       request_id(t, row->user_id, "blank user id");
}

static enum status
repo_keys_create(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_key_create *ask = request;
	const struct api_key *row = &ask->api_key;
	const char **ids;
	struct key k;
	struct bytes user;
	bool more;

	if (!key_is_valid(t, row))
		return txn_status(t);
	user_key(&k, row->user_id);
	if (!txn_get(t, TABLE_USERS, &k, &user))
		return txn_fail(t, ST_NOT_FOUND, "there is no such user");
	ids = txn_take(t, (ask->user_max + 1) * sizeof(*ids));
	if (ids == NULL)
		return txn_status(t);
	if (keys_collect(t, row->user_id, "", ids, ask->user_max + 1, &more) >=
	    ask->user_max)
		return txn_fail(t, ST_FULL, "the user has too many keys");
	id_key(&k, row->key_id);
	if (!row_put_new(t, TABLE_API_KEYS, &k, CATALOGUE_TYPE(api_key), row))
		return txn_fail(t, ST_EXISTS, "the key id is taken");
	by_user_key(&k, row->user_id, row->key_id);
	txn_put(t, TABLE_API_KEYS_BY_USER, &k, (struct bytes){ 0 });
	audit_append(t, ask->audit);
	return request_done(t, ret);
}

static enum status
repo_keys_delete(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_key_delete *ask = request;
	const struct api_key *row;

	if (!request_id(t, ask->key_id, "blank key id"))
		return txn_status(t);
	row = key_row_get(t, ask->key_id);
	if (txn_status(t) != ST_OK)
		return txn_status(t);
	if (row == NULL ||
	    (ask->user_id != NULL && strcmp(ask->user_id, row->user_id) != 0))
		return txn_fail(t, ST_NOT_FOUND, "there is no such key");
	key_row_delete(t, row->user_id, row->key_id);
	audit_append(t, ask->audit);
	return request_done(t, ret);
}

static void
keys_list_user(struct txn *t, const struct store_key_list *ask,
    struct api_key *keys, struct store_key_page *page)
{
	const char **ids = txn_take(t, ask->limit * sizeof(*ids));
	uint32_t n;

	if (ids == NULL)
		return;
	n = keys_collect(
	    t, ask->user_id, ask->after, ids, ask->limit, &page->more);
	for (uint32_t i = 0; i < n && txn_status(t) == ST_OK; i++) {
		const struct api_key *row = key_row_get(t, ids[i]);

		if (row != NULL)
			keys[page->api_keys_count++] = *row;
	}
}

static void
keys_list_all(struct txn *t, const struct store_key_list *ask,
    struct api_key *keys, struct store_key_page *page)
{
	struct backend_entry entry;
	struct key from;
	struct scan s;

	key_init(&from);
	key_text(&from, ask->after); /* its end makes it the first after it */
	scan_open(&s, t, TABLE_API_KEYS, NULL);
	page->more = scan_seek(&s, &from, &entry);
	while (page->more && page->api_keys_count < ask->limit) {
		const struct api_key *row =
		    ROW_DECODE(t, TABLE_API_KEYS, &entry, api_key);

		if (row == NULL)
			break;
		keys[page->api_keys_count++] = *row;
		page->more = scan_next(&s, &entry);
	}
	scan_close(&s);
}

static enum status
repo_keys_list(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_key_list *ask = request;
	struct store_key_page *page = txn_take(t, sizeof(*page));
	struct api_key *keys = txn_take(t, ask->limit * sizeof(*keys));

	if (!request_limit(t, ask->limit))
		return txn_status(t);
	page->api_keys = keys;
	if (ask->user_id != NULL)
		keys_list_user(t, ask, keys, page);
	else
		keys_list_all(t, ask, keys, page);
	return REQUEST_REPLY(t, ret, store_key_page, page);
}

const struct request repo_keys[] = {
	{ MSG_store_key_create, true, repo_keys_create },
	{ MSG_store_key_delete, true, repo_keys_delete },
	{ MSG_store_key_list, false, repo_keys_list },
	{ 0 },
};
