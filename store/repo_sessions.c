#include <string.h>

#include "protocols/messages.h"
#include "store/audit.h"
#include "store/ended.h"
#include "store/known_row.h"
#include "store/refresh_rows.h"
#include "store/requests.h"
#include "store/row.h"
#include "store/session_row.h"

struct session_ids {
	const char **ids;
	uint32_t count;
	bool more;
};

static bool
session_is_valid(struct txn *t, const struct session *s)
{
	if (!request_id(t, s->session_id, "blank session id") ||
	    !request_id(t, s->user_id, "blank user id"))
		return false;
	if (s->created_at > s->last_active_at)
		(void)txn_fail(t, ST_INVALID, "active before it was created");
	else if (s->last_active_at > s->expires_at)
		(void)txn_fail(t, ST_INVALID, "active after it expires");
	return txn_status(t) == ST_OK;
}

static enum status
repo_sessions_create(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_session_create *ask = request;
	const struct session *s = &ask->session;
	bool refused;
	struct key k;

	if (!session_is_valid(t, s))
		return txn_status(t);
	refused = s->revoked || tombstone_get(t, s->session_id) != NULL;
	session_key(&k, s->session_id);
	if (!row_put_new(t, TABLE_SESSIONS, &k, CATALOGUE_TYPE(session), s))
		return txn_fail(t, ST_EXISTS, "the session id is taken");
	session_index(t, s);
	if (refused)
		session_mark_revoked(t, s);
	if (ask->refresh != NULL)
		refresh_put(t, ask->refresh);
	if (ask->network != NULL)
		known_put(t, &(struct known_network){ .user_id = s->user_id,
				 .network = ask->network,
				 .at = s->created_at });
	audit_append(t, ask->audit);
	return request_done(t, ret);
}

static enum status
repo_sessions_get(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_session_get *ask = request;
	struct store_session_found *found = txn_take(t, sizeof(*found));

	if (found != NULL && request_id(t, ask->session_id, "blank session id"))
		found->session = session_get(t, ask->session_id);
	return REQUEST_REPLY(t, ret, store_session_found, found);
}

/* Active ones from a place in their index on; place NULL: the newest. */
static enum status
sessions_page(struct txn *t, const struct store_session_list *ask,
    const struct store_session_range *place, struct store_reply *ret)
{
	enum table index = ask->user_id == NULL ? TABLE_SESSIONS_BY_CREATED
						: TABLE_SESSIONS_BY_USER;
	struct store_session_page *page = txn_take(t, sizeof(*page));
	struct session *sessions = txn_take(t, ask->limit * sizeof(*sessions));
	struct backend_entry entry;
	struct key prefix, from;
	struct scan scan;
	bool found;

	if (!request_limit(t, ask->limit))
		return txn_status(t);
	key_init(&prefix);
	if (ask->user_id != NULL &&
	    request_id(t, ask->user_id, "blank user id"))
		key_text(&prefix, ask->user_id);
	scan_open(&scan, t, index, ask->user_id == NULL ? NULL : &prefix);
	page->sessions = sessions;
	from = prefix;
	if (place != NULL) {
		key_time_down(&from, place->created_at);
		key_text(&from, place->session_id); /* the first after it */
	}
	found = place == NULL ? scan_first(&scan, &entry)
			      : scan_seek(&scan, &from, &entry);
	while (found && page->sessions_count < ask->limit) {
		size_t mark = txn_mark(t);
		const struct session *s = session_of_entry(
		    t, index, entry.key, prefix.size + sizeof(uint64_t));

		if (s == NULL)
			break;
		if (session_is_active(s, ask->now))
			sessions[page->sessions_count++] = *s;
		else
			txn_release(t, mark);
		found = scan_next(&scan, &entry);
	}
	scan_close(&scan);
	return REQUEST_REPLY(t, ret, store_session_page, page);
}

static enum status
repo_sessions_list(struct txn *t, const void *request, struct store_reply *ret)
{
	return sessions_page(t, request, NULL, ret);
}

static enum status
repo_sessions_range(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_session_range *ask = request;
	const struct store_session_list list = {
		.user_id = ask->user_id, .now = ask->now, .limit = ask->limit
	};

	if (!request_id(t, ask->session_id, "blank session id"))
		return txn_status(t);
	return sessions_page(t, &list, ask, ret);
}

static enum status
repo_sessions_revoke(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_session_revoke *ask = request;
	const struct revocation *r = &ask->revocation;
	struct store_session_revoked *reply = txn_take(t, sizeof(*reply));
	struct revocation refused = *r;

	if (!request_id(t, r->session_id, "blank session id"))
		return txn_status(t);
	reply->changed = session_refuse(t, r, &refused);
	reply->expires_at = refused.expires_at;
	if (reply->changed)
		audit_append(t, ask->audit);
	return REQUEST_REPLY(t, ret, store_session_revoked, reply);
}

/* The active sessions of a user, before any of them is written. */
static void
sessions_collect(struct txn *t, const struct store_session_revoke_user *ask,
    struct session *sessions, struct store_revocations *reply)
{
	enum table index = TABLE_SESSIONS_BY_USER;
	struct backend_entry entry;
	struct key prefix;
	struct scan scan;
	bool found;

