#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/backup_inside.h"
#include "actors/backup_replay.h"

/*
 * A restore to a point in time: a backup is opened as ever, what followed it
 * is carried out in a copy of its database, segment by segment, and what has
 * come of that is restored as if the backup had held it.
 */

/* ---- the flow ---- */

static enum status at_next(struct actor *self, struct backup_run *r);

static enum status
at_checked(struct actor *self, struct backup_run *r)
{
	return backup_run_prepared(self, r);
}

static enum status
at_on_replayed(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_replayed *done = reply->body;
	const struct refused *why = reply->body;
	struct backup_run *r = backup_run_of(op);
	struct backup_job *j = &r->main;
	struct way *way = &j->way;

	if (reply->id != MSG_store_replayed) {
		backup_replay_failed(j, (enum status)why->status, why->detail);
		return backup_run_prepared(self, r);
	}
	way->now = (struct backup_point){ done->stand.timeline,
		done->stand.txid, done->stand.at };
	way->reached = done->reached;
	return at_next(self, r);
}

static enum status
at_unsealed(struct actor *self, struct backup_run *r)
{
	char file[BACKUP_PATH_MAX + 1], records[BACKUP_PATH_MAX + 1];
	struct backup_job *j = &r->main;

	if (j->st != ST_OK)
		return backup_run_prepared(self, r);
	r->phase = "replay";
	snprintf(file, sizeof(file), "%s/" BACKUP_STORE_FILE, j->source);
	backup_replay_records(j, records);
	return OP_ASK(r->op, backup_run_store(self), store_replay,
	    at_on_replayed, .file = file, .records = records,
	    .txid_max = j->to.txid, .at_max = j->to.at);
}

static enum status
at_next(struct actor *self, struct backup_run *r)
{
	if (r->main.st != ST_OK)
		return backup_run_prepared(self, r);
	if (backup_replay_is_there(&r->main))
		return backup_run_work(
		    self, r, "replay", backup_replay_check, at_checked);
	return backup_run_work(
	    self, r, "unseal", backup_replay_unseal, at_unsealed);
}

static enum status
at_chosen(struct actor *self, struct backup_run *r)
{
	if (r->main.st != ST_OK)
		return backup_run_prepared(self, r);
	return backup_run_work(self, r, "copy", backup_work_own, at_next);
}

static enum status
at_flushed(struct actor *self, void *ctx)
{
	struct backup_self *s = actor_state(self);
	struct backup_run *r = ctx;

	if (s->run != r)
		return ST_OK; /* it waited no longer */
	op_resume(r->op);
	return backup_run_work(
	    self, r, "prepare", backup_replay_choose, at_chosen);
}

static enum status
at_on_late(struct actor *self, struct op *op, const struct msg *why)
{
	struct backup_run *r = backup_run_of(op);

	(void)why;
	(void)backup_job_refuse(&r->main, ST_TIMEOUT, PROBLEM_BACKUP_FAILED,
	    "what was committed last is not shipped");
	return backup_run_end(self, r);
}

/* What was committed before this request is to be among what there is. */
enum status
backup_run_at(struct actor *self, struct backup_run *r)
{
	enum status st;

	r->phase = "flush";
	if (!ship_is_on(self))
		return backup_run_work(
		    self, r, "prepare", backup_replay_choose, at_chosen);
	st = op_keep(r->op, at_on_late);
	return st == ST_OK ? ship_flush(self, at_flushed, r) : st;
}

/* ---- what there is to have ---- */

struct points {
	const struct backup_place *place;
	struct backup_window windows[BACKUP_WINDOWS_MAX];
	size_t count;
	enum status st;
};

struct points_data {
	struct points *points;
};

static void
points_work(void *data)
{
	struct points *p = ((struct points_data *)data)->points;
	char why[BACKUP_WHY_SIZE];
	struct backup_keys *keys = NULL;

	p->st = backup_keys_load(p->place->keys, false, &keys, why);
	if (p->st == ST_OK)
		p->st = points_windows(p->place->root, keys, p->windows,
		    BACKUP_WINDOWS_MAX, &p->count);
	backup_keys_destroy(keys);
}

/* Of the one that grows the shipper knows more than the disk a moment ago. */
static void
points_now(const struct ship *s, struct points *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct backup_window *w = &p->windows[i];

		w->is_current = s->timeline != 0 && w->timeline == s->timeline;
		if (w->is_current && s->shipped > w->txid) {
			w->txid = s->shipped;
			w->at = s->shipped_at;
		}
	}
}

static enum status
points_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct points *p = ((struct points_data *)op_data(op))->points;
	struct backup_self *s = actor_state(self);
	const struct refused *why = reply->body;

	if (reply->id == MSG_refused) { /* a late worker keeps its memory */
		if (why->status != ST_TIMEOUT)
			free(p);
		return op_pass(op, reply);
	}
	points_now(&s->ship, p);
	if (p->st != ST_OK)
		(void)OP_REFUSE(
		    op, BACKUP_FAILED, "the backup root cannot be read");
	else
		(void)OP_REPLY(op, backup_windows, .windows = p->windows,
		    .windows_count = (uint32_t)p->count,
		    .shipping = ship_is_on(self),
		    .lag_ms = ship_lag_us(self) / 1000,
		    .failing = s->ship.failing);
	free(p);
	return ST_OK;
}

enum status
backup_on_points(struct actor *self, const struct msg *in)
{
	const struct backup_points *ask = in->body;
	struct backup_self *s = actor_state(self);
	struct points *p;
	struct op *op;

	if (!backup_admits(self, in, &ask->caller))
		return ST_OK;
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return OP_REFUSE(op, OVERLOADED, "out of memory");
	p->place = &s->place;
	((struct points_data *)op_data(op))->points = p;
	return op_work(op, WORK_DISK, points_work, points_on_worked);
}
