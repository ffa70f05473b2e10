#include <stdio.h>
#include <string.h>

#include "store/audit.h"
#include "store/key_row.h"
#include "store/requests.h"
#include "store/session_row.h"

static bool
touch_session(struct txn *t, const struct sighting *seen, int64_t least_us)
{
	const struct session *s = session_get(t, seen->id);

	if (s != NULL && seen->at - s->last_active_at >= least_us)
		session_touch(t, s, seen->at);
	return s != NULL;
}

static bool
touch_key(struct txn *t, const struct sighting *seen, int64_t least_us)
{
	const struct api_key *k = key_row_get(t, seen->id);

	if (k != NULL &&
	    (!k->has_last_used_at || seen->at - k->last_used_at >= least_us))
		key_row_touch(t, k, seen->at);
	return k != NULL;
}

static enum status
repo_activity_touch(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_session_touch *ask = request;
	struct store_session_touched *reply = txn_take(t, sizeof(*reply));
	int64_t least_us =
	    ask->least_us > INT64_MAX ? INT64_MAX : (int64_t)ask->least_us;

	if (reply == NULL)
		return txn_status(t);
	for (uint32_t i = 0; i < ask->seen_count; i++) {
		const struct sighting *seen = &ask->seen[i];
		size_t mark = txn_mark(t);
		bool known;

		if (!request_id(t, seen->id, "blank id"))
			break;
		known = seen->is_key ? touch_key(t, seen, least_us)
				     : touch_session(t, seen, least_us);
		reply->touched += known;
		reply->missing += !known;
		txn_release(t, mark);
	}
	return REQUEST_REPLY(t, ret, store_session_touched, reply);
}

/* The longest idle, before any of them is written. */
static void
idle_collect(struct txn *t, const struct store_session_idle *ask,
    struct session *sessions, struct store_revocations *reply)
{
	struct backend_entry entry;
	struct key_reader r;
	struct scan scan;
	bool found;

	scan_open(&scan, t, TABLE_SESSIONS_BY_ACTIVE, NULL);
	found = scan_first(&scan, &entry);
	for (; found; found = scan_next(&scan, &entry)) {
		size_t mark = txn_mark(t);
		const struct session *s;

		key_read(&r, entry.key);
		if (key_read_time(&r) >= ask->before)
			break;
		reply->more = reply->revoked_count == ask->limit;
		if (reply->more)
			break;
		s = session_of_entry(
		    t, TABLE_SESSIONS_BY_ACTIVE, entry.key, sizeof(uint64_t));
		if (s == NULL)
			break;
		if (session_is_active(s, ask->now))
			sessions[reply->revoked_count++] = *s;
		else
			txn_release(t, mark);
	}
	scan_close(&scan);
}

static enum status
repo_activity_idle(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_session_idle *ask = request;
	struct store_revocations *reply = txn_take(t, sizeof(*reply));
	struct session *sessions = txn_take(t, ask->limit * sizeof(*sessions));
	struct revocation *revoked = txn_take(t, ask->limit * sizeof(*revoked));
	struct audit_note note = ask->audit;
	char detail[sizeof("session=") + ENDED_NAME];

	if (!request_limit(t, ask->limit))
		return txn_status(t);
	idle_collect(t, ask, sessions, reply);
	for (uint32_t i = 0; i < reply->revoked_count; i++) {
		revoked[i] = session_revocation(&sessions[i]);
		session_mark_revoked(t, &sessions[i]);
		note.target = sessions[i].user_id;
		(void)snprintf(detail, sizeof(detail), "session=%.*s",
		    ENDED_NAME, sessions[i].session_id);
		note.detail = detail;
		audit_append(t, &note);
	}
	reply->revoked = revoked;
	return REQUEST_REPLY(t, ret, store_revocations, reply);
}

const struct request repo_activity[] = {
	{ MSG_store_session_touch, true, repo_activity_touch },
	{ MSG_store_session_idle, true, repo_activity_idle },
	{ 0 },
};
