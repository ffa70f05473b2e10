#include <string.h>

#include "actors/registry_account.h"
#include "runtime/base/log.h"

/*
 * What gateways saw being used is written down in one go; nobody waits for
 * it, and what is lost is written the next time.  In each clean-up, sessions
 * that were idle too long are revoked as any other.
 */

#define MINUTE_US INT64_C(60000000)

static enum status
seen_on_touched(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_session_touched *t = reply->body;

	(void)self;
	if (reply->id == MSG_store_session_touched && t->missing > 0)
		LOG(API_SESSION_TOUCH_MISSED, KU("missing", t->missing));
	return op_close(op);
}

enum status
registry_on_seen(struct actor *self, const struct msg *in)
{
	const struct auth_seen *news = in->body;
	const struct registry *s = actor_state(self);
	struct op *op;

	if (actor_number_of(in->from) != ACTOR_NUMBER(gateway) ||
	    news->seen_count == 0)
		return ST_OK;
	op = op_open(self, NULL);
	if (op == NULL)
		return ST_OK;
	return OP_ASK(op, registry_store(self), store_session_touch,
	    seen_on_touched, .seen = news->seen, .seen_count = news->seen_count,
	    .least_us = s->touch_us - s->touch_us / 8);
}

static enum status
idle_on_revoked(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_revocations *page = reply->body;
	enum status st = ST_OK;
	bool more;

	if (reply->id != MSG_store_revocations) {
		const struct refused *why = reply->body;

		registry_doubt(self, reply);
		LOG(API_SESSION_REVOKE_FAILED, KV("session", NULL),
		    KV("error", status_name((enum status)why->status)));
		return op_close(op);
	}
	for (uint32_t i = 0; st == ST_OK && i < page->revoked_count; i++) {
		char brief[ID_IN_LOGS + 1];

		id_short(page->revoked[i].session_id, brief);
		LOG(API_SESSION_REVOKED, KV("session", brief),
		    KV("user_id", page->revoked[i].user_id),
		    KV("revoked_by", "idle"));
		st = registry_apply_revoked(self, &page->revoked[i]);
	}
	more = page->more;
	(void)op_close(op);
	if (st == ST_OK)
		st = replica_go_on(self);
	return st == ST_OK && more ? registry_end_idle(self) : st;
}

enum status
registry_end_idle(struct actor *self)
{
	struct registry *s = actor_state(self);
	int64_t now = actor_wall_us(self);
	struct registry_who nobody = { .role = ROLE_SYSTEM };
	struct audit_note note;
	char by[ID_TEXT + 1];
	struct op *op;

	if (s->idle_minutes == 0 || !registry_may_revoke(s))
		return ST_OK;
	op = op_open(self, NULL);
	if (op == NULL)
		return ST_OK;
	note = registry_note(self, &nobody, by, "session.idle", "");
	return OP_ASK(op, registry_store(self), store_session_idle,
	    idle_on_revoked,
	    .before = now - (int64_t)s->idle_minutes * MINUTE_US, .now = now,
	    .limit = STORE_PAGE_MAX, .audit = note);
}
