#include "store/session_row.h"

#include "store/refresh_rows.h"
#include "store/row.h"

void
session_key(struct key *k, const char *id)
{
	key_init(k);
	key_tail(k, id);
}

static void
by_user_key(struct key *k, const struct session *s)
{
	key_init(k);
	key_text(k, s->user_id);
	key_time_down(k, s->created_at);
	key_tail(k, s->session_id);
}

static void
by_created_key(struct key *k, const struct session *s)
{
	key_init(k);
	key_time_down(k, s->created_at);
	key_tail(k, s->session_id);
}

static void
by_expiry_key(struct key *k, int64_t expires_at, const char *id)
{
	key_init(k);
	key_time(k, expires_at);
	key_tail(k, id);
}

static void
by_active_key(struct key *k, const struct session *s)
{
	key_init(k);
	key_time(k, s->last_active_at);
	key_tail(k, s->session_id);
}

bool
session_is_active(const struct session *s, int64_t now)
{
	return !s->revoked && s->expires_at > now;
}

const struct session *
session_get(struct txn *t, const char *id)
{
	struct key k;

	session_key(&k, id);
	return ROW_GET(t, TABLE_SESSIONS, &k, session);
}

static void
session_put(struct txn *t, const struct session *s)
{
	struct key k;

	session_key(&k, s->session_id);
	row_put(t, TABLE_SESSIONS, &k, CATALOGUE_TYPE(session), s);
}

const struct revocation *
tombstone_get(struct txn *t, const char *id)
{
	struct key k;

	session_key(&k, id);
	return ROW_GET(t, TABLE_TOMBSTONES, &k, revocation);
}

void
tombstone_delete(struct txn *t, const struct revocation *r)
{
	struct key k;

	session_key(&k, r->session_id);
	(void)txn_delete(t, TABLE_TOMBSTONES, &k);
	by_expiry_key(&k, r->expires_at, r->session_id);
	(void)txn_delete(t, TABLE_TOMBSTONES_BY_EXPIRY, &k);
}

void
tombstone_put(struct txn *t, const struct revocation *r)
{
	const struct revocation *old = tombstone_get(t, r->session_id);
	struct key k;

	if (old != NULL)
		tombstone_delete(t, old);
	session_key(&k, r->session_id);
	row_put(t, TABLE_TOMBSTONES, &k, CATALOGUE_TYPE(revocation), r);
	by_expiry_key(&k, r->expires_at, r->session_id);
	txn_put(t, TABLE_TOMBSTONES_BY_EXPIRY, &k, (struct bytes){ 0 });
}

struct revocation
session_revocation(const struct session *s)
{
	return (struct revocation){ .session_id = s->session_id,
		.user_id = s->user_id,
		.expires_at = s->expires_at };
}

void
session_mark_revoked(struct txn *t, const struct session *s)
{
	struct revocation r = session_revocation(s);
	struct session marked = *s;
	struct key k;

	marked.revoked = true;
	session_put(t, &marked);
	by_active_key(&k, s);
	(void)txn_delete(t, TABLE_SESSIONS_BY_ACTIVE, &k);
	tombstone_put(t, &r);
}

void
session_index(struct txn *t, const struct session *s)
{
	const struct bytes nothing = { 0 };
	struct key k;

	by_user_key(&k, s);
	txn_put(t, TABLE_SESSIONS_BY_USER, &k, nothing);
	by_created_key(&k, s);
	txn_put(t, TABLE_SESSIONS_BY_CREATED, &k, nothing);
	by_expiry_key(&k, s->expires_at, s->session_id);
	txn_put(t, TABLE_SESSIONS_BY_EXPIRY, &k, nothing);
	by_active_key(&k, s);
	txn_put(t, TABLE_SESSIONS_BY_ACTIVE, &k, nothing);
}

static void
session_forget(struct txn *t, const struct session *s)
{
	struct key k;

	session_key(&k, s->session_id);
	(void)txn_delete(t, TABLE_SESSIONS, &k);
	by_user_key(&k, s);
	(void)txn_delete(t, TABLE_SESSIONS_BY_USER, &k);
	by_created_key(&k, s);
	(void)txn_delete(t, TABLE_SESSIONS_BY_CREATED, &k);
	by_expiry_key(&k, s->expires_at, s->session_id);
	(void)txn_delete(t, TABLE_SESSIONS_BY_EXPIRY, &k);
	by_active_key(&k, s);
	(void)txn_delete(t, TABLE_SESSIONS_BY_ACTIVE, &k);
	refresh_delete(t, s->session_id);
}

