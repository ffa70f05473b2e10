#include "runtime/edge.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/node_inside.h"

static const char *const edge_end_names[EDGE_ENDS] = {
#define EDGE(id, name, doc) name,
#include "runtime/edge.def"
#undef EDGE
};

struct edge edge_none = { .to = UINT64_MAX };

const char *
edge_end_name(enum edge_end end)
{
	return (size_t)end < EDGE_ENDS ? edge_end_names[end] : "?";
}

enum edge_end
edge_end_of(enum status st)
{
	switch ((int)st) {
	case ST_FULL:
	case ST_NO_MEMORY:
		return EDGE_FULL;
	case ST_DENIED:
		return EDGE_DENIED;
	case ST_UNAVAILABLE:
		return EDGE_HOPELESS;
	default:
		return EDGE_AWAY;
	}
}

/* The loop on which mails to this address end: it has the actor or links. */
static uint16_t
edge_far_loop(const struct loop *l, uint64_t to)
{
	struct node *n = l->node;
	struct place *p;
	uint32_t loop_plus_1;

	if (address_node(to) != n->config.number)
		return n->remote == NULL ? l->index : 0;
	p = node_place_of(n, to);
	loop_plus_1 = p == NULL ? 0 : atomic_load(&p->loop_plus_1);
	return loop_plus_1 == 0 ? l->index : (uint16_t)(loop_plus_1 - 1);
}

static uint8_t *
edge_alloc(size_t count)
{
	uint8_t *rooms = aligned_alloc(EDGE_PAIR, count * EDGE_ROOM);

	/* The books are not optional. */
	if (rooms == NULL)
		abort();
	memset(rooms, 0, count * EDGE_ROOM);
	return rooms;
}

static struct edge *
edge_in_room(uint8_t *room, bool of_two)
{
	return (void *)(room + (of_two ? EDGE_OF_TWO_LOOPS : EDGE_OF_ONE_LOOP));
}

static struct edge *
edge_in_slab(const struct edge_slab *s, uint32_t n)
{
	return edge_in_room(
	    s->rooms + n * EDGE_ROOM, (s->of_two >> n & 1) != 0);
}

static struct edge *
edge_other(struct loop *l, uint16_t far)
{
	uint8_t **room = &l->edges.others[far];
	struct edge *e;

	if (*room != NULL)
		return edge_in_room(*room, true);
	*room = edge_alloc(1);
	e = edge_in_room(*room, true);
	e->near = l->index;
	e->far = far;
	e->route = frame_route(0, 0);
	return e;
}

static struct edge *
edge_take_room(struct edge_table *t, bool of_two)
{
	struct edge_slab *s = &t->slabs[t->count / EDGE_SLAB];
	uint32_t n = t->count++ % EDGE_SLAB;

	if (s->rooms == NULL)
		s->rooms = edge_alloc(EDGE_SLAB);
	s->of_two |= (uint64_t)of_two << n;
	return edge_in_slab(s, n);
}

struct edge *
edge_add(struct loop *l, uint64_t from, uint64_t to)
{
	struct edge_table *t = &l->edges;
	uint16_t far = edge_far_loop(l, to);
	uint32_t slot = edge_slot(from, to);
	struct edge *e;

	if (t->count == EDGES_MAX)
		return edge_other(l, far);
	e = edge_take_room(t, far != l->index);
	e->from = from;
	e->to = to;
	e->route = frame_route(from, to);
	e->near = l->index;
	e->far = far;
	e->here = loop_receiver(l, from, to);
	while (t->slots[slot % EDGE_SLOTS] != NULL)
		slot++;
	t->slots[slot % EDGE_SLOTS] = e;
	return e;
}

struct edge *
edge_nth(const struct edge_table *t, uint32_t n)
{
	uint8_t *room;

	if (n < t->count)
		return edge_in_slab(&t->slabs[n / EDGE_SLAB], n % EDGE_SLAB);
	room = t->others[n - t->count];
	return room == NULL ? NULL : edge_in_room(room, true);
}

void
edge_table_fini(struct edge_table *t)
{
	for (uint32_t i = 0; i < EDGE_SLABS; i++)
		free(t->slabs[i].rooms);
	for (uint32_t i = 0; i < EDGE_LOOPS_MAX; i++)
		free(t->others[i]);
	memset(t, 0, sizeof(*t));
}

uint64_t
edge_row_ended(const struct edge_row *r)
{
	uint64_t sum = 0;

	for (int i = 0; i < EDGE_ENDS; i++)
		sum += r->ends[i];
	return sum;
}

int64_t
edge_row_missing(const struct edge_row *r)
{
	return (int64_t)(r->sent - r->queued - edge_row_ended(r));
}
