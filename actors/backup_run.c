#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/backup_shelf.h"
#include "runtime/base/log.h"
#include "runtime/base/processor.h"

#define RUN_US (UINT64_C(6) * 3600 * 1000000) /* then something is stuck */

struct run_data {
	struct backup_run *run;
};

struct backup_run *
backup_run_of(struct op *op)
{
	return ((struct run_data *)op_data(op))->run;
}

uint64_t
backup_run_store(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

struct backup_run *
backup_run_open(struct actor *self, enum run_kind kind)
{
	struct backup_self *s = actor_state(self);
	struct backup_run *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->op = op_open(self, NULL);
	if (r->op == NULL) {
		free(r);
		return NULL;
	}
	op_within(r->op, RUN_US);
	((struct run_data *)op_data(r->op))->run = r;
	r->kind = kind;
	r->phase = "begin";
	r->at = &r->main;
	r->started_us = actor_now_us(self);
	s->run = r;
	return r;
}

void
backup_run_close(struct actor *self, struct backup_run *r)
{
	struct backup_self *s = actor_state(self);

	(void)op_close(r->op);
	timer_stop(&r->again);
	way_fini(&r->main.way);
	s->run = NULL;
	free(r->main.outcomes);
	free(r->safety.outcomes);
	free(r);
	backup_go_on(self);
	backup_look_for_base(self);
	second_nudge(self);
}

static enum status
run_on_late(struct actor *self, struct op *op, const struct msg *why)
{
	(void)self;
	return op_pass(op, why);
}

static enum status
run_on_still_in_flight(struct actor *self, struct op *op, const struct msg *why)
{
	(void)self;
	(void)why;
	return OP_REFUSE(op, IN_FLIGHT,
	    "the same backup is being made; ask again for its manifest");
}

static enum status
run_add_waiter(struct backup_run *r, struct op *op, op_fn on_late)
{
	if (r->waiters_count == BACKUP_WAITERS_MAX)
		return OP_REFUSE(
		    op, BACKUP_IN_PROGRESS, "too many wait for it already");
	r->waiters[r->waiters_count++] = op_handle(op);
	return op_keep(op, on_late);
}

enum status
backup_run_wait(struct actor *self, struct backup_run *r, struct op *op)
{
	(void)self;
	return run_add_waiter(r, op, run_on_late);
}

enum status
backup_run_join(struct actor *self, struct backup_run *r, struct op *op)
{
	uint64_t left_us = op_deadline_us(op) - actor_now_us(self);

	/* Before the caller gives up by itself. */
	op_limit(op, left_us / 2 < BACKUP_SAME_KEY_WAIT_US
			 ? left_us / 2
			 : BACKUP_SAME_KEY_WAIT_US);
	return run_add_waiter(r, op, run_on_still_in_flight);
}

static void
run_do(void *arg)
{
	struct backup_run *r = arg;

	r->work(r->at);
}

static void
run_work(void *data)
{
	struct backup_run *r = ((struct run_data *)data)->run;

	background_run(run_do, r, backup_run_is_soon(r));
}

/* A worker that never came back still has the run: it is lost with it. */
static enum status
run_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_run *r = backup_run_of(op);

	if (reply->id == MSG_refused && r->at->st == ST_OK) {
		r->at->st = ST_TIMEOUT;
		r->at->problem = PROBLEM_BACKUP_FAILED;
		snprintf(r->at->why, sizeof(r->at->why), "no worker: %.200s",
		    ((const struct refused *)reply->body)->detail);
	}
	return r->next(self, r);
}

/* Nobody waits for a drill of the schedule. */
uint64_t
backup_run_speed(struct actor *self, const struct backup_run *r)
{
	struct backup_self *s = actor_state(self);

	return live_number(&s->live, self,
	    r->kind == RUN_DRILL && !r->by_somebody
		? SETTING_backup_drill_bytes_per_second
		: SETTING_backup_bytes_per_second);
}

uint32_t
backup_run_cpu(struct actor *self, const struct backup_run *r)
{
	struct backup_self *s = actor_state(self);

	if (r->kind != RUN_DRILL || r->by_somebody)
		return 0;
	return (uint32_t)live_number(
	    &s->live, self, SETTING_backup_drill_cpu_percent);
}

bool
backup_run_is_soon(const struct backup_run *r)
{
	return r->kind == RUN_RESTORE;
}

void
backup_run_pace(
    struct actor *self, const struct backup_run *r, struct backup_job *j)
{
	pace_init(&j->pace, backup_run_speed(self, r));
	pace_bound_cpu(&j->pace, backup_run_cpu(self, r));
	j->pace.soon = backup_run_is_soon(r);
}

enum status
backup_run_work(struct actor *self, struct backup_run *r, const char *phase,
    run_work_fn work, run_fn next)
{
	r->phase = phase;
	r->work = work;
	r->next = next;
	backup_run_pace(self, r, r->at);
	return op_work(r->op, WORK_DISK, run_work, run_on_worked);
}

void
backup_job_init(struct actor *self, struct backup_job *j,
    enum backup_trigger trigger, const enum backup_component *components,
    uint32_t count)
{
	struct backup_self *s = actor_state(self);

	j->place = &s->place;
	j->schema_newest = s->schema_newest;
	j->facts.trigger = trigger;
	j->facts.timestamp = actor_wall_us(self);
	j->facts.format_version = BACKUP_FORMAT;
	snprintf(j->facts.app_version, sizeof(j->facts.app_version), "%s",
	    TROUPE_VERSION);
	j->facts.count = count;
	for (uint32_t i = 0; i < count; i++)
		j->facts.components[i] = components[i];
	actor_random(self, j->random, sizeof(j->random));
	j->compress =
	    trigger != TRIGGER_SHUTDOWN &&
	    live_number(&s->live, self, SETTING_backup_compression) != 0;
	j->seal = live_number(&s->live, self, SETTING_backup_encrypt) != 0;
	backup_policy_read(self, &j->policy);
}

