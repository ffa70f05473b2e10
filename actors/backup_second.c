#include "actors/backup_second.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/backup_inside.h"
#include "actors/backup_shelf.h"
#include "runtime/base/log.h"
#include "runtime/base/processor.h"
#include "runtime/base/text.h"

#define SECOND_US 1000000
#define FIRST_US 200000u /* a moment for the first words of the settings */
#define WORK_US (UINT64_C(7) * 86400 * 1000000) /* as long as it gets on */

typedef void (*second_fn)(struct second_job *j);

struct second_data {
	struct second_job *job;
	second_fn work;
};

static struct second *
second_of(struct actor *self)
{
	return &((struct backup_self *)actor_state(self))->second;
}

static struct backup_counts *
counts_of(struct actor *self)
{
	return &((struct backup_self *)actor_state(self))->counts;
}

static enum status second_on_tick(struct actor *self, struct timer *t);

static void
second_later(struct actor *self, uint64_t us)
{
	timer_start(self, &second_of(self)->tick, us, second_on_tick);
}

/* ---- how it goes ---- */

static uint64_t
again_us(const struct second *s)
{
	uint64_t us = SECOND_AGAIN_US;

	for (uint32_t i = 1; i < s->tries && us < SECOND_AGAIN_MAX_US; i++)
		us *= 2;
	return us < SECOND_AGAIN_MAX_US ? us : SECOND_AGAIN_MAX_US;
}

/* Told when it begins, and when it is another thing that stands in the way. */
static void
second_fails(struct actor *self, const char *id, const char *why)
{
	struct second *s = second_of(self);
	bool news = !s->failing || strcmp(s->why, why) != 0;

	counts_of(self)->second_failures++;
	if (!s->failing)
		s->failing_since = actor_wall_us(self);
	s->failing = true;
	s->tries++;
	(void)text_fit(s->why, sizeof(s->why), why);
	if (!news)
		return;
	LOG(BACKUP_SECOND_FAILED, KV("backup_id", id[0] == '\0' ? "-" : id),
	    KV("error", s->why));
	backup_tell_event(self, EVENT_BACKUP_NOT_COPIED, id, "copy", 0, false);
}

static void
second_is_level(struct actor *self)
{
	struct second *s = second_of(self);

	if (s->failing && s->behind == 0)
		LOG(BACKUP_SECOND_RECOVERED, KU("copies", s->copies));
	if (s->behind > 0)
		return; /* what is left is damaged here */
	s->failing = false;
	s->failing_since = 0;
	s->tries = 0;
	s->why[0] = '\0';
}

/* ---- one work ---- */

static struct second_job *
second_make(struct actor *self)
{
	struct backup_self *b = actor_state(self);
	struct second_job *j = second_job_make(&b->place);

	if (j == NULL) {
		second_fails(self, "", "out of memory");
		second_later(self, again_us(&b->second));
		return NULL;
	}
	pace_init(&j->pace, live_number(&b->live, self,
				SETTING_backup_second_bytes_per_second));
	backup_policy_read_second(self, &j->policy);
	j->bad = b->second.bad;
	return j;
}

/* What was in hand is not any more; NULL: its worker never came back. */
static struct second_job *
second_end(struct actor *self, struct op *op, const struct msg *reply)
{
	struct second *s = second_of(self);
	struct second_job *j = s->job;

	s->job = NULL;
	s->is_stuck = false;
	s->copying[0] = '\0';
	(void)op_close(op);
	if (reply->id == MSG_done)
		return j;
	/* Either it never ran, or it has its share of the job still. */
	if (((const struct refused *)reply->body)->status != ST_TIMEOUT)
		second_job_let_go(j);
	second_fails(self, "", "there was no worker for it");
	second_later(self, again_us(s));
	second_job_let_go(j);
	return NULL;
}

static void
second_do(void *arg)
{
	struct second_data *d = arg;

	d->work(d->job);
}

/* Of its own copy: a late worker outlives the operation. */
static void
second_work(void *data)
{
	struct second_data d = *(struct second_data *)data;

	background_run(second_do, &d, false);
	second_job_let_go(d.job);
}

static void
second_begin(
    struct actor *self, struct second_job *j, second_fn work, op_fn on_done)
{
	struct second *s = second_of(self);
	struct op *op = op_open(self, NULL);

