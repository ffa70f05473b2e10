#include <stdio.h>
#include <string.h>

#include "actors/backup_inside.h"
#include "runtime/base/log.h"
#include "runtime/base/processor.h"
#include "runtime/base/text.h"

#define SETTLE_TRIES_MAX 100
#define SETTLE_AGAIN_US 100000u

static bool
wants_store(const struct backup_run *r)
{
	for (uint32_t i = 0; i < r->main.wanted_count; i++)
		if (r->main.wanted[i] == COMPONENT_PERSISTENCE)
			return true;
	return false;
}

/* The first failure is the one that is reported. */
static void
flow_fail(struct backup_run *r, uint32_t problem, const char *what,
    const struct msg *reply)
{
	const struct refused *why = reply->body;

	if (r->main.st != ST_OK)
		return;
	r->main.st = why->status == ST_OK ? ST_IO : (enum status)why->status;
	r->main.problem = problem;
	snprintf(
	    r->main.why, sizeof(r->main.why), "%s: %.200s", what, why->detail);
}

/* ---- what a restore has replaced ---- */

static void
gone_do(void *place)
{
	backup_work_drop_gone(place);
}

static void
gone_work(void *data)
{
	background_run(gone_do, *(struct backup_place **)data, false);
}

static enum status
gone_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	(void)reply;
	return op_close(op);
}

/* Whoever has asked has his answer; the next start does it otherwise. */
static enum status
restore_drop_gone(struct actor *self)
{
	struct backup_self *s = actor_state(self);
	struct op *op = op_open(self, NULL);

	if (op == NULL)
		return ST_OK;
	*(struct backup_place **)op_data(op) = &s->place;
	return op_work(op, WORK_DISK, gone_work, gone_on_worked);
}

/* ---- the end of a restore: forward or back, as the intent says ---- */

static enum status
restore_ended(struct actor *self, struct backup_run *r)
{
	struct backup_job *j = &r->main;
	const char *id = j->facts.backup_id;

	if (j->problem == PROBLEM_ROLLBACK_FAILED)
		LOG(RESTORE_ROLLBACK_FAILED, KV("backup_id", id),
		    KV("safety_backup_id", j->safety_id), KV("error", j->why));
	else if (j->kept)
		j->st = ST_OK; /* the answer was lost, the word was not */
	else if (j->st != ST_OK)
		LOG(RESTORE_ROLLBACK_COMPLETED, KV("backup_id", id));
	(void)backup_run_end(self, r);
	return restore_drop_gone(self);
}

static enum status
restore_settle_files(struct actor *self, struct backup_run *r)
{
	return backup_run_work(
	    self, r, "settle", backup_work_settle, restore_ended);
}

static enum status restore_undo_store(struct actor *self, struct backup_run *r);

static enum status
restore_on_again(struct actor *self, struct timer *t)
{
	struct backup_run *r = LIST_OF(t, struct backup_run, again);

	op_resume(r->op);
	return restore_undo_store(self, r);
}

static enum status
restore_on_late(struct actor *self, struct op *op, const struct msg *why)
{
	(void)why;
	return backup_run_end(self, backup_run_of(op));
}

/* Files go back only once the store has: the intent is for both. */
static enum status
restore_on_undone(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_run *r = backup_run_of(op);

	if (reply->id == MSG_done)
		return restore_settle_files(self, r);
	if (++r->tries < SETTLE_TRIES_MAX) {
		timer_start(self, &r->again, SETTLE_AGAIN_US, restore_on_again);
		return op_keep(op, restore_on_late);
	}
	r->main.problem = PROBLEM_ROLLBACK_FAILED;
	return restore_ended(self, r);
}

static enum status
restore_undo_store(struct actor *self, struct backup_run *r)
{
	return OP_ASK(r->op, backup_run_store(self), store_settle,
	    restore_on_undone, .keep = false);
}

static enum status
restore_undo(struct actor *self, struct backup_run *r)
{
	LOG(BACKUP_COMPONENT_FAILED, KV("component", "restore"),
	    KV("error", r->main.why));
	LOG(RESTORE_ROLLBACK_STARTED, KV("backup_id", r->main.facts.backup_id));
	r->phase = "rollback";
	if (wants_store(r))
		return restore_undo_store(self, r);
	return restore_settle_files(self, r);
}

/* ---- the swap ---- */

static enum status
restore_on_settled(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_run *r = backup_run_of(op);

	if (reply->id == MSG_done)
		return restore_settle_files(self, r);
	flow_fail(r, PROBLEM_RESTORE_FAILED, "settle", reply);
	return restore_undo(self, r);
}

static enum status
restore_on_swapped(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_run *r = backup_run_of(op);

	if (reply->id != MSG_done) {
		flow_fail(r, PROBLEM_RESTORE_FAILED, "persistence", reply);
		return restore_undo(self, r);
	}
	return OP_ASK(op, backup_run_store(self), store_settle,
	    restore_on_settled, .keep = true);
}

