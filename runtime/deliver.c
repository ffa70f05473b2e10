#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/hot_path.h"
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
	a->box_calm = a->warn_at < a->box_max ? a->warn_at : a->box_max;
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
	a->box_bytes += m->size;
	mail_list_append(
	    m->at[FRAME_AT_LANE] == FRAME_CONTROL ? &a->urgent : &a->box, m);
	if (a->box.count >= a->warn_at)
		actor_warn_of_load(a);
	if (a->phase != ACTOR_WAITING)
		loop_make_runnable(a->loop, a);
	return ST_OK;
}

static void
actor_record(struct actor *a, const struct msg *in)
{
	a->flight[a->flight_at++ % FLIGHT_ENTRIES] = (struct flight_entry){
		.at_us = a->loop->now_us,
		.from = in->from,
		.ref = in->ref,
		.id = in->id,
		.kind = in->kind,
		.ended = ST_OK,
	};
}

static void
actor_refuse_forgotten(struct actor *a, const struct msg *in)
{
	LOG(OP_UNANSWERED, KV("name", a->name), KV("message", in->type->name));
	(void)actor_refuse(
	    a, in, PROBLEM_INTERNAL, "the request was not answered");
}

/* What a handler leaves behind: its mail, and what it forgot to answer. */
static void
actor_end_turn(struct actor *a, const struct msg *in, enum status st)
{
	struct loop *l = a->loop;
	struct mail *m;

	if (in->kind == FRAME_REQUEST && !l->turn_answered && st == ST_OK &&
	    in->ref != 0)
		actor_refuse_forgotten(a, in);
	if (__builtin_expect(!list_empty(&l->open_ops), 0))
		op_sweep_open(l);
	m = l->turn_mail;
	if (m != NULL)
		loop_drop_here(l, m);
	if (__builtin_expect(st != ST_OK || l->turn_failure.st != ST_OK, 0)) {
		a->flight[(a->flight_at - 1) % FLIGHT_ENTRIES].ended =
		    (uint8_t)st;
		actor_judge_turn(a, st, "a handler failed");
	}
}

/* Straight code knows the usual body; the table judges the rest. */
static enum status
actor_decode(struct loop *l, const struct class_slot *slot,
    const struct mail *m, bool answered, const void **ret_body)
{
	const struct straight *s = slot->straight;
	unpack_fn unpack;

	if (s != NULL) {
		/* An answer would be written over the bytes. */
		unpack = answered ? s->unpack : s->unpack_here;
		l->arena.used = slot->room;
		*ret_body = l->arena.base;
		if (unpack(m->at + FRAME_HEAD, m->at + m->size, &l->arena,
			l->arena.base))
			return ST_OK;
	}
	arena_reset(&l->arena);
	return wire_decode(slot->type, &l->arena, m->at + FRAME_HEAD,
	    m->size - FRAME_HEAD, ret_body);
}

/* Late, unknown or malformed: it has not been let in to a handler. */
static void
actor_turn_away(struct actor *a, struct mail *m, const struct class_slot *slot)
{
	struct loop *l = a->loop;

	if (frame_get_u64(m->at, FRAME_AT_DEADLINE) <= l->now_us) {
		a->books[BOOK_LATE]++;
		loop_bounce(
		    l, m, EDGE_LATE, ST_TIMEOUT, "its deadline had passed");
	} else if (slot == NULL) {
		a->books[BOOK_UNKNOWN]++;
		loop_bounce(
		    l, m, EDGE_UNKNOWN, ST_UNSUPPORTED, "no handler for it");
	} else {
		a->books[BOOK_MALFORMED]++;
		loop_bounce(l, m, EDGE_MALFORMED, ST_MALFORMED,
		    "its body did not decode");
	}
}

static void
actor_handle_new(struct actor *a, struct mail *m, struct msg *in)
{
	struct loop *l = a->loop;
	const struct class_slot *slot = a->slot;

	/* Messages of one kind often follow one another. */
	if (__builtin_expect(slot->id != in->id, 0)) {
		slot = class_info_find(a->info, in->id);
		a->slot = slot != NULL ? slot : &class_no_slot;
	}
	if (__builtin_expect(in->deadline_us <= l->now_us || slot == NULL, 0) ||
	    __builtin_expect(
		actor_decode(l, slot, m, in->ref != 0, &in->body) != ST_OK,
		0)) {
		actor_turn_away(a, m, slot);
		return;
	}
	in->type = slot->type;
	edge_end_far(m, EDGE_HANDLED);
	l->turn_mail = m;
	l->turn_answered = false;
	l->cause = m->at;
	actor_end_turn(a, in, slot->fn(a, in));
}

static void
actor_handle(struct actor *a, struct mail *m)
{
	struct msg in; /* type and body are set by who has them */

	in.id = frame_get_id(m->at);
	in.kind = m->at[FRAME_AT_KIND];
	in.from = frame_get_u64(m->at, FRAME_AT_FROM);
	in.ref = frame_get_u64(m->at, FRAME_AT_REF);
	in.deadline_us = frame_get_u64(m->at, FRAME_AT_DEADLINE);
	in.head = m->at;
	actor_record(a, &in);
	if (in.kind >= FRAME_REPLY)
		op_on_answer(a, m, &in);
	else
		actor_handle_new(a, m, &in);
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
	struct mail *m =
	    a->urgent.head == NULL ? NULL : mail_list_pop(&a->urgent);

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
	struct loop *l = a->loop;
	struct loop_shared *shared = l->shared;
	struct mail *m;

	atomic_store_explicit(
	    &shared->turn_what, a->address, memory_order_relaxed);
	atomic_store_explicit(
	    &shared->turn_since_us, l->now_us, memory_order_relaxed);
	l->turn_actor = a;
	while (budget-- > 0 && a->phase <= ACTOR_RUNNING &&
	       (m = actor_next_mail(a)) != NULL)
		actor_handle(a, m);
	loop_end_turn(l);
	atomic_store_explicit(&shared->turn_since_us, 0, memory_order_relaxed);
	return a->phase <= ACTOR_RUNNING &&
	       (a->box.count > 0 || a->urgent.count > 0);
}
