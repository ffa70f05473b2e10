#include <stdio.h>
#include <string.h>

#include "actors/access.h"
#include "actors/registry_account.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define SESSION_UNKNOWN "Session not found"

/* What a revocation keeps on its way. */
struct revoking {
	struct replica_wait wait;
	struct uuid session_id;
	struct uuid user_id;
	struct registry_who by;
	int64_t expires_at;
	bool logout;
	bool privileged;
	uint32_t count; /* of a user's sessions */
};

static_assert(sizeof(struct revoking) <= OP_DATA_MAX, "it fits an op");

bool
registry_may_revoke(const struct registry *s)
{
	return s->revoked.count < REVOKED_MAX &&
	       s->unsettled_count < UNSETTLED_MAX &&
	       replica_has_room(&s->replica) && !registry_is_in_doubt(s);
}

enum status
registry_apply_revoked(struct actor *self, const struct revocation *r)
{
	struct registry *s = actor_state(self);
	enum status st = registry_put_revoked(s, r);
	struct uuid id;

	if (st != ST_OK || !id_parse(r->session_id, &id))
		return st;
	return replica_tell(&s->replica, CHANGE_REVOKED, &id);
}

static enum status
revoke_on_applied(struct actor *self, struct op *op, bool all)
{
	(void)self;
	if (all)
		return OP_REPLY(op, done, .nothing = 0);
	return OP_REFUSE(op, TIMEOUT, "a gateway has not answered yet");
}

static void
revoke_log(const struct revoking *r)
{
	char session[ID_TEXT + 1];
	char brief[ID_IN_LOGS + 1];
	char user[ID_TEXT + 1];
	char by[ID_TEXT + 1];

	id_text(&r->session_id, session);
	id_short(session, brief);
	id_text(&r->user_id, user);
	id_text(&r->by.user_id, by);
	if (r->logout)
		LOG(API_SESSION_FORCE_LOGOUT, KV("session", brief),
		    KV("user_id", user));
	else
		LOG(API_SESSION_REVOKED, KV("session", brief),
		    KV("user_id", user), KV("revoked_by", by));
}

/* The texts of r, which live in the caller's frame. */
static struct revocation
revoke_texts(
    const struct revoking *r, char session[ID_TEXT + 1], char user[ID_TEXT + 1])
{
	id_text(&r->session_id, session);
	id_text(&r->user_id, user);
	return (struct revocation){ .session_id = session,
		.user_id = user,
		.expires_at = r->expires_at };
}

static enum status
revoke_on_refused(struct actor *self, struct op *op, const struct revocation *r,
    const struct msg *reply)
{
	const struct refused *why = reply->body;
	bool unknown = registry_is_unknown(reply);
	char brief[ID_IN_LOGS + 1];

	id_short(r->session_id, brief);
	LOG(API_SESSION_REVOKE_FAILED, KV("session", brief),
	    KV("error", status_name((enum status)why->status)));
	(void)op_pass(op, reply);
	return unknown ? registry_apply_unknown(self, r) : ST_OK;
}

static enum status
revoke_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_session_revoked *stored = reply->body;
	const struct revoking *r = op_data(op);
	char session[ID_TEXT + 1];
	char user[ID_TEXT + 1];
	struct revocation revocation = revoke_texts(r, session, user);
	enum status st;

	if (reply->id != MSG_store_session_revoked)
		return revoke_on_refused(self, op, &revocation, reply);
	revocation.expires_at = stored->expires_at;
	st = registry_apply_revoked(self, &revocation);
	if (st != ST_OK) {
		(void)OP_REFUSE(op, INTERNAL, "too many revocations");
		return st;
	}
	if (stored->changed)
		revoke_log(r);
	return replica_wait_for(self, op, revoke_on_applied);
}

/* Durable first; what is in the op's data says which and by whom. */
static enum status
revoke_begin(struct actor *self, struct op *op)
{
	const struct revoking *r = op_data(op);
	char session[ID_TEXT + 1];
	char user[ID_TEXT + 1];
	char target[ID_TEXT + 1];
	char by[ID_TEXT + 1];
	char brief[ID_IN_LOGS + 1];
	char detail[sizeof("session=") + ID_IN_LOGS];
	struct audit_note note;
	struct revocation revocation = revoke_texts(r, session, user);

	if (!registry_may_revoke(actor_state(self)))
		return OP_REFUSE(op, OVERLOADED, "too many revocations");
	id_text(&r->user_id, target);
	note = registry_note(self, &r->by, by,
	    r->logout ? "auth.logout" : "session.revoke", target);
	id_short(session, brief);
	snprintf(detail, sizeof(detail), "session=%s", brief);
	note.detail = detail;
	return OP_ASK(op, registry_store(self), store_session_revoke,
	    revoke_on_stored, .revocation = revocation, .audit = &note);
}