/* ---- one backup, whoever wants it ---- */

static enum status
make_ended(struct actor *self, struct backup_run *r)
{
	struct backup_self *s = actor_state(self);
	struct backup_job *j = r->at;
	uint64_t us = actor_now_us(self) - r->making_us;

	backup_prune_count(s, j);
	if (j->st == ST_OK) {
		s->counts.made++;
		timing_observe(&s->counts.duration_seconds, us);
		s->last_success_at = j->facts.timestamp;
		LOG(BACKUP_COMPLETED, KV("backup_id", j->facts.backup_id),
		    KU("size_bytes", j->facts.size_bytes),
		    KU("duration_ms", us / 1000),
		    KU("compressed", j->compress));
	} else {
		s->counts.failed++;
		LOG(BACKUP_FAILED,
		    KV("trigger", backup_trigger_text(j->facts.trigger)),
		    KV("error", j->why));
	}
	return r->after(self, r);
}

static enum status
make_prune(struct actor *self, struct backup_run *r)
{
	if (r->at->st != ST_OK)
		return make_ended(self, r);
	return backup_run_work(
	    self, r, "prune", backup_work_keep_some, make_ended);
}

static enum status
make_save(struct actor *self, struct backup_run *r)
{
	if (r->save != NULL)
		return r->save(self, r);
	return backup_run_work(self, r, "save", backup_work_end, make_prune);
}

enum status
backup_run_publish(struct actor *self, struct backup_run *r)
{
	if (r->at->st != ST_OK)
		return make_ended(self, r);
	return backup_run_work(
	    self, r, "publish", backup_work_publish, make_prune);
}

static enum status
make_give_up(struct actor *self, struct backup_run *r)
{
	return backup_run_work(
	    self, r, "clean", backup_work_abandon, make_ended);
}

static enum status
make_on_copied(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_copied *copied = reply->body;
	struct backup_run *r = backup_run_of(op);
	struct backup_job *j = r->at;

	if (reply->id != MSG_store_copied) {
		const struct refused *why = reply->body;

		j->st = (enum status)why->status;
		j->problem = PROBLEM_BACKUP_FAILED;
		snprintf(
		    j->why, sizeof(j->why), "persistence: %.200s", why->detail);
		LOG(BACKUP_COMPONENT_FAILED, KV("component", "persistence"),
		    KV("error", j->why));
		return make_give_up(self, r);
	}
	j->facts.schema_version = copied->schema;
	j->facts.point = copied->point;
	j->facts.parts[j->facts.parts_count++] =
	    (struct backup_part){ COMPONENT_PERSISTENCE, copied->size_bytes,
		    actor_wall_us(self) };
	j->facts.size_bytes += copied->size_bytes;
	atomic_fetch_add(&j->total, copied->size_bytes);
	return make_save(self, r);
}

static enum status
make_begun(struct actor *self, struct backup_run *r)
{
	struct backup_self *s = actor_state(self);
	struct backup_job *j = r->at;
	char file[BACKUP_PATH_MAX + 1];

	if (j->st != ST_OK)
		return make_give_up(self, r);
	j->facts.schema_version = s->schema_newest;
	if (!backup_facts_have(&j->facts, COMPONENT_PERSISTENCE))
		return make_save(self, r);
	r->phase = "copy";
	snprintf(file, sizeof(file), "%s/" BACKUP_STORE_FILE, j->stage);
	return OP_ASK(r->op, backup_run_store(self), store_copy, make_on_copied,
	    .file = file, .bytes_per_second = backup_run_speed(self, r),
	    .soon = backup_run_is_soon(r));
}

enum status
backup_run_make(struct actor *self, struct backup_run *r, run_fn after)
{
	r->after = after;
	r->making_us = actor_now_us(self);
	return backup_run_work(self, r, "begin", backup_work_begin, make_begun);
}

/* ---- a backup on its own ---- */

static enum status
create_on_marked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_run *r = backup_run_of(op);

	/* It is there all the same; a repeated request makes another. */
	if (reply->id == MSG_refused)
		LOG(BACKUP_FAILED, KV("scope", "backup"),
		    KV("idempotency_key", r->key),
		    KV("endpoint", "backup.create"),
		    KV("error", ((const struct refused *)reply->body)->detail));
	return backup_run_end(self, r);
}

static enum status
create_made(struct actor *self, struct backup_run *r)
{
	struct backup_view v;

	if (r->main.st != ST_OK || r->key[0] == '\0')
		return backup_run_end(self, r);
	backup_facts_view(&r->main.facts, &v);
	return OP_ASK(r->op, backup_run_store(self), store_backup_mark,
	    create_on_marked, .principal = r->caller.user_id,
	    .once = { .key = r->key,
		.body_hash = { r->hash, sizeof(r->hash) } },
	    .manifest = v.manifest, .now = actor_wall_us(self));
}

enum status
backup_run_create(struct actor *self, struct backup_run *r)
{
	backup_tell_begun(self, r);
	return backup_run_make(self, r, create_made);
}
