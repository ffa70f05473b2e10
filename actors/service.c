#include "actors/service.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actors/scheduler.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/* What an op that runs a service keeps. */
struct service_run_data {
	struct service *service;
	uint64_t generation;
	uint64_t count;
	bool failed;
};

static enum status service_on_due(struct actor *self, struct timer *t);

static struct service *
service_of(void *ctx)
{
	return ctx;
}

uint64_t
service_interval_us(const struct service *s)
{
	return s->plan.interval_us > 0 ? s->plan.interval_us
				       : s->times.interval_us;
}

static bool
service_has_cron(const struct service *s)
{
	return s->plan.line[0] != '\0';
}

/* As long as next_run_at is away; a wall clock may be set meanwhile. */
static void
service_sleep(struct service *s)
{
	uint64_t now_us = actor_now_us(s->actor);
	int64_t left_us = s->next_run_at - actor_wall_us(s->actor);
	uint64_t after_us = s->due_us > now_us ? s->due_us - now_us : 0;

	if (service_has_cron(s)) {
		after_us = left_us > 0 ? (uint64_t)left_us : 0;
		if (after_us > SERVICE_LOOK_US)
			after_us = SERVICE_LOOK_US;
	}
	timer_start(s->actor, &s->wait, after_us, service_on_due);
}

static void
service_wait_us(struct service *s, uint64_t after_us)
{
	s->due_us = actor_now_us(s->actor) + after_us;
	s->next_run_at = actor_wall_us(s->actor) + (int64_t)after_us;
	service_sleep(s);
	if (s->on_planned != NULL)
		s->on_planned(s->actor, s);
}

static uint64_t
service_jitter_us(struct service *s)
{
	uint64_t chance;

	if (s->plan.jitter_us == 0)
		return 0;
	actor_random(s->actor, &chance, sizeof(chance));
	return chance % (s->plan.jitter_us + 1);
}

/* Until the next regular run, from now on. */
static void
service_wait(struct service *s)
{
	int64_t now = actor_wall_us(s->actor);
	uint64_t after_us = service_interval_us(s);
	int64_t next;

	if (s->is_awoken)
		after_us = 0;
	else if (service_has_cron(s) &&
		 cron_next(&s->plan.cron, now, &next) == ST_OK)
		after_us = (uint64_t)(next - now) + service_jitter_us(s);
	else
		after_us += service_jitter_us(s);
	service_wait_us(s, after_us);
}

/* How long the run that was due at next_run_at has still to wait. */
static uint64_t
service_left_us(const struct service *s, int64_t next_run_at)
{
	int64_t interval_us = (int64_t)service_interval_us(s);
	int64_t left_us = next_run_at - actor_wall_us(s->actor);

	/* The clock, or the interval, has been set back meanwhile. */
	if (left_us > interval_us + (int64_t)s->plan.jitter_us)
		return (uint64_t)interval_us;
	if (left_us > 0)
		return (uint64_t)left_us;
	if (s->plan.missed == MISSED_ONCE)
		return 0;
	return (uint64_t)(interval_us - (-left_us) % interval_us);
}

/* As an earlier process has planned it. */
static void
service_wait_on(struct service *s, int64_t next_run_at)
{
	bool is_missed = next_run_at <= actor_wall_us(s->actor);
	bool once = s->plan.missed == MISSED_ONCE;

	if (is_missed)
		LOG(SERVICE_MISSED, KV("service", s->def->name),
		    KV("policy", once ? "run_once" : "skip"));
	if (is_missed && once)
		service_wait_us(s, service_jitter_us(s));
	else if (service_has_cron(s))
		service_wait(s);
	else
		service_wait_us(s, service_left_us(s, next_run_at));
}

/* One error guard per run: what went wrong ends here. */
static void
service_note_failure(struct service *s, enum status st, const char *error)
{
	text_fit(s->last_error, sizeof(s->last_error), error);
	LOG(SERVICE_FAILED, KV("service", s->def->name),
	    KU("generation", s->life.generation),
	    KV("error_type", status_name(st)), KV("error", s->last_error));
}