void
session_delete(struct txn *t, const struct session *s)
{
	const struct revocation *r = tombstone_get(t, s->session_id);

	session_forget(t, s);
	if (r != NULL)
		tombstone_delete(t, r);
}

void
session_touch(struct txn *t, const struct session *s, int64_t at)
{
	struct session moved = *s;
	struct key k;

	moved.last_active_at = at < s->expires_at ? at : s->expires_at;
	if (s->revoked || moved.last_active_at <= s->last_active_at)
		return;
	by_active_key(&k, s);
	(void)txn_delete(t, TABLE_SESSIONS_BY_ACTIVE, &k);
	session_put(t, &moved);
	by_active_key(&k, &moved);
	txn_put(t, TABLE_SESSIONS_BY_ACTIVE, &k, (struct bytes){ 0 });
}

const struct session *
session_of_entry(
    struct txn *t, enum table index, struct bytes key, size_t id_at)
{
	const struct session *s = NULL;
	struct key k;

	key_init(&k);
	if (key.size > id_at)
		key_tail_bytes(
		    &k, (struct bytes){ key.at + id_at, key.size - id_at });
	if (key_is_good(&k))
		s = ROW_GET(t, TABLE_SESSIONS, &k, session);
	if (s == NULL)
		row_is_corrupt(t, index, key);
	return s;
}

/* A cursor survives what is deleted behind it. */
void
sessions_forget(struct txn *t, const char *user_id, struct ended *ended)
{
	struct backend_entry entry;
	struct key prefix;
	struct scan scan;
	bool found;

	key_init(&prefix);
	key_text(&prefix, user_id);
	scan_open(&scan, t, TABLE_SESSIONS_BY_USER, &prefix);
	found = scan_first(&scan, &entry);
	for (int n = 0; found && n < SESSIONS_FORGET_MAX; n++) {
		size_t mark = txn_mark(t);
		const struct session *s =
		    session_of_entry(t, TABLE_SESSIONS_BY_USER, entry.key,
			prefix.size + sizeof(uint64_t));

		if (s == NULL)
			break;
		if (!s->revoked) {
			ended_add(ended, s->session_id);
			session_forget(t, s);
		}
		txn_release(t, mark);
		found = scan_next(&scan, &entry);
	}
	scan_close(&scan);
}

enum status
sessions_index_activity(struct txn *t)
{
	struct backend_entry entry;
	struct scan scan;
	struct key k;
	bool found;

	scan_open(&scan, t, TABLE_SESSIONS, NULL);
	found = scan_first(&scan, &entry);
	while (found) {
		size_t mark = txn_mark(t);
		const struct session *s =
		    ROW_DECODE(t, TABLE_SESSIONS, &entry, session);

		if (s == NULL)
			break;
		by_active_key(&k, s);
		if (!s->revoked)
			txn_put(t, TABLE_SESSIONS_BY_ACTIVE, &k,
			    (struct bytes){ 0 });
		txn_release(t, mark);
		found = scan_next(&scan, &entry);
	}
	scan_close(&scan);
	return txn_status(t);
}

bool
session_is_refused(struct txn *t, const char *session_id)
{
	const struct session *s;

	if (tombstone_get(t, session_id) != NULL)
		return true;
	s = session_get(t, session_id);
	return s != NULL && s->revoked;
}

bool
session_refuse(
    struct txn *t, const struct revocation *r, struct revocation *ret_refused)
{
	const struct session *s = session_get(t, r->session_id);
	const struct revocation *old = tombstone_get(t, r->session_id);

	if (txn_status(t) != ST_OK)
		return false;
	*ret_refused = old != NULL ? *old
		       : s != NULL ? session_revocation(s)
				   : *r;
	if (s != NULL ? s->revoked : old != NULL)
		return false;
	if (s != NULL)
		session_mark_revoked(t, s);
	else
		tombstone_put(t, r);
	return txn_status(t) == ST_OK;
}
