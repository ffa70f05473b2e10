#include <stdio.h>
#include <string.h>

#include "actors/registry.h"
#include "runtime/base/log.h"

#define SECOND_US 1000000
#define MINUTE_S 60
#define VICTIM_SIZE (sizeof("session=") + ID_IN_LOGS)

/*
 * After a good credential nothing fails the log-in any more: the session is
 * stored if it can be, older ones beyond the limit go, and whatever became
 * of that the answer is the token, before the asker's deadline.
 */

static struct login *
login_of(struct op *op)
{
	return ((struct login_op *)op_data(op))->login;
}

/*
 * One clock reading; whole seconds at the end, so that exp is expires_at.  A
 * session that can be refreshed lives as long as that, its token does not.
 */
static void
login_set_times(struct actor *self, struct login *login)
{
	const struct registry *s = actor_state(self);
	int64_t now = actor_wall_us(self);
	int64_t life_s = (int64_t)s->expiry_minutes * MINUTE_S;

	login->created_at = now;
	login->token_expires_at = (now / SECOND_US + life_s) * SECOND_US;
	login->expires_at = login->token_expires_at;
	login->wants_refresh =
	    login->wants_refresh && s->refresh_life_minutes > 0;
	if (login->wants_refresh &&
	    (int64_t)s->refresh_life_minutes * MINUTE_S > life_s)
		login->expires_at =
		    (now / SECOND_US +
			(int64_t)s->refresh_life_minutes * MINUTE_S) *
		    SECOND_US;
	login->session_id = id_make(self);
}

static enum status
login_mint(struct actor *self, const struct login *login,
    const char *session_id, char ret_token[TOKEN_MAX + 1])
{
	char user_id[ID_TEXT + 1];

	id_text(&login->user_id, user_id);
	return registry_mint(self,
	    &(struct token_claims){
		.sub = user_id,
		.jti = session_id,
		.iat = (uint64_t)(login->created_at / SECOND_US),
		.exp = (uint64_t)(login->token_expires_at / SECOND_US),
		.username = login->username,
		.role = login->role,
		.must_change_password = login->must_change_password,
		.pwd_sig = login->password_sig,
		.auth_time = (uint64_t)(login->created_at / SECOND_US),
		.has_auth_time = true,
	    },
	    ret_token);
}

static enum status
login_answer(struct actor *self, struct op *op, bool all)
{
	struct registry *s = actor_state(self);
	const struct login *login = login_of(op);
	char session_id[ID_TEXT + 1];
	char token[TOKEN_MAX + 1];
	char refresh[REFRESH_TOKEN_MAX + 1];
	struct auth_token answer = { .token = token,
		.expires_in = (uint32_t)((login->token_expires_at / SECOND_US) -
					 login->created_at / SECOND_US),
		.session_id = session_id,
		.must_change_password = login->must_change_password,
		.cookies = login->wants_cookies,
		.has_cookies = login->wants_cookies };
	enum status st;

	(void)all;
	id_text(&login->session_id, session_id);
	st = login_mint(self, login, session_id, token);
	if (login->has_refresh) {
		registry_mint_refresh(
		    self, &login->session_id, 1, login->expires_at, refresh);
		answer.refresh_token = refresh;
		answer.refresh_expires_in =
		    (uint32_t)((login->expires_at - login->created_at) /
			       SECOND_US);
		answer.has_refresh_expires_in = true;
	}
	login_end(s, op);
	if (st != ST_OK)
		return OP_REFUSE(op, INTERNAL, "the token could not be made");
	return op_reply(op, MSG_auth_token, &answer);
}

/* Done by whoever has just proved to be that user. */
struct audit_note
login_good_note(struct actor *self, const struct login *login,
    const char *action, const char *user_id)
{
	return audit_note_by(self,
	    &(struct principal){ .user_id = user_id,
		.username = login->username,
		.role = login->role,
		.method = AUTH_PASSWORD,
		.session_id = "",
		.address = login->address,
		.user_agent = "" },
	    action, user_id);
}

/* ---- S-10: no more sessions than the limit ---- */

static enum status login_revoke_next(struct actor *self, struct op *op);

