#include <stdio.h>
#include <string.h>

#include "actors/registry_account.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * Changes of an account that is there: durable first, then in memory, then
 * on every gateway, and only then answered.
 */

static enum status
change_stuck(struct actor *self, struct op *op, enum status st)
{
	chore_end(self, op);
	(void)OP_REFUSE(op, INTERNAL, "too many changes");
	return st;
}

/* An op for a chore about user_id; NULL: in has been refused. */
static struct op *
change_begin(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *user_id)
{
	struct registry *s = actor_state(self);
	struct uuid id;
	struct op *op;

	if (!registry_may_change(self, in, caller, action, user_id))
		return NULL;
	if (!id_parse(user_id, &id)) {
		(void)REGISTRY_REFUSE(self, in, caller, action, user_id,
		    NOT_FOUND, "User not found");
		return NULL;
	}
	if (!registry_may_revoke(s)) {
		(void)REFUSE(self, in, OVERLOADED, "too many changes");
		return NULL;
	}
	op = chore_begin(self, in, caller, action);
	if (op != NULL)
		chore_of(op)->user_id = id;
	return op;
}

/* ---- role, and whether it may come in ---- */

static enum status
change_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_user_found *found = reply->body;
	struct chore *c = chore_of(op);
	char user_id[ID_TEXT + 1];
	enum status st;

	if (reply->id != MSG_store_user_found)
		return chore_refuse(self, op, reply);
	st = chore_apply(self, c, found->user);
	if (st != ST_OK)
		return change_stuck(self, op, st);
	id_text(&c->user_id, user_id);
	LOG(API_USER_CHANGED, KV("user_id", user_id), KV("what", c->detail));
	if (c->disabled)
		return chore_revoke_all(self, op, chore_answer_user);
	return replica_wait_for(self, op, chore_answer_user);
}

/* Its stable text, from the catalogue. */
static const char *
role_text(enum role role)
{
	const struct wire_type *t = CATALOGUE_TYPE(user_view);

	for (size_t i = 0; i < t->nfields; i++)
		if (t->fields[i].kind == WIRE_ENUM)
			return t->fields[i].values()->texts[role];
	return "?";
}

static void
change_describe(const struct user_change *ask, struct chore *c)
{
	const char *role = ask->has_role ? role_text(ask->role) : "";
	const char *disabled =
	    ask->disabled ? "disabled=true" : "disabled=false";

	snprintf(c->detail, sizeof(c->detail), "%s%s%s%s",
	    ask->has_role ? "role=" : "", role,
	    ask->has_role && ask->has_disabled ? " " : "",
	    ask->has_disabled ? disabled : "");
}

static enum status
change_store(struct actor *self, struct op *op)
{
	struct chore *c = chore_of(op);
	struct chore_texts texts;
	struct audit_note note = chore_note(self, c, &texts);

	return OP_ASK(op, registry_store(self), store_user_change,
	    change_on_stored, .user_id = texts.target,
	    .now = actor_wall_us(self), .role = c->role,
	    .has_role = c->has_role, .disabled = c->disabled,
	    .has_disabled = c->has_disabled, .audit = &note);
}

static enum status
change_on_ended(struct actor *self, struct op *op, bool all)
{
	if (all)
		return change_store(self, op);
	chore_end(self, op);
	return OP_REFUSE(op, TIMEOUT, "a gateway has not answered yet");
}

/*
 * What was open when it was disabled has ended, unless we did between the two:
 * nothing of that comes in again.
 */
static bool
change_lets_in(const struct registry *s, const struct chore *c)
{
	const struct account_row *row = table_find(&s->accounts, &c->user_id);

	return c->has_disabled && !c->disabled && row != NULL && row->gone;
}

enum status
registry_on_user_change(struct actor *self, const struct msg *in)
{
	const struct user_change *ask = in->body;
	struct chore *c;
	struct op *op;

	if (!ask->has_role && !ask->has_disabled)
		return REGISTRY_REFUSE(self, in, &ask->caller, "user.change",
		    ask->user_id, VALIDATION,
		    "role or disabled: one is needed");
	if (ask->has_role && ask->role == ROLE_SYSTEM)
		return REGISTRY_REFUSE(self, in, &ask->caller, "user.change",
		    ask->user_id, VALIDATION,
		    "role: nobody may be the machine itself");
	op = change_begin(self, in, &ask->caller, "user.change", ask->user_id);
	if (op == NULL)
		return ST_OK;
	c = chore_of(op);
	change_describe(ask, c);
	c->role = ask->role;
	c->has_role = ask->has_role;
	c->disabled = ask->disabled;
	c->has_disabled = ask->has_disabled;
	if (change_lets_in(actor_state(self), c))
		return chore_revoke_all(self, op, change_on_ended);
	return change_store(self, op);
}