static enum status
restore_kept(struct actor *self, struct backup_run *r)
{
	if (r->main.st != ST_OK)
		return restore_undo(self, r);
	return restore_settle_files(self, r);
}

static enum status
restore_files_swapped(struct actor *self, struct backup_run *r)
{
	if (r->main.st != ST_OK)
		return restore_undo(self, r);
	if (!wants_store(r))
		return backup_run_work(
		    self, r, "keep", backup_work_keep, restore_kept);
	r->phase = "swap";
	return OP_ASK(r->op, backup_run_store(self), store_swap,
	    restore_on_swapped, .backup_id = r->main.facts.backup_id,
	    .txid_floor = r->main.txid_floor);
}

static enum status
restore_swap(struct actor *self, struct backup_run *r)
{
	r->attempted = true;
	return backup_run_work(
	    self, r, "swap", backup_work_swap, restore_files_swapped);
}

static enum status
restore_on_staged(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_run *r = backup_run_of(op);

	if (reply->id == MSG_done)
		return restore_swap(self, r);
	r->attempted = true;
	flow_fail(r, PROBLEM_RESTORE_FAILED, "persistence", reply);
	return restore_undo(self, r);
}

static void
store_file_of(const struct backup_run *r, char ret[BACKUP_PATH_MAX + 1])
{
	snprintf(ret, BACKUP_PATH_MAX, "%s/" BACKUP_STORE_FILE, r->main.source);
}

static enum status
restore_refused(struct actor *self, struct backup_run *r)
{
	return backup_run_end(self, r);
}

/* After the safety backup. */
static enum status
restore_is_safe(struct actor *self, struct backup_run *r)
{
	char file[BACKUP_PATH_MAX + 1];

	r->at = &r->main;
	if (r->safety.st != ST_OK) {
		r->main.st = r->safety.st;
		r->main.problem = PROBLEM_BACKUP_FAILED;
		snprintf(r->main.why, sizeof(r->main.why),
		    "no safety backup: %.200s", r->safety.why);
		return backup_run_work(
		    self, r, "clean", backup_work_forget, restore_refused);
	}
	snprintf(r->main.safety_id, sizeof(r->main.safety_id), "%s",
	    r->safety.facts.backup_id);
	if (!wants_store(r))
		return restore_swap(self, r);
	r->phase = "stage";
	store_file_of(r, file);
	return OP_ASK(r->op, backup_run_store(self), store_stage,
	    restore_on_staged, .file = file, .ours = r->main.is_unpacked,
	    .bytes_per_second = backup_run_speed(self, r));
}

/* All that is configured, and all that will be replaced. */
static enum status
restore_make_safe(struct actor *self, struct backup_run *r)
{
	struct backup_self *s = actor_state(self);
	enum backup_component c[BACKUP_COMPONENTS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < BACKUP_COMPONENTS_MAX; i++) {
		bool want = false;

		for (uint32_t k = 0; k < s->include_count; k++)
			want = want || s->include[k] == i;
		for (uint32_t k = 0; k < r->main.wanted_count; k++)
			want = want || r->main.wanted[k] == i;
		if (want)
			c[count++] = (enum backup_component)i;
	}
	backup_job_init(self, &r->safety, TRIGGER_PRE_MIGRATION, c, count);
	snprintf(r->safety.pinned[0], sizeof(r->safety.pinned[0]), "%s",
	    r->main.facts.backup_id);
	r->at = &r->safety;
	return backup_run_make(self, r, restore_is_safe);
}

/* Two that read and write at once are sooner there than one by one. */
static enum status
restore_prepare_beside(struct actor *self, struct backup_run *r)
{
	r->at = &r->main;
	r->main.beside = &r->safety;
	backup_run_pace(self, r, &r->safety);
	return backup_run_work(self, r, "prepare", backup_work_prepare_beside,
	    backup_run_prepared);
}

/* It is as if the safety backup came next: but nobody has seen it yet. */
static enum status
restore_looked(struct actor *self, struct backup_run *r)
{
	if (!r->main.may_do)
		return backup_run_work(self, r, "prepare", backup_work_prepare,
		    backup_run_prepared);
	r->save = restore_prepare_beside;
	return restore_make_safe(self, r);
}

static enum status
restore_publish_safe(struct actor *self, struct backup_run *r)
{
	r->at = &r->safety;
	return backup_run_publish(self, r);
}

/* ---- what a restore and a drill begin with ---- */

static enum status
drill_ended(struct actor *self, struct backup_run *r)
{
	return backup_run_end(self, r);
}

static enum status
flow_proven(struct actor *self, struct backup_run *r)
{
	if (r->kind == RUN_RESTORE && r->main.st == ST_OK)
		return r->main.beside != NULL ? restore_publish_safe(self, r)
					      : restore_make_safe(self, r);
	r->main.proven_at = actor_wall_us(self);
	if (r->kind == RUN_DRILL)
		return backup_run_work(
		    self, r, "clean", backup_work_drilled, drill_ended);
	return backup_run_work(
	    self, r, "clean", backup_work_forget, restore_refused);
}

