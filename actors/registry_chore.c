#include <sodium.h>
#include <string.h>

#include "actors/registry_account.h"
#include "runtime/base/text.h"

/*
 * A chore is what an account's change keeps on its way: who asked, whom it
 * concerns, and the account as it became.
 */

struct chore *
chore_of(struct op *op)
{
	return ((struct chore_op *)op_data(op))->chore;
}

struct op *
chore_begin(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action)
{
	struct registry *s = actor_state(self);
	struct op *op = op_open(self, in);
	struct chore *c;

	if (op == NULL)
		return NULL;
	if (registry_is_in_doubt(s)) {
		(void)OP_REFUSE(op, OVERLOADED, "revocations are in doubt");
		return NULL;
	}
	c = pool_take(&s->chores);
	if (c == NULL) {
		(void)OP_REFUSE(op, OVERLOADED, "too many changes at once");
		return NULL;
	}
	memset(c, 0, sizeof(*c));
	registry_who_take(&c->by, caller);
	c->action = action;
	((struct chore_op *)op_data(op))->chore = c;
	return op;
}

void
chore_end(struct actor *self, struct op *op)
{
	struct registry *s = actor_state(self);
	struct chore_op *data = op_data(op);

	if (data->chore == NULL)
		return;
	if (data->chore->login != NULL)
		pool_put(&s->logins, data->chore->login);
	sodium_memzero(data->chore, sizeof(*data->chore));
	pool_put(&s->chores, data->chore);
	data->chore = NULL;
}

enum status
chore_not_hashed(struct actor *self, struct op *op, const struct msg *reply)
{
	chore_end(self, op);
	return reply->id != MSG_done
		   ? op_pass(op, reply)
		   : OP_REFUSE(op, OVERLOADED, "out of memory");
}

struct audit_note
chore_note(struct actor *self, const struct chore *c, struct chore_texts *t)
{
	struct audit_note note;

	id_text(&c->user_id, t->target);
	note = registry_note(self, &c->by, t->by, c->action, t->target);
	note.detail = c->detail;
	return note;
}

/* Refused for what is asked; detail is a text that the caller keeps. */
void
chore_note_refused(struct actor *self, struct op *op, const char *detail)
{
	struct registry *s = actor_state(self);
	struct chore_texts texts;
	struct audit_note note = chore_note(self, chore_of(op), &texts);

	note.result = AUDIT_REFUSED;
	note.detail = detail;
	auditor_count(self, &s->auditor, &note);
}

/* What the store decided against, said as a client understands it. */
enum status
chore_refuse(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	struct refused why = *(const struct refused *)reply->body;
	const struct chore *c = chore_of(op);
	struct chore_texts texts;
	struct audit_note note = chore_note(self, c, &texts);

	if (reply->id != MSG_refused)
		why = (struct refused){ .status = ST_BUG, .detail = "" };
	if (why.status == ST_NOT_FOUND) {
		why.problem = PROBLEM_NOT_FOUND;
		why.detail = "User not found";
	} else if (why.status == ST_CONFLICT) {
		why.problem = PROBLEM_LAST_CEO;
		why.detail = "It is the last ceo who may come in";
	} else if (why.status == ST_EXISTS) {
		why.problem = PROBLEM_DUPLICATE;
		why.detail = "username: is taken";
	}
	note.result = why.status == ST_NOT_FOUND || why.status == ST_CONFLICT ||
			      why.status == ST_EXISTS
			  ? AUDIT_REFUSED
			  : AUDIT_FAILED;
	note.detail = why.detail;
	auditor_count(self, &s->auditor, &note);
	chore_end(self, op);
	return op_refuse_with(op, &why);
}

/* In memory as stored, and on its way to the gateways. */
enum status
chore_apply(struct actor *self, struct chore *c, const struct user *u)
{
	struct registry *s = actor_state(self);
	bool changed;
	enum status st = registry_put_account(s, u, &changed);

	(void)text_fit(c->username, sizeof(c->username), u->username);
	c->role = u->role;
	c->disabled = u->disabled;
	c->must_change_password = u->must_change_password;
	c->created_at = u->created_at;
	c->updated_at = u->updated_at;
	if (st == ST_OK && changed)
		st = replica_tell(&s->replica, CHANGE_ACCOUNT, &c->user_id);
	return st;
}

static struct user_view
chore_view(const struct chore *c, char user_id[ID_TEXT + 1])
{
	id_text(&c->user_id, user_id);
	return (struct user_view){ .id = user_id,
		.username = c->username,
		.role = c->role,
		.disabled = c->disabled,
		.must_change_password = c->must_change_password,
		.created_at = c->created_at,
		.updated_at = c->updated_at };
}

enum status
chore_answer_user(struct actor *self, struct op *op, bool all)
{
	char user_id[ID_TEXT + 1];
	struct user_view view = chore_view(chore_of(op), user_id);
	struct user_made made = { .user = view };
	char username[USERNAME_MAX + 1];

	if (!all) {
		chore_end(self, op);
		return OP_REFUSE(op, TIMEOUT, "a gateway has not answered yet");
	}
	(void)text_fit(username, sizeof(username), view.username);
	made.user.username = username;
	chore_end(self, op);
	return op_reply(op, MSG_user_made, &made);
}

enum status
chore_answer_done(struct actor *self, struct op *op, bool all)
{
	chore_end(self, op);
	if (!all)
		return OP_REFUSE(op, TIMEOUT, "a gateway has not answered yet");
	return OP_REPLY(op, done, .nothing = 0);
}

/* ---- all sessions of the account, page by page ---- */

static enum status
chore_on_revoked(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_revocations *page = reply->body;
	struct chore *c = chore_of(op);
	enum status st = ST_OK;

	if (reply->id != MSG_store_revocations) {
		registry_doubt(self, reply);
		chore_end(self, op);
		return op_pass(op, reply);
	}
	for (uint32_t i = 0; st == ST_OK && i < page->revoked_count; i++)
		st = registry_apply_revoked(self, &page->revoked[i]);
	c->count += page->revoked_count;
	if (st != ST_OK) {
		chore_end(self, op);
		(void)OP_REFUSE(op, INTERNAL, "too many revocations");
		return st;
	}
	if (page->more)
		return chore_revoke_all(self, op, c->then);
	return replica_wait_for(self, op, c->then);
}

enum status
chore_revoke_all(struct actor *self, struct op *op, replica_then_fn then)
{
	struct chore *c = chore_of(op);
	struct chore_texts texts;
	struct audit_note note = chore_note(self, c, &texts);

	c->then = then;
	note.action = "session.revoke_all";
	return OP_ASK(op, registry_store(self), store_session_revoke_user,
	    chore_on_revoked, .user_id = texts.target,
	    .now = actor_wall_us(self), .audit = &note);
}
