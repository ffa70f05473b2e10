#include <stdio.h>
#include <string.h>

#include "actors/registry_account.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define SECOND_US 1000000

/*
 * A user gives the own password again, and gets a token that says so; or
 * changes it.  The current one is proved first; then the new hash is stored,
 * which kills every older token by its pwd_sig; the caller's session is
 * revoked, and a new one begins as after a log-in.
 */

/* Guesses of the current password count apart from those at the door. */
static void
own_lock_name(const struct chore *c, char ret_name[CHORE_LOCK_SIZE])
{
	char user_id[ID_TEXT + 1];

	id_text(&c->user_id, user_id);
	snprintf(ret_name, CHORE_LOCK_SIZE, "own:%s", user_id);
}

static enum status
own_refuse(struct actor *self, struct op *op, uint32_t problem,
    const char *detail, uint64_t wait_us)
{
	struct refused why = registry_wait(problem, detail, wait_us);

	chore_note_refused(self, op, detail);
	chore_end(self, op);
	return op_refuse_with(op, &why);
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
	const struct refused *why = reply->body;
	struct chore *c = chore_of(op);
	char session[ID_TEXT + 1];
	char user_id[ID_TEXT + 1];
	enum status st;

	if (reply->id != MSG_store_user_found) {
		if (reply->id == MSG_refused && why->status == ST_CONFLICT)
			chore_note_refused(
			    self, op, "it has changed meanwhile");
		return own_pass(self, op, reply);
	}
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

/* The same session until the same end; only the proof is newer. */
static enum status
own_prove(struct actor *self, struct op *op)
{
	struct registry *s = actor_state(self);
	const struct chore *c = chore_of(op);
	const struct account_row *row;
	int64_t now = actor_wall_us(self);
	bool cookies = c->cookies;
	struct token_claims claims;
	char sig[PASSWORD_SIG_MAX + 1];
	char session[ID_TEXT + 1];
	char token[TOKEN_MAX + 1];
	struct chore_texts texts;
	struct audit_note note = chore_note(self, c, &texts);
	enum status st;

	password_sig(c->hash, sig);
	row = registry_account_of(s, &c->user_id, sig);
	if (row == NULL || c->expires_at / SECOND_US <= now / SECOND_US ||
	    table_find(&s->revoked, &c->session_id) != NULL)
		return own_refuse(
		    self, op, PROBLEM_UNAUTHORIZED, "Unauthorized", 0);
	id_text(&c->session_id, session);
	claims = registry_claims(row, texts.target, session);
	claims.iat = (uint64_t)(now / SECOND_US);
	claims.exp = (uint64_t)(c->expires_at / SECOND_US);
	claims.auth_time = claims.iat;
	claims.has_auth_time = true;
	st = registry_mint(self, &claims, token);
	if (st == ST_OK)
		auditor_say(self, &s->auditor, &note);
	chore_end(self, op);
	if (st != ST_OK)
		return OP_REFUSE(op, INTERNAL, "the token could not be made");
	return OP_REPLY(op, auth_token, .token = token,
	    .expires_in = (uint32_t)(claims.exp - claims.iat),
	    .session_id = session,
	    .must_change_password = claims.must_change_password,
	    .cookies = cookies, .has_cookies = cookies);
}

static enum status
own_refuse_locked(struct actor *self, struct op *op, uint64_t wait_us)
{
	return own_refuse(
	    self, op, PROBLEM_ACCOUNT_LOCKED, TRIES_LOCKED, wait_us);
}

static enum status
own_on_bad(struct actor *self, struct op *op, const char *lock)
{
	struct registry *s = actor_state(self);
	const struct chore *c = chore_of(op);
	struct chore_texts texts;
	struct audit_note note;

	if (lockout_fail(&s->lockout, lock, actor_now_us(self))) {
		note = chore_note(self, c, &texts);
		note.action = "auth.lock";
		note.result = AUDIT_REFUSED;
		note.detail = "too many failures";
		LOG(API_AUTH_LOCKED, KV("user_id", texts.target),
		    KV("address", c->by.address));
		auditor_count(self, &s->auditor, &note);
	}
	return own_refuse(
	    self, op, PROBLEM_UNAUTHORIZED, "Invalid credentials", 0);
}

/* A guess made before the lock fell is not judged after it. */
static enum status
own_on_checked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	struct chore_op *data = op_data(op);
	struct chore *c = data->chore;
	char name[CHORE_LOCK_SIZE];
	uint64_t wait_us;

	if (reply->id != MSG_done)
		return own_pass(self, op, reply);
	own_lock_name(c, name);
	wait_us = lockout_wait_us(&s->lockout, name, actor_now_us(self));
	if (wait_us > 0)
		return own_refuse_locked(self, op, wait_us);
	if (!data->credential.good)
		return own_on_bad(self, op, name);
	lockout_forget(&s->lockout, name);
	if (c->only_proves)
		return own_prove(self, op);
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
	login_set_address(login, caller);
	c->login = login;
	return true;
}

