#include <string.h>

#include "actors/registry.h"
#include "runtime/base/log.h"

/*
 * A request to revoke that the store did not answer may be done or not.  What
 * it would have revoked is refused at once.  It may not be called revoked yet:
 * were this actor lost now, the token would be good again.  So it is written
 * until the store says that it is there.
 *
 * Where one request revokes many, nobody knows which: after a write, behind
 * which the lost one cannot come any more, all tombstones are read again.
 * Until then no other such request begins, for it would find nothing left to
 * revoke and call that a success.
 */

#define SETTLE_RETRY_US 100000

struct settling {
	uint64_t doubts; /* as it was when the tombstones were asked for */
};

static enum status settle_next(struct actor *self, struct op *op);

bool
registry_is_unknown(const struct msg *reply)
{
	const struct refused *why = reply->body;

	return reply->id == MSG_refused &&
	       (why->status == ST_TIMEOUT || why->status == ST_CLOSED);
}

bool
registry_is_in_doubt(const struct registry *s)
{
	return s->doubts != s->certain;
}

static enum status
settle_on_timer(struct actor *self, struct timer *t)
{
	struct op *op = op_open(self, NULL);

	if (op != NULL)
		return settle_next(self, op);
	timer_start(self, t, SETTLE_RETRY_US, settle_on_timer);
	return ST_OK;
}

static void
settle_later(struct actor *self)
{
	struct registry *s = actor_state(self);

	if (s->settling)
		return;
	s->settling = true;
	timer_start(self, &s->settle, SETTLE_RETRY_US, settle_on_timer);
}

static enum status
settle_fail(struct actor *self, struct op *op)
{
	struct registry *s = actor_state(self);

	s->settling = false;
	settle_later(self);
	return op_close(op);
}

/*
 * One more cannot be kept, so it may be done or not, as one of many: what
 * the store has is read again, and who asked has been told that it failed.
 */
static void
settle_is_full(struct actor *self)
{
	struct registry *s = actor_state(self);

	s->unsettled_refused++;
	s->doubts++;
	LOG(API_UNSETTLED_FULL, KU("kept", UNSETTLED_MAX),
	    KU("refused", s->unsettled_refused));
	settle_later(self);
}

enum status
registry_apply_unknown(struct actor *self, const struct revocation *r)
{
	struct registry *s = actor_state(self);
	struct revoked_row *row;
	struct uuid id;
	enum status st;

	if (!id_parse(r->session_id, &id) ||
	    table_find(&s->revoked, &id) != NULL)
		return ST_OK;
	if (s->unsettled_count == UNSETTLED_MAX) {
		settle_is_full(self);
		return ST_OK;
	}
	st = registry_apply_revoked(self, r);
	row = table_find(&s->revoked, &id);
	if (st != ST_OK || row == NULL)
		return st;
	row->unsettled = true;
	s->unsettled[s->unsettled_count++] = id;
	settle_later(self);
	return replica_go_on(self);
}

void
registry_doubt(struct actor *self, const struct msg *reply)
{
	struct registry *s = actor_state(self);

	if (!registry_is_unknown(reply))
		return;
	s->doubts++;
	settle_later(self);
}

/* ---- one ---- */

/* The next row that is still unsettled; NULL: none is left. */
static const struct revoked_row *
settle_row(struct registry *s)
{
	while (s->unsettled_count > 0) {
		const struct revoked_row *row = table_find(
		    &s->revoked, &s->unsettled[s->unsettled_count - 1]);

		if (row != NULL && row->unsettled)
			return row;
		s->unsettled_count--;
	}
	return NULL;
}

/* The texts of a row, which live in the caller's frame. */
static struct revocation
settle_texts(const struct revoked_row *row, char session[ID_TEXT + 1],
    char user[ID_TEXT + 1])
{
	id_text(&row->row.id, session);
	id_text(&row->user_id, user);
	return (struct revocation){ .session_id = session,
		.user_id = user,
		.expires_at = row->expires_at };
}

