#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/backup_shelf.h"
#include "runtime/base/log.h"

/* Retention by request, and the holds that it respects. */

void
backup_policy_read(struct actor *self, struct backup_policy *ret)
{
	static const enum setting_id rungs[BACKUP_RUNGS] = {
		SETTING_backup_retention_hourly,
		SETTING_backup_retention_daily,
		SETTING_backup_retention_weekly,
		SETTING_backup_retention_monthly,
		SETTING_backup_retention_yearly,
	};
	struct backup_self *s = actor_state(self);

	*ret = (struct backup_policy){
		.max_count = (uint32_t)live_number(
		    &s->live, self, SETTING_backup_retention_max_count),
		.max_days = (uint32_t)live_number(
		    &s->live, self, SETTING_backup_retention_days),
		.max_safety = (uint32_t)live_number(
		    &s->live, self, SETTING_backup_retention_max_safety),
		.protects = s->place.protects,
		.now_us = actor_wall_us(self),
	};
	for (size_t i = 0; i < BACKUP_RUNGS; i++)
		ret->rungs[i] = (uint32_t)live_number(&s->live, self, rungs[i]);
}

void
backup_prune_count(struct backup_self *s, const struct backup_job *j)
{
	for (size_t i = 0; i < j->outcomes_count && !j->dry; i++) {
		const struct backup_outcome *o = &j->outcomes[i];

		s->counts.pruned += o->removed;
		s->counts.stuck += !o->removed && backup_fate_goes(o->fate);
	}
}

/* ---- prune ---- */

static enum status
prune_ended(struct actor *self, struct backup_run *r)
{
	struct backup_job *j = &r->main;

	backup_prune_count(actor_state(self), j);
	if (j->st == ST_OK && j->kept_st != ST_OK) {
		j->st = j->kept_st;
		j->problem = PROBLEM_INTERNAL;
		snprintf(j->why, sizeof(j->why), "%s", status_text(j->st));
	}
	return backup_run_end(self, r);
}

enum status
backup_run_prune(struct actor *self, struct backup_run *r)
{
	return backup_run_work(
	    self, r, "prune", backup_work_keep_some, prune_ended);
}

enum status
backup_on_prune(struct actor *self, const struct msg *in)
{
	const struct backup_prune *ask = in->body;
	struct backup_job about = { 0 };
	struct op *op;

	if (!backup_admits(self, in, &ask->caller))
		return ST_OK;
	about.dry = ask->has_dry_run && ask->dry_run;
	op = op_open(self, in);
	return op == NULL
		   ? ST_OK
		   : backup_begin(self, op, RUN_PRUNE, &ask->caller, &about);
}

void
backup_prune_answer(
    struct actor *self, const struct backup_run *r, struct op *op)
{
	const struct backup_job *j = &r->main;
	uint32_t count = j->outcomes_count < BACKUPS_PAGE_MAX
			     ? (uint32_t)j->outcomes_count
			     : BACKUPS_PAGE_MAX;
	struct backup_judged *judged =
	    arena_take(actor_arena(self), (count + 1) * sizeof(*judged));
	uint32_t removed = 0;

	if (judged == NULL) {
		(void)OP_REFUSE(op, OVERLOADED, "too many for one answer");
		return;
	}
	for (size_t i = 0; i < j->outcomes_count; i++)
		removed += j->outcomes[i].removed;
	for (uint32_t i = 0; i < count; i++) {
		const struct backup_outcome *o = &j->outcomes[i];

		judged[i] = (struct backup_judged){ .backup_id = o->backup_id,
			.timestamp = o->timestamp,
			.trigger = o->trigger,
			.fate = o->fate,
			.removed = o->removed };
	}
	(void)OP_REPLY(op, backup_pruned, .dry_run = j->dry, .removed = removed,
	    .backups = judged, .backups_count = count);
}

/* ---- holds ---- */

struct holding {
	const struct backup_place *place;
	char id[BACKUP_ID_LENGTH + 1];
	struct run_caller caller;
	bool held;
	enum status st;
};

static struct holding *
holding_of(struct op *op)
{
	return *(struct holding **)op_data(op);
}

static void
holding_work(void *data)
{
	struct holding *h = *(struct holding **)data;

	h->st = backup_hold(h->place->root, h->id, h->held);
}

static void
holding_tell(struct actor *self, const struct holding *h)
{
	struct backup_self *s = actor_state(self);
	const struct run_caller *c = &h->caller;
	struct principal by = { .user_id = c->user_id,
		.username = c->username,
		.session_id = c->session_id,
		.address = c->address,
		.user_agent = "",
		.role = c->role,
		.method = c->method };
	struct audit_note note = audit_note_by(
	    self, &by, h->held ? "backup.hold" : "backup.release", h->id);

	if (h->st != ST_OK)
		note.result = AUDIT_FAILED;
	auditor_say(self, &s->auditor, &note);
}

/* A worker that is late keeps its memory. */
static enum status
holding_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct refused *why = reply->body;
	struct holding *h = holding_of(op);
	enum status st;

	if (reply->id == MSG_refused) {
		if (why->status != ST_TIMEOUT)
			free(h);
		return op_pass(op, reply);
	}
	if (h->st != ST_NOT_FOUND)
		holding_tell(self, h);
	if (h->st == ST_OK)
		st = OP_REPLY(op, done, 0);
	else if (h->st == ST_NOT_FOUND)
		st = OP_REFUSE(op, BACKUP_NOT_FOUND, "there is no such backup");
	else
		st = OP_REFUSE(op, INTERNAL, "it failed; the log says why");
	free(h);
	return st;
}

static enum status
holding_begin(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *id, bool held)
{
	struct backup_self *s = actor_state(self);
	struct backup_run about = { 0 };
	struct holding *h;
	struct op *op;

	if (!backup_admits(self, in, caller))
		return ST_OK;
	if (!backup_id_is_good(id))
		return REFUSE(
		    self, in, BACKUP_NOT_FOUND, "there is no such backup");
	op = op_open(self, in);
	h = op == NULL ? NULL : calloc(1, sizeof(*h));
	if (op == NULL)
		return ST_OK;
	if (h == NULL)
		return OP_REFUSE(op, OVERLOADED, "out of memory");
	backup_tell_caller(&about, caller);
	h->caller = about.caller;
	h->place = &s->place;
	h->held = held;
	snprintf(h->id, sizeof(h->id), "%.12s", id);
	*(struct holding **)op_data(op) = h;
	return op_work(op, WORK_DISK, holding_work, holding_on_worked);
}

enum status
backup_on_hold(struct actor *self, const struct msg *in)
{
	const struct backup_hold *ask = in->body;

	return holding_begin(self, in, &ask->caller, ask->backup_id, true);
}

enum status
backup_on_release(struct actor *self, const struct msg *in)
{
	const struct backup_release *ask = in->body;

	return holding_begin(self, in, &ask->caller, ask->backup_id, false);
}
