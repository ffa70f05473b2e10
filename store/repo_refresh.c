#include <string.h>

#include "protocols/messages.h"
#include "store/audit.h"
#include "store/refresh_rows.h"
#include "store/requests.h"
#include "store/row.h"
#include "store/session_row.h"
#include "store/user_row.h"

/*
 * One row for each session that may refresh.  It is judged and moved on in
 * one transaction, and a replay ends row and session in one, so no crash
 * leaves a family half alive.
 */

static void
refresh_key(struct key *k, const char *session_id)
{
	key_init(k);
	key_tail(k, session_id);
}

void
refresh_put(struct txn *t, const struct refresh_family *f)
{
	struct key k;

	refresh_key(&k, f->session_id);
	row_put(t, TABLE_REFRESH, &k, CATALOGUE_TYPE(refresh_family), f);
}

void
refresh_delete(struct txn *t, const char *session_id)
{
	struct key k;

	refresh_key(&k, session_id);
	(void)txn_delete(t, TABLE_REFRESH, &k);
}

static const struct refresh_family *
refresh_get(struct txn *t, const char *session_id)
{
	struct key k;

	refresh_key(&k, session_id);
	return ROW_GET(t, TABLE_REFRESH, &k, refresh_family);
}

/*
 * A token of a generation to come was given out by a database that a backup
 * has since replaced: nobody can say what became of it.
 */
static enum refresh_outcome
refresh_judge(const struct store_refresh_rotate *ask,
    const struct refresh_family *f, bool is_refused)
{
	if (is_refused)
		return REFRESH_REVOKED;
	if (f == NULL || f->expires_at <= ask->now ||
	    ask->generation > f->generation)
		return REFRESH_GONE;
	if (ask->generation == f->generation)
		return REFRESH_ROTATED;
	if (ask->generation + 1 == f->generation &&
	    ask->now - f->rotated_at <= (int64_t)ask->grace_us)
		return REFRESH_AGAIN;
	return REFRESH_REPLAYED;
}

static const struct refresh_family *
refresh_move_on(struct txn *t, const struct refresh_family *f, int64_t now)
{
	struct refresh_family *next = txn_take(t, sizeof(*next));

	if (next == NULL)
		return NULL;
	*next = *f;
	next->generation++;
	next->rotated_at = now;
	refresh_put(t, next);
	return next;
}

/* The session ends for everybody: nobody can tell the thief from the owner. */
static const struct revocation *
refresh_end(struct txn *t, const struct store_refresh_rotate *ask,
    const struct refresh_family *f)
{
	struct revocation *refused = txn_take(t, sizeof(*refused));
	const struct revocation wanted = { .session_id = f->session_id,
		.user_id = f->user_id,
		.expires_at = f->expires_at };
	struct audit_note note;

	if (refused == NULL)
		return NULL;
	(void)session_refuse(t, &wanted, refused);
	refresh_delete(t, f->session_id);
	if (ask->audit != NULL) {
		note = *ask->audit;
		note.target = f->user_id;
		audit_append(t, &note);
	}
	return refused;
}

/* By whose it is, as the account is now. */
static void
refresh_note(struct txn *t, const struct store_refresh_rotate *ask,
    const struct refresh_family *f)
{
	const struct user *u;
	struct audit_note note;

	if (ask->rotated == NULL || f == NULL)
		return;
	u = user_get(t, f->user_id);
	if (u == NULL)
		return;
	note = *ask->rotated;
	note.by.user_id = u->user_id;
	note.by.username = u->username;
	note.by.role = u->role;
	note.by.method = AUTH_REFRESH;
	note.by.session_id = f->session_id;
	note.target = u->user_id;
	audit_append(t, &note);
}

static enum status
repo_refresh_rotate(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_refresh_rotate *ask = request;
	struct store_refresh_rotated *reply = txn_take(t, sizeof(*reply));
	bool is_refused;

	if (reply == NULL || !request_id(t, ask->session_id, "blank session"))
		return txn_status(t);
	reply->family = refresh_get(t, ask->session_id);
	is_refused = session_is_refused(t, ask->session_id);
	if (txn_status(t) != ST_OK)
		return txn_status(t);
	reply->outcome = refresh_judge(ask, reply->family, is_refused);
	if (reply->outcome == REFRESH_ROTATED) {
		reply->family = refresh_move_on(t, reply->family, ask->now);
		refresh_note(t, ask, reply->family);
	} else if (reply->outcome == REFRESH_REPLAYED)
		reply->revocation = refresh_end(t, ask, reply->family);
	return REQUEST_REPLY(t, ret, store_refresh_rotated, reply);
}

const struct request repo_refresh[] = {
	{ MSG_store_refresh_rotate, true, repo_refresh_rotate },
	{ 0 },
};