static void
service_end_run(struct service *s, const struct service_run_data *run)
{
	s->is_at_work = false;
	s->runs++;
	s->items += run->count;
	s->last_run_at = actor_wall_us(s->actor);
	if (run->failed)
		s->failures++;
	else
		s->last_error[0] = '\0';
	LOG(SERVICE_RAN, KV("service", s->def->name),
	    KU("generation", run->generation), KU("count", run->count));
	if (lifecycle_tick(&s->life, run->generation))
		service_wait(s);
	else
		(void)lifecycle_ended(&s->life, run->generation, ST_OK);
}

static enum status service_ask_shard(struct op *op);

static enum status
service_on_ran(struct actor *self, struct op *op, const struct msg *reply)
{
	struct service_run_data *run = op_data(op);
	struct service *s = run->service;

	if (reply->id == MSG_service_ran) {
		run->count += ((const struct service_ran *)reply->body)->count;
	} else {
		const struct refused *why = reply->body;
		bool odd = reply->id != MSG_refused;

		run->failed = true;
		service_note_failure(s,
		    odd ? ST_MALFORMED : (enum status)why->status,
		    odd ? "an answer of another kind" : why->detail);
	}
	if (++s->shard < actor_shards(self, s->def->owner) &&
	    lifecycle_tick(&s->life, run->generation))
		return service_ask_shard(op);
	service_end_run(s, run);
	return OP_REPLY(op, done, 0);
}

static enum status
service_ask_shard(struct op *op)
{
	struct service_run_data *run = op_data(op);
	struct service *s = run->service;

	return OP_ASK(op, actor_find(s->actor, s->def->owner, s->shard),
	    service_run, service_on_ran, .service = s->def->name,
	    .generation = run->generation);
}

static enum status
service_work(struct service *s)
{
	struct op *op = op_open(s->actor, NULL);
	struct service_run_data *run;

	s->is_awoken = false;
	if (op == NULL) {
		service_note_failure(s, ST_FULL, "too many requests are open");
		service_wait(s);
		return ST_OK;
	}
	op_within(op, SERVICE_RUN_US_MAX);
	run = op_data(op);
	run->service = s;
	run->generation = s->life.generation;
	s->is_at_work = true;
	s->shard = 0;
	return service_ask_shard(op);
}

/*
 * The clock has been set back so far that more than one time of the line
 * would pass unused.  One may: that of the run that was before.
 */
static bool
service_is_lost(const struct service *s)
{
	int64_t at = actor_wall_us(s->actor);

	for (int i = 0; i < 2; i++)
		if (cron_next(&s->plan.cron, at, &at) != ST_OK)
			return false;
	return s->next_run_at - at > (int64_t)s->plan.jitter_us;
}

static enum status
service_on_due(struct actor *self, struct timer *t)
{
	struct service *s = LIST_OF(t, struct service, wait);

	if (!lifecycle_tick(&s->life, s->life.generation))
		return ST_OK;
	if (!s->is_awoken && service_has_cron(s) &&
	    actor_wall_us(self) < s->next_run_at) {
		if (service_is_lost(s))
			service_wait(s);
		else
			service_sleep(s);
		return ST_OK;
	}
	if (s->times.enabled || s->def->off == SERVICE_STOPS)
		return service_work(s);
	s->is_awoken = false;
	service_wait(s);
	return ST_OK;
}

static enum status
service_on_drain_limit(struct actor *self, struct timer *t)
{
	struct service *s = LIST_OF(t, struct service, drain);

	(void)self;
	(void)lifecycle_deadline(&s->life, s->life.generation);
	return ST_OK;
}

