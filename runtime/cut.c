#include "runtime/cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/bridge_inside.h"
#include "runtime/node_inside.h"

/*
 * One check at a time.  Each loop begins by noting its edges and sending a
 * marker to every loop; a loop that gets one fills in what it knows of the
 * sender's edges.  The last one in wakes whoever asked.
 */

struct cut_note {
	struct edge *edge;
	uint16_t far;
	struct edge_row row;
};

struct cut_part {
	struct cut *cut;
	struct loop *of;
	struct parcel begin;
	struct cut_note *notes;
	uint32_t count;
	uint32_t room;
};

struct marker {
	struct parcel parcel;
	struct cut_part *from;
};

struct cut {
	struct node *node;
	pthread_mutex_t one; /* check at a time */
	uint32_t missing;    /* markers; under node->lock */
	uint32_t loops;
	struct cut_part *parts;
	struct marker *markers; /* [from][to] */
};

void
cut_destroy(struct cut *a)
{
	if (a == NULL)
		return;
	for (uint32_t i = 0; a->parts != NULL && i < a->loops; i++)
		free(a->parts[i].notes);
	free(a->parts);
	free(a->markers);
	pthread_mutex_destroy(&a->one);
	free(a);
}

static void
cut_count_list(const struct cut_part *p, const struct mail_list *list)
{
	for (const struct mail *m = list->head; m != NULL; m = m->next)
		if (m->edge->near == p->of->index)
			p->notes[m->edge->row].row.queued++;
}

static void
cut_on_held(void *ctx, const struct mail_list *list)
{
	cut_count_list(ctx, list);
}

/* What loop l has of the edges of part: ends, and mails that wait. */
static void
cut_fill(struct loop *l, struct cut_part *part)
{
	for (uint32_t i = 0; i < part->count; i++) {
		struct cut_note *note = &part->notes[i];

		if (note->far != l->index)
			continue;
		note->row.ends[EDGE_HANDLED] += note->edge->handled;
		for (int e = 0; e < EDGE_ENDS; e++)
			note->row.ends[e] += note->edge->far_ends[e];
	}
	for (struct actor *a = l->node->actors; a != NULL;
	     a = a->prev_of_node) {
		if (a->loop != l)
			continue;
		cut_count_list(part, &a->urgent);
		cut_count_list(part, &a->held);
		cut_count_list(part, &a->box);
	}
	if (l->index == 0 && l->node->bridge != NULL)
		bridge_each_list(l->node->bridge, cut_on_held, part);
}

