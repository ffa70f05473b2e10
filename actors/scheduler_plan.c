#include <string.h>

#include "actors/access.h"
#include "actors/auditor.h"
#include "actors/scheduler_inside.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define KEEP_AGAIN_US 5000000u /* after the store did not answer */
#define SECOND_US UINT64_C(1000000)
#define ROWS_MISSING "the store has not told the schedules yet"

/* ---- rows ---- */

static uint64_t
scheduler_store(struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

static struct schedule_row
scheduler_row_of(const struct service *s, const struct service_plan *plan)
{
	return (struct schedule_row){ .service = s->def->name,
		.cron = plan->line,
		.interval_seconds = plan->interval_us / SECOND_US,
		.jitter_seconds = plan->jitter_us / SECOND_US,
		.missed = plan->missed,
		.next_run_at = s->next_run_at,
		.last_run_at = s->last_run_at };
}

static void scheduler_keep_next(struct actor *self);

static enum status
scheduler_on_keep_again(struct actor *self, struct timer *t)
{
	(void)t;
	scheduler_keep_next(self);
	return ST_OK;
}

static void
scheduler_keep_later(struct actor *self)
{
	struct scheduler_state *s = actor_state(self);

	timer_start(self, &s->keep, KEEP_AGAIN_US, scheduler_on_keep_again);
}

static enum status
scheduler_on_kept(struct actor *self, struct op *op, const struct msg *reply)
{
	struct scheduler_state *s = actor_state(self);
	const uint32_t *bit = op_data(op);

	s->is_keeping = false;
	if (reply->id == MSG_done) {
		scheduler_keep_next(self);
	} else {
		s->dirty |= *bit;
		scheduler_keep_later(self);
	}
	return op_close(op);
}

/* A row at a time, and none that a schedule_put is about to replace. */
static void
scheduler_keep_next(struct actor *self)
{
	struct scheduler_state *s = actor_state(self);
	struct schedule_row row;
	struct op *op;
	uint32_t bit;

	if (!s->has_rows || s->is_keeping || s->changing > 0 || s->dirty == 0)
		return;
	op = op_open(self, NULL);
	if (op == NULL) {
		scheduler_keep_later(self);
		return;
	}
	bit = s->dirty & -s->dirty;
	s->dirty &= ~bit;
	s->is_keeping = true;
	*(uint32_t *)op_data(op) = bit;
	row = scheduler_row_of(&s->services[__builtin_ctz(bit)],
	    &s->services[__builtin_ctz(bit)].plan);
	(void)OP_ASK(op, scheduler_store(self), store_schedule_put,
	    scheduler_on_kept, .row = row);
}

void
scheduler_note_planned(struct actor *self, struct service *service)
{
	struct scheduler_state *s = actor_state(self);

	s->dirty |= 1u << (service - s->services);
	scheduler_keep_next(self);
}

/* ---- after a start ---- */

/* False: the line, which was good once, is none. */
static bool
scheduler_plan_of(const struct schedule_row *row, struct service_plan *ret_plan)
{
	const char *why;

	*ret_plan = (struct service_plan){
		.interval_us = row->interval_seconds * SECOND_US,
		.jitter_us = row->jitter_seconds * SECOND_US,
		.missed = row->missed,
	};
	if (row->cron[0] == '\0')
		return true;
	return text_fit(ret_plan->line, sizeof(ret_plan->line), row->cron) &&
	       cron_parse(row->cron, &ret_plan->cron, &why) == ST_OK;
}

static void
scheduler_resume_row(struct scheduler_state *s, const struct schedule_row *row)
{
	for (uint32_t i = 0; i < s->count; i++) {
		struct service *one = &s->services[i];
		struct service_plan plan;

		if (strcmp(one->def->name, row->service) != 0 ||
		    !scheduler_plan_of(row, &plan))
			continue;
		if (one->runs == 0)
			one->last_run_at = row->last_run_at;
		service_resume(one, &plan, row->next_run_at);
	}
}

static enum status
scheduler_on_restore_again(struct actor *self, struct timer *t)
{
	(void)t;
	scheduler_restore(self);
	return ST_OK;
}

static enum status
scheduler_on_rows(struct actor *self, struct op *op, const struct msg *reply)
{
	struct scheduler_state *s = actor_state(self);
	const struct store_schedule_rows *page = reply->body;

	if (reply->id != MSG_store_schedule_rows) {
		timer_start(
		    self, &s->keep, KEEP_AGAIN_US, scheduler_on_restore_again);
		return op_close(op);
	}
	for (uint32_t i = 0; i < page->rows_count; i++)
		scheduler_resume_row(s, &page->rows[i]);
	s->has_rows = true;
	scheduler_keep_next(self);
	return op_close(op);
}

void
scheduler_restore(struct actor *self)
{
	struct scheduler_state *s = actor_state(self);
	struct op *op = op_open(self, NULL);

	if (op == NULL)
		timer_start(
		    self, &s->keep, KEEP_AGAIN_US, scheduler_on_restore_again);
	else
		(void)OP_ASK(op, scheduler_store(self), store_schedule_list,
		    scheduler_on_rows, 0);
}

/* ---- what operators ask ---- */

static void
scheduler_show(const struct service *s, struct schedule *ret_schedule)
{
	struct service_state state;

	service_show(s, &state);
	*ret_schedule = (struct schedule){
		.service = s->def->name,
		.purpose = s->def->purpose,
		.cron = s->plan.line[0] == '\0' ? NULL : s->plan.line,
		.interval_seconds = service_interval_us(s) / SECOND_US,
		.is_own = s->plan.line[0] != '\0' || s->plan.interval_us > 0,
		.jitter_seconds = s->plan.jitter_us / SECOND_US,
		.missed = s->plan.missed,
		.status = state.status,
		.next_run_at = state.next_run_at,
		.has_next_run_at = state.has_next_run_at,
		.last_run_at = s->last_run_at,
		.has_last_run_at = s->last_run_at != 0,
	};
}

enum status
scheduler_on_schedule_list(struct actor *self, const struct msg *in)
{
	struct scheduler_state *s = actor_state(self);
	const struct schedule_list *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_SERVICES);
	struct schedule all[SERVICES_MAX];

	if (problem != 0)
		return actor_refuse(self, in, problem, "for the ceo alone");
	if (!s->has_rows)
		return REFUSE(self, in, UNAVAILABLE, ROWS_MISSING);
	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t at = i;

		for (; at > 0 && strcmp(all[at - 1].service,
				     s->services[i].def->name) > 0;
		     at--)
			all[at] = all[at - 1];
		scheduler_show(&s->services[i], &all[at]);
	}
	return REPLY(
	    self, in, schedules, .schedules = all, .schedules_count = s->count);
}

