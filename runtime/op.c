#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/hot_path.h"
#include "runtime/node_inside.h"

/*
 * An op is OPEN while a handler holds it, and else waits: for a reply
 * (ASKING), for its actor (KEPT) or for a worker (WORKING).  Leaving a
 * waiting phase always goes through op_stop_waiting; ending always through
 * op_end.  A record that a worker still has is freed when it comes back.
 */

static void op_on_deadline(struct timer_node *t);

static void
op_become_open(struct op *op)
{
	op->phase = OP_OPEN;
	list_append(&op->actor->loop->open_ops, &op->open);
}

static void
op_stop_waiting(struct op *op)
{
	wheel_stop(&op->actor->loop->wheel, &op->deadline);
	op_become_open(op);
}

static void
op_wait(struct op *op, enum op_phase phase, op_fn fn)
{
	assert(op->phase == OP_OPEN && !op->ended);
	list_remove(&op->open);
	op->phase = (uint8_t)phase;
	op->fn = fn;
	wheel_start(&op->actor->loop->wheel, &op->deadline, op->deadline_us);
}

static void
op_free(struct op *op)
{
	pool_put(&op->actor->ops, op);
}

static void
op_end(struct op *op)
{
	assert(op->phase == OP_OPEN && !op->ended);
	list_remove(&op->open);
	op->ended = true;
	if (!op->at_work)
		op_free(op);
	else if (op->may_skip)
		atomic_store(&op->is_skipped, true);
}

static void
op_adopt(struct op *op, const struct msg *in)
{
	memcpy(op->head, in->head, FRAME_HEAD);
	op->hops = in->head[FRAME_AT_HOPS];
	op->from = frame_get_u64(in->head, FRAME_AT_FROM);
	op->deadline_us = frame_get_u64(in->head, FRAME_AT_DEADLINE);
	op->ref = in->ref;
	op->actor->loop->turn_answered = true;
}

struct op *
op_open(struct actor *self, const struct msg *in)
{
	struct op *op = pool_take(&self->ops);

	if (op == NULL) {
		if (in != NULL)
			(void)actor_refuse(self, in, PROBLEM_OVERLOADED,
			    "too many requests are open");
		return NULL;
	}
	op->actor = self;
	timer_node_init(&op->deadline, op_on_deadline);
	list_init(&op->open);
	op_become_open(op);
	op->hops = FRAME_HOPS;
	op->deadline_us = FRAME_DEADLINE_NONE;
	if (in != NULL)
		op_adopt(op, in);
	else
		memcpy(op->head, loop_no_cause, FRAME_HEAD);
	if (op->deadline_us == FRAME_DEADLINE_NONE)
		op->deadline_us = self->loop->now_us + ACTOR_ASK_US;
	return op;
}

void *
op_data(struct op *op)
{
	return op->data;
}

uint64_t
op_deadline_us(const struct op *op)
{
	return op->deadline_us;
}

uint64_t
op_caller(const struct op *op)
{
	return op->ref == 0 ? 0 : op->from;
}

void
op_limit(struct op *op, uint64_t us_from_now)
{
	uint64_t us = op->actor->loop->now_us + us_from_now;

	if (us < op->deadline_us)
		op->deadline_us = us;
}

void
op_within(struct op *op, uint64_t us_from_now)
{
	assert(op->phase == OP_OPEN && op->ref == 0);
	op->deadline_us = op->actor->loop->now_us + us_from_now;
}

/* A mail of this op; NULL without memory. */
static struct mail *
op_mail(struct op *op, enum frame_kind kind, uint16_t id, uint64_t to,
    uint64_t ref, uint64_t deadline_us)
{
	struct actor *a = op->actor;
	struct mail *m = mail_take(&a->loop->pool, MAIL_ROOM_SMALL);

	if (m != NULL)
		frame_begin(m->at, kind, id, a->address, to, ref, deadline_us,
		    op->head);
	return m;
}

/* Enters it in the books of its actor; a mail that is not whole is dropped. */
static void
op_post(struct op *op, struct mail *m, uint64_t to, enum status st)
{
	struct actor *a = op->actor;

	a->books[BOOK_UNSENT] += st != ST_OK;
	if (st == ST_OK)
		(void)loop_post_on(a->loop, m, actor_edge(a, to), FRAME_NORMAL);
	else if (m != NULL)
		loop_drop(a->loop, m);
}

void
op_trace(struct op *op, const uint8_t trace[16], uint64_t span)
{
	assert(op->phase == OP_OPEN && op->ref == 0);
	memcpy(op->head + FRAME_AT_TRACE, trace, 16);
	frame_put_u64(op->head, FRAME_AT_SPAN, span);
}

/* A request that failed at once comes back as a refusal all the same. */
enum status
op_ask(
    struct op *op, uint64_t to, uint16_t id, const void *body, op_fn on_reply)
{
	struct loop *l = op->actor->loop;
	struct mail *m = op_mail(op, FRAME_REQUEST, id, to,
	    pool_renew(&op->actor->ops, op), op->deadline_us);
	enum status st = ST_NO_MEMORY;