	key_init(&prefix);
	key_text(&prefix, ask->user_id);
	scan_open(&scan, t, index, &prefix);
	found = scan_first(&scan, &entry);
	for (; found; found = scan_next(&scan, &entry)) {
		size_t mark = txn_mark(t);
		const struct session *s = session_of_entry(
		    t, index, entry.key, prefix.size + sizeof(uint64_t));

		if (s == NULL)
			break;
		if (!session_is_active(s, ask->now) ||
		    (ask->except != NULL &&
			strcmp(s->session_id, ask->except) == 0)) {
			txn_release(t, mark);
			continue;
		}
		reply->more = reply->revoked_count == STORE_PAGE_MAX;
		if (reply->more)
			break;
		sessions[reply->revoked_count++] = *s;
	}
	scan_close(&scan);
}

static enum status
repo_sessions_revoke_user(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_session_revoke_user *ask = request;
	struct store_revocations *reply = txn_take(t, sizeof(*reply));
	struct session *sessions =
	    txn_take(t, STORE_PAGE_MAX * sizeof(*sessions));
	struct revocation *revoked =
	    txn_take(t, STORE_PAGE_MAX * sizeof(*revoked));
	struct ended *ended = ended_take(t);

	if (!request_id(t, ask->user_id, "blank user id") || ended == NULL)
		return txn_status(t);
	sessions_collect(t, ask, sessions, reply);
	for (uint32_t i = 0; i < reply->revoked_count; i++) {
		revoked[i] = session_revocation(&sessions[i]);
		session_mark_revoked(t, &sessions[i]);
		ended_add(ended, sessions[i].session_id);
	}
	reply->revoked = revoked;
	if (reply->revoked_count > 0)
		ended_append(t, ask->audit, ended);
	return REQUEST_REPLY(t, ret, store_revocations, reply);
}

static enum status
repo_sessions_revoked(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_revoked_list *ask = request;
	struct store_revocations *page = txn_take(t, sizeof(*page));
	struct revocation *revoked = txn_take(t, ask->limit * sizeof(*revoked));
	struct backend_entry entry;
	struct key from;
	struct scan s;

	if (!request_limit(t, ask->limit))
		return txn_status(t);
	key_init(&from);
	key_text(&from, ask->after); /* its end makes it the first after it */
	scan_open(&s, t, TABLE_TOMBSTONES, NULL);
	page->revoked = revoked;
	page->more = scan_seek(&s, &from, &entry);
	while (page->more && page->revoked_count < ask->limit) {
		size_t mark = txn_mark(t);
		const struct revocation *r =
		    ROW_DECODE(t, TABLE_TOMBSTONES, &entry, revocation);

		if (r == NULL)
			break;
		if (r->expires_at > ask->now)
			revoked[page->revoked_count++] = *r;
		else
			txn_release(t, mark);
		page->more = scan_next(&s, &entry);
	}
	scan_close(&s);
	return REQUEST_REPLY(t, ret, store_revocations, page);
}

/* The ids of an expiry index that are due, up to limit in all. */
static void
expired_collect(struct txn *t, enum table index,
    const struct store_session_clean *ask, struct session_ids *ids)
{
	struct backend_entry entry;
	struct scan s;
	bool found;

	scan_open(&s, t, index, NULL);
	found = scan_first(&s, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		struct key_reader r;

		key_read(&r, entry.key);
		if (key_read_time(&r) > ask->now)
			break;
		ids->more = ids->count == ask->limit;
		if (ids->more)
			break;
		ids->ids[ids->count++] = txn_copy_text(t, key_read_tail(&r));
	}
	scan_close(&s);
}

/* Sessions take their tombstones with them; then those without a session. */
static void
sessions_clean(struct txn *t, const struct store_session_clean *ask,
    struct session_ids *ids)
{
	const struct revocation *r;
	const struct session *s;
	uint32_t i;

	expired_collect(t, TABLE_SESSIONS_BY_EXPIRY, ask, ids);
	for (i = 0; i < ids->count && txn_status(t) == ST_OK; i++) {
		s = session_get(t, ids->ids[i]);
		if (s != NULL)
			session_delete(t, s);
	}
	if (!ids->more)
		expired_collect(t, TABLE_TOMBSTONES_BY_EXPIRY, ask, ids);
	for (; i < ids->count && txn_status(t) == ST_OK; i++) {
		r = tombstone_get(t, ids->ids[i]);
		if (r != NULL)
			tombstone_delete(t, r);
	}
}

static enum status
repo_sessions_clean(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_session_clean *ask = request;
	struct store_session_cleaned *reply = txn_take(t, sizeof(*reply));
	struct session_ids ids = { 0 };

	ids.ids = txn_take(t, ask->limit * sizeof(*ids.ids));
	if (!request_limit(t, ask->limit))
		return txn_status(t);
	sessions_clean(t, ask, &ids);
	reply->session_ids = ids.ids;
	reply->session_ids_count = ids.count;
	reply->more = ids.more;
	return REQUEST_REPLY(t, ret, store_session_cleaned, reply);
}

const struct request repo_sessions[] = {
	{ MSG_store_session_create, true, repo_sessions_create },
	{ MSG_store_session_get, false, repo_sessions_get },
	{ MSG_store_session_list, false, repo_sessions_list },
	{ MSG_store_session_range, false, repo_sessions_range },
	{ MSG_store_session_revoke, true, repo_sessions_revoke },
	{ MSG_store_session_revoke_user, true, repo_sessions_revoke_user },
	{ MSG_store_revoked_list, false, repo_sessions_revoked },
	{ MSG_store_session_clean, true, repo_sessions_clean },
	{ 0 },
};