struct scheduler_put {
	struct service *service;
	struct service_plan plan;
};

_Static_assert(sizeof(struct scheduler_put) <= OP_DATA_MAX, "an op keeps it");

static enum status
scheduler_on_put_kept(
    struct actor *self, struct op *op, const struct msg *reply)
{
	struct scheduler_state *s = actor_state(self);
	struct scheduler_put *put = op_data(op);
	struct schedule_told told;

	s->changing--;
	if (reply->id != MSG_done) {
		scheduler_keep_next(self);
		return op_pass(op, reply);
	}
	service_replan(put->service, &put->plan);
	LOG(SCHEDULE_CHANGED, KV("service", put->service->def->name),
	    KV("cron", put->plan.line),
	    KU("interval_s", service_interval_us(put->service) / SECOND_US));
	scheduler_keep_next(self);
	scheduler_show(put->service, &told.schedule);
	return op_reply(op, MSG_schedule_told, &told);
}

/* NULL, or what is wrong with it. */
static const char *
scheduler_put_read(
    const struct schedule_put *ask, int64_t now, struct service_plan *ret_plan)
{
	const char *why;
	int64_t next;

	*ret_plan = (struct service_plan){
		.interval_us = ask->interval_seconds * SECOND_US,
		.jitter_us = ask->jitter_seconds * SECOND_US,
		.missed = ask->has_missed ? ask->missed : MISSED_ONCE,
	};
	if (ask->has_interval_seconds && ask->cron != NULL)
		return "cron or interval_seconds, not both";
	if (ask->has_interval_seconds && ask->interval_seconds == 0)
		return "interval_seconds is at least 1";
	if (ask->cron == NULL)
		return NULL;
	if (cron_parse(ask->cron, &ret_plan->cron, &why) != ST_OK)
		return why;
	if (cron_next(&ret_plan->cron, now, &next) != ST_OK)
		return "cron names a time that never comes";
	(void)text_fit(ret_plan->line, sizeof(ret_plan->line), ask->cron);
	return NULL;
}

enum status
scheduler_on_schedule_put(struct actor *self, const struct msg *in)
{
	struct scheduler_state *s = actor_state(self);
	const struct schedule_put *ask = in->body;
	struct service *service =
	    scheduler_find(self, in, &ask->caller, ask->service);
	struct audit_note note =
	    audit_note_by(self, &ask->caller, "schedule.put", ask->service);
	struct scheduler_put *put;
	struct service_plan plan;
	struct schedule_row row;
	const char *wrong;
	struct op *op;

	if (service == NULL)
		return ST_OK;
	if (!s->has_rows)
		return REFUSE(self, in, UNAVAILABLE, ROWS_MISSING);
	wrong = scheduler_put_read(ask, actor_wall_us(self), &plan);
	if (wrong != NULL)
		return REFUSE(self, in, VALIDATION, wrong);
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	put = op_data(op);
	*put = (struct scheduler_put){ service, plan };
	row = scheduler_row_of(service, &plan);
	row.next_run_at = 0; /* known when it counts */
	s->changing++;
	return OP_ASK(op, scheduler_store(self), store_schedule_put,
	    scheduler_on_put_kept, .row = row, .audit = &note);
}