/* The wait stands before anybody hears of the start. */
static void
service_call_spawn(void *ctx, uint64_t generation)
{
	struct service *s = service_of(ctx);

	s->is_awoken = false;
	if (s->resume_at != 0)
		service_wait_on(s, s->resume_at);
	else
		service_wait(s);
	s->resume_at = 0;
	(void)lifecycle_started(&s->life, generation);
}

static void
service_call_signal(void *ctx, uint64_t generation)
{
	struct service *s = service_of(ctx);

	timer_stop(&s->wait);
	if (!s->is_at_work)
		(void)lifecycle_ended(&s->life, generation, ST_OK);
}

static void
service_call_cancel(void *ctx, uint64_t generation)
{
	struct service *s = service_of(ctx);
	uint64_t owner = actor_find(s->actor, s->def->owner, s->shard);

	if (SEND(s->actor, owner, service_cancel, .service = s->def->name,
		.generation = generation) != ST_OK)
		service_note_failure(s, ST_CLOSED, "its owner cannot be told");
}

static void
service_call_arm(void *ctx, uint64_t generation)
{
	struct service *s = service_of(ctx);

	(void)generation;
	timer_start(
	    s->actor, &s->drain, s->times.drain_us, service_on_drain_limit);
}

static void
service_call_disarm(void *ctx)
{
	timer_stop(&service_of(ctx)->drain);
}

static void
service_refuse(struct service *s, struct op *op, enum status st,
    uint32_t problem, const char *why)
{
	char detail[REFUSED_DETAIL_MAX + 1];

	snprintf(detail, sizeof(detail), "%s %s", s->def->name, why);
	(void)op_refuse_with(op,
	    &(struct refused){
		.status = (uint32_t)st, .problem = problem, .detail = detail });
}

static void
service_call_answer(
    void *ctx, struct lifecycle_wish *wish, enum status st, bool already)
{
	struct service *s = service_of(ctx);
	struct op *op = LIST_OF(wish, struct service_wish, wish)->op;
	struct service_told told = { .already = already };

	if (st == ST_TIMEOUT) {
		service_refuse(s, op, st, PROBLEM_TIMEOUT,
		    "did not stop within its drain limit");
	} else if (st == ST_CONFLICT) {
		service_refuse(s, op, st, PROBLEM_UNRESTARTABLE,
		    "is unrestartable: a run of it did not end in time");
	} else if (st != ST_OK) {
		service_refuse(s, op, st, 0, status_text(st));
	} else {
		service_show(s, &told.state);
		(void)op_reply(op, MSG_service_told, &told);
	}
}

static void
service_call_tell(void *ctx, enum lifecycle_news news, enum status st)
{
	struct service *s = service_of(ctx);

	switch (news) {
	case LIFECYCLE_STUCK:
		LOG(SERVICE_STUCK, KV("service", s->def->name),
		    KU("generation", s->life.generation));
		return;
	case LIFECYCLE_REFUSED:
		LOG(SERVICE_UNRESTARTABLE, KV("service", s->def->name));
		return;
	case LIFECYCLE_DIED:
	case LIFECYCLE_SPOILT:
		service_note_failure(s, st, status_text(st));
		return;
	}
}

static void
service_call_changed(void *ctx, enum lifecycle_state was,
    enum lifecycle_state now, const char *why)
{
	struct service *s = service_of(ctx);

	LOG(SERVICE_STATE, KV("service", s->def->name),
	    KU("generation", s->life.generation),
	    KV("was", lifecycle_state_text(was)),
	    KV("now", lifecycle_state_text(now)), KV("why", why));
	if (was == LIFECYCLE_DRAINING && s->on_settled != NULL)
		s->on_settled(s->actor);
}

static const struct lifecycle_calls service_calls = {
	.spawn = service_call_spawn,
	.signal = service_call_signal,
	.cancel = service_call_cancel,
	.arm = service_call_arm,
	.disarm = service_call_disarm,
	.answer = service_call_answer,
	.tell = service_call_tell,
	.changed = service_call_changed,
};

