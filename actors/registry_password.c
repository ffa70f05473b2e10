#include <string.h>

#include "actors/registry_account.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * A user changes the own password.  The current one is proved first; then
 * the new hash is stored, which kills every older token by its pwd_sig; the
 * caller's session is revoked, and a new one begins as after a log-in.
 */

/* Guesses of the current password count apart from those at the door. */
static void
own_lock_name(const struct chore *c, char ret_name[CHORE_LOCK_SIZE])
{
	char user_id[ID_TEXT + 1];

	id_text(&c->user_id, user_id);
	memcpy(ret_name, "own:", 4);
	memcpy(ret_name + 4, user_id, sizeof(user_id));
}

static enum status
own_refuse(struct actor *self, struct op *op, uint32_t problem,
    const char *detail, uint64_t wait_us)
{
	struct registry *s = actor_state(self);
	struct chore *c = chore_of(op);
	struct chore_texts texts;
	struct audit_note note = chore_note(self, c, &texts);

	note.result = AUDIT_REFUSED;
	note.detail = detail;
	auditor_say(self, &s->auditor, &note);
	chore_end(self, op);
	return op_refuse_with(
	    op, &(struct refused){ .status = ST_DENIED,
		    .problem = problem,
		    .detail = detail,
		    .retry_after_ms = (uint32_t)((wait_us + 999) / 1000) });
}

static enum status
own_pass(struct actor *self, struct op *op, const struct msg *reply)
{
	chore_end(self, op);
	return op_pass(op, reply);
}

/* The chore ends and a log-in goes on, in the same op. */
static enum status
own_log_in(struct actor *self, struct op *op)
{
	struct chore *c = chore_of(op);
	struct login *login = c->login;

	c->login = NULL;
	chore_end(self, op);
	((struct login_op *)op_data(op))->login = login;
	return login_begin_session(self, op);
}

static enum status
own_on_revoked(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct chore *c = chore_of(op);
	const struct store_session_revoked *stored = reply->body;
	struct chore_texts texts;
	char session[ID_TEXT + 1];
	struct revocation r = { .session_id = session,
		.user_id = texts.target };
	enum status st;

	id_text(&c->session_id, session);
	id_text(&c->user_id, texts.target);
	r.expires_at = c->expires_at;
	if (reply->id != MSG_store_session_revoked) {
		st = registry_is_unknown(reply)
			 ? registry_apply_unknown(self, &r)
			 : ST_OK;
		(void)own_pass(self, op, reply);
		return st;
	}
	r.expires_at = stored->expires_at;
	st = registry_apply_revoked(self, &r);
	if (st != ST_OK) {
		chore_end(self, op);
		(void)OP_REFUSE(op, INTERNAL, "too many revocations");
		return st;
	}
	return own_log_in(self, op);
}

static enum status
own_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_user_found *found = reply->body;
	struct chore *c = chore_of(op);
	char session[ID_TEXT + 1];
	char user_id[ID_TEXT + 1];
	enum status st;

	if (reply->id != MSG_store_user_found)
		return own_pass(self, op, reply);
	st = chore_apply(self, c, found->user);
	if (st != ST_OK) {
		chore_end(self, op);
		(void)OP_REFUSE(op, INTERNAL, "too many changes");
		return st;
	}
	password_sig(found->user->password_hash, c->login->password_sig);
	c->login->role = found->user->role;
	id_text(&c->user_id, user_id);
	id_text(&c->session_id, session);
	LOG(API_USER_PASSWORD, KV("user_id", user_id));
	return OP_ASK(op, registry_store(self), store_session_revoke,
	    own_on_revoked,
	    .revocation = { .session_id = session,
		.user_id = user_id,
		.expires_at = c->expires_at });
}

static enum status
own_on_hashed(struct actor *self, struct op *op, const struct msg *reply)
{
	struct chore_op *data = op_data(op);
	struct chore *c = data->chore;
	struct chore_texts texts;
	struct audit_note note;

	if (reply->id != MSG_done)
		return own_pass(self, op, reply);
	if (!data->credential.good) {
		chore_end(self, op);
		return OP_REFUSE(op, OVERLOADED, "out of memory");
	}
	note = chore_note(self, c, &texts);
	return OP_ASK(op, registry_store(self), store_user_change,
	    own_on_stored, .user_id = texts.target, .now = actor_wall_us(self),
	    .password_hash = data->credential.hash, .expected_hash = c->hash,
	    .must_change_password = false, .has_must_change_password = true,
	    .audit = &note);
}

