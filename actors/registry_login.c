#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "actors/registry_account.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define SETUP_LATE "An administrator exists already"

void
login_end(struct registry *s, struct op *op)
{
	struct login_op *data = op_data(op);

	if (data->login != NULL)
		pool_put(&s->logins, data->login);
	data->login = NULL;
}

void
login_set_address(struct login *login, const struct principal *caller)
{
	text_fit(login->address, sizeof(login->address), caller->address);
	network_of_client(login->address, login->network);
	text_fit(
	    login->user_agent, sizeof(login->user_agent), caller->user_agent);
}

const char *
login_network(const struct login *login)
{
	return login->network[0] == '\0' ? NULL : login->network;
}

static struct login *
login_of(struct op *op)
{
	return ((struct login_op *)op_data(op))->login;
}

/* An op with a log-in and the password in it; NULL: in has been refused. */
static struct op *
login_begin(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *username, const char *password)
{
	struct registry *s = actor_state(self);
	struct op *op = op_open(self, in);
	struct login_op *data;
	struct login *login;

	if (op == NULL)
		return NULL;
	login = pool_take(&s->logins);
	if (login == NULL) {
		(void)OP_REFUSE(op, OVERLOADED, "too many log-ins at once");
		return NULL;
	}
	data = op_data(op);
	data->login = login;
	credential_init(&data->credential, password);
	text_fit(login->username, sizeof(login->username), username);
	login_set_address(login, caller);
	return op;
}

/* What the store or a worker refused goes to the asker as it is. */
static enum status
login_pass(struct actor *self, struct op *op, const struct msg *reply)
{
	login_end(actor_state(self), op);
	return op_pass(op, reply);
}

static enum status
login_refuse(struct actor *self, struct op *op, const struct refused *why)
{
	login_end(actor_state(self), op);
	return op_refuse_with(op, why);
}

/* Takes what a log-in needs of its account; the gateways hear what is new. */
static enum status
login_use_account(struct registry *s, struct login *login, const struct user *u)
{
	bool changed;
	enum status st;

	if (!id_parse(u->user_id, &login->user_id))
		return ST_CORRUPT;
	if (!replica_has_room(&s->replica))
		return ST_FULL;
	st = registry_put_account(s, u, &changed);
	if (st != ST_OK)
		return st;
	login->known = true;
	login->role = u->role;
	login->must_change_password = u->must_change_password;
	password_sig(u->password_hash, login->password_sig);
	return changed
		   ? replica_tell(&s->replica, CHANGE_ACCOUNT, &login->user_id)
		   : ST_OK;
}

static enum status
login_fail(struct actor *self, struct op *op, enum status st)
{
	return login_refuse(self, op,
	    &(struct refused){ .status = (uint32_t)st,
		.problem = problem_of_status(st),
		.detail = "the account cannot be used" });
}

/* ---- log-in ---- */

/* What failed, under whose name, from where: nobody has proved anything. */
static void
login_note(struct actor *self, const struct login *login, const char *action,
    const char *detail)
{
	struct registry *s = actor_state(self);

	auditor_refused(self, &s->auditor,
	    &(struct principal){ .user_id = "",
		.username = "",
		.session_id = "",
		.address = login->address },
	    action, login->username, detail);
}

static void
login_lock_name(const struct login *login, char ret_name[TRIES_NAME_SIZE])
{
	registry_lock_name(
	    login->username, login->network, login->network_known, ret_name);
}

/* True: its name is locked, and it has been refused. */
static bool
login_is_locked(struct actor *self, struct op *op)
{
	struct registry *s = actor_state(self);
	struct login_op *data = op_data(op);
	char name[TRIES_NAME_SIZE];
	struct refused why;
	uint64_t wait_us;

	login_lock_name(data->login, name);
	wait_us = lockout_wait_us(&s->lockout, name, actor_now_us(self));
	if (wait_us == 0)
		return false;
	credential_wipe(&data->credential);
	login_note(self, data->login, "auth.login", "locked");
	why = registry_wait(PROBLEM_ACCOUNT_LOCKED, TRIES_LOCKED, wait_us);
	(void)login_refuse(self, op, &why);
	return true;
}

/* Told apart by nobody: unknown, disabled, the machine, a bad password. */
static enum status
login_on_bad(struct actor *self, struct op *op)
{
	struct registry *s = actor_state(self);
	const struct login *login = ((struct login_op *)op_data(op))->login;
	char name[TRIES_NAME_SIZE];
	char user[ID_TEXT + 1];

	id_text(&login->user_id, user);
	LOG(API_AUTH_FAILED, KV("reason", "invalid_credentials"),
	    KV("user_id", login->known ? user : NULL),
	    KV("address", login->address));
	login_note(self, login, "auth.login", "invalid credentials");
	login_lock_name(login, name);
	if (lockout_fail(&s->lockout, name, actor_now_us(self))) {
		LOG(API_AUTH_LOCKED, KV("user_id", login->known ? user : NULL),
		    KV("address", login->address));
		login_note(self, login, "auth.lock", "too many failures");
	}
	return login_refuse(self, op,
	    &(struct refused){ .status = ST_DENIED,
		.problem = PROBLEM_UNAUTHORIZED,
		.detail = "Invalid credentials" });
}

/*
 * A guess made before the lock fell is not judged after it; and while the
 * password was checked, its account may have become another.
 */
