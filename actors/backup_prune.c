#include <stdio.h>

#include "actors/backup_shelf.h"

/* Retention by request. */

/* Where a policy's numbers stand. */
struct policy_settings {
	enum setting_id days, max_count, max_safety, rungs[BACKUP_RUNGS];
};

#define POLICY_SETTINGS(of)                                   \
	{                                                     \
		SETTING_##of##_retention_days,                \
		    SETTING_##of##_retention_max_count,       \
		    SETTING_##of##_retention_max_safety,      \
		    {                                         \
			    SETTING_##of##_retention_hourly,  \
			    SETTING_##of##_retention_daily,   \
			    SETTING_##of##_retention_weekly,  \
			    SETTING_##of##_retention_monthly, \
			    SETTING_##of##_retention_yearly,  \
		    },                                        \
	}

static void
policy_read(struct actor *self, const struct policy_settings *of,
    struct backup_policy *ret)
{
	struct backup_self *s = actor_state(self);

#define NUMBER(id) (uint32_t) live_number(&s->live, self, of->id)
	*ret = (struct backup_policy){
		.max_count = NUMBER(max_count),
		.max_days = NUMBER(days),
		.max_safety = NUMBER(max_safety),
		.protects = s->place.protects,
		.now_us = actor_wall_us(self),
	};
	for (size_t i = 0; i < BACKUP_RUNGS; i++)
		ret->rungs[i] = NUMBER(rungs[i]);
#undef NUMBER
}

void
backup_policy_read(struct actor *self, struct backup_policy *ret)
{
	static const struct policy_settings of = POLICY_SETTINGS(backup);

	policy_read(self, &of, ret);
}

void
backup_policy_read_second(struct actor *self, struct backup_policy *ret)
{
	static const struct policy_settings of = POLICY_SETTINGS(backup_second);

	policy_read(self, &of, ret);
}

void
backup_prune_count(struct backup_self *s, const struct backup_job *j)
{
	if (j->outcomes == NULL)
		return; /* nothing was judged */
	s->counts.refused = j->refused;
	s->counts.unproven = 0;
	for (size_t i = 0; i < j->outcomes_count; i++) {
		const struct backup_outcome *o = &j->outcomes[i];

		s->counts.unproven += o->fate == FATE_UNPROVEN;
		if (j->dry)
			continue;
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