static enum status
own_on_checked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	struct chore_op *data = op_data(op);
	struct chore *c = data->chore;
	char name[CHORE_LOCK_SIZE];

	if (reply->id != MSG_done)
		return own_pass(self, op, reply);
	own_lock_name(c, name);
	if (!data->credential.good) {
		(void)lockout_fail(&s->lockout, name, actor_now_us(self));
		return own_refuse(
		    self, op, PROBLEM_UNAUTHORIZED, "Invalid credentials", 0);
	}
	lockout_forget(&s->lockout, name);
	credential_init(&data->credential, c->secret);
	return op_work(op, WORK_CPU, credential_hash, own_on_hashed);
}

static enum status
own_on_found(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_user_found *found = reply->body;
	struct chore_op *data = op_data(op);
	struct chore *c = data->chore;

	if (reply->id != MSG_store_user_found)
		return own_pass(self, op, reply);
	if (found->user == NULL || found->user->disabled ||
	    !credential_use(&data->credential, found->user->password_hash))
		return own_refuse(
		    self, op, PROBLEM_UNAUTHORIZED, "Invalid credentials", 0);
	(void)text_fit(c->hash, sizeof(c->hash), found->user->password_hash);
	return op_work(op, WORK_CPU, credential_check, own_on_checked);
}

/* The log-in that will follow, so that nothing is missing at the end. */
static bool
own_take_login(
    struct actor *self, struct chore *c, const struct principal *caller)
{
	struct registry *s = actor_state(self);
	struct login *login = pool_take(&s->logins);

	if (login == NULL)
		return false;
	login->user_id = c->user_id;
	login->known = true;
	(void)text_fit(
	    login->username, sizeof(login->username), caller->username);
	(void)text_fit(login->address, sizeof(login->address), caller->address);
	(void)text_fit(
	    login->user_agent, sizeof(login->user_agent), caller->user_agent);
	c->login = login;
	return true;
}

/* False: in has been refused. */
static bool
own_may(struct actor *self, const struct msg *in,
    const struct auth_change_password *ask)
{
	struct registry *s = actor_state(self);
	char text[REGISTRY_WHY_SIZE];
	const char *mistake;

	if (!registry_knows(&ask->caller, "unauthenticated_password")) {
		(void)REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
		return false;
	}
	if (ask->caller.method != AUTH_JWT) {
		auditor_refused(self, &s->auditor, &ask->caller,
		    "auth.password", ask->caller.user_id, "no session");
		(void)REFUSE(self, in, FORBIDDEN,
		    "Only who has logged in may change a password");
		return false;
	}
	mistake = registry_password_mistake(
	    s, "new_password", ask->new_password, ask->caller.username, text);
	if (mistake == NULL &&
	    strcmp(ask->new_password, ask->current_password) == 0)
		mistake = "new_password: must be another";
	if (mistake != NULL)
		(void)REFUSE(self, in, VALIDATION, mistake);
	return mistake == NULL &&
	       registry_may_try(self, in, &ask->caller, "auth.password");
}

enum status
registry_on_change_password(struct actor *self, const struct msg *in)
{
	const struct auth_change_password *ask = in->body;
	struct registry *s = actor_state(self);
	char name[CHORE_LOCK_SIZE];
	struct chore_op *data;
	uint64_t wait_us;
	struct chore *c;
	struct op *op;

	if (!own_may(self, in, ask))
		return ST_OK;
	op = chore_begin(self, in, &ask->caller, "auth.password");
	if (op == NULL)
		return ST_OK;
	data = op_data(op);
	c = data->chore;
	c->expires_at = ask->caller.expires_at;
	if (!id_parse(ask->caller.user_id, &c->user_id) ||
	    !id_parse(ask->caller.session_id, &c->session_id))
		return own_refuse(
		    self, op, PROBLEM_UNAUTHORIZED, "Unauthorized", 0);
	own_lock_name(c, name);
	wait_us = lockout_wait_us(&s->lockout, name, actor_now_us(self));
	if (wait_us > 0)
		return own_refuse(self, op, PROBLEM_ACCOUNT_LOCKED,
		    "Too many failed log-ins", wait_us);
	if (!registry_may_revoke(s) || !own_take_login(self, c, &ask->caller)) {
		chore_end(self, op);
		return OP_REFUSE(op, OVERLOADED, "too many log-ins at once");
	}
	(void)text_fit(c->secret, sizeof(c->secret), ask->new_password);
	credential_init(&data->credential, ask->current_password);
	return OP_ASK(op, registry_store(self), store_user_find, own_on_found,
	    .user_id = ask->caller.user_id);
}
