#include "actors/scheduler.h"

#include <string.h>

#include "actors/access.h"
#include "actors/scheduler_inside.h"

#define SCHEDULER_OPS_MAX 256   /* requests that wait */
#define WATCH_AGAIN_US 5000000u /* after the settings did not answer */

static const struct service_def service_defs[] = {
#define SERVICE(id, name, owner, interval, unit_ms, enabled, off, purpose) \
	{ name, ACTOR_NUMBER_##owner, SETTING_##interval, unit_ms,         \
		SETTING_##enabled, SERVICE_##off, purpose },
#include "actors/services.def"
#undef SERVICE
};

#define SERVICE_COUNT (sizeof(service_defs) / sizeof(service_defs[0]))
_Static_assert(SERVICE_COUNT <= SERVICES_MAX, "service_states holds them all");

static struct service_times
scheduler_times_of(struct actor *self, const struct service_def *def)
{
	struct scheduler_state *s = actor_state(self);

	return (struct service_times){
		.interval_us = 1000 * def->unit_ms *
			       live_number(&s->live, self, def->interval),
		.drain_us = 1000 * live_number(&s->live, self,
				       SETTING_scheduler_stop_drain_timeout_ms),
		.enabled = live_number(&s->live, self, def->enabled) != 0,
	};
}

/* Only a change counts: what an operator has stopped stays stopped. */
static void
scheduler_follow(
    struct scheduler_state *s, struct service *service, bool enabled)
{
	bool wanted = enabled || service->def->off == SERVICE_TICKS;

	if (service->is_wanted == wanted)
		return;
	service->is_wanted = wanted;
	if (!wanted)
		lifecycle_stop(&service->life, NULL);
	else if (!s->is_closing)
		lifecycle_start(&service->life, NULL);
}

static void
scheduler_retime(struct actor *self)
{
	struct scheduler_state *s = actor_state(self);

	for (size_t i = 0; i < SERVICE_COUNT; i++) {
		struct service_times times =
		    scheduler_times_of(self, &service_defs[i]);

		service_retime(&s->services[i], &times);
		scheduler_follow(s, &s->services[i], times.enabled);
	}
}

static enum status scheduler_watch(struct actor *self, struct timer *t);

static enum status
scheduler_on_overrides(
    struct actor *self, struct op *op, const struct msg *reply)
{
	struct scheduler_state *s = actor_state(self);

	if (reply->id == MSG_setting_overrides) {
		live_replace(&s->live, reply->body);
		scheduler_retime(self);
		for (size_t i = 0; i < SERVICE_COUNT; i++)
			service_forget_due(&s->services[i]);
	} else {
		timer_start(self, &s->watch, WATCH_AGAIN_US, scheduler_watch);
	}
	return OP_REPLY(op, done, 0);
}

static enum status
scheduler_watch(struct actor *self, struct timer *t)
{
	struct op *op = op_open(self, NULL);

	if (op == NULL) {
		timer_start(self, t, WATCH_AGAIN_US, scheduler_watch);
		return ST_OK;
	}
	return OP_ASK(op, actor_find(self, ACTOR_NUMBER(settings), 0),
	    setting_watch, scheduler_on_overrides, 0);
}

static enum status
scheduler_on_setting_changed(struct actor *self, const struct msg *in)
{
	struct scheduler_state *s = actor_state(self);
	const struct setting_changed *news = in->body;

	live_change(&s->live, news->namespace, news->key, news->value);
	scheduler_retime(self);
	return ST_OK;
}

static enum status
scheduler_on_setting_restarted(struct actor *self, const struct msg *in)
{
	struct scheduler_state *s = actor_state(self);

	(void)in;
	return scheduler_watch(self, &s->watch);
}

/* When the last service has stopped, or never will. */
static void
scheduler_check_drained(struct actor *self)
{
	struct scheduler_state *s = actor_state(self);

	if (!s->is_closing || s->has_drained)
		return;
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (s->services[i].life.state == LIFECYCLE_RUNNING ||
		    s->services[i].life.state == LIFECYCLE_DRAINING)
			return;
	s->has_drained = true;
	actor_drained(self);
}

static enum status
scheduler_start(struct actor *self)
{
	struct scheduler_state *s = actor_state(self);

	s->count = SERVICE_COUNT;
	for (size_t i = 0; i < SERVICE_COUNT; i++) {
		struct service_times times =
		    scheduler_times_of(self, &service_defs[i]);

		service_init(&s->services[i], self, &service_defs[i], &times);
		s->services[i].on_settled = scheduler_check_drained;
		s->services[i].on_planned = scheduler_note_planned;
		scheduler_follow(s, &s->services[i], times.enabled);
	}
	scheduler_restore(self);
	return scheduler_watch(self, &s->watch);
}

static void
scheduler_drain(struct actor *self)
{
	struct scheduler_state *s = actor_state(self);

	s->is_closing = true;
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		lifecycle_stop(&s->services[i].life, NULL);
	scheduler_check_drained(self);
}

struct service *
scheduler_find(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *name)
{
	struct scheduler_state *s = actor_state(self);
	uint32_t problem = access_check(caller, ACCESS_SERVICES);

	if (problem != 0) {
		(void)actor_refuse(self, in, problem, "for the ceo alone");
		return NULL;
	}
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (strcmp(service_defs[i].name, name) == 0)
			return &s->services[i];
	(void)REFUSE(self, in, NOT_FOUND, "there is no such service");
	return NULL;
}

static enum status
scheduler_on_service_start(struct actor *self, const struct msg *in)
{
	const struct scheduler_state *state = actor_state(self);
	const struct service_start *ask = in->body;
	struct service *s =
	    scheduler_find(self, in, &ask->caller, ask->service);

	if (s != NULL && state->is_closing)
		return REFUSE(self, in, UNAVAILABLE, "the node is stopping");
	return s == NULL ? ST_OK : service_ask(s, in, true);
}

static enum status
scheduler_on_service_stop(struct actor *self, const struct msg *in)
{
	const struct service_stop *ask = in->body;
	struct service *s =
	    scheduler_find(self, in, &ask->caller, ask->service);

	return s == NULL ? ST_OK : service_ask(s, in, false);
}

static enum status
scheduler_on_service_wake(struct actor *self, const struct msg *in)
{
	const struct service_wake *ask = in->body;
	struct service *s =
	    scheduler_find(self, in, &ask->caller, ask->service);
	struct service_told told = { 0 };

	if (s == NULL)
		return ST_OK;
	if (!service_wake(s, &told.already))
		return REFUSE(self, in, CONFLICT, "the service does not run");
	service_show(s, &told.state);
	return actor_reply(self, in, MSG_service_told, &told);
}

/* By name. */
static void
scheduler_sort(struct service_state *states, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct service_state moved = states[i];
		size_t at = i;

		while (at > 0 &&
		       strcmp(states[at - 1].service, moved.service) > 0) {
			states[at] = states[at - 1];
			at--;
		}
		states[at] = moved;
	}
}