	if (op == NULL) {
		second_job_let_go(j);
		s->copying[0] = '\0';
		second_later(self, SECOND_AGAIN_US);
		return;
	}
	op_within(op, WORK_US);
	s->job = j;
	s->moved_bytes = 0;
	s->moved_us = actor_now_us(self);
	*(struct second_data *)op_data(op) = (struct second_data){ j, work };
	atomic_fetch_add(&j->holders, 1);
	second_later(self, SECOND_WATCH_US);
	(void)op_work(op, WORK_DISK, second_work, on_done);
}

static void
second_remember_bad(struct second *s, const char *id)
{
	struct second_bad *b = &s->bad;
	uint32_t at = b->count < SECOND_BAD_MAX ? b->count++ : 0;

	snprintf(b->ids[at], sizeof(b->ids[at]), "%.12s", id);
}

static void
copy_went(struct actor *self, const struct second_job *j)
{
	const struct backup_facts *f = &j->next.facts;
	struct second *s = second_of(self);
	struct backup_counts *c = counts_of(self);

	c->second_copied++;
	s->last_copied_at = actor_wall_us(self);
	s->tries = 0;
	LOG(BACKUP_SECOND_COPIED, KV("backup_id", f->backup_id),
	    KU("bytes", j->bytes), KU("resumed", j->resumed));
	backup_tell_event(self, EVENT_BACKUP_COPIED, f->backup_id, "copy",
	    f->size_bytes, true);
}

static enum status
second_on_copied(struct actor *self, struct op *op, const struct msg *reply)
{
	struct second *s = second_of(self);
	struct second_job *j = second_end(self, op, reply);
	uint64_t wait_us = 0;

	if (j == NULL)
		return ST_OK;
	counts_of(self)->second_bytes += j->bytes;
	if (j->st == ST_OK) {
		copy_went(self, j);
	} else if (j->st != ST_CANCELLED) {
		second_fails(self, j->next.facts.backup_id, j->why);
		wait_us = again_us(s);
		if (j->is_damaged) { /* the others need not wait for it */
			second_remember_bad(s, j->next.facts.backup_id);
			s->tries = 0;
			wait_us = 0;
		}
	}
	second_job_let_go(j);
	second_later(self, wait_us);
	return ST_OK;
}

static void
copy_begin(struct actor *self, const struct backup_entry *e)
{
	struct second *s = second_of(self);
	struct second_job *j = second_make(self);

	if (j == NULL)
		return;
	j->next = *e;
	memcpy(s->copying, e->facts.backup_id, sizeof(s->copying));
	second_begin(self, j, second_copy, second_on_copied);
}

static void
look_went(struct actor *self, struct second_job *j)
{
	struct second *s = second_of(self);

	free(s->there);
	s->there = j->there;
	s->there_count = j->there_count;
	j->there = NULL;
	s->copies = j->copies;
	s->behind = j->behind;
	s->oldest_at = j->oldest_at;
	counts_of(self)->second_pruned += j->pruned;
	if (!j->has_next)
		second_is_level(self);
}

static enum status
second_on_looked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct second *s = second_of(self);
	struct second_job *j = second_end(self, op, reply);

	if (j == NULL)
		return ST_OK;
	if (j->st == ST_OK && s->is_old)
		s->nudged = true;
	else if (j->st == ST_OK)
		look_went(self, j);
	else
		second_fails(self, "", j->why);
	if (j->st == ST_OK && j->has_next && !s->is_old)
		copy_begin(self, &j->next);
	else if (j->st == ST_OK)
		second_later(self, s->nudged ? 0 : SECOND_LOOK_US);
	else
		second_later(self, again_us(s));
	s->nudged = false;
	s->is_old = false;
	second_job_let_go(j);
	return ST_OK;
}

/* ---- rounds ---- */

/* A disk that has gone may let a worker hang; it is not sent another one. */
static void
second_watch(struct actor *self)
{
	struct second *s = second_of(self);
	uint64_t done = atomic_load(&s->job->pace.done);

	if (done != s->moved_bytes) {
		s->moved_bytes = done;
		s->moved_us = actor_now_us(self);
		s->is_stuck = false;
	} else if (!s->is_stuck &&
		   actor_now_us(self) - s->moved_us > SECOND_STUCK_US) {
		s->is_stuck = true;
		second_fails(self, s->copying, "the target does not answer");
	}
	second_later(self, SECOND_WATCH_US);
}