static enum status
login_end_limit(struct actor *self, struct op *op)
{
	const struct login *login = login_of(op);
	char user_id[ID_TEXT + 1];

	id_text(&login->user_id, user_id);
	if (login->revoked > 0)
		LOG(API_SESSION_LIMIT_ENFORCED, KV("user_id", user_id),
		    KU("revoked", login->revoked));
	return replica_wait_for(self, op, login_answer);
}

static enum status
login_fail_limit(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct refused *why = reply->body;

	LOG(API_SESSION_REVOKE_FAILED, KV("session", NULL),
	    KV("error", status_name((enum status)why->status)));
	return login_end_limit(self, op);
}

static void
login_log_victim(const struct login *login, const struct revoked_row *victim)
{
	char session[ID_TEXT + 1];
	char brief[ID_IN_LOGS + 1];
	char user[ID_TEXT + 1];

	id_text(&victim->row.id, session);
	id_short(session, brief);
	id_text(&login->user_id, user);
	LOG(API_SESSION_REVOKED, KV("session", brief), KV("user_id", user),
	    KV("revoked_by", "limit"));
}

/* The texts of a victim, which live in the caller's frame. */
static struct revocation
login_victim(const struct login *login, char session[ID_TEXT + 1],
    char user[ID_TEXT + 1])
{
	const struct revoked_row *victim = &login->victims[login->victims_at];

	id_text(&victim->row.id, session);
	id_text(&login->user_id, user);
	return (struct revocation){ .session_id = session,
		.user_id = user,
		.expires_at = victim->expires_at };
}

static enum status
login_on_victim(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_session_revoked *stored = reply->body;
	struct login *login = login_of(op);
	char session[ID_TEXT + 1];
	char user[ID_TEXT + 1];
	struct revocation r = login_victim(login, session, user);
	enum status st = ST_OK;

	if (reply->id != MSG_store_session_revoked) {
		if (registry_is_unknown(reply))
			st = registry_apply_unknown(self, &r);
		(void)login_fail_limit(self, op, reply);
		return st;
	}
	r.expires_at = stored->expires_at;
	st = registry_apply_revoked(self, &r);
	if (st != ST_OK) {
		(void)login_answer(self, op, false);
		return st;
	}
	if (stored->changed) {
		login->revoked++;
		login_log_victim(login, &login->victims[login->victims_at]);
	}
	login->victims_at++;
	return login_revoke_next(self, op);
}

/* What stands behind the newest `sessions_max`; never the new one. */
static void
login_take_victims(struct login *login, uint64_t sessions_max,
    const struct store_session_page *page)
{
	login->victims_at = login->victims_count = 0;
	for (uint64_t i = sessions_max; i < page->sessions_count; i++) {
		const struct session *old = &page->sessions[i];
		struct revoked_row *victim =
		    &login->victims[login->victims_count];

		if (login->victims_count == LOGIN_VICTIMS)
			break;
		if (!id_parse(old->session_id, &victim->row.id) ||
		    id_equal(&victim->row.id, &login->session_id))
			continue;
		victim->expires_at = old->expires_at;
		login->victims_count++;
	}
}

static enum status
login_on_sessions(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct registry *s = actor_state(self);
	struct login *login = login_of(op);

	if (reply->id != MSG_store_session_page)
		return login_fail_limit(self, op, reply);
	login_take_victims(login, s->sessions_max, reply->body);
	return login->victims_count == 0 ? login_end_limit(self, op)
					 : login_revoke_next(self, op);
}

static const char *
login_victim_text(const struct login *login, char ret_text[VICTIM_SIZE])
{
	char session[ID_TEXT + 1];
	char user[ID_TEXT + 1];
	char brief[ID_IN_LOGS + 1];

	if (login->victims_at == login->victims_count ||
	    login->victims_at == LOGIN_VICTIMS)
		return "";
	id_short(login_victim(login, session, user).session_id, brief);
	snprintf(ret_text, VICTIM_SIZE, "session=%s", brief);
	return ret_text;
}