/* False: in has been refused. */
static bool
own_may(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action)
{
	if (!registry_knows(caller, "unauthenticated_password")) {
		(void)REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
		return false;
	}
	if (caller->method != AUTH_JWT)
		(void)REGISTRY_REFUSE(self, in, caller, action, caller->user_id,
		    FORBIDDEN,
		    "Only who has logged in may give or change a password");
	return caller->method == AUTH_JWT;
}

/* NULL: it is a password that they may have. */
static const char *
own_mistake(struct actor *self, const struct auth_change_password *ask,
    char text[REGISTRY_WHY_SIZE])
{
	const char *mistake = registry_password_mistake(self, "new_password",
	    ask->new_password, ask->caller.username, text);

	return mistake == NULL &&
		       strcmp(ask->new_password, ask->current_password) == 0
		   ? "new_password: must be another"
		   : mistake;
}

/* An op that will look at password; NULL: in has been refused. */
static struct op *
own_begin(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *password)
{
	struct registry *s = actor_state(self);
	char name[CHORE_LOCK_SIZE];
	struct chore_op *data;
	uint64_t wait_us;
	struct chore *c;
	struct op *op;

	if (!registry_may_try(self, in, caller, action))
		return NULL;
	op = chore_begin(self, in, caller, action);
	if (op == NULL)
		return NULL;
	data = op_data(op);
	c = data->chore;
	c->expires_at = caller->expires_at;
	if (!id_parse(caller->user_id, &c->user_id) ||
	    !id_parse(caller->session_id, &c->session_id)) {
		(void)own_refuse(
		    self, op, PROBLEM_UNAUTHORIZED, "Unauthorized", 0);
		return NULL;
	}
	own_lock_name(c, name);
	wait_us = lockout_wait_us(&s->lockout, name, actor_now_us(self));
	if (wait_us > 0) {
		(void)own_refuse_locked(self, op, wait_us);
		return NULL;
	}
	credential_init(&data->credential, password);
	return op;
}

enum status
registry_on_change_password(struct actor *self, const struct msg *in)
{
	const struct auth_change_password *ask = in->body;
	struct registry *s = actor_state(self);
	char text[REGISTRY_WHY_SIZE];
	const char *mistake;
	struct chore *c;
	struct op *op;

	if (!own_may(self, in, &ask->caller, "auth.password"))
		return ST_OK;
	mistake = own_mistake(self, ask, text);
	if (mistake != NULL)
		return REGISTRY_REFUSE(self, in, &ask->caller, "auth.password",
		    ask->caller.user_id, VALIDATION, mistake);
	op = own_begin(
	    self, in, &ask->caller, "auth.password", ask->current_password);
	if (op == NULL)
		return ST_OK;
	c = chore_of(op);
	if (!registry_may_revoke(s) || !own_take_login(self, c, &ask->caller)) {
		credential_wipe(&((struct chore_op *)op_data(op))->credential);
		chore_end(self, op);
		return OP_REFUSE(op, OVERLOADED, "too many log-ins at once");
	}
	(void)text_fit(c->secret, sizeof(c->secret), ask->new_password);
	return OP_ASK(op, registry_store(self), store_user_find, own_on_found,
	    .user_id = ask->caller.user_id);
}

enum status
registry_on_reauthenticate(struct actor *self, const struct msg *in)
{
	const struct auth_reauthenticate *ask = in->body;
	struct op *op;

	if (!own_may(self, in, &ask->caller, "auth.reauthenticate"))
		return ST_OK;
	op = own_begin(
	    self, in, &ask->caller, "auth.reauthenticate", ask->password);
	if (op == NULL)
		return ST_OK;
	chore_of(op)->only_proves = true;
	chore_of(op)->cookies = ask->cookies;
	return OP_ASK(op, registry_store(self), store_user_find, own_on_found,
	    .user_id = ask->caller.user_id);
}