static enum status
second_on_tick(struct actor *self, struct timer *t)
{
	struct backup_self *b = actor_state(self);
	struct second_job *j;

	(void)t;
	if (!b->is_recovered || !b->is_watched) {
		second_later(self, FIRST_US);
		return ST_OK;
	}
	if (b->second.job != NULL) {
		second_watch(self);
		return ST_OK;
	}
	j = second_make(self);
	if (j != NULL)
		second_begin(self, j, second_look, second_on_looked);
	return ST_OK;
}

/* ---- from outside ---- */

void
second_start(struct actor *self)
{
	const struct backup_self *b = actor_state(self);

	if (b->place.second[0] != '\0')
		second_later(self, FIRST_US);
}

/* What is there of a copy stays, for the next start to go on with. */
void
second_stop(struct actor *self)
{
	struct second *s = second_of(self);

	if (s->job != NULL)
		atomic_store(&s->job->pace.cancelled, true);
	second_job_let_go(s->job);
	free(s->there);
	s->job = NULL;
	s->there = NULL;
	s->there_count = 0;
}

void
second_nudge(struct actor *self)
{
	const struct backup_self *b = actor_state(self);
	struct second *s = second_of(self);

	if (b->place.second[0] == '\0' || !b->is_recovered)
		return;
	s->nudged = true;
	if (s->job == NULL && s->tries == 0)
		second_later(self, 0);
}

static int64_t
second_since(const struct backup_self *b)
{
	const struct second *s = &b->second;
	int64_t since = 0;

	if (s->behind > 0)
		since =
		    s->oldest_at > b->started_at ? s->oldest_at : b->started_at;
	if (s->failing_since != 0 && (since == 0 || s->failing_since < since))
		since = s->failing_since;
	return since;
}

static uint64_t
second_lag_us(struct actor *self)
{
	const struct backup_self *b = actor_state(self);
	int64_t since = second_since(b), now = actor_wall_us(self);

	return since == 0 || now < since ? 0 : (uint64_t)(now - since);
}

bool
second_is_late(struct actor *self)
{
	struct backup_self *b = actor_state(self);
	uint64_t max_s =
	    live_number(&b->live, self, SETTING_backup_second_max_lag_seconds);

	return b->place.second[0] != '\0' && max_s > 0 &&
	       second_lag_us(self) >= max_s * SECOND_US;
}

bool
second_state(struct actor *self, struct backup_second *ret)
{
	struct backup_self *b = actor_state(self);
	const struct second *s = &b->second;

	if (b->place.second[0] == '\0')
		return false;
	*ret = (struct backup_second){ .reachable = !s->failing,
		.why = s->why,
		.copies = s->copies,
		.behind = s->behind,
		.lag_seconds = second_lag_us(self) / SECOND_US,
		.copying = s->copying,
		.done_bytes = s->job == NULL ? 0 : atomic_load(&s->job->done),
		.total_bytes = s->job == NULL ? 0 : atomic_load(&s->job->size),
		.last_copied_at = s->last_copied_at,
		.has_last_copied_at = s->last_copied_at != 0 };
	return true;
}

struct backup_entry *
second_find(struct actor *self, const char *backup_id)
{
	struct second *s = second_of(self);
	struct backup_entry wanted = { 0 };

	if (s->there_count == 0)
		return NULL;
	(void)text_fit(
	    wanted.facts.backup_id, sizeof(wanted.facts.backup_id), backup_id);
	return bsearch(&wanted, s->there, s->there_count, sizeof(wanted),
	    backup_entry_compare_ids);
}

void
second_forget(struct actor *self, const char *backup_id)
{
	struct second *s = second_of(self);
	struct backup_entry *e = second_find(self, backup_id);

	if (e != NULL) {
		size_t at = (size_t)(e - s->there);

		s->there_count--;
		s->copies--;
		memmove(e, e + 1, (s->there_count - at) * sizeof(*e));
	}
	s->is_old = s->job != NULL && s->copying[0] == '\0';
	second_nudge(self);
}

bool
second_call_off(struct actor *self, const char *backup_id)
{
	struct second *s = second_of(self);

	if (s->job == NULL || strcmp(s->copying, backup_id) != 0)
		return true;
	if (!second_job_call_off(s->job))
		return false;
	atomic_store(&s->job->pace.cancelled, true);
	return true;
}
