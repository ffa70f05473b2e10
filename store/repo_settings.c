#include <string.h>

#include "protocols/messages.h"
#include "runtime/base/clock.h"
#include "store/audit.h"
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

/* ---- history ---- */

static void
history_key(struct key *k, const char *namespace, const char *key)
{
	key_init(k);
	key_text(k, namespace);
	key_text(k, key);
}

/* The newest there is; 0: none yet. */
static uint64_t
history_last(struct txn *t, const char *namespace, const char *key)
{
	struct backend_entry entry;
	struct key_reader r;
	struct key prefix;
	uint64_t last = 0;
	struct scan s;

	history_key(&prefix, namespace, key);
	scan_open(&s, t, TABLE_SETTING_HISTORY, &prefix);
	if (scan_last(&s, &entry)) {
		key_read(&r, entry.key);
		key_skip(&r, &prefix);
		last = key_read_number(&r);
	}
	scan_close(&s);
	return last;
}

/* A revision goes out for each that comes in past the bound. */
static uint64_t
history_add(struct txn *t, const struct setting_change *what,
    const struct audit_note *note)
{
	struct setting_change c = *what;
	struct key k;

	c.revision = history_last(t, what->namespace, what->key) + 1;
	c.user_id = note == NULL ? "" : note->by.user_id;
	c.username = note == NULL ? "" : note->by.username;
	history_key(&k, what->namespace, what->key);
	key_number(&k, c.revision);
	row_put(
	    t, TABLE_SETTING_HISTORY, &k, CATALOGUE_TYPE(setting_change), &c);
	if (c.revision > SETTING_HISTORY_MAX) {
		history_key(&k, what->namespace, what->key);
		key_number(&k, c.revision - SETTING_HISTORY_MAX);
		(void)txn_delete(t, TABLE_SETTING_HISTORY, &k);
	}
	return c.revision;
}

static enum status
repo_settings_history(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_setting_history *ask = request;
	struct store_setting_changes *page = txn_take(t, sizeof(*page));
	struct setting_change *rows = txn_take(t, ask->limit * sizeof(*rows));
	struct backend_entry entry;
	struct key prefix, before;
	struct scan s;
	bool found;

	if (!setting_is_named(t, ask->namespace, ask->key) ||
	    !request_limit(t, ask->limit) || rows == NULL)
		return txn_status(t);
	history_key(&prefix, ask->namespace, ask->key);
	before = prefix;
	key_number(&before, ask->before == 0 ? UINT64_MAX : ask->before);
	scan_open(&s, t, TABLE_SETTING_HISTORY, &prefix);
	page->changes = rows;
	found = scan_before(&s, &before, &entry);
	while (found && page->changes_count < ask->limit) {
		const struct setting_change *row = ROW_DECODE(
		    t, TABLE_SETTING_HISTORY, &entry, setting_change);

		if (row == NULL)
			break;
		rows[page->changes_count++] = *row;
		found = scan_prev(&s, &entry);
	}
	scan_close(&s);
	return REQUEST_REPLY(t, ret, store_setting_changes, page);
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
	if (txn_status(t) != ST_OK)
		return txn_status(t);
	row->revision = history_add(t,
	    &(struct setting_change){ .namespace = row->namespace,
		.key = row->key,
		.change = SETTING_PUT,
		.value = row->value,
		.at = row->updated_at },
	    ask->audit);
	row_put(t, TABLE_SETTINGS, &k, CATALOGUE_TYPE(setting_row), row);
	audit_append(t, ask->audit);
	found->row = row;
	return REQUEST_REPLY(t, ret, store_setting_found, found);
}

static enum status
repo_settings_delete(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_setting_delete *ask = request;
	const struct setting_row *old;
	const char *at;
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
	at = setting_stamp(t, ask->has_now ? ask->now : 0);
	if (at == NULL)
		return txn_status(t);
	(void)txn_delete(t, TABLE_SETTINGS, &k);
	(void)history_add(t,
	    &(struct setting_change){ .namespace = ask->namespace,
		.key = ask->key,
		.change = SETTING_DELETED,
		.at = at },
	    ask->audit);
	audit_append(t, ask->audit);
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
	{ MSG_store_setting_history, false, repo_settings_history },
	{ MSG_store_setting_get, false, repo_settings_get },
	{ MSG_store_setting_list, false, repo_settings_list },
	{ 0 },
};