void
service_init(struct service *s, struct actor *actor,
    const struct service_def *def, const struct service_times *times)
{
	s->def = def;
	s->actor = actor;
	s->times = *times;
	lifecycle_init(&s->life, &service_calls, s);
}

/* The asker's time is up: it learns nothing, and the service goes on. */
static enum status
service_on_asker_gone(struct actor *self, struct op *op, const struct msg *why)
{
	struct service_wish *w = op_data(op);

	(void)self;
	(void)why;
	lifecycle_forget(&w->service->life, &w->wish);
	service_refuse(w->service, op, ST_CANCELLED, PROBLEM_TIMEOUT,
	    "was asked by somebody who is gone; what was asked goes on");
	return ST_OK;
}

enum status
service_ask(struct service *s, const struct msg *in, bool wants_start)
{
	struct op *op = op_open(s->actor, in);
	struct service_wish *w;

	if (op == NULL)
		return ST_OK;
	w = op_data(op);
	w->service = s;
	w->op = op;
	(void)op_keep(op, service_on_asker_gone);
	if (wants_start)
		lifecycle_start(&s->life, &w->wish);
	else
		lifecycle_stop(&s->life, &w->wish);
	return ST_OK;
}

bool
service_wake(struct service *s, bool *ret_already)
{
	if (s->life.state != LIFECYCLE_RUNNING)
		return false;
	*ret_already = s->is_awoken;
	s->is_awoken = true;
	if (!s->is_at_work)
		service_wait(s);
	return true;
}

static bool
service_is_waiting(const struct service *s)
{
	return s->life.state == LIFECYCLE_RUNNING && !s->is_at_work &&
	       !s->is_awoken;
}

void
service_retime(struct service *s, const struct service_times *times)
{
	uint64_t was_us = service_interval_us(s);

	s->times = *times;
	if (service_is_waiting(s) && !service_has_cron(s) &&
	    service_interval_us(s) != was_us)
		service_wait(s);
}

void
service_replan(struct service *s, const struct service_plan *plan)
{
	s->plan = *plan;
	if (service_is_waiting(s))
		service_wait(s);
}

void
service_resume(
    struct service *s, const struct service_plan *plan, int64_t next_run_at)
{
	s->plan = *plan;
	if (next_run_at == 0) { /* the plan was made while it did not run */
		if (service_is_waiting(s))
			service_wait(s);
		return;
	}
	if (service_is_waiting(s))
		service_wait_on(s, next_run_at);
	else if (!s->is_at_work && s->life.state == LIFECYCLE_IDLE)
		s->resume_at = next_run_at;
}

void
service_forget_due(struct service *s)
{
	s->resume_at = 0;
}

static enum service_status
service_status_of(const struct service *s)
{
	switch (s->life.state) {
	case LIFECYCLE_IDLE:
		return SERVICE_IDLE;
	case LIFECYCLE_STARTING:
	case LIFECYCLE_RUNNING:
		return SERVICE_RUNNING;
	case LIFECYCLE_DRAINING:
		return SERVICE_DRAINING;
	case LIFECYCLE_FAILED:
		return SERVICE_FAILED;
	case LIFECYCLE_DEAD:
		break;
	}
	return SERVICE_DEAD;
}

void
service_show(const struct service *s, struct service_state *ret_state)
{
	*ret_state = (struct service_state){
		.service = s->def->name,
		.status = service_status_of(s),
		.generation = s->life.generation,
		.interval_ms = service_interval_us(s) / 1000,
		.runs = s->runs,
		.failures = s->failures,
		.last_run_at = s->last_run_at,
		.has_last_run_at = s->runs > 0,
		.next_run_at = s->next_run_at,
		.has_next_run_at =
		    s->life.state == LIFECYCLE_RUNNING && !s->is_at_work,
		.last_error = s->last_error,
	};
}
