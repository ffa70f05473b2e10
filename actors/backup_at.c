#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/backup_inside.h"
#include "actors/backup_tree.h"
#include "runtime/base/fault.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define PATH_SIZE 4096
#define RECORDS_NAME "records"

/*
 * A restore to a point in time: a backup is opened as ever, what followed it
 * is carried out in a copy of its database, segment by segment, and what has
 * come of that is restored as if the backup had held it.
 */

static void
at_refuse(
    struct backup_job *j, enum status st, uint32_t problem, const char *why)
{
	if (j->st != ST_OK)
		return;
	j->st = st;
	j->problem = problem;
	text_fit(j->why, sizeof(j->why), why);
}

/* What a failure means to whoever asked. */
static uint32_t
problem_of(enum status st)
{
	switch (st) {
	case ST_NOT_FOUND:
		return PROBLEM_BACKUP_KEY_MISSING;
	case ST_CORRUPT:
	case ST_CONFLICT:
	case ST_NEWER:
	case ST_INVALID:
		return PROBLEM_BACKUP_INVALID;
	default:
		return PROBLEM_BACKUP_FAILED;
	}
}

static struct backup_keys *
at_keys(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;

	if (backup_keys_load(j->place->keys, false, &keys, why) == ST_OK)
		return keys;
	at_refuse(j, ST_IO, PROBLEM_BACKUP_FAILED, why);
	return NULL;
}

/* ---- on a worker ---- */

static void
work_choose(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	enum status st =
	    way_find(j->place->root, &j->to, j->facts.backup_id, &j->way, why);

	if (st != ST_OK)
		at_refuse(j, st,
		    st == ST_NOT_FOUND ? PROBLEM_BACKUP_NOT_FOUND
				       : PROBLEM_BACKUP_FAILED,
		    why);
	else
		backup_work_prepare(j);
}

static void
work_went(struct backup_job *j, enum status st, const char *why)
{
	if (st == ST_OK)
		return;
	at_refuse(j, st, PROBLEM_BACKUP_FAILED, why);
	backup_work_clean(j);
}

/* A backup is never changed: what is not unpacked is copied. */
void
backup_work_own(struct backup_job *j)
{
	char from[PATH_SIZE], folder[PATH_SIZE], to[PATH_SIZE];
	uint64_t bytes = 0;
	enum status st;

	if (j->is_unpacked)
		return;
	snprintf(from, sizeof(from), "%s/" BACKUP_STORE_FILE, j->source);
	snprintf(j->source, sizeof(j->source), "%s/" BACKUP_TMP "open-%s",
	    j->place->root, j->facts.backup_id);
	(void)backup_tree_remove(j->source);
	j->is_unpacked = true;
	snprintf(folder, sizeof(folder), "%s/persistence", j->source);
	snprintf(to, sizeof(to), "%s/" BACKUP_STORE_FILE, j->source);
	st = backup_folder_make(folder);
	if (st == ST_OK)
		st = backup_file_copy(from, to, &j->pace, &bytes);
	work_went(j, st, "the backup cannot be copied");
}

static void
records_file(const struct backup_job *j, char ret[BACKUP_PATH_MAX + 1])
{
	snprintf(ret, BACKUP_PATH_MAX, "%s/" RECORDS_NAME, j->source);
}

static void
work_unseal(struct backup_job *j)
{
	struct backup_keys *keys = at_keys(j);
	char file[BACKUP_PATH_MAX + 1], why[BACKUP_WHY_SIZE] = "";
	enum status st;

	records_file(j, file);
	if (keys != NULL) {
		st = way_unseal(&j->way, j->place->root, keys, file, why);
		if (st != ST_OK)
			at_refuse(j, st, problem_of(st), why);
	}
	backup_keys_destroy(keys);
	fault_point("restore.unsealed");
	if (j->st != ST_OK)
		backup_work_clean(j);
}

/* The records go before the rest of the flow looks at what is there. */
static void
work_check(struct backup_job *j)
{
	char file[BACKUP_PATH_MAX + 1], why[BACKUP_WHY_SIZE] = "";
	enum status st = way_check(&j->way, &j->to, why);

	records_file(j, file);
	(void)backup_tree_remove(file);
	if (st != ST_OK)
		at_refuse(j, st, PROBLEM_BACKUP_INVALID, why);
	if (j->st != ST_OK)
		backup_work_clean(j);
}

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
	char text[BACKUP_WHY_SIZE];

	if (reply->id != MSG_store_replayed) {
		snprintf(text, sizeof(text), "segment %s: %.160s",
		    way->segments[way->named].name, why->detail);
		at_refuse(j, (enum status)why->status,
		    problem_of((enum status)why->status), text);
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
	records_file(j, records);
	return OP_ASK(r->op, backup_run_store(self), store_replay,
	    at_on_replayed, .file = file, .records = records,
	    .txid_max = j->to.txid, .at_max = j->to.at);
}

static enum status
at_next(struct actor *self, struct backup_run *r)
{
	const struct backup_job *j = &r->main;
	const struct way *way = &j->way;

	if (j->st != ST_OK)
		return backup_run_prepared(self, r);
	if (way->reached || way->now.txid == j->to.txid ||
	    way->next == way->count)
		return backup_run_work(
		    self, r, "replay", work_check, at_checked);
	return backup_run_work(self, r, "unseal", work_unseal, at_unsealed);
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
	return backup_run_work(self, r, "prepare", work_choose, at_chosen);
}

static enum status
at_on_late(struct actor *self, struct op *op, const struct msg *why)
{
	struct backup_run *r = backup_run_of(op);

	(void)why;
	at_refuse(&r->main, ST_TIMEOUT, PROBLEM_BACKUP_FAILED,
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
		    self, r, "prepare", work_choose, at_chosen);
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
