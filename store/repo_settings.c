#include <string.h>

#include "protocols/messages.h"
#include "runtime/base/clock.h"
#include "store/meta.h"
#include "store/requests.h"
#include "store/row.h"

/*
 * updated_at is a text, compared as such.  Every one that is given is later
 * than all before it, in the whole table: a row that was taken back and put
 * again in one tick of the clock does not look like the old one.
 */

static void
setting_key(struct key *k, const char *namespace, const char *key)
{
	key_init(k);
	key_text(k, namespace);
	key_tail(k, key);
}

static bool
setting_is_named(struct txn *t, const char *namespace, const char *key)
{
	return request_id(t, namespace, "blank namespace") &&
	       request_id(t, key, "blank key");
}

/* Is the row (NULL: none) what the asker has seen? */
static bool
setting_is_as_expected(const struct setting_row *row, const char *expected)
{
	if (expected == NULL)
		return true;
	return strcmp(row == NULL ? "" : row->updated_at, expected) == 0 &&
	       (row != NULL || expected[0] == '\0');
}

static const char *
setting_stamp(struct txn *t, int64_t now)
{
	uint64_t last = meta_get(t, META_SETTING_AT);
	uint64_t next =
	    now > 0 && (uint64_t)now > last ? (uint64_t)now : last + 1;
	char *text = txn_take(t, CLOCK_TEXT_SIZE);

	if (text == NULL)
		return NULL;
	meta_put(t, META_SETTING_AT, next);
	clock_text((int64_t)next, text);
	return text;
}

static enum status
repo_settings_put(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_setting_put *ask = request;
	struct store_setting_found *found = txn_take(t, sizeof(*found));
	struct setting_row *row = txn_take(t, sizeof(*row));
	const struct setting_row *old;
	struct key k;

	if (!setting_is_named(t, ask->namespace, ask->key))
		return txn_status(t);
	setting_key(&k, ask->namespace, ask->key);
	old = ROW_GET(t, TABLE_SETTINGS, &k, setting_row);
	if (txn_status(t) == ST_OK &&
	    !setting_is_as_expected(old, ask->expected))
		return txn_fail(t, ST_CONFLICT, "it has changed meanwhile");
	if (old == NULL && txn_count(t, TABLE_SETTINGS) >= SETTINGS_PAGE_MAX)
		return txn_fail(t, ST_FULL, "there are too many overrides");
	if (txn_status(t) != ST_OK)
		return txn_status(t);

	*row = (struct setting_row){ .namespace = ask->namespace,
		.key = ask->key,
		.value = ask->value,
		.updated_at = setting_stamp(t, ask->now) };
	row_put(t, TABLE_SETTINGS, &k, CATALOGUE_TYPE(setting_row), row);
	found->row = row;
	return REQUEST_REPLY(t, ret, store_setting_found, found);
}

static enum status
repo_settings_delete(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_setting_delete *ask = request;
	const struct setting_row *old;
	struct key k;

	if (!setting_is_named(t, ask->namespace, ask->key))
		return txn_status(t);
	setting_key(&k, ask->namespace, ask->key);
	old = ROW_GET(t, TABLE_SETTINGS, &k, setting_row);
	if (txn_status(t) == ST_OK &&
	    !setting_is_as_expected(old, ask->expected))
		return txn_fail(t, ST_CONFLICT, "it has changed meanwhile");
	if (old == NULL)
		return txn_fail(t, ST_NOT_FOUND, "there is no override");
	(void)txn_delete(t, TABLE_SETTINGS, &k);
	return request_done(t, ret);
}

static enum status
repo_settings_get(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_setting_get *ask = request;
	struct store_setting_found *found = txn_take(t, sizeof(*found));
	struct key k;

	if (!setting_is_named(t, ask->namespace, ask->key))
		return txn_status(t);
	setting_key(&k, ask->namespace, ask->key);
	found->row = ROW_GET(t, TABLE_SETTINGS, &k, setting_row);
	return REQUEST_REPLY(t, ret, store_setting_found, found);
}

static enum status
repo_settings_list(struct txn *t, const void *request, struct store_reply *ret)
{
	struct store_setting_page *page = txn_take(t, sizeof(*page));
	struct setting_row *rows =
	    txn_take(t, SETTINGS_PAGE_MAX * sizeof(*rows));
	struct backend_entry entry;
	struct scan s;
	bool found;

	(void)request;
	if (rows == NULL)
		return txn_status(t);
	scan_open(&s, t, TABLE_SETTINGS, NULL);
	page->rows = rows;
	found = scan_first(&s, &entry);
	while (found && page->rows_count < SETTINGS_PAGE_MAX) {
		const struct setting_row *row =
		    ROW_DECODE(t, TABLE_SETTINGS, &entry, setting_row);

		if (row == NULL)
			break;
		rows[page->rows_count++] = *row;
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	return REQUEST_REPLY(t, ret, store_setting_page, page);
}

const struct request repo_settings[] = {
	{ MSG_store_setting_put, true, repo_settings_put },
	{ MSG_store_setting_delete, true, repo_settings_delete },
	{ MSG_store_setting_get, false, repo_settings_get },
	{ MSG_store_setting_list, false, repo_settings_list },
	{ 0 },
};
