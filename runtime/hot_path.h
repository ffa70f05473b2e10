/*
 * hot_path - what every message passes through, inline; for the few files of
 * runtime/ that send and deliver.
 *
 * Each step does what the usual message needs and asks a function for the
 * rest: a receiver on this loop that runs and has room, a body that straight
 * code can write, a mail of its own pool.
 */
#ifndef RUNTIME_HOT_PATH_H
#define RUNTIME_HOT_PATH_H

#include "protocols/straight.h"
#include "runtime/loop.h"

/* The edge of what a sends to an address; those used last are at hand. */
HOT_INLINE struct edge *
actor_edge(struct actor *a, uint64_t to)
{
	struct edge **slot =
	    &a->edges[(address_number(to) + address_shard(to)) % ACTOR_EDGES];

	if (__builtin_expect((*slot)->to != to, 0))
		*slot = actor_edge_anew(a, to);
	return *slot;
}

/* Nothing is in hand any more. */
HOT_INLINE void
loop_end_turn(struct loop *l)
{
	l->turn_actor = NULL;
	l->turn_mail = NULL;
	l->cause = loop_no_cause;
}

/* As loop_drop, with the usual case inline. */
HOT_INLINE void
loop_drop_here(struct loop *l, struct mail *m)
{
	if (__builtin_expect(m->home == l->index, 1))
		mail_put(&l->pool, m);
	else
		loop_drop(l, m);
}

/* Into the mailbox; on failure the mail is still the caller's. */
HOT_INLINE enum status
actor_take_in(struct actor *a, struct mail *m, enum frame_lane lane)
{
	if (__builtin_expect(lane != FRAME_NORMAL ||
				 a->box.count >= a->box_calm ||
				 a->box_bytes + m->size > a->box_bytes_max,
		0))
		return actor_accept(a, m);
	a->box_bytes += m->size;
	mail_list_append(&a->box, m);
	if (!a->runnable)
		loop_make_runnable(a->loop, a);
	return ST_OK;
}

/* Enters m in the books of e, and routes it. */
HOT_INLINE enum status
loop_post_on(
    struct loop *l, struct mail *m, struct edge *e, enum frame_lane lane)
{
	enum status st;

	m->edge = e;
	edge_count(&e->sent);
	if (__builtin_expect(e->here == NULL, 0))
		return loop_route(l, m);
	st = actor_take_in(e->here, m, lane);
	return __builtin_expect(st == ST_OK, 1) ? st
						: loop_undelivered(l, m, st);
}

/* False: only the table can. */
HOT_INLINE bool
mail_fill_straight(struct mail *m, uint32_t room, uint16_t id, const void *body)
{
	uint8_t *end = NULL;

	if (id < STRAIGHT_IDS && straight_table[id].pack != NULL)
		end = straight_table[id].pack(
		    body, m->at + FRAME_HEAD, m->at + room);
	if (__builtin_expect(end == NULL, 0))
		return false;
	m->size = (uint32_t)(end - m->at);
	return true;
}

/* Writes body behind the head; m may move.  FULL past a bound. */
HOT_INLINE enum status
loop_fill(struct loop *l, struct mail **mail, uint16_t id, const void *body)
{
	return mail_fill_straight(*mail, mail_room(*mail), id, body)
		   ? ST_OK
		   : loop_fill_by_table(l, mail, id, body);
}

#endif