enum status
registry_on_logout(struct actor *self, const struct msg *in)
{
	const struct auth_logout *ask = in->body;
	struct uuid session_id;
	struct revoking *r;
	struct op *op;

	if (!registry_knows(&ask->caller, "unauthenticated_logout"))
		return REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
	if (!id_parse(ask->caller.session_id, &session_id)) {
		LOG(API_LOGOUT_NO_SESSION, KV("user_id", ask->caller.user_id));
		return REPLY(self, in, done, .nothing = 0);
	}
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	r = op_data(op);
	r->session_id = session_id;
	r->expires_at = ask->caller.expires_at;
	r->logout = true;
	registry_who_take(&r->by, &ask->caller);
	if (id_parse(ask->caller.user_id, &r->user_id))
		r->by.user_id = r->user_id;
	return revoke_begin(self, op);
}

/* Unknown and not owned look the same, to the byte; the log knows. */
static enum status
revoke_refuse(struct actor *self, struct op *op, const char *why)
{
	const struct revoking *r = op_data(op);
	char session[ID_TEXT + 1];
	char brief[ID_IN_LOGS + 1];

	id_text(&r->session_id, session);
	id_short(session, brief);
	registry_note_refused(self, &r->by, "session.revoke", brief, why);
	return OP_REFUSE(op, NOT_FOUND, SESSION_UNKNOWN);
}

/* As much of it as is shown of one that is well-formed. */
static enum status
revoke_refuse_malformed(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *session_id)
{
	struct registry *s = actor_state(self);
	char brief[ID_IN_LOGS + 1];

	(void)text_fit(brief, sizeof(brief), session_id);
	auditor_refused(self, &s->auditor, caller, "session.revoke", brief,
	    "session_unknown");
	return REFUSE(self, in, NOT_FOUND, SESSION_UNKNOWN);
}

static enum status
revoke_refuse_unknown(struct actor *self, struct op *op)
{
	return revoke_refuse(self, op, "session_unknown");
}

static enum status
revoke_refuse_foreign(
    struct actor *self, struct op *op, const struct revoking *r)
{
	char session[ID_TEXT + 1];
	char brief[ID_IN_LOGS + 1];
	char by[ID_TEXT + 1];

	id_text(&r->session_id, session);
	id_short(session, brief);
	id_text(&r->by.user_id, by);
	LOG(API_AUTH_FAILED, KV("reason", "session_not_owned"),
	    KV("user_id", by), KV("session", brief));
	return revoke_refuse(self, op, "session_not_owned");
}

/*
 * No row: the session whose storing failed at log-in is still its holder's,
 * and one that was revoked without a row is known from its tombstone.
 */
static bool
revoke_find_without_row(const struct registry *s, struct revoking *r, bool own)
{
	const struct revoked_row *row = table_find(&s->revoked, &r->session_id);

	if (row != NULL) {
		r->user_id = row->user_id;
		r->expires_at = row->expires_at;
	} else if (own) {
		r->user_id = r->by.user_id;
	}
	return row != NULL || own;
}

static enum status
revoke_on_found(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_session_found *found = reply->body;
	struct revoking *r = op_data(op);

	if (reply->id != MSG_store_session_found)
		return op_pass(op, reply);
	if (found->session == NULL) {
		/* expires_at was the caller's if it is the caller's own */
		if (!revoke_find_without_row(
			actor_state(self), r, r->expires_at != 0))
			return revoke_refuse_unknown(self, op);
	} else {
		r->expires_at = found->session->expires_at;
		if (!id_parse(found->session->user_id, &r->user_id))
			return revoke_refuse_unknown(self, op);
	}
	if (!r->privileged && !id_equal(&r->user_id, &r->by.user_id))
		return revoke_refuse_foreign(self, op, r);
	return revoke_begin(self, op);
}

/* Only where that is asked for; see api.auth.reauth_sessions. */
static bool
revoke_is_recent(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *target)
{
	const struct registry *s = actor_state(self);
	char brief[ID_IN_LOGS + 1];

	(void)text_fit(brief, sizeof(brief), target);
	return !s->reauth_sessions ||
	       registry_is_recent(self, in, caller, action, brief);
}

