#include "runtime/actor.h"

#include <assert.h>

#include "runtime/hot_path.h"
#include "runtime/node_inside.h"

void *
actor_state(struct actor *self)
{
	return self->state;
}

uint64_t
actor_address(const struct actor *self)
{
	return self->address;
}

const char *
actor_name(const struct actor *self)
{
	return self->name;
}

uint32_t
actor_shard(const struct actor *self)
{
	return address_shard(self->address);
}

uint64_t
actor_now_us(const struct actor *self)
{
	return self->loop->now_us;
}

uint64_t
actor_now_ms(const struct actor *self)
{
	return self->loop->now_us / 1000;
}

int64_t
actor_wall_us(const struct actor *self)
{
	return clock_wall_us(self->loop->node->config.clock);
}

void
actor_random(struct actor *self, void *ret_bytes, size_t size)
{
	const struct node_config *c = &self->loop->node->config;

	c->random(c->random_ctx, ret_bytes, size);
}

const struct config *
actor_config(const struct actor *self)
{
	return self->config != NULL ? self->config
				    : node_config(self->loop->node);
}

struct net *
actor_net(const struct actor *self)
{
	return self->loop->net;
}

uint64_t
actor_find(const struct actor *self, uint32_t number, uint32_t shard)
{
	const struct node_config *c = &self->loop->node->config;
	uint32_t node =
	    c->where == NULL ? c->number : c->where(c->topology, number, shard);

	return address_make(node, number, shard, 0);
}

uint32_t
actor_shards(const struct actor *self, uint32_t number)
{
	const struct node_config *c = &self->loop->node->config;

	return c->shards == NULL ? 1 : c->shards(c->topology, number);
}

uint32_t
actor_number_of(uint64_t address)
{
	uint32_t number = address_number(address);

	return number < ADDRESS_SPAWNED ? number : 0;
}

/* What straight code does not know; m has its head. */
HOT_SELDOM static enum status
actor_send_by_table(
    struct actor *self, struct mail *m, struct edge *e, const void *body)
{
	struct loop *l = self->loop;
	enum status st = loop_fill_by_table(l, &m, frame_get_id(m->at), body);

	if (st == ST_OK)
		return loop_post_on(l, m, e, FRAME_NORMAL);
	loop_drop(l, m);
	return st;
}

HOT_SELDOM static enum status
actor_not_sent(struct actor *self, enum status st)
{
	self->books[BOOK_UNSENT]++;
	return st;
}

enum status
actor_send(struct actor *self, uint64_t to, uint16_t id, const void *body)
{
	struct loop *l = self->loop;
	struct edge *e = actor_edge(self, to);
	struct mail *m = mail_take(&l->pool, MAIL_ROOM_SMALL);
	enum status st;

	if (__builtin_expect(m == NULL, 0))
		return actor_not_sent(self, ST_NO_MEMORY);
	frame_begin_signal(m->at, id, &e->route, l->cause);
	if (__builtin_expect(e->from == 0, 0)) { /* a sum of others */
		frame_put_u64(m->at, FRAME_AT_FROM, self->address);
		frame_put_u64(m->at, FRAME_AT_TO, to);
	}
	st = mail_fill_straight(m, MAIL_ROOM_SMALL, id, body)
		 ? loop_post_on(self->loop, m, e, FRAME_NORMAL)
		 : actor_send_by_table(self, m, e, body);
	return __builtin_expect(st == ST_OK, 1) ? st : actor_not_sent(self, st);
}

/* The mail of the request is to carry the answer: its head must be kept. */
static void
actor_keep_cause(struct loop *l, const struct mail *m)
{
	if (l->cause == m->at)
		l->cause = memcpy(l->cause_kept, m->at, FRAME_HEAD);
}

/* The request's own mail carries the answer, if nobody kept it. */
static struct mail *
actor_answer_mail(struct loop *l)
{
	struct mail *m = l->turn_mail;

	if (m == NULL || m->home != l->index)
		return mail_take(&l->pool, MAIL_ROOM_SMALL);
	actor_keep_cause(l, m);
	l->turn_mail = NULL;
	return m;
}

static void
actor_answer(struct actor *self, const struct msg *in, enum frame_kind kind,
    uint16_t id, const void *body)
{
	struct loop *l = self->loop;
	struct mail *m;
	enum status st = ST_NO_MEMORY;

	assert(!l->turn_answered);
	l->turn_answered = true;
	if (in->ref == 0)
		return;
	m = actor_answer_mail(l);
	if (m != NULL) {
		frame_begin(m->at, kind, id, self->address, in->from, in->ref,
		    FRAME_DEADLINE_NONE, l->cause);
		st = loop_fill_answer(l, &m, id, body);
	}
	if (st == ST_OK)
		st = loop_post_on(
		    l, m, actor_edge(self, in->from), FRAME_NORMAL);
	else if (m != NULL)
		loop_drop(l, m);
	self->books[BOOK_UNSENT] += st != ST_OK;
}