/* ---- delete ---- */

/* Every gateway has forgotten it, so nobody will ask for it again. */
static enum status
delete_on_applied(struct actor *self, struct op *op, bool all)
{
	struct registry *s = actor_state(self);

	if (all)
		(void)table_drop(&s->accounts, &chore_of(op)->user_id);
	return chore_answer_done(self, op, all);
}

static enum status
delete_apply(struct actor *self, struct op *op, struct user gone)
{
	struct registry *s = actor_state(self);
	struct chore *c = chore_of(op);
	char user_id[ID_TEXT + 1];
	enum status st;

	gone.disabled = true;
	st = chore_apply(self, c, &gone);
	if (st == ST_OK)
		st = registry_forget_keys_of(s, &c->user_id);
	if (st != ST_OK)
		return change_stuck(self, op, st);
	id_text(&c->user_id, user_id);
	LOG(API_USER_DELETED, KV("user_id", user_id));
	return replica_wait_for(self, op, delete_on_applied);
}

static enum status
delete_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct registry *s = actor_state(self);
	const struct store_user_found *found = reply->body;
	const struct refused *why = reply->body;
	const struct account_row *row;
	char user_id[ID_TEXT + 1];

	if (reply->id == MSG_store_user_found)
		return delete_apply(self, op, *found->user);
	row = table_find(&s->accounts, &chore_of(op)->user_id);
	if (reply->id != MSG_refused || why->status != ST_NOT_FOUND ||
	    row == NULL || row->role == ROLE_SYSTEM)
		return chore_refuse(self, op, reply);
	/* Deleted before, and the answer was lost: it may not come in on. */
	id_text(&row->row.id, user_id);
	return delete_apply(self, op,
	    (struct user){ .user_id = user_id,
		.username = row->username,
		.password_hash = "",
		.role = (enum role)row->role });
}

enum status
registry_on_user_delete(struct actor *self, const struct msg *in)
{
	const struct user_delete *ask = in->body;
	struct chore_texts texts;
	struct audit_note note;
	struct op *op =
	    change_begin(self, in, &ask->caller, "user.delete", ask->user_id);

	if (op == NULL)
		return ST_OK;
	note = chore_note(self, chore_of(op), &texts);
	return OP_ASK(op, registry_store(self), store_user_delete,
	    delete_on_stored, .user_id = texts.target, .audit = &note);
}

/* ---- another password, by a ceo ---- */

static enum status
reset_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_user_found *found = reply->body;
	char user_id[ID_TEXT + 1];
	struct chore *c = chore_of(op);
	enum status st;

	if (reply->id != MSG_store_user_found)
		return chore_refuse(self, op, reply);
	st = chore_apply(self, c, found->user);
	if (st != ST_OK)
		return change_stuck(self, op, st);
	id_text(&c->user_id, user_id);
	LOG(API_USER_PASSWORD, KV("user_id", user_id));
	return replica_wait_for(self, op, chore_answer_done);
}

static enum status
reset_on_hashed(struct actor *self, struct op *op, const struct msg *reply)
{
	struct chore_op *data = op_data(op);
	struct chore_texts texts;
	struct audit_note note;

	if (reply->id != MSG_done || !data->credential.good)
		return chore_not_hashed(self, op, reply);
	note = chore_note(self, data->chore, &texts);
	return OP_ASK(op, registry_store(self), store_user_change,
	    reset_on_stored, .user_id = texts.target,
	    .now = actor_wall_us(self), .password_hash = data->credential.hash,
	    .must_change_password = true, .has_must_change_password = true,
	    .audit = &note);
}

/* NULL: nobody has that id. */
static const char *
reset_whose(const struct registry *s, const char *user_id)
{
	const struct account_row *row = NULL;
	struct uuid id;

	if (id_parse(user_id, &id))
		row = table_find(&s->accounts, &id);
	return row == NULL ? NULL : row->username;
}

enum status
registry_on_user_password(struct actor *self, const struct msg *in)
{
	const struct user_password *ask = in->body;
	char text[REGISTRY_WHY_SIZE];
	const char *mistake = registry_password_mistake(self, "password",
	    ask->password, reset_whose(actor_state(self), ask->user_id), text);
	struct chore_op *data;
	struct op *op;

	if (mistake != NULL && registry_rules(&ask->caller))
		return REGISTRY_REFUSE(self, in, &ask->caller, "user.password",
		    ask->user_id, VALIDATION, mistake);
	op =
	    change_begin(self, in, &ask->caller, "user.password", ask->user_id);
	if (op == NULL)
		return ST_OK;
	data = op_data(op);
	credential_init(&data->credential, ask->password);
	return op_work(op, WORK_CPU, credential_hash, reset_on_hashed);
}