static enum status
login_on_checked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	struct login_op *data = op_data(op);
	char name[TRIES_NAME_SIZE];

	if (reply->id != MSG_done)
		return login_pass(self, op, reply);
	if (login_is_locked(self, op))
		return ST_OK;
	if (!data->credential.good || !data->login->known ||
	    registry_account_of(
		s, &data->login->user_id, data->login->password_sig) == NULL)
		return login_on_bad(self, op);
	login_lock_name(data->login, name);
	lockout_forget(&s->lockout, name);
	return login_begin_session(self, op);
}

static enum status
login_on_found(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_user_found *found = reply->body;
	struct login_op *data = op_data(op);
	const struct user *u;
	enum status st;

	if (reply->id != MSG_store_user_found) {
		credential_wipe(&data->credential);
		return login_pass(self, op, reply);
	}
	data->login->network_known = registry_knows_network(self, found);
	if (login_is_locked(self, op))
		return ST_OK;
	u = found->user;
	if (u != NULL && !u->disabled && u->role != ROLE_SYSTEM &&
	    credential_use(&data->credential, u->password_hash)) {
		st = login_use_account(actor_state(self), data->login, u);
		if (st != ST_OK) {
			credential_wipe(&data->credential);
			return login_fail(self, op, st);
		}
	}
	return op_work(op, WORK_CPU, credential_check, login_on_checked);
}

enum status
registry_on_login(struct actor *self, const struct msg *in)
{
	const struct auth_login *ask = in->body;
	struct op *op;

	if (text_is_blank(ask->username))
		return REGISTRY_REFUSE(self, in, &ask->caller, "auth.login", "",
		    VALIDATION, "username: is blank");
	if (!registry_may_try(self, in, &ask->caller, "auth.login"))
		return ST_OK;
	op = login_begin(self, in, &ask->caller, ask->username, ask->password);
	if (op == NULL)
		return ST_OK;
	login_of(op)->wants_refresh = ask->refresh;
	login_of(op)->wants_cookies = ask->cookies;
	return OP_ASK(op, registry_store(self), store_user_find, login_on_found,
	    .username = ask->username, .network = login_network(login_of(op)));
}

/* ---- set-up ---- */

/* The account that is being made; its texts live in the log-in and user_id. */
static struct user
setup_user(const struct login_op *data, const char *user_id)
{
	return (struct user){ .user_id = user_id,
		.username = data->login->username,
		.role = ROLE_CEO,
		.password_hash = data->credential.hash,
		.created_at = data->login->created_at,
		.updated_at = data->login->created_at };
}

/* The store's transaction has decided who was first. */
static enum status
setup_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct refused *no = reply->body;
	const struct login_op *data = op_data(op);
	char user_id[ID_TEXT + 1];
	struct user u;
	enum status st;

	if (reply->id == MSG_refused &&
	    (no->status == ST_CONFLICT || no->status == ST_EXISTS)) {
		login_note(self, data->login, "auth.setup", SETUP_LATE);
		return login_refuse(self, op,
		    &(struct refused){ .status = ST_CONFLICT,
			.problem = PROBLEM_CONFLICT,
			.detail = SETUP_LATE });
	}
	if (reply->id != MSG_done)
		return login_pass(self, op, reply);
	id_text(&data->login->user_id, user_id);
	LOG(API_SETUP, KV("user_id", user_id));
	u = setup_user(data, user_id);
	st = login_use_account(actor_state(self), data->login, &u);
	return st == ST_OK ? login_begin_session(self, op)
			   : login_fail(self, op, st);
}

static enum status
setup_on_hashed(struct actor *self, struct op *op, const struct msg *reply)
{
	struct login_op *data = op_data(op);
	char user_id[ID_TEXT + 1];
	struct audit_note note;

	if (reply->id != MSG_done)
		return login_pass(self, op, reply);
	if (!data->credential.good)
		return login_fail(self, op, ST_NO_MEMORY);
	data->login->user_id = id_make(self);
	data->login->created_at = actor_wall_us(self);
	id_text(&data->login->user_id, user_id);
	note = login_good_note(self, data->login, "auth.setup", user_id);
	return OP_ASK(op, registry_store(self), store_user_create,
	    setup_on_stored, .user = setup_user(data, user_id), .first = true,
	    .audit = &note);
}

/* False: in has been refused.  Who comes too late learns no more than that. */
static bool
setup_may(
    struct actor *self, const struct msg *in, const struct auth_setup *ask)
{
	const struct registry *s = actor_state(self);
	const char *mistake = registry_name_mistake(ask->username);
	uint32_t problem = PROBLEM_VALIDATION;
	char text[REGISTRY_WHY_SIZE];

	if (mistake == NULL &&
	    strcasecmp(ask->username, REGISTRY_SYSTEM) == 0) {
		problem = PROBLEM_CONFLICT;
		mistake = "The name is reserved";
	}
	if (mistake == NULL)
		mistake = registry_password_mistake(
		    self, "password", ask->password, ask->username, text);
	if (mistake == NULL && s->accounts.count > 0) {
		problem = PROBLEM_CONFLICT;
		mistake = SETUP_LATE;
	}
	if (mistake == NULL)
		return registry_may_try(self, in, &ask->caller, "auth.setup");
	(void)registry_refuse(self, in, &ask->caller, "auth.setup",
	    ask->username, problem, mistake);
	return false;
}

enum status
registry_on_setup(struct actor *self, const struct msg *in)
{
	const struct auth_setup *ask = in->body;
	struct op *op;

	if (!setup_may(self, in, ask))
		return ST_OK;
	op = login_begin(self, in, &ask->caller, ask->username, ask->password);
	if (op == NULL)
		return ST_OK;
	return op_work(op, WORK_CPU, credential_hash, setup_on_hashed);
}
