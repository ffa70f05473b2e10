#include "actors/registry.h"
#include "runtime/base/log.h"

/*
 * The audit log forgets what passes the bounds of audit.retain_*, a bounded
 * number of entries in each transaction, in one run of a periodic service; or
 * is only asked what would go.
 */

#define DAY_US (INT64_C(86400) * 1000000)

/* One `now`: what becomes too old meanwhile waits. */
struct pruning {
	int64_t now;
	uint64_t generation;
	bool service;
	struct audit_pruned sum;
};

static_assert(sizeof(struct pruning) <= OP_DATA_MAX, "it fits an op");

static enum status prune_on_page(
    struct actor *self, struct op *op, const struct msg *reply);

static enum status
prune_ask(struct actor *self, struct op *op)
{
	const struct registry *s = actor_state(self);
	const struct registry_who nobody = { .role = ROLE_SYSTEM };
	const struct pruning *p = op_data(op);
	uint64_t days =
	    watch_number(&s->watch, self, SETTING_audit_retain_days);
	struct store_audit_prune ask = { .limit = AUDIT_PRUNE_MAX };
	char by[ID_TEXT + 1];

	ask.keep = watch_number(&s->watch, self, SETTING_audit_retain_entries);
	ask.has_before = days > 0;
	ask.before = p->now - (int64_t)days * DAY_US;
	ask.hold = p->sum.held;
	ask.dry_run = !p->service;
	ask.after = p->service ? 0 : p->sum.last;
	ask.note = registry_note(self, &nobody, by, AUDIT_PRUNED, "");
	return op_ask(op, registry_store(self), MSG_store_audit_prune, &ask,
	    prune_on_page);
}

static enum status
prune_answer(struct op *op)
{
	const struct pruning p = *(const struct pruning *)op_data(op);

	if (!p.service)
		return op_reply(op, MSG_audit_pruned, &p.sum);
	if (p.sum.entries > 0)
		LOG(AUDIT_LOG_PRUNED, KU("entries", p.sum.entries),
		    KU("last", p.sum.last));
	return OP_REPLY(op, service_ran, .generation = p.generation,
	    .count = p.sum.entries);
}

static enum status
prune_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_audit_pruned *page = reply->body;
	const struct registry *s = actor_state(self);
	struct pruning *p = op_data(op);

	if (reply->id != MSG_store_audit_pruned)
		return op_pass(op, reply);
	p->sum.entries += page->entries;
	if (p->sum.first == 0)
		p->sum.first = page->first;
	if (page->last != 0)
		p->sum.last = page->last;
	if (p->service && s->audit_cancelled == p->generation)
		return op_refuse_with(
		    op, &(struct refused){ .status = ST_CANCELLED,
			    .problem = PROBLEM_UNAVAILABLE,
			    .detail = "cancelled" });
	return page->more ? prune_ask(self, op) : prune_answer(op);
}

static enum status
prune_begin(
    struct actor *self, const struct msg *in, bool service, uint64_t generation)
{
	const struct registry *s = actor_state(self);
	struct op *op = op_open(self, in);
	struct pruning *p;

	if (op == NULL)
		return ST_OK;
	p = op_data(op);
	*p = (struct pruning){ .now = actor_wall_us(self),
		.generation = generation,
		.service = service };
	p->sum.held = watch_number(&s->watch, self, SETTING_audit_hold) != 0;
	return prune_ask(self, op);
}

enum status
registry_on_prunable(struct actor *self, const struct msg *in)
{
	const struct audit_prunable *ask = in->body;

	if (!registry_may_audit(self, in, &ask->caller))
		return ST_OK;
	return prune_begin(self, in, false, 0);
}

enum status
registry_audit_run(struct actor *self, const struct msg *in)
{
	const struct service_run *ask = in->body;

	return prune_begin(self, in, true, ask->generation);
}
