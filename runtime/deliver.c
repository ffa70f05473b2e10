#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/node_inside.h"

/*
 * Mailboxes: two lanes, the control lane first.  Answers are let in whatever
 * the bound, since each was asked for and asks are bounded.
 */

static bool
actor_box_is_full(const struct actor *a, const struct mail *m)
{
	if (m->at[FRAME_AT_KIND] >= FRAME_REPLY)
		return false;
	if (m->at[FRAME_AT_LANE] == FRAME_CONTROL)
		return a->urgent.count >= ACTOR_URGENT_MAX;
	return a->box.count + a->held.count >= a->box_max ||
	       a->box_bytes + m->size > a->box_bytes_max;
}

/* Says so at each doubling past an eighth of the bound, not at each mail. */
static void
actor_warn_of_load(struct actor *a)
{
	LOG(ACTOR_OVERLOAD, KV("name", a->name), KU("queued", a->box.count));
	a->warn_at *= 2;
}

enum status
actor_accept(struct actor *a, struct mail *m)
{
	if (a->phase >= ACTOR_QUARANTINED)
		return ST_UNAVAILABLE;
	if (__builtin_expect(actor_box_is_full(a, m), 0)) {
		a->books[BOOK_FULL]++;
		return ST_FULL;
	}
	a->books[BOOK_ACCEPTED]++;
	a->box_bytes += m->size;
	mail_list_append(
	    m->at[FRAME_AT_LANE] == FRAME_CONTROL ? &a->urgent : &a->box, m);
	if (a->box.count >= a->warn_at)
		actor_warn_of_load(a);
	if (a->phase != ACTOR_WAITING)
		loop_make_runnable(a->loop, a);
	return ST_OK;
}

static struct flight_entry *
actor_record(struct actor *a, const struct frame *f)
{
	struct flight_entry *e = &a->flight[a->flight_at++ % FLIGHT_ENTRIES];

	e->at_us = a->loop->now_us;
	e->from = f->from;
	e->ref = f->ref;
	e->id = f->id;
	e->kind = f->kind;
	e->ended = ST_OK;
	return e;
}

/* What a handler leaves behind: its mail, and what it forgot to answer. */
static void
actor_end_turn(struct actor *a, enum status st)
{
	struct loop *l = a->loop;

	if (st == ST_OK && l->turn_head.kind == FRAME_REQUEST &&
	    !l->turn_answered && l->turn_head.ref != 0) {
		const struct wire_type *t = catalogue_find(l->turn_head.id);

		LOG(OP_UNANSWERED, KV("name", a->name),
		    KV("message", t == NULL ? "?" : t->name));
		(void)actor_refuse(a,
		    &(struct msg){
			.from = l->turn_head.from, .ref = l->turn_head.ref },
		    PROBLEM_INTERNAL, "the request was not answered");
	}
	if (!list_empty(&l->open_ops))
		op_sweep_open(l);
	if (l->turn_mail != NULL)
		loop_drop(l, l->turn_mail);
	l->turn_mail = NULL;
	l->turn_actor = NULL;
	l->cause = NULL;
}

/* The refusal is the answer: the turn owes none any more. */
static enum status
actor_bounce(struct actor *a, struct mail *m, enum edge_end end, enum status st,
    const char *detail)
{
	struct loop *l = a->loop;

	l->turn_mail = NULL;
	l->turn_answered = true;
	loop_bounce(l, m, end, st, detail);
	return ST_OK;
}

static enum status
actor_handle_new(struct actor *a, struct mail *m)
{
	struct loop *l = a->loop;
	const struct frame *f = &l->turn_head;
	const struct class_slot *slot = class_info_find(a->info, f->id);
	struct msg in = { f->id, f->kind, f->from, f->ref, f->deadline_us, NULL,
		NULL, f };
	enum status st;

	if (slot == NULL) {
		a->books[BOOK_UNKNOWN]++;
		return actor_bounce(
		    a, m, EDGE_UNKNOWN, ST_UNSUPPORTED, "no handler for it");
	}
	in.type = slot->type;
	st = wire_decode(slot->type, &l->arena, m->at + FRAME_HEAD,
	    m->size - FRAME_HEAD, &in.body);
	if (st != ST_OK) {
		a->books[BOOK_MALFORMED]++;
		return actor_bounce(
		    a, m, EDGE_MALFORMED, st, "its body did not decode");
	}
	a->books[BOOK_HANDLED]++;
	edge_end(m, l->index, EDGE_HANDLED);
	return slot->fn(a, &in);
}

static void
actor_handle(struct actor *a, struct mail *m)
{
	struct loop *l = a->loop;
	struct flight_entry *flight;
	enum status st = ST_OK;

	frame_read(m->at, &l->turn_head);
	flight = actor_record(a, &l->turn_head);
	if (l->turn_head.kind >= FRAME_REPLY) {
		op_on_answer(a, m);
		return;
	}
	if (l->turn_head.deadline_us <= l->now_us) {
		a->books[BOOK_LATE]++;
		loop_bounce(
		    l, m, EDGE_LATE, ST_TIMEOUT, "its deadline had passed");
		return;
	}
	arena_reset(&l->arena);
	l->turn_actor = a;
	l->turn_mail = m;
	l->turn_answered = false;
	l->cause = &l->turn_head;
	st = actor_handle_new(a, m);
	flight->ended = (uint8_t)st;
	actor_end_turn(a, st);
	actor_judge_turn(a, st, "a handler failed");
}

/* While an actor starts, it hears answers; requests wait. */
static bool
actor_must_hold(const struct actor *a, const struct mail *m)
{
	return a->phase == ACTOR_STARTING &&
	       m->at[FRAME_AT_KIND] < FRAME_REPLY &&
	       m->at[FRAME_AT_LANE] != FRAME_CONTROL;
}

static struct mail *
actor_next_mail(struct actor *a)
{
	struct mail *m = mail_list_pop(&a->urgent);

	while (m == NULL && (m = mail_list_pop(&a->box)) != NULL) {
		if (!actor_must_hold(a, m))
			break;
		mail_list_append(&a->held, m);
		m = NULL;
	}
	if (m != NULL)
		a->box_bytes -= m->size;
	if (a->box.head != NULL)
		mail_prefetch(a->box.head);
	return m;
}

bool
actor_run(struct actor *a, uint32_t budget)
{
	struct loop_shared *shared = a->loop->shared;
	struct mail *m;

	atomic_store_explicit(
	    &shared->turn_what, a->address, memory_order_relaxed);
	atomic_store_explicit(
	    &shared->turn_since_us, a->loop->now_us, memory_order_relaxed);
	while (budget-- > 0 && a->phase <= ACTOR_RUNNING &&
	       (m = actor_next_mail(a)) != NULL)
		actor_handle(a, m);
	atomic_store_explicit(&shared->turn_since_us, 0, memory_order_relaxed);
	return a->phase <= ACTOR_RUNNING &&
	       (a->box.count > 0 || a->urgent.count > 0);
}