static enum status
settle_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	const struct store_session_revoked *stored = reply->body;
	const struct revoked_row *row = settle_row(s);
	char session[ID_TEXT + 1];
	char brief[ID_IN_LOGS + 1];
	char user[ID_TEXT + 1];
	struct revocation r;
	enum status st;

	if (reply->id != MSG_store_session_revoked)
		return settle_fail(self, op);
	if (row == NULL || !id_equal(&row->row.id, op_data(op)))
		return settle_next(self, op); /* settled by somebody else */
	r = settle_texts(row, session, user);
	r.expires_at = stored->expires_at;
	id_short(session, brief);
	if (stored->changed)
		LOG(API_SESSION_REVOKED, KV("session", brief),
		    KV("user_id", user), KV("revoked_by", "retry"));
	st = registry_apply_revoked(self, &r);
	if (st == ST_OK)
		st = replica_go_on(self);
	if (st == ST_OK)
		return settle_next(self, op);
	(void)op_close(op);
	return st;
}

static enum status
settle_store(struct actor *self, struct op *op, const struct revoked_row *row)
{
	struct registry_who nobody = { .role = ROLE_SYSTEM };
	char session[ID_TEXT + 1];
	char user[ID_TEXT + 1];
	char by[ID_TEXT + 1];
	struct revocation r = settle_texts(row, session, user);
	struct audit_note note =
	    registry_note(self, &nobody, by, "session.revoke", user);

	note.detail = "asked for before, when the store did not answer";
	*(struct uuid *)op_data(op) = row->row.id;
	return OP_ASK(op, registry_store(self), store_session_revoke,
	    settle_on_stored, .revocation = r, .audit = &note);
}

/* ---- many ---- */

static enum status settle_on_page(
    struct actor *self, struct op *op, const struct msg *reply);

static enum status
settle_ask_page(struct actor *self, struct op *op, const char *after)
{
	op_within(op, ACTOR_ASK_US);
	return OP_ASK(op, registry_store(self), store_revoked_list,
	    settle_on_page, .after = after, .now = actor_wall_us(self),
	    .limit = STORE_PAGE_MAX);
}

/* What the store has and we do not. */
static enum status
settle_apply(struct actor *self, const struct revocation *r)
{
	struct registry *s = actor_state(self);
	struct uuid id;

	if (!id_parse(r->session_id, &id) ||
	    table_find(&s->revoked, &id) != NULL)
		return ST_OK;
	return registry_apply_revoked(self, r);
}

static enum status
settle_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	const struct store_revocations *page = reply->body;
	const struct settling *d = op_data(op);
	enum status st = ST_OK;

	if (reply->id != MSG_store_revocations)
		return settle_fail(self, op);
	if (!replica_has_room(&s->replica))
		return settle_fail(self, op); /* it begins anew, with less */
	for (uint32_t i = 0; st == ST_OK && i < page->revoked_count; i++)
		st = settle_apply(self, &page->revoked[i]);
	if (st == ST_OK)
		st = replica_go_on(self);
	if (st != ST_OK) {
		(void)op_close(op);
		return st;
	}
	if (page->more && page->revoked_count > 0)
		return settle_ask_page(self, op,
		    page->revoked[page->revoked_count - 1].session_id);
	s->certain = d->doubts;
	return settle_next(self, op);
}

/* Whatever was on its way before is done or will never be. */
static enum status
settle_on_barrier(struct actor *self, struct op *op, const struct msg *reply)
{
	if (reply->id != MSG_store_revocations)
		return settle_fail(self, op);
	return settle_ask_page(self, op, "");
}

/* A write that changes nothing: nobody has that id. */
static enum status
settle_ask_barrier(struct actor *self, struct op *op)
{
	const struct registry *s = actor_state(self);
	const struct uuid nobody = { { 0 } };
	struct settling *d = op_data(op);
	char user[ID_TEXT + 1];

	d->doubts = s->doubts;
	id_text(&nobody, user);
	return OP_ASK(op, registry_store(self), store_session_revoke_user,
	    settle_on_barrier, .user_id = user, .now = actor_wall_us(self));
}

static enum status
settle_next(struct actor *self, struct op *op)
{
	struct registry *s = actor_state(self);
	const struct revoked_row *row = settle_row(s);

	op_within(op, ACTOR_ASK_US);
	if (row != NULL)
		return settle_store(self, op, row);
	if (registry_is_in_doubt(s))
		return settle_ask_barrier(self, op);
	s->settling = false;
	return op_close(op);
}
