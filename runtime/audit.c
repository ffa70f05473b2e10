#include "runtime/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/bridge_inside.h"
#include "runtime/node_inside.h"

/*
 * One audit at a time.  Each loop begins by noting its edges and sending a
 * marker to every loop; a loop that gets one fills in what it knows of the
 * sender's edges.  The last one in wakes whoever asked.
 */

struct audit_note {
	struct edge *edge;
	uint16_t far;
	struct edge_row row;
};

struct audit_part {
	struct audit *audit;
	struct loop *of;
	struct parcel begin;
	struct audit_note *notes;
	uint32_t count;
	uint32_t room;
};

struct marker {
	struct parcel parcel;
	struct audit_part *from;
};

struct audit {
	struct node *node;
	pthread_mutex_t one; /* audit at a time */
	uint32_t missing;    /* markers; under node->lock */
	uint32_t loops;
	struct audit_part *parts;
	struct marker *markers; /* [from][to] */
};

void
audit_destroy(struct audit *a)
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
audit_count_list(
    const struct audit_part *p, const struct mail_list *list, uint16_t source)
{
	for (const struct mail *m = list->head; m != NULL; m = m->next)
		if (m->source == source)
			p->notes[m->edge->row].row.queued++;
}

struct audit_walk {
	struct audit_part *part;
	uint16_t source;
};

static void
audit_on_held(void *ctx, const struct mail_list *list)
{
	const struct audit_walk *w = ctx;

	audit_count_list(w->part, list, w->source);
}

/* What loop l has of the edges of part: ends, and mails that wait. */
static void
audit_fill(struct loop *l, struct audit_part *part)
{
	struct audit_walk walk = { part, part->of->index };

	for (uint32_t i = 0; i < part->count; i++) {
		struct audit_note *note = &part->notes[i];

		for (int e = 0; note->far == l->index && e < EDGE_ENDS; e++)
			note->row.ends[e] += note->edge->far_ends[e];
	}
	for (struct actor *a = l->node->actors; a != NULL;
	     a = a->prev_of_node) {
		if (a->loop != l)
			continue;
		audit_count_list(part, &a->urgent, walk.source);
		audit_count_list(part, &a->held, walk.source);
		audit_count_list(part, &a->box, walk.source);
	}
	if (l->index == 0 && l->node->bridge != NULL)
		bridge_each_list(l->node->bridge, audit_on_held, &walk);
}

static void
audit_on_marker(struct loop *l, struct parcel *p)
{
	struct marker *m = LIST_OF(p, struct marker, parcel);
	struct node *n = l->node;

	audit_fill(l, m->from);
	pthread_mutex_lock(&n->lock);
	m->from->audit->missing--;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

static void
audit_note_edge(struct audit_part *p, struct edge *e)
{
	struct audit_note *note = &p->notes[p->count];

	*note = (struct audit_note){ .edge = e,
		.far = e->far,
		.row = { .from = e->from, .to = e->to, .sent = e->sent } };
	for (int i = 0; i < EDGE_ENDS; i++)
		note->row.ends[i] = e->near_ends[i];
	e->row = p->count++;
}

/* Once a second at most, and rarely more than the last time. */
static void
audit_make_room(struct audit_part *p, uint32_t need)
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
audit_on_begin(struct loop *l, struct parcel *parcel)
{
	struct audit_part *p = LIST_OF(parcel, struct audit_part, begin);
	struct audit *a = p->audit;
	struct edge *e;

	audit_make_room(p, l->edges.count + a->loops);
	p->count = 0;
	for (uint32_t i = 0; i < l->edges.count + a->loops; i++)
		if ((e = edge_nth(&l->edges, i)) != NULL)
			audit_note_edge(p, e);
	l->dirty = 1;
	loop_flush(l);
	for (uint32_t to = 0; to < a->loops; to++) {
		struct marker *m = &a->markers[l->index * a->loops + to];

		m->parcel.fn = audit_on_marker;
		if (to == l->index)
			audit_on_marker(l, &m->parcel);
		else
			loop_give(&l->node->loops[to], &m->parcel);
	}
}

enum status
audit_create(struct node *n, struct audit **ret_audit)
{
	struct audit *a = calloc(1, sizeof(*a));
	uint32_t loops = n->config.loops;

	if (a == NULL)
		return ST_NO_MEMORY;
	a->node = n;
	a->loops = loops;
	pthread_mutex_init(&a->one, NULL);
	a->parts = calloc(loops, sizeof(a->parts[0]));
	a->markers = calloc((size_t)loops * loops, sizeof(a->markers[0]));
	if (a->parts == NULL || a->markers == NULL) {
		audit_destroy(a);
		return ST_NO_MEMORY;
	}
	for (uint32_t i = 0; i < loops; i++) {
		a->parts[i].audit = a;
		a->parts[i].of = &n->loops[i];
		a->parts[i].begin.fn = audit_on_begin;
		for (uint32_t to = 0; to < loops; to++)
			a->markers[i * loops + to].from = &a->parts[i];
	}
	*ret_audit = a;
	return ST_OK;
}

/* No thread turns the loops: we do, without letting an actor run. */
static void
audit_turn(struct node *n)
{
	bool any;

	do {
		any = false;
		for (uint32_t i = 0; i < n->config.loops; i++)
			any |= loop_take_inbox(&n->loops[i]);
	} while (any);
}

static enum status
audit_wait(struct audit *a)
{
	struct node *n = a->node;
	struct timespec until = node_time_after(EDGE_AUDIT_US);
	enum status st = ST_OK;

	if (n->drivers == NULL)
		audit_turn(n);
	pthread_mutex_lock(&n->lock);
	while (a->missing > 0 && st == ST_OK)
		if (pthread_cond_timedwait(&n->changed, &n->lock, &until) != 0)
			st = a->missing > 0 ? ST_TIMEOUT : ST_OK;
	pthread_mutex_unlock(&n->lock);
	return st;
}

/* With a->one held.  A cut that a stuck loop holds up is waited for again. */
static enum status
audit_run(struct audit *a)
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
	return audit_wait(a);
}