static void
cut_on_marker(struct loop *l, struct parcel *p)
{
	struct marker *m = LIST_OF(p, struct marker, parcel);
	struct node *n = l->node;

	cut_fill(l, m->from);
	pthread_mutex_lock(&n->lock);
	m->from->cut->missing--;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

static void
cut_note_edge(struct cut_part *p, struct edge *e)
{
	struct cut_note *note = &p->notes[p->count];

	*note = (struct cut_note){ .edge = e,
		.far = e->far,
		.row = { .from = e->from, .to = e->to, .sent = e->sent } };
	for (int i = 0; i < EDGE_ENDS; i++)
		note->row.ends[i] = e->near_ends[i];
	e->row = p->count++;
}

/* Once a second at most, and rarely more than the last time. */
static void
cut_make_room(struct cut_part *p, uint32_t need)
{
	if (need <= p->room)
		return;
	free(p->notes);
	p->room = need + EDGE_SLAB;
	p->notes = calloc(p->room, sizeof(p->notes[0]));
	if (p->notes == NULL)
		abort();
}

static void
cut_on_link(void *ctx, struct edge *e, uint64_t queued)
{
	struct cut_part *p = ctx;

	cut_note_edge(p, e);
	p->notes[e->row].row.queued = queued;
}

static void
cut_on_begin(struct loop *l, struct parcel *parcel)
{
	struct cut_part *p = LIST_OF(parcel, struct cut_part, begin);
	struct cut *a = p->cut;
	struct edge *e;

	cut_make_room(p, l->edges.count + a->loops + LINK_PEERS_MAX);
	p->count = 0;
	for (uint32_t i = 0; i < l->edges.count + a->loops; i++)
		if ((e = edge_nth(&l->edges, i)) != NULL)
			cut_note_edge(p, e);
	if (l->index == 0 && l->node->bridge != NULL)
		bridge_each_link(l->node->bridge, cut_on_link, p);
	l->dirty = 1;
	loop_flush(l);
	for (uint32_t to = 0; to < a->loops; to++) {
		struct marker *m = &a->markers[l->index * a->loops + to];

		m->parcel.fn = cut_on_marker;
		if (to == l->index)
			cut_on_marker(l, &m->parcel);
		else
			loop_give(&l->node->loops[to], &m->parcel);
	}
}

enum status
cut_create(struct node *n, struct cut **ret_cut)
{
	struct cut *a = calloc(1, sizeof(*a));
	uint32_t loops = n->config.loops;

	if (a == NULL)
		return ST_NO_MEMORY;
	a->node = n;
	a->loops = loops;
	pthread_mutex_init(&a->one, NULL);
	a->parts = calloc(loops, sizeof(a->parts[0]));
	a->markers = calloc((size_t)loops * loops, sizeof(a->markers[0]));
	if (a->parts == NULL || a->markers == NULL) {
		cut_destroy(a);
		return ST_NO_MEMORY;
	}
	for (uint32_t i = 0; i < loops; i++) {
		a->parts[i].cut = a;
		a->parts[i].of = &n->loops[i];
		a->parts[i].begin.fn = cut_on_begin;
		for (uint32_t to = 0; to < loops; to++)
			a->markers[i * loops + to].from = &a->parts[i];
	}
	*ret_cut = a;
	return ST_OK;
}

/* No thread turns the loops: we do, without letting an actor run. */
static void
cut_turn(struct node *n)
{
	bool any;

	do {
		any = false;
		for (uint32_t i = 0; i < n->config.loops; i++)
			any |= loop_take_inbox(&n->loops[i]);
	} while (any);
}

static enum status
cut_wait(struct cut *a)
{
	struct node *n = a->node;
	struct timespec until = node_time_after(EDGE_CUT_US);
	enum status st = ST_OK;

	if (!n->driven)
		cut_turn(n);
	pthread_mutex_lock(&n->lock);
	while (a->missing > 0 && st == ST_OK)
		if (pthread_cond_timedwait(&n->changed, &n->lock, &until) != 0)
			st = a->missing > 0 ? ST_TIMEOUT : ST_OK;
	pthread_mutex_unlock(&n->lock);
	return st;
}

/* With a->one held.  A cut that a stuck loop holds up is waited for again. */
static enum status
cut_run(struct cut *a)
{
	struct node *n = a->node;
	bool busy;

	pthread_mutex_lock(&n->lock);
	busy = a->missing > 0;
	if (!busy)
		a->missing = a->loops * a->loops;
	pthread_mutex_unlock(&n->lock);
	for (uint32_t i = 0; !busy && i < a->loops; i++)
		loop_give(&n->loops[i], &a->parts[i].begin);
	return cut_wait(a);
}

static void
cut_name(struct node *n, uint64_t address, char ret_name[EDGE_NAME_MAX + 1])
{
	unsigned node = address_node(address);

	if (address == 0)
		text_fit(ret_name, EDGE_NAME_MAX + 1, "others");
	else if (address_number(address) == ADDRESS_OUTSIDE)
		text_fit(ret_name, EDGE_NAME_MAX + 1, "outside");
	else if (address_number(address) == ADDRESS_LINK)
		snprintf(ret_name, EDGE_NAME_MAX + 1, "link:%u", node);
	else if (node != n->config.number)
		snprintf(ret_name, EDGE_NAME_MAX + 1, "node:%u/%u", node,
		    (unsigned)address_number(address));
	else
		text_fit(ret_name, EDGE_NAME_MAX + 1, node_name_of(n, address));
}

enum status
node_edges(
    struct node *n, struct edge_row *ret_rows, size_t max, size_t *ret_count)
{
	struct cut *a = n->cut;
	enum status st;
	size_t count = 0;

	pthread_mutex_lock(&a->one);
	st = cut_run(a);
	for (uint32_t i = 0; st == ST_OK && i < a->loops; i++)
		for (uint32_t j = 0; j < a->parts[i].count; j++, count++) {
			struct edge_row *row = &a->parts[i].notes[j].row;

			if (count >= max)
				continue;
			cut_name(n, row->from, row->from_name);
			cut_name(n, row->to, row->to_name);
			ret_rows[count] = *row;
		}
	pthread_mutex_unlock(&a->one);
	if (st == ST_OK)
		*ret_count = count;
	return st;
}

static void
cut_tell(struct node *n, struct cut_note *note)
{
	const struct edge_row *r = &note->row;

	note->edge->told = true;
	cut_name(n, r->from, note->row.from_name);
	cut_name(n, r->to, note->row.to_name);
	LOG(BOOKS_UNBALANCED, KV("from", r->from_name), KV("to", r->to_name),
	    KU("sent", r->sent), KU("queued", r->queued),
	    KU("ended", edge_row_ended(r)));
}

/* was_off and told are the checker's own, whatever line they stand on. */
static bool
cut_judge(struct node *n, struct cut_note *note)
{
	bool off = edge_row_missing(&note->row) != 0;

	if (off && note->edge->was_off && !note->edge->told)
		cut_tell(n, note);
	note->edge->was_off = off;
	return off;
}

size_t
node_check_books(struct node *n)
{
	struct cut *a = n->cut;
	size_t off = 0;

	pthread_mutex_lock(&a->one);
	if (cut_run(a) == ST_OK) {
		for (uint32_t i = 0; i < a->loops; i++)
			for (uint32_t j = 0; j < a->parts[i].count; j++)
				off += cut_judge(n, &a->parts[i].notes[j]);
		n->edges_off = off;
	}
	off = n->edges_off;
	pthread_mutex_unlock(&a->one);
	return off;
}