enum status
registry_on_revoke(struct actor *self, const struct msg *in)
{
	const struct auth_session_revoke *ask = in->body;
	const struct principal *caller = &ask->caller;
	struct uuid session_id;
	struct revoking *r;
	struct op *op;

	if (!registry_knows(caller, "unauthenticated_session_revoke"))
		return REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
	if (strcmp(caller->session_id, ask->session_id) != 0 &&
	    !revoke_is_recent(
		self, in, caller, "session.revoke", ask->session_id))
		return ST_OK;
	if (!id_parse(ask->session_id, &session_id))
		return revoke_refuse_malformed(
		    self, in, caller, ask->session_id);
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	r = op_data(op);
	r->session_id = session_id;
	r->privileged = access_is_operator(caller);
	registry_who_take(&r->by, caller);
	if (!id_parse(caller->user_id, &r->by.user_id) && !r->privileged)
		return revoke_refuse_unknown(self, op);
	if (strcmp(caller->session_id, ask->session_id) == 0)
		r->expires_at = caller->expires_at;
	return OP_ASK(op, registry_store(self), store_session_get,
	    revoke_on_found, .session_id = ask->session_id);
}

/* ---- all sessions of a user ---- */

static enum status
revoke_on_user_applied(struct actor *self, struct op *op, bool all)
{
	const struct revoking *r = op_data(op);

	if (!all)
		return revoke_on_applied(self, op, all);
	return OP_REPLY(op, auth_revoked_user, .revoked = r->count);
}

static enum status
revoke_apply_page(struct actor *self, struct revoking *r,
    const struct store_revocations *page)
{
	for (uint32_t i = 0; i < page->revoked_count; i++) {
		const struct revocation *one = &page->revoked[i];
		enum status st = registry_apply_revoked(self, one);

		if (st != ST_OK)
			return st;
		if (id_parse(one->session_id, &r->session_id))
			revoke_log(r);
		r->count++;
	}
	return ST_OK;
}

static enum status revoke_user_page(struct actor *self, struct op *op);

static enum status
revoke_on_user_stored(
    struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_revocations *page = reply->body;
	struct revoking *r = op_data(op);
	enum status st;

	if (reply->id != MSG_store_revocations) {
		registry_doubt(self, reply);
		return op_pass(op, reply);
	}
	st = revoke_apply_page(self, r, page);
	if (st != ST_OK) {
		(void)OP_REFUSE(op, INTERNAL, "too many revocations");
		return st;
	}
	if (!page->more)
		return replica_wait_for(self, op, revoke_on_user_applied);
	return revoke_user_page(self, op);
}

/* `now` stays: who logs in meanwhile is untouched. */
static enum status
revoke_user_page(struct actor *self, struct op *op)
{
	const struct revoking *r = op_data(op);
	char user[ID_TEXT + 1];
	char by[ID_TEXT + 1];
	struct audit_note note;

	id_text(&r->user_id, user);
	note = registry_note(self, &r->by, by, "session.revoke_all", user);
	return OP_ASK(op, registry_store(self), store_session_revoke_user,
	    revoke_on_user_stored, .user_id = user, .now = r->expires_at,
	    .audit = &note);
}

static enum status
revoke_user(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *user_id)
{
	struct registry *s = actor_state(self);
	struct revoking *r;
	struct uuid id;
	struct op *op;

	if (!registry_knows(caller, "unauthenticated_session_revoke"))
		return REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
	if (!registry_may_revoke(s))
		return REFUSE(self, in, OVERLOADED, "too many revocations");
	if (!revoke_is_recent(self, in, caller, "session.revoke_all", user_id))
		return ST_OK;
	if (!access_is_operator(caller) &&
	    strcmp(caller->user_id, user_id) != 0) {
		auditor_refused(self, &s->auditor, caller, "session.revoke_all",
		    user_id, "role");
		return REFUSE(self, in, FORBIDDEN, "Forbidden");
	}
	if (!id_parse(user_id, &id))
		return REGISTRY_REFUSE(self, in, caller, "session.revoke_all",
		    user_id, NOT_FOUND, "User not found");
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	r = op_data(op);
	registry_who_take(&r->by, caller);
	r->user_id = id;
	r->expires_at = actor_wall_us(self);
	return revoke_user_page(self, op);
}

enum status
registry_on_revoke_user(struct actor *self, const struct msg *in)
{
	const struct auth_revoke_user *ask = in->body;

	return revoke_user(self, in, &ask->caller, ask->user_id);
}

enum status
registry_on_revoke_mine(struct actor *self, const struct msg *in)
{
	const struct auth_revoke_mine *ask = in->body;

	return revoke_user(self, in, &ask->caller, ask->caller.user_id);
}