static enum status
scheduler_on_service_list(struct actor *self, const struct msg *in)
{
	struct scheduler_state *s = actor_state(self);
	const struct service_list *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_SERVICES);
	struct service_state states[SERVICE_COUNT];

	if (problem != 0)
		return actor_refuse(self, in, problem, "for the ceo alone");
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		service_show(&s->services[i], &states[i]);
	scheduler_sort(states, SERVICE_COUNT);
	return REPLY(self, in, service_states, .services = states,
	    .services_count = SERVICE_COUNT);
}

static const struct handler scheduler_on[] = {
	ON(service_start, scheduler_on_service_start),
	ON(service_stop, scheduler_on_service_stop),
	ON(service_wake, scheduler_on_service_wake),
	ON(service_list, scheduler_on_service_list),
	ON(schedule_list, scheduler_on_schedule_list),
	ON(schedule_put, scheduler_on_schedule_put),
	ON(setting_changed, scheduler_on_setting_changed),
	ON(setting_restarted, scheduler_on_setting_restarted),
	{ 0 },
};

const struct actor_class scheduler_class = {
	.name = "scheduler",
	.state_size = sizeof(struct scheduler_state),
	.ops_max = SCHEDULER_OPS_MAX,
	.start = scheduler_start,
	.drain = scheduler_drain,
	.on = scheduler_on,
};