enum status
actor_reply(
    struct actor *self, const struct msg *in, uint16_t id, const void *body)
{
	actor_answer(self, in, FRAME_REPLY, id, body);
	return ST_OK;
}

enum status
actor_refuse_with(
    struct actor *self, const struct msg *in, const struct refused *why)
{
	actor_answer(self, in, FRAME_REFUSAL, MSG_refused, why);
	return ST_OK;
}

enum status
actor_refuse(struct actor *self, const struct msg *in, uint32_t problem,
    const char *detail)
{
	return actor_refuse_with(self, in,
	    &(struct refused){
		.status = ST_DENIED, .problem = problem, .detail = detail });
}

struct mail *
actor_keep_mail(struct actor *self, const struct msg *in)
{
	struct mail *m = self->loop->turn_mail;

	(void)in;
	if (m != NULL)
		actor_keep_cause(self->loop, m);
	self->loop->turn_mail = NULL;
	return m;
}

void
actor_drop_mail(struct actor *self, struct mail *m)
{
	loop_drop(self->loop, m);
}

void
actor_enter(struct actor *self)
{
	struct loop *l = self->loop;

	assert(l->turn_actor == NULL);
	l->now_us = clock_mono_us(l->node->config.clock);
	arena_reset(&l->arena);
	l->turn_actor = self;
	l->turn_answered = true;
}

void
actor_leave(struct actor *self, enum status st)
{
	struct loop *l = self->loop;

	if (!list_empty(&l->open_ops))
		op_sweep_open(l);
	l->turn_actor = NULL;
	actor_judge_turn(self, st, "a callback failed");
}

bool
actor_is_threaded(const struct actor *self)
{
	return self->loop->node->config.threaded;
}

struct bytes
actor_mail_body(const struct mail *m)
{
	return (struct bytes){ m->at + FRAME_HEAD, m->size - FRAME_HEAD };
}

static void
actor_take_call(struct actor *a, struct parcel *p)
{
	struct actor_call *c = LIST_OF(p, struct actor_call, parcel);

	actor_enter(a);
	c->fn(a, c);
	actor_leave(a, ST_OK);
}

/*
 * A commit of the store has many at once, and what each of them sets off is
 * to be done before the next: they take turns with other actors.
 */
static void
actor_on_call(struct loop *l, struct parcel *p)
{
	struct actor *a = LIST_OF(p, struct actor_call, parcel)->actor;

	if (a->phase == ACTOR_ENDED) {
		actor_take_call(a, p);
		return;
	}
	p->next = NULL;
	if (a->calls == NULL)
		a->calls = p;
	else
		a->last_call->next = p;
	a->last_call = p;
	/* Between its end and its restart it has no state to speak of. */
	if (a->phase != ACTOR_WAITING)
		loop_make_runnable(l, a);
}

void
actor_run_calls(struct actor *a, uint32_t max)
{
	while (max-- > 0 && a->calls != NULL && a->phase != ACTOR_WAITING) {
		struct parcel *p = a->calls;

		a->calls = p->next;
		actor_take_call(a, p);
	}
}

void
actor_call(struct actor *self, struct actor_call *c, actor_call_fn fn)
{
	c->parcel.fn = actor_on_call;
	c->actor = self;
	c->fn = fn;
	loop_give(self->loop, &c->parcel);
}

struct arena *
actor_arena(struct actor *self)
{
	return &self->loop->arena;
}

static void
timer_on_due(struct timer_node *node)
{
	struct timer *t = LIST_OF(node, struct timer, node);
	struct actor *a = t->actor;

	list_remove(&t->of_actor);
	actor_enter(a);
	actor_leave(a, t->fn(a, t));
}

static void
timer_adopt(struct actor *self, struct timer *t, timer_fn fn)
{
	if (t->actor == NULL) {
		timer_node_init(&t->node, timer_on_due);
		list_init(&t->of_actor);
		t->actor = self;
	}
	t->fn = fn;
	list_remove(&t->of_actor);
	list_append(&self->timers, &t->of_actor);
}

void
timer_start(struct actor *self, struct timer *t, uint64_t after_us, timer_fn fn)
{
	struct loop *l = self->loop;

	timer_adopt(self, t, fn);
	wheel_start(&l->wheel, &t->node, l->now_us + after_us);
}

void
timer_start_soon(struct actor *self, struct timer *t, timer_fn fn)
{
	timer_adopt(self, t, fn);
	wheel_start_soon(&self->loop->wheel, &t->node);
}

void
timer_stop(struct timer *t)
{
	if (t->actor == NULL)
		return;
	list_remove(&t->of_actor);
	wheel_stop(&t->actor->loop->wheel, &t->node);
}

bool
timer_is_running(const struct timer *t)
{
	return t->actor != NULL && timer_node_is_running(&t->node);
}