/* A full batch may not have been the last of them. */
static enum status
login_revoke_next(struct actor *self, struct op *op)
{
	const struct registry *s = actor_state(self);
	const struct login *login = login_of(op);
	char session[ID_TEXT + 1];
	char user[ID_TEXT + 1];
	char detail[VICTIM_SIZE];
	struct audit_note note;

	id_text(&login->user_id, user);
	note = login_good_note(self, login, "session.limit", user);
	note.detail = login_victim_text(login, detail);
	if (login->victims_at == LOGIN_VICTIMS)
		return OP_ASK(op, registry_store(self), store_session_list,
		    login_on_sessions, .user_id = user,
		    .now = actor_wall_us(self),
		    .limit = (uint32_t)s->sessions_max + LOGIN_VICTIMS);
	if (login->victims_at == login->victims_count ||
	    !registry_may_revoke(s))
		return login_end_limit(self, op);
	return OP_ASK(op, registry_store(self), store_session_revoke,
	    login_on_victim, .revocation = login_victim(login, session, user),
	    .audit = &note);
}

/* ---- S-2 ---- */

static void
login_log_created(const struct login *login, const struct msg *reply)
{
	const struct refused *why = reply->body;
	char session[ID_TEXT + 1];
	char brief[ID_IN_LOGS + 1];
	char user[ID_TEXT + 1];

	id_text(&login->session_id, session);
	id_short(session, brief);
	id_text(&login->user_id, user);
	if (reply->id == MSG_done)
		LOG(API_SESSION_CREATED, KV("session", brief),
		    KV("user_id", user));
	else
		LOG(API_SESSION_CREATE_FAILED, KV("session", brief),
		    KV("user_id", user),
		    KV("error", status_name((enum status)why->status)));
}

/* The entry goes with the session; without one it goes by itself. */
static void
login_note_unstored(struct actor *self, const struct login *login)
{
	struct registry *s = actor_state(self);
	char session_id[ID_TEXT + 1];
	char user_id[ID_TEXT + 1];
	struct audit_note note;

	id_text(&login->session_id, session_id);
	id_text(&login->user_id, user_id);
	note = login_good_note(self, login, "auth.login", user_id);
	note.by.session_id = session_id;
	note.detail = "session not stored";
	auditor_say(self, &s->auditor, &note);
}

static enum status
login_on_created(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	struct login *login = login_of(op);

	login_log_created(login, reply);
	if (reply->id != MSG_done)
		login_note_unstored(self, login);
	login->has_refresh = login->wants_refresh && reply->id == MSG_done;
	if (login->has_refresh)
		registry_refresh_begin(s, &login->session_id, &login->user_id);
	if (reply->id != MSG_done || s->sessions_max == 0)
		return replica_wait_for(self, op, login_answer);
	login->victims_at = LOGIN_VICTIMS;
	return login_revoke_next(self, op);
}

enum status
login_begin_session(struct actor *self, struct op *op)
{
	struct login_op *data = op_data(op);
	struct login *login = data->login;
	uint64_t now_us = actor_now_us(self);
	struct refresh_family family;
	char session_id[ID_TEXT + 1];
	char user_id[ID_TEXT + 1];
	struct audit_note note;

	credential_wipe(&data->credential);
	login_set_times(self, login);
	id_text(&login->session_id, session_id);
	id_text(&login->user_id, user_id);
	if (op_deadline_us(op) > now_us)
		op_limit(op, (op_deadline_us(op) - now_us) / 2);
	note = login_good_note(self, login, "auth.login", user_id);
	note.by.session_id = session_id;
	family = (struct refresh_family){ .session_id = session_id,
		.user_id = user_id,
		.password_sig = login->password_sig,
		.generation = 1,
		.rotated_at = login->created_at,
		.began_at = login->created_at,
		.expires_at = login->expires_at };
	return OP_ASK(op, registry_store(self), store_session_create,
	    login_on_created, .refresh = login->wants_refresh ? &family : NULL,
	    .session = { .session_id = session_id,
		.user_id = user_id,
		.username = login->username,
		.role = login->role,
		.ip_address = login->address,
		.user_agent = login->user_agent,
		.created_at = login->created_at,
		.last_active_at = login->created_at,
		.expires_at = login->expires_at },
	    .audit = &note, .network = login_network(login));
}
