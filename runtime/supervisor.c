#include "runtime/supervisor.h"

#include <assert.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/hot_path.h"
#include "runtime/node_inside.h"

const struct supervisor_config supervisor_default = { ONE_FOR_ONE,
	SUPERVISOR_INTENSITY, SUPERVISOR_WINDOW_US, SUPERVISOR_PAUSE_US,
	SUPERVISOR_PAUSE_MAX_US };

static const struct supervisor_config *
supervisor_of(const struct actor *a)
{
	return &a->loop->node->config.supervisor;
}

/* Everything that is not its mailbox. */
static void
actor_shed(struct actor *a, const char *why)
{
	struct list *link;

	op_close_all(a, why);
	while ((link = list_first(&a->timers)) != NULL)
		timer_stop(LIST_OF(link, struct timer, of_actor));
	if (a->info->class->stop != NULL)
		a->info->class->stop(a);
}

static void
actor_bounce_list(struct actor *a, struct mail_list *list, enum status st)
{
	struct mail *m;

	while ((m = mail_list_pop(list)) != NULL) {
		a->books[BOOK_DEAD]++;
		loop_bounce(a->loop, m, EDGE_DEAD, st, "its actor has ended");
	}
}

static void
actor_bounce_all(struct actor *a, enum status st)
{
	actor_bounce_list(a, &a->urgent, st);
	actor_bounce_list(a, &a->held, st);
	actor_bounce_list(a, &a->box, st);
	a->box_bytes = 0;
}

/* Requests held back during a slow start come first, in their order. */
static void
actor_release_held(struct actor *a)
{
	if (a->held.head == NULL)
		return;
	a->held.tail->next = a->box.head;
	if (a->box.tail == NULL)
		a->box.tail = a->held.tail;
	a->box.head = a->held.head;
	a->box.count += a->held.count;
	a->held = (struct mail_list){ 0 };
}

static void
actor_become_running(struct actor *a)
{
	actor_become(a, ACTOR_RUNNING);
	actor_release_held(a);
	loop_make_runnable(a->loop, a);
	LOG(ACTOR_START, KV("name", a->name), KU("addr", a->address));
	if (a->wants_ready) {
		a->wants_ready = false;
		node_actor_ready(a->loop->node);
	}
}

void
actor_begin(struct actor *a)
{
	const struct actor_class *class = a->info->class;
	enum status st = ST_OK;

	actor_become(a, ACTOR_STARTING);
	arena_reset(&a->loop->arena);
	a->loop->turn_answered = true;
	if (class->start != NULL)
		st = class->start(a);
	if (!list_empty(&a->loop->open_ops))
		op_sweep_open(a->loop);
	if (a->phase == ACTOR_STARTING && st != ST_OK)
		actor_ended_badly(a, st, "it did not start");
	else if (a->phase == ACTOR_STARTING && !class->starts_slowly)
		actor_become_running(a);
	else if (a->phase == ACTOR_STARTING)
		loop_make_runnable(a->loop, a);
	if (a->phase != ACTOR_WAITING && a->calls != NULL)
		loop_make_runnable(a->loop, a);
}

void
actor_ready(struct actor *self)
{
	if (self->phase == ACTOR_STARTING)
		actor_become_running(self);
}

void
actor_end(struct actor *a)
{
	wheel_stop(&a->loop->wheel, &a->supervised.restart);
	if (a->phase <= ACTOR_RUNNING)
		actor_shed(a, "its actor has ended");
	actor_become(a, ACTOR_ENDED);
	actor_bounce_all(a, ST_CLOSED);
	actor_run_calls(a, UINT32_MAX);
}

static void
actor_quarantine(struct actor *a, const char *why)
{
	actor_become(a, ACTOR_QUARANTINED);
	LOG(ACTOR_QUARANTINE, KV("name", a->name), KV("why", why));
	actor_bounce_all(a, ST_UNAVAILABLE);
	if (a->calls != NULL)
		loop_make_runnable(a->loop, a);
	node_failed(a->loop->node, a->name, why);
}

/* min * 2^(n-1), at most max, give or take a quarter. */
static uint64_t
supervisor_pause_us(const struct supervisor_config *c, struct actor *a)
{
	uint32_t doublings = a->supervised.failures - 1;
	uint64_t pause = c->pause_us;
	uint32_t dice;

	while (doublings-- > 0 && pause < c->pause_max_us)
		pause *= 2;
	if (pause > c->pause_max_us)
		pause = c->pause_max_us;
	actor_random(a, &dice, sizeof(dice));
	return pause - pause / 4 + (pause / 2) * dice / UINT32_MAX;
}

static void
actor_on_restart(struct timer_node *t)
{
	struct supervised *s = LIST_OF(t, struct supervised, restart);
	struct actor *a = LIST_OF(s, struct actor, supervised);

	memset(a->state, 0, a->info->class->state_size);
	actor_use_config(a, NULL);
	actor_begin(a);
}