	if (m != NULL) {
		m->at[FRAME_AT_HOPS] =
		    (uint8_t)(op->hops > 0 ? op->hops - 1 : 0);
		st = loop_fill(l, &m, id, body);
	}
	op->asked = to;
	op_wait(op, OP_ASKING, on_reply);
	if (st != ST_OK) {
		op->early = (uint8_t)st;
		wheel_start(&l->wheel, &op->deadline, l->now_us);
	}
	op_post(op, m, to, st);
	return ST_OK;
}

uint64_t
op_handle(const struct op *op)
{
	return pool_handle(&op->actor->ops, op);
}

struct op *
op_find(struct actor *self, uint64_t handle)
{
	struct op *op = pool_find(&self->ops, handle);

	return op == NULL || op->ended ? NULL : op;
}

enum status
op_keep(struct op *op, op_fn on_deadline)
{
	op_wait(op, OP_KEPT, on_deadline);
	return ST_OK;
}

void
op_resume(struct op *op)
{
	assert(op->phase == OP_KEPT);
	op_stop_waiting(op);
}

/* Writes the answer; refs of 0 want none. */
static void
op_answer(struct op *op, enum frame_kind kind, uint16_t id, const void *body)
{
	struct mail *m;
	enum status st = ST_NO_MEMORY;

	if (op->phase == OP_KEPT)
		op_stop_waiting(op);
	if (op->ref != 0) {
		m = op_mail(
		    op, kind, id, op->from, op->ref, FRAME_DEADLINE_NONE);
		if (m != NULL)
			st = loop_fill_answer(op->actor->loop, &m, id, body);
		op_post(op, m, op->from, st);
	}
	op_end(op);
}

enum status
op_reply(struct op *op, uint16_t id, const void *body)
{
	op_answer(op, FRAME_REPLY, id, body);
	return ST_OK;
}

/* The body as it is; FULL past what a frame holds. */
static enum status
mail_copy_body(struct mail **mail, struct bytes body)
{
	struct mail *m = *mail;

	if (body.size > FRAME_MAX - FRAME_HEAD)
		return ST_FULL;
	m = mail_grow(m, (uint32_t)body.size + FRAME_HEAD);
	if (m == NULL)
		return ST_NO_MEMORY;
	memcpy(m->at + FRAME_HEAD, body.at, body.size);
	m->size = (uint32_t)body.size + FRAME_HEAD;
	*mail = m;
	return ST_OK;
}

enum status
op_reply_encoded(struct op *op, uint16_t id, struct bytes body)
{
	struct mail *m;
	enum status st = ST_NO_MEMORY;

	if (op->phase == OP_KEPT)
		op_stop_waiting(op);
	if (op->ref != 0) {
		m = op_mail(op, FRAME_REPLY, id, op->from, op->ref,
		    FRAME_DEADLINE_NONE);
		if (m != NULL)
			st = mail_copy_body(&m, body);
		op_post(op, m, op->from, st);
	}
	op_end(op);
	return ST_OK;
}

enum status
op_refuse_with(struct op *op, const struct refused *why)
{
	op_answer(op, FRAME_REFUSAL, MSG_refused, why);
	return ST_OK;
}

enum status
op_refuse(struct op *op, uint32_t problem, const char *detail)
{
	return op_refuse_with(op,
	    &(struct refused){
		.status = ST_DENIED, .problem = problem, .detail = detail });
}

enum status
op_close(struct op *op)
{
	op_answer(op, FRAME_REFUSAL, MSG_refused,
	    &(struct refused){ .status = ST_UNSUPPORTED,
		.problem = PROBLEM_INTERNAL,
		.detail = "nobody answered" });
	return ST_OK;
}

enum status
op_pass(struct op *op, const struct msg *reply)
{
	op_answer(op, reply->id == MSG_refused ? FRAME_REFUSAL : FRAME_REPLY,
	    reply->id, reply->body);
	return ST_OK;
}

enum status
op_on_pass(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	return op_pass(op, reply);
}

enum status
actor_ask(struct actor *self, const struct msg *in, uint64_t to, uint16_t id,
    const void *body, op_fn on_reply)
{
	struct op *op = op_open(self, in);

	return op == NULL ? ST_OK : op_ask(op, to, id, body, on_reply);
}

void
op_sweep_open(struct loop *l)
{
	struct list *link;

	while ((link = list_first(&l->open_ops)) != NULL) {
		struct op *op = LIST_OF(link, struct op, open);

		LOG(OP_UNANSWERED, KV("name", op->actor->name),
		    KV("message", "op"));
		(void)op_refuse(
		    op, PROBLEM_INTERNAL, "the request was not answered");
	}
}

/* Runs an op's function as a turn of its actor. */
static void
op_go_on(struct op *op, struct mail *m, const struct msg *reply)
{
	struct actor *a = op->actor;
	struct loop *l = a->loop;
	struct actor *outer = l->turn_actor; /* a, or nobody */
	enum status st;

	l->turn_actor = a;
	l->turn_mail = m;
	l->turn_answered = true;
	/* A copy: the function may end op, and open another one. */
	l->cause = memcpy(l->cause_kept, op->head, FRAME_HEAD);
	st = op->fn(a, op, reply);
	if (!list_empty(&l->open_ops))
		op_sweep_open(l);
	if (l->turn_mail != NULL)
		loop_drop(l, l->turn_mail);
	loop_end_turn(l);
	l->turn_actor = outer;
	actor_judge_turn(a, st, "an op failed");
}