static enum status
flow_on_verified(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_verified *verified = reply->body;
	struct backup_run *r = backup_run_of(op);

	if (reply->id == MSG_store_verified)
		r->rows = verified->rows;
	else
		flow_fail(r, PROBLEM_BACKUP_INVALID, "persistence", reply);
	return flow_proven(self, r);
}

static enum status
drill_on_inspected(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_proven *proven = reply->body;
	struct backup_run *r = backup_run_of(op);

	if (reply->id == MSG_store_proven) {
		r->rows = proven->rows;
		r->entries = proven->entries;
	} else {
		flow_fail(r, PROBLEM_BACKUP_INVALID, "persistence", reply);
	}
	return flow_proven(self, r);
}

/* All that a restore would have live, opened and looked at. */
static enum status
drill_inspect(struct actor *self, struct backup_run *r)
{
	char file[BACKUP_PATH_MAX + 1];

	if (r->main.st != ST_OK)
		return flow_proven(self, r);
	r->phase = "inspect";
	store_file_of(r, file);
	return OP_ASK(r->op, backup_run_store(self), store_prove,
	    drill_on_inspected, .file = file, .ours = r->main.is_unpacked,
	    .bytes_per_second = backup_run_speed(self, r),
	    .cpu_percent = backup_run_cpu(self, r));
}

/* A folder of an older schema is copied: a restore would change it. */
static enum status
drill_prepared(struct actor *self, struct backup_run *r)
{
	const struct backup_job *j = &r->main;

	if (!j->is_unpacked && j->entry.facts.schema_version < j->schema_newest)
		return backup_run_work(
		    self, r, "copy", backup_work_own, drill_inspect);
	return drill_inspect(self, r);
}

enum status
backup_run_prepared(struct actor *self, struct backup_run *r)
{
	char file[BACKUP_PATH_MAX + 1];

	if (r->main.st != ST_OK || !wants_store(r))
		return flow_proven(self, r);
	if (r->kind == RUN_DRILL)
		return drill_prepared(self, r);
	r->phase = "verify";
	store_file_of(r, file);
	return OP_ASK(r->op, backup_run_store(self), store_verify,
	    flow_on_verified, .file = file);
}

enum status
backup_run_restore(struct actor *self, struct backup_run *r)
{
	backup_tell_begun(self, r);
	if (r->main.to.is_set)
		return backup_run_at(self, r);
	return backup_run_work(
	    self, r, "look", backup_work_look, restore_looked);
}

enum status
backup_run_drill(struct actor *self, struct backup_run *r)
{
	return backup_run_work(
	    self, r, "prepare", backup_work_prepare, backup_run_prepared);
}

/* ---- at a start ---- */

struct recover_data {
	const struct backup_place *place;
	int64_t proven_at;
};

static void
recover_work(void *data)
{
	struct recover_data *d = data;

	backup_work_recover(d->place);
	d->proven_at = backup_work_proven(d->place);
}

static enum status
recover_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_self *s = actor_state(self);

	/* A clock that was set back would make it good for ever. */
	if (reply->id == MSG_done &&
	    ((struct recover_data *)op_data(op))->proven_at <= s->started_at)
		s->last_proven_at =
		    ((struct recover_data *)op_data(op))->proven_at;
	s->is_recovered = true;
	(void)backup_tell_news(self, &s->news);
	actor_ready(self);
	backup_start_once(self);
	return op_close(op);
}

static enum status
recover_on_again(struct actor *self, struct timer *t)
{
	(void)t;
	return backup_recover(self);
}

static enum status
recover_on_healthy(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_self *s = actor_state(self);

	if (reply->id == MSG_store_healthy)
		s->schema_newest =
		    ((const struct store_healthy *)reply->body)->schema;
	((struct recover_data *)op_data(op))->place = &s->place;
	return op_work(op, WORK_DISK, recover_work, recover_on_worked);
}

/* CLOSED or late: the store is not up yet. */
static enum status
recover_on_settled(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_self *s = actor_state(self);

	if (reply->id == MSG_done)
		return OP_ASK(op, backup_run_store(self), store_health,
		    recover_on_healthy, 0);
	timer_start(self, &s->again, SETTLE_AGAIN_US, recover_on_again);
	return op_close(op);
}

enum status
backup_recover(struct actor *self)
{
	struct backup_self *s = actor_state(self);
	struct op *op = op_open(self, NULL);

	if (op == NULL) {
		timer_start(self, &s->again, SETTLE_AGAIN_US, recover_on_again);
		return ST_OK;
	}
	return OP_ASK(op, backup_run_store(self), store_settle,
	    recover_on_settled, .keep = false);
}
