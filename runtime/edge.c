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

static struct edge *
edge_alloc(size_t count)
{
	struct edge *e = aligned_alloc(MAIL_LINE, count * sizeof(*e));

	/* The books are not optional. */
	if (e == NULL)
		abort();
	memset(e, 0, count * sizeof(*e));
	return e;
}

static struct edge *
edge_other(struct loop *l, uint16_t far)
{
	struct edge_table *t = &l->edges;

	if (t->others[far] == NULL) {
		t->others[far] = edge_alloc(1);
		t->others[far]->near = l->index;
		t->others[far]->far = far;
		t->others[far]->route = frame_route(0, 0);
	}
	return t->others[far];
}

struct edge *
edge_add(struct loop *l, uint64_t from, uint64_t to)
{
	struct edge_table *t = &l->edges;
	struct edge **slab = &t->slabs[t->count / EDGE_SLAB % EDGE_SLABS];
	uint32_t slot = edge_slot(from, to);
	struct edge *e;

	if (t->count == EDGES_MAX)
		return edge_other(l, edge_far_loop(l, to));
	if (*slab == NULL)
		*slab = edge_alloc(EDGE_SLAB);
	e = &(*slab)[t->count++ % EDGE_SLAB];
	e->from = from;
	e->to = to;
	e->route = frame_route(from, to);
	e->near = l->index;
	e->far = edge_far_loop(l, to);
	e->here = loop_receiver(l, from, to);
	while (t->slots[slot % EDGE_SLOTS] != NULL)
		slot++;
	t->slots[slot % EDGE_SLOTS] = e;
	return e;
}

struct edge *
edge_nth(const struct edge_table *t, uint32_t n)
{
	if (n < t->count)
		return &t->slabs[n / EDGE_SLAB][n % EDGE_SLAB];
	return t->others[n - t->count];
}

void
edge_table_fini(struct edge_table *t)
{
	for (uint32_t i = 0; i < EDGE_SLABS; i++)
		free(t->slabs[i]);
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