static void
op_go_on_refused(struct op *op, enum status status, const char *detail)
{
	struct refused why = { .status = (uint32_t)status,
		.problem = problem_of_status(status),
		.detail = detail };
	struct msg in = { .id = MSG_refused,
		.kind = FRAME_REFUSAL,
		.type = CATALOGUE_TYPE(refused),
		.body = &why,
		.head = op->head };

	arena_reset(&op->actor->loop->arena);
	op_go_on(op, NULL, &in);
}

static void
op_on_deadline(struct timer_node *t)
{
	struct op *op = LIST_OF(t, struct op, deadline);
	enum status early = (enum status)op->early;

	op->early = ST_OK;
	op_stop_waiting(op);
	if (early != ST_OK)
		op_go_on_refused(op, early, "the request could not be sent");
	else
		op_go_on_refused(
		    op, ST_TIMEOUT, "no answer before the deadline");
}

/* Its mail is the caller's answer, with another head: the body is not read. */
static void
op_hand_on(struct op *op, struct mail *m, const struct msg *in)
{
	struct actor *a = op->actor;

	edge_end_handled(m);
	frame_begin(m->at, FRAME_REPLY, in->id, a->address, op->from, op->ref,
	    FRAME_DEADLINE_NONE, op->head);
	op_stop_waiting(op);
	op_post(op, m, op->from, ST_OK);
	op_end(op);
}

/* An answer has come: to whom?  What decodes badly is a refusal. */
void
op_on_answer(struct actor *a, struct mail *m, struct msg *in)
{
	struct loop *l = a->loop;
	struct op *op = pool_find(&a->ops, in->ref);

	if (op == NULL || op->phase != OP_ASKING) {
		a->books[BOOK_STALE]++;
		edge_end(m, l->index, EDGE_STALE);
		loop_drop(l, m);
		return;
	}
	if (op->fn == op_on_pass && op->ref != 0 && in->kind == FRAME_REPLY) {
		op_hand_on(op, m, in);
		return;
	}
	arena_reset(&l->arena);
	op_stop_waiting(op);
	in->type = catalogue_find(in->id);
	if (in->type == NULL ||
	    wire_decode(in->type, &l->arena, m->at + FRAME_HEAD,
		m->size - FRAME_HEAD, &in->body) != ST_OK) {
		a->books[BOOK_MALFORMED]++;
		edge_end(m, l->index, EDGE_MALFORMED);
		loop_drop(l, m);
		op_go_on_refused(op, ST_MALFORMED, "the answer did not decode");
		return;
	}
	edge_end_handled(m);
	op_go_on(op, m, in);
}

/* The worker is through: on its loop again. */
static void
op_on_work_done(struct loop *l, struct parcel *p)
{
	static const struct done done = { 0 };
	struct op *op = LIST_OF(p, struct op, parcel);
	struct msg in = { .id = MSG_done,
		.kind = FRAME_REPLY,
		.type = CATALOGUE_TYPE(done),
		.body = &done,
		.head = op->head };

	op->at_work = false;
	if (op->ended) {
		op_free(op);
		return;
	}
	arena_reset(&l->arena);
	op_stop_waiting(op);
	op_go_on(op, NULL, &in);
}

enum status
op_work(struct op *op, enum work_pool pool, work_fn run, op_fn on_done)
{
	struct node *n = op->actor->loop->node;

	op->run = run;
	op->parcel.fn = op_on_work_done;
	op->at_work = true;
	op->may_skip = pool == WORK_CPU;
	op_wait(op, OP_WORKING, on_done);
	if (work_push(&n->work[pool], op) == ST_OK)
		return ST_OK;
	op->at_work = false;
	op->early = ST_FULL;
	wheel_start(
	    &op->actor->loop->wheel, &op->deadline, op->actor->loop->now_us);
	return ST_OK;
}

void
op_close_asked(struct actor *a, uint32_t node)
{
	struct op *op;

	for (uint32_t i = 0; (op = pool_next(&a->ops, &i)) != NULL;) {
		if (op->phase != OP_ASKING || address_node(op->asked) != node)
			continue;
		op_stop_waiting(op);
		op_go_on_refused(op, ST_CLOSED, "the other node is gone");
	}
}

void
op_close_all(struct actor *a, const char *why)
{
	struct op *op;

	for (uint32_t i = 0; (op = pool_next(&a->ops, &i)) != NULL;) {
		if (op->ended)
			continue;
		if (op->phase != OP_OPEN)
			op_stop_waiting(op);
		(void)op_refuse_with(op, &(struct refused){ .status = ST_CLOSED,
					     .problem = PROBLEM_UNAVAILABLE,
					     .detail = why });
	}
}
