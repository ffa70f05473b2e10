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

/* One that does not run is never calm. */
static void
actor_find_calm(struct actor *a)
{
	a->box_calm = a->warn_at < a->box_max ? a->warn_at : a->box_max;
	if (a->phase != ACTOR_RUNNING)
		a->box_calm = 0;
}

/* Says so at each doubling past an eighth of the bound, not at each mail. */
static void
actor_warn_of_load(struct actor *a)
{
	LOG(ACTOR_OVERLOAD, KV("name", a->name), KU("queued", a->box.count));
	a->warn_at *= 2;
	actor_find_calm(a);
}

void
actor_become(struct actor *a, enum actor_phase phase)
{
	a->phase = (uint8_t)phase;
	actor_find_calm(a);
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

HOT_INLINE void
actor_record(struct actor *a, const struct mail *m, const struct msg *in)
{
	struct flight_entry *e = &a->flight[a->flight_at++ % FLIGHT_ENTRIES];

	e->from = in->from;
	e->at_us = a->loop->now_us;
	memcpy(e->first, m->at, sizeof(e->first));
	e->ref = in->ref;
}

/* Of its handler, or of what it called. */
HOT_SELDOM static void
actor_failed_in_turn(struct actor *a, enum status st)
{
	a->flight[(a->flight_at - 1) % FLIGHT_ENTRIES].first[0] =
	    st == ST_OK ? FRAME_TAG_ARRAY : (uint8_t)st;
	actor_judge_turn(a, st, "a handler failed");
}

static void
actor_refuse_forgotten(struct actor *a, const struct msg *in)
{
	LOG(OP_UNANSWERED, KV("name", a->name), KV("message", in->type->name));
	(void)actor_refuse(
	    a, in, PROBLEM_INTERNAL, "the request was not answered");
}

/* What a handler leaves behind: its mail, and what it forgot to answer. */
HOT_INLINE void
actor_end_turn(
    struct actor *a, struct loop *l, const struct msg *in, enum status st)
{
	struct mail *m;

	if (in->kind == FRAME_REQUEST && !l->turn_answered && st == ST_OK &&
	    in->ref != 0)
		actor_refuse_forgotten(a, in);
	if (__builtin_expect(!list_empty(&l->open_ops), 0))
		op_sweep_open(l);
	m = l->turn_mail;
	if (m != NULL)
		loop_drop_here(l, m);
	if (__builtin_expect(st != ST_OK || l->turn_failure.st != ST_OK, 0))
		actor_failed_in_turn(a, st);
}

/* What is not the usual body: the table judges it. */
HOT_SELDOM static bool
actor_decode_by_table(struct loop *l, const struct class_slot *slot,
    const struct mail *m, const void **ret_body)
{
	arena_reset(&l->arena);
	return wire_decode(slot->type, &l->arena, m->at + FRAME_HEAD,
		   m->size - FRAME_HEAD, ret_body) == ST_OK;
}

HOT_INLINE bool
actor_decode(struct loop *l, const struct class_slot *slot,
    const struct mail *m, struct msg *in)
{
	l->arena.used = slot->room;
	in->body = l->arena.base;
	if (__builtin_expect(slot->unpack[in->ref != 0](m->at + FRAME_HEAD,
				 m->at + m->size, &l->arena, l->arena.base),
		1))
		return true;
	return actor_decode_by_table(l, slot, m, &in->body);
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

/* Of another kind than the message before it. */
HOT_SELDOM static const struct class_slot *
actor_turn_to_slot(struct actor *a, uint16_t id)
{
	const struct class_slot *slot = class_info_find(a->info, id);

	if (slot != NULL)
		a->slot = slot;
	return slot;
}

HOT_INLINE void
actor_handle_new(
    struct actor *a, struct loop *l, struct mail *m, struct msg *in)
{
	const struct class_slot *slot = a->slot;

	if (__builtin_expect(slot->id != in->id, 0))
		slot = actor_turn_to_slot(a, in->id);
	if (__builtin_expect(slot == NULL, 0) ||
	    __builtin_expect(in->deadline_us <= l->now_us, 0) ||
	    __builtin_expect(!actor_decode(l, slot, m, in), 0)) {
		actor_turn_away(a, m, slot);
		return;
	}
	in->type = slot->type;
	edge_end_handled(m);
	l->turn_mail = m;
	l->turn_answered = false;
	l->cause = m->at;
	actor_end_turn(a, l, in, slot->fn(a, in));
}

HOT_INLINE void
actor_handle(struct actor *a, struct loop *l, struct mail *m)
{
	struct msg in; /* type and body are set by who has them */

	in.id = frame_get_id(m->at);
	in.kind = m->at[FRAME_AT_KIND];
	in.from = frame_get_u64(m->at, FRAME_AT_FROM);
	in.ref = frame_get_u64(m->at, FRAME_AT_REF);
	in.deadline_us = frame_get_u64(m->at, FRAME_AT_DEADLINE);
	in.head = m->at;
	actor_record(a, m, &in);
	if (__builtin_expect(in.kind >= FRAME_REPLY, 0))
		op_on_answer(a, m, &in);
	else
		actor_handle_new(a, l, m, &in);
}

/* While an actor starts, it hears answers; requests wait. */
static bool
actor_must_hold(const struct mail *m)
{
	return m->at[FRAME_AT_KIND] < FRAME_REPLY &&
	       m->at[FRAME_AT_LANE] != FRAME_CONTROL;
}

/* The control lane first; of an actor that starts, no requests. */
HOT_SELDOM static struct mail *
actor_next_unusual(struct actor *a)
{
	struct mail *m = mail_list_pop(&a->urgent);

	while (m == NULL && (m = mail_list_pop(&a->box)) != NULL) {
		if (a->phase != ACTOR_STARTING || !actor_must_hold(m))
			break;
		mail_list_append(&a->held, m);
		m = NULL;
	}
	return m;
}

HOT_INLINE struct mail *
actor_next_mail(struct actor *a)
{
	struct mail *m;

	if (__builtin_expect(
		a->urgent.head != NULL || a->phase != ACTOR_RUNNING, 0))
		m = a->phase > ACTOR_RUNNING ? NULL : actor_next_unusual(a);
	else
		m = mail_list_pop(&a->box);
	if (__builtin_expect(m != NULL, 1)) {
		a->box_bytes -= m->size;
		if (a->box.head != NULL)
			mail_prefetch(a->box.head);
	}
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
	if (__builtin_expect(a->calls != NULL, 0))
		actor_run_calls(a, LOOP_ACTOR_CALLS);
	l->turn_actor = a;
	while (budget-- > 0 && (m = actor_next_mail(a)) != NULL)
		actor_handle(a, l, m);
	loop_end_turn(l);
	atomic_store_explicit(&shared->turn_since_us, 0, memory_order_relaxed);
	if (__builtin_expect(a->calls != NULL, 0))
		return a->phase != ACTOR_WAITING;
	return a->phase <= ACTOR_RUNNING &&
	       (a->box.count > 0 || a->urgent.count > 0);
}