static void
audit_name(struct node *n, uint64_t address, char ret_name[EDGE_NAME_MAX + 1])
{
	if (address == 0)
		text_fit(ret_name, EDGE_NAME_MAX + 1, "others");
	else if (address_node(address) != n->config.number)
		snprintf(ret_name, EDGE_NAME_MAX + 1, "node %u/%u",
		    (unsigned)address_node(address),
		    (unsigned)address_number(address));
	else
		text_fit(ret_name, EDGE_NAME_MAX + 1, node_name_of(n, address));
}

enum status
node_edges(
    struct node *n, struct edge_row *ret_rows, size_t max, size_t *ret_count)
{
	struct audit *a = n->audit;
	enum status st;
	size_t count = 0;

	pthread_mutex_lock(&a->one);
	st = audit_run(a);
	for (uint32_t i = 0; st == ST_OK && i < a->loops; i++)
		for (uint32_t j = 0; j < a->parts[i].count; j++, count++) {
			struct edge_row *row = &a->parts[i].notes[j].row;

			if (count >= max)
				continue;
			audit_name(n, row->from, row->from_name);
			audit_name(n, row->to, row->to_name);
			ret_rows[count] = *row;
		}
	pthread_mutex_unlock(&a->one);
	if (st == ST_OK)
		*ret_count = count;
	return st;
}

static void
audit_tell(struct node *n, struct audit_note *note)
{
	const struct edge_row *r = &note->row;

	note->edge->told = true;
	audit_name(n, r->from, note->row.from_name);
	audit_name(n, r->to, note->row.to_name);
	LOG(BOOKS_UNBALANCED, KV("from", r->from_name), KV("to", r->to_name),
	    KU("sent", r->sent), KU("queued", r->queued),
	    KU("ended", edge_row_ended(r)));
}

/* was_off and told are the auditor's own, whatever line they stand on. */
static bool
audit_judge(struct node *n, struct audit_note *note)
{
	bool off = edge_row_missing(&note->row) != 0;

	if (off && note->edge->was_off && !note->edge->told)
		audit_tell(n, note);
	note->edge->was_off = off;
	return off;
}

size_t
node_audit(struct node *n)
{
	struct audit *a = n->audit;
	size_t off = 0;

	pthread_mutex_lock(&a->one);
	if (audit_run(a) == ST_OK) {
		for (uint32_t i = 0; i < a->loops; i++)
			for (uint32_t j = 0; j < a->parts[i].count; j++)
				off += audit_judge(n, &a->parts[i].notes[j]);
		n->edges_off = off;
	}
	off = n->edges_off;
	pthread_mutex_unlock(&a->one);
	return off;
}
