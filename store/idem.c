#include "store/idem.h"

#include <string.h>

#include "store/row.h"

static void
mark_parts(
    struct key *k, const char *scope, const char *principal, const char *key)
{
	key_text(k, scope);
	key_short(k, principal);
	key_tail(k, key);
}

static void
mark_key(
    struct key *k, const char *scope, const char *principal, const char *key)
{
	key_init(k);
	mark_parts(k, scope, principal, key);
}

/* What stands behind the time is the mark's own key. */
static void
expiry_key(struct key *k, const struct idem_mark *mark)
{
	key_init(k);
	key_time(k, mark->expires_at);
	mark_parts(k, mark->scope, mark->principal, mark->key);
}

const struct idem_mark *
idem_find(struct txn *t, const char *scope, const char *principal,
    const char *key, int64_t now)
{
	const struct idem_mark *mark;
	struct key k;

	mark_key(&k, scope, principal, key);
	mark = ROW_GET(t, TABLE_IDEM, &k, idem_mark);
	if (mark == NULL || mark->expires_at <= now)
		return NULL;
	if (strcmp(mark->principal, principal) == 0)
		return mark;
	row_is_corrupt(t, TABLE_IDEM, key_bytes(&k));
	return NULL;
}

bool
idem_same_body(const struct idem_mark *mark, struct bytes body_hash)
{
	return mark->body_hash.size == body_hash.size &&
	       (body_hash.size == 0 || memcmp(mark->body_hash.at, body_hash.at,
					   body_hash.size) == 0);
}

/* The oldest mark, if it has expired: its place in both tables. */
static bool
idem_oldest(
    struct txn *t, int64_t now, struct key *ret_expiry, struct key *ret_mark)
{
	struct backend_entry entry;
	struct key_reader r;
	bool found = false;
	struct scan s;

	key_init(ret_expiry);
	key_init(ret_mark);
	scan_open(&s, t, TABLE_IDEM_BY_EXPIRY, NULL);
	if (scan_first(&s, &entry)) {
		key_read(&r, entry.key);
		found = key_read_time(&r) <= now;
		key_raw(ret_expiry, entry.key);
		key_raw(ret_mark, key_read_tail(&r));
	}
	scan_close(&s);
	return found;
}

static void
idem_sweep(struct txn *t, int64_t now)
{
	struct key expiry, mark;

	for (int i = 0; i < IDEM_SWEEP_MAX; i++) {
		if (!idem_oldest(t, now, &expiry, &mark))
			return;
		(void)txn_delete(t, TABLE_IDEM_BY_EXPIRY, &expiry);
		(void)txn_delete(t, TABLE_IDEM, &mark);
		t->swept++;
	}
}

void
idem_put(struct txn *t, const struct idem_mark *mark, int64_t now)
{
	const struct idem_mark *old;
	struct key k, expiry;

	idem_sweep(t, now);
	mark_key(&k, mark->scope, mark->principal, mark->key);
	old = ROW_GET(t, TABLE_IDEM, &k, idem_mark);
	if (old != NULL) {
		expiry_key(&expiry, old);
		(void)txn_delete(t, TABLE_IDEM_BY_EXPIRY, &expiry);
	}
	row_put(t, TABLE_IDEM, &k, CATALOGUE_TYPE(idem_mark), mark);
	expiry_key(&expiry, mark);
	txn_put(t, TABLE_IDEM_BY_EXPIRY, &expiry, (struct bytes){ 0 });
}
