#include <string.h>

#include "actors/registry.h"
#include "runtime/base/log.h"

#define SERVICE_NAME "session-cleanup"
#define AUDIT_SERVICE "audit-prune"
#define SWEEP_ROWS 4096 /* revocations looked at in one run */

/* A clean-up on its way.  One `now`: what expires meanwhile waits. */
struct cleaning {
	int64_t now;
	uint32_t removed;
	bool service;
	uint64_t generation;
};

static_assert(sizeof(struct cleaning) <= OP_DATA_MAX, "it fits an op");

/* Out of memory, and then out of the gateways'. */
static enum status
clean_prune(struct registry *s, const struct uuid *id)
{
	if (!table_drop(&s->revoked, id))
		return ST_OK;
	return replica_tell(&s->replica, CHANGE_PRUNED, id);
}

/*
 * Revocations that the store may never have heard of expire too: some rows
 * in each run, round and round.
 */
static enum status
clean_sweep(struct registry *s, int64_t now)
{
	enum status st = ST_OK;
	struct revoked_row *row = table_after(&s->revoked, &s->swept);

	for (uint32_t n = 0; st == ST_OK && row != NULL && n < SWEEP_ROWS &&
			     replica_has_room(&s->replica);
	     n++) {
		s->swept = row->row.id;
		if (row->expires_at <= now)
			st = clean_prune(s, &s->swept);
		row = table_after(&s->revoked, &s->swept);
	}
	if (row == NULL)
		memset(&s->swept, 0, sizeof(s->swept));
	return st;
}

static enum status
clean_answer(struct actor *self, struct op *op)
{
	struct registry *s = actor_state(self);
	const struct cleaning c = *(const struct cleaning *)op_data(op);
	enum status st = clean_sweep(s, c.now);

	if (c.removed > 0)
		LOG(API_SESSION_CLEANUP, KU("removed", c.removed),
		    KU("revoked", s->revoked.count));
	if (c.service)
		(void)OP_REPLY(op, service_ran, .generation = c.generation,
		    .count = c.removed);
	else
		(void)OP_REPLY(op, auth_cleaned, .removed = c.removed);
	if (st == ST_OK)
		st = registry_keys_go_on(self);
	if (st == ST_OK)
		st = registry_end_idle(self);
	return st == ST_OK ? replica_go_on(self) : st;
}

static enum status
clean_fail(struct op *op, const struct msg *reply)
{
	const struct refused *why = reply->body;
	const struct cleaning *c = op_data(op);

	LOG(API_SESSION_CLEANUP_FAILED, KU("removed", c->removed),
	    KV("error", status_name((enum status)why->status)));
	return op_pass(op, reply);
}

static enum status
clean_apply(struct registry *s, const struct store_session_cleaned *page)
{
	enum status st = ST_OK;
	struct uuid id;

	for (uint32_t i = 0; st == ST_OK && i < page->session_ids_count; i++)
		if (id_parse(page->session_ids[i], &id))
			st = clean_prune(s, &id);
	return st;
}

static bool
clean_is_cancelled(const struct registry *s, const struct cleaning *c)
{
	return c->service && c->generation == s->cancelled;
}

static enum status
clean_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	const struct store_session_cleaned *page = reply->body;
	struct cleaning *c = op_data(op);
	enum status st;

	if (reply->id != MSG_store_session_cleaned)
		return clean_fail(op, reply);
	c->removed += page->session_ids_count;
	st = clean_apply(s, page);
	if (st != ST_OK) {
		(void)OP_REFUSE(op, INTERNAL, "too many changes");
		return st;
	}
	if (clean_is_cancelled(s, c))
		return op_refuse_with(
		    op, &(struct refused){ .status = ST_CANCELLED,
			    .problem = PROBLEM_UNAVAILABLE,
			    .detail = "cancelled" });
	if (!page->more || !replica_has_room(&s->replica))
		return clean_answer(self, op);
	return OP_ASK(op, registry_store(self), store_session_clean,
	    clean_on_page, .now = c->now, .limit = STORE_PAGE_MAX);
}

static enum status
clean_begin(
    struct actor *self, const struct msg *in, bool service, uint64_t generation)
{
	struct op *op = op_open(self, in);
	struct cleaning *c;

	if (op == NULL)
		return ST_OK;
	c = op_data(op);
	c->now = actor_wall_us(self);
	c->service = service;
	c->generation = generation;
	return OP_ASK(op, registry_store(self), store_session_clean,
	    clean_on_page, .now = c->now, .limit = STORE_PAGE_MAX);
}

enum status
registry_on_clean(struct actor *self, const struct msg *in)
{
	return clean_begin(self, in, false, 0);
}

enum status
registry_on_service_run(struct actor *self, const struct msg *in)
{
	const struct service_run *ask = in->body;

	if (strcmp(ask->service, AUDIT_SERVICE) == 0)
		return registry_audit_run(self, in);
	if (strcmp(ask->service, SERVICE_NAME) != 0)
		return REFUSE(self, in, NOT_FOUND, "no such service");
	return clean_begin(self, in, true, ask->generation);
}

enum status
registry_on_service_cancel(struct actor *self, const struct msg *in)
{
	const struct service_cancel *ask = in->body;
	struct registry *s = actor_state(self);

	if (strcmp(ask->service, AUDIT_SERVICE) == 0)
		s->audit_cancelled = ask->generation;
	if (strcmp(ask->service, SERVICE_NAME) == 0)
		s->cancelled = ask->generation;
	return ST_OK;
}