/* Its mailbox goes on filling; nothing is handled until it is back. */
static void
actor_schedule_restart(struct actor *a)
{
	uint64_t pause = supervisor_pause_us(supervisor_of(a), a);

	actor_become(a, ACTOR_WAITING);
	LOG(ACTOR_RESTART, KV("name", a->name),
	    KU("failures", a->supervised.failures),
	    KU("pause_ms", pause / 1000));
	a->supervised.restart.fn = actor_on_restart;
	wheel_start(
	    &a->loop->wheel, &a->supervised.restart, a->loop->now_us + pause);
}

static void
actor_count_failure(struct actor *a)
{
	struct supervised *s = &a->supervised;

	if (a->loop->now_us - s->since_us > supervisor_of(a)->window_us) {
		s->since_us = a->loop->now_us;
		s->failures = 0;
	}
	s->failures++;
}

/* For company: somebody else has failed.  On its own loop. */
static void
actor_restart_along(struct actor *a)
{
	if (a->phase > ACTOR_RUNNING)
		return;
	actor_shed(a, "another actor of its group failed");
	if (a->supervised.failures == 0)
		a->supervised.failures = 1;
	actor_schedule_restart(a);
}

static void
actor_on_restart_asked(struct loop *l, struct parcel *p)
{
	struct supervised *s = LIST_OF(p, struct supervised, parcel);

	(void)l;
	atomic_store(&s->asked, false);
	actor_restart_along(LIST_OF(s, struct actor, supervised));
}

static void
supervisor_restart_group(struct actor *failed)
{
	enum strategy strategy = supervisor_of(failed)->strategy;

	if (strategy == ONE_FOR_ONE)
		return;
	for (struct actor *a = failed->loop->node->actors; a != NULL;
	     a = a->prev_of_node) {
		if (a == failed && strategy == REST_FOR_ONE)
			return;
		if (a == failed)
			continue;
		if (a->loop == failed->loop)
			actor_restart_along(a);
		else if (!atomic_exchange(&a->supervised.asked, true))
			loop_give(a->loop, &a->supervised.parcel);
	}
}

void
actor_ended_badly(struct actor *a, enum status st, const char *why)
{
	const struct actor_class *class = a->info->class;

	if (a->phase > ACTOR_RUNNING)
		return;
	LOG(ACTOR_FAILED, KV("name", a->name), KV("status", status_name(st)),
	    KV("why", why));
	actor_shed(a, why);
	if (class->restart == RESTART_NEVER) {
		actor_become(a, ACTOR_ENDED);
		actor_bounce_all(a, ST_CLOSED);
		return;
	}
	actor_count_failure(a);
	if (a->supervised.failures > supervisor_of(a)->intensity) {
		actor_quarantine(a, why);
		return;
	}
	actor_schedule_restart(a);
	supervisor_restart_group(a);
}

/* No failure: nothing is counted, and there is no pause. */
static void
actor_started_over(struct actor *a, const char *why)
{
	if (a->phase > ACTOR_RUNNING)
		return;
	actor_shed(a, why);
	actor_become(a, ACTOR_WAITING);
	LOG(ACTOR_RESTART, KV("name", a->name), KV("why", why));
	a->supervised.restart.fn = actor_on_restart;
	wheel_start(&a->loop->wheel, &a->supervised.restart, a->loop->now_us);
}

static void
actor_ended_for_good(struct actor *a, const char *why)
{
	if (a->phase > ACTOR_RUNNING)
		return;
	actor_shed(a, why);
	actor_quarantine(a, why);
}

void
actor_judge_turn(struct actor *a, enum status st, const char *why)
{
	struct failure *f = &a->loop->turn_failure;
	enum status told = f->st;

	if (__builtin_expect(st == ST_OK && told == ST_OK, 1))
		return;
	/* What follows is no part of it. */
	loop_end_turn(a->loop);
	f->st = ST_OK;
	if (told == ST_OK)
		actor_ended_badly(a, st, why);
	else if (f->afresh)
		actor_started_over(a, f->why);
	else if (f->hopeless)
		actor_ended_for_good(a, f->why);
	else
		actor_ended_badly(a, told, f->why);
}

/* Whoever called us may still hold an op or a timer.  The first word wins. */
static void
actor_fail_later(
    struct actor *a, enum status st, bool hopeless, const char *why)
{
	struct failure *f = &a->loop->turn_failure;

	if (f->st != ST_OK)
		return;
	f->st = st;
	f->afresh = false;
	f->hopeless = hopeless;
	text_fit(f->why, sizeof(f->why), why);
}

void
actor_give_up(struct actor *self, const char *why)
{
	if (self->loop->turn_actor == self)
		actor_fail_later(self, ST_UNAVAILABLE, true, why);
	else
		actor_ended_for_good(self, why);
}

void
actor_fail(struct actor *self, enum status st, const char *why)
{
	assert(st != ST_OK);
	if (self->loop->turn_actor == self)
		actor_fail_later(self, st, false, why);
	else
		actor_ended_badly(self, st, why);
}

void
supervised_init(struct supervised *s)
{
	*s = (struct supervised){ 0 };
	timer_node_init(&s->restart, actor_on_restart);
	s->parcel.fn = actor_on_restart_asked;
}

enum status
actor_on_start_over(struct actor *self, const struct msg *in)
{
	actor_fail_later(self, ST_CANCELLED, false, in->type->name);
	self->loop->turn_failure.afresh = true;
	return ST_OK;
}
