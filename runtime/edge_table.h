/*
 * edge_table - the edges of one sending loop; for runtime/ alone.
 *
 * The sender's loop owns the first half of an edge, whoever ends its mails
 * the second: two cache lines each, so that they never share one.
 */
#ifndef RUNTIME_EDGE_TABLE_H
#define RUNTIME_EDGE_TABLE_H

#include <stdalign.h>

#include "protocols/frame_head.h"
#include "runtime/base/hot.h"
#include "runtime/edge.h"
#include "runtime/mail.h"

#define EDGE_SLAB 64u
#define EDGE_SLABS (EDGES_MAX / EDGE_SLAB)
#define EDGE_SLOTS (2 * EDGES_MAX)
#define EDGE_LOOPS_MAX 64

struct edge {
	alignas(MAIL_LINE) uint64_t from;
	uint64_t to;
	uint64_t sent;
	struct actor *here; /* the receiver, if it is on the sender's loop */
	struct frame_route route;         /* of no use in a sum of others */
	uint64_t near_ends[EDGE_ENDS];    /* by the sender's loop */
	alignas(MAIL_LINE) uint16_t near; /* the sender's loop */
	uint16_t far;        /* that has the receiver, or its link */
	struct actor *there; /* the receiver on that loop, once found */
	uint64_t far_ends[EDGE_ENDS]; /* by that loop */
	/* The check's. */
	uint32_t row;
	bool was_off; /* it did not balance the last time */
	bool told;    /* the log has it */
};

struct edge_table {
	struct edge *slots[EDGE_SLOTS];
	struct edge *slabs[EDGE_SLABS];
	struct edge *others[EDGE_LOOPS_MAX]; /* by receiving loop */
	struct edge *last; /* that a frame of another node was entered on */
	uint32_t count;
};

struct actor;
struct loop;

HOT_INLINE uint32_t
edge_slot(uint64_t from, uint64_t to)
{
	uint64_t h = from * UINT64_C(0x9e3779b97f4a7c15) ^
		     to * UINT64_C(0xc2b2ae3d27d4eb4f);

	return (uint32_t)(h >> 40);
}

/* From nobody to nobody: never at hand, and never written to. */
extern struct edge edge_none;

/* Makes it; at the bound, that of further ones.  Never NULL. */
struct edge *edge_add(struct loop *l, uint64_t from, uint64_t to);
/* Those first, then the sums of others, which may be NULL. */
struct edge *edge_nth(const struct edge_table *t, uint32_t n);
void edge_table_fini(struct edge_table *t);

HOT_INLINE struct edge *
edge_find(struct loop *l, struct edge_table *t, uint64_t from, uint64_t to)
{
	for (uint32_t i = edge_slot(from, to);; i++) {
		struct edge *e = t->slots[i % EDGE_SLOTS];

		if (e == NULL)
			return edge_add(l, from, to);
		if (e->from == from && e->to == to)
			return e;
	}
}

/* One more.  Without it the books are empty: for bench/books.py alone. */
HOT_INLINE void
edge_count(uint64_t *count)
{
#ifndef TROUPE_NO_BOOKS
	(*count)++;
#else
	(void)count;
#endif
}

/* m is through, on this loop. */
HOT_INLINE void
edge_end(struct mail *m, uint16_t loop, enum edge_end end)
{
	struct edge *e = m->edge;

	if (e->near == loop)
		edge_count(&e->near_ends[end]);
	else
		edge_count(&e->far_ends[end]);
}

/* As edge_end, on the receiver's loop, whether it is the sender's or not. */
HOT_INLINE void
edge_end_far(struct mail *m, enum edge_end end)
{
	edge_count(&m->edge->far_ends[end]);
}

/* The end that a status means, of what could not be delivered. */
enum edge_end edge_end_of(enum status st);

#endif
