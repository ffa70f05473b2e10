/*
 * edge_table - the edges of one sending loop; for runtime/ alone.
 *
 * The sender's loop owns the first half of an edge, whoever ends its mails
 * the second.  They never share a cache line if these are two loops.  If they
 * are one, what is sent and what is handled are counted on the line that has
 * the route, which the sending reads anyway: a second line for each edge in
 * use is what the books would cost most.  So an edge stands in its room at
 * one of two places (edge_add), and no message pays for the difference.
 */
#ifndef RUNTIME_EDGE_TABLE_H
#define RUNTIME_EDGE_TABLE_H

#include <stddef.h>

#include "protocols/frame_head.h"
#include "runtime/base/hot.h"
#include "runtime/edge.h"
#include "runtime/mail.h"

#define EDGE_SLAB 64u /* as many as edge_slab.of_two has bits */
#define EDGE_SLABS (EDGES_MAX / EDGE_SLAB)
#define EDGE_SLOTS (2 * EDGES_MAX)
#define EDGE_LOOPS_MAX 64

struct edge {
	uint64_t near_ends[EDGE_ENDS]; /* by the sender's loop */
	uint64_t from;
	uint64_t to;
	uint64_t sent;
	struct actor *here; /* the receiver, if it is on the sender's loop */
	struct frame_route route; /* of no use in a sum of others */
	/* The second half. */
	uint64_t handled;    /* by the receiver's loop, as no other can */
	struct actor *there; /* the receiver on that loop, once found */
	uint16_t near;       /* the sender's loop */
	uint16_t far;        /* that has the receiver, or its link */
	/* The check's. */
	uint32_t row;
	bool was_off;                 /* it did not balance the last time */
	bool told;                    /* the log has it */
	uint64_t far_ends[EDGE_ENDS]; /* other ends, by the receiver's loop */
};

/*
 * Where an edge begins in its room.  Of two loops the halves are also on two
 * pairs of lines: processors like to fetch the second with the first.
 */
#define EDGE_PAIR (2 * MAIL_LINE)
#define EDGE_ROOM (3 * EDGE_PAIR)
#define EDGE_OF_ONE_LOOP (EDGE_PAIR - offsetof(struct edge, from))
#define EDGE_OF_TWO_LOOPS (2 * EDGE_PAIR - offsetof(struct edge, handled))
_Static_assert(
    offsetof(struct edge, there) - offsetof(struct edge, from) == MAIL_LINE,
    "of one loop: what every message needs is one line");
_Static_assert(
    EDGE_OF_TWO_LOOPS + sizeof(struct edge) <= EDGE_ROOM, "an edge has room");

struct edge_slab {
	uint8_t *rooms;
	uint64_t of_two; /* a bit for each: which place it has */
};

struct edge_table {
	struct edge *slots[EDGE_SLOTS];
	struct edge_slab slabs[EDGE_SLABS];
	uint8_t *others[EDGE_LOOPS_MAX]; /* rooms, by receiving loop */
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

/* m is through on this loop, but not handled. */
HOT_INLINE void
edge_end(struct mail *m, uint16_t loop, enum edge_end end)
{
	struct edge *e = m->edge;

	if (e->near == loop)
		edge_count(&e->near_ends[end]);
	else
		edge_count(&e->far_ends[end]);
}

/* Its receiver, on whose loop we are, takes m: its end is EDGE_HANDLED. */
HOT_INLINE void
edge_end_handled(struct mail *m)
{
	edge_count(&m->edge->handled);
}

/* The end that a status means, of what could not be delivered. */
enum edge_end edge_end_of(enum status st);

#endif
