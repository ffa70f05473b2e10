#include "actors/cost_window.h"

#include <stdlib.h>
#include <string.h>

#define ID_BUCKETS_MIN 1024
#define NAME_BUCKETS 16384

static size_t
buckets_for(uint32_t records)
{
	size_t n = ID_BUCKETS_MIN;

	while (n < records / 2)
		n *= 2;
	return n;
}

/* Zero pages cost nothing until they are written to. */
enum status
cost_window_init(struct cost_window *w, uint32_t records_max, uint64_t seed)
{
	size_t buckets = buckets_for(records_max);
	struct chain_node **ids, **names;

	*w = (struct cost_window){ .records_max = records_max,
		.free_entry = COST_SLOT_NONE,
		.free_project = COST_SLOT_NONE,
		.seed = seed };
	if (records_max == 0)
		return ST_OK;
	w->entries = calloc(records_max, sizeof(*w->entries));
	w->heap = calloc(records_max, sizeof(*w->heap));
	w->projects = calloc(COST_PROJECTS_MAX, sizeof(*w->projects));
	ids = calloc(buckets, sizeof(*ids));
	names = calloc(NAME_BUCKETS, sizeof(*names));
	if (ids != NULL)
		chain_init(&w->ids, ids, buckets);
	if (names != NULL)
		chain_init(&w->names, names, NAME_BUCKETS);
	if (w->entries != NULL && w->heap != NULL && w->projects != NULL &&
	    ids != NULL && names != NULL)
		return ST_OK;
	cost_window_fini(w);
	return ST_NO_MEMORY;
}

void
cost_window_fini(struct cost_window *w)
{
	free(w->entries);
	free(w->heap);
	free(w->projects);
	free(w->ids.buckets);
	free(w->names.buckets);
	*w = (struct cost_window){ 0 };
}

/* ---- the heap: slots of entries, the oldest on top ---- */

static void
heap_set(struct cost_window *w, uint32_t place, uint32_t slot)
{
	w->heap[place] = slot;
	w->entries[slot].place = place;
}

static int64_t
heap_time(const struct cost_window *w, uint32_t place)
{
	return w->entries[w->heap[place]].timestamp;
}

static void
heap_up(struct cost_window *w, uint32_t place)
{
	uint32_t slot = w->heap[place];
	int64_t at = w->entries[slot].timestamp;

	while (place > 0 && heap_time(w, (place - 1) / 2) > at) {
		heap_set(w, place, w->heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	heap_set(w, place, slot);
}

static void
heap_down(struct cost_window *w, uint32_t place)
{
	uint32_t slot = w->heap[place];
	int64_t at = w->entries[slot].timestamp;

	for (;;) {
		uint32_t child = 2 * place + 1;

		if (child >= w->count)
			break;
		if (child + 1 < w->count &&
		    heap_time(w, child + 1) < heap_time(w, child))
			child++;
		if (heap_time(w, child) >= at)
			break;
		heap_set(w, place, w->heap[child]);
		place = child;
	}
	heap_set(w, place, slot);
}

static void
heap_take(struct cost_window *w, uint32_t place)
{
	uint32_t last = w->heap[--w->count];

	if (place == w->count)
		return;
	heap_set(w, place, last);
	heap_up(w, place);
	heap_down(w, w->entries[last].place);
}

/* ---- projects ---- */

static uint64_t
name_hash(const struct cost_window *w, const char *name)
{
	return chain_hash(name, strlen(name), w->seed);
}

static struct cost_project_sum *
project_find(const struct cost_window *w, const char *name)
{
	struct chain_node *n = chain_first(&w->names, name_hash(w, name));

	for (; n != NULL; n = chain_next(n)) {
		struct cost_project_sum *p =
		    CHAIN_OF(n, struct cost_project_sum, by_name);

		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

/* NULL: as many as there may be. */
static struct cost_project_sum *
project_make(struct cost_window *w, const char *name)
{
	struct cost_project_sum *p;

	if (w->free_project != COST_SLOT_NONE) {
		p = &w->projects[w->free_project];
		w->free_project = p->next_free;
	} else if (w->projects_used < COST_PROJECTS_MAX) {
		p = &w->projects[w->projects_used++];
	} else {
		return NULL;
	}
	*p = (struct cost_project_sum){ .next_free = COST_SLOT_NONE };
	strncat(p->name, name, ID_MAX);
	chain_put(&w->names, &p->by_name, name_hash(w, name));
	return p;
}

static void
project_leave(struct cost_window *w, const struct cost_entry *e)
{
	struct cost_project_sum *p;

	if (e->project == COST_SLOT_NONE)
		return;
	p = &w->projects[e->project];
	p->cost -= e->cost;
	if (--p->count > 0)
		return;
	chain_take(&w->names, &p->by_name);
	p->next_free = w->free_project;
	w->free_project = e->project;
}

static uint32_t
project_join(struct cost_window *w, const struct cost_record *r)
{
	struct cost_project_sum *p;

	if (r->project_id == NULL)
		return COST_SLOT_NONE;
	p = project_find(w, r->project_id);
	if (p == NULL)
		p = project_make(w, r->project_id);
	if (p == NULL) {
		w->nameless++;
		return COST_SLOT_NONE;
	}
	p->cost += r->cost; /* 2^20 costs of a million stay far in range */
	p->count++;
	return (uint32_t)(p - w->projects);
}

/* ---- records ---- */

static uint64_t
id_hash(const struct cost_window *w, const struct uuid *id)
{
	return chain_hash(id->octets, sizeof(id->octets), w->seed);
}

/* NULL: it is not in memory. */
static struct cost_entry *
entry_find(const struct cost_window *w, const struct uuid *id, uint64_t hash)
{
	struct chain_node *n = chain_first(&w->ids, hash);

	for (; n != NULL; n = chain_next(n)) {
		struct cost_entry *e = CHAIN_OF(n, struct cost_entry, by_id);

		if (memcmp(e->id.octets, id->octets, sizeof(id->octets)) == 0)
			return e;
	}
	return NULL;
}

static uint32_t
entry_take(struct cost_window *w)
{
	uint32_t slot = w->free_entry;

	if (slot == COST_SLOT_NONE)
		return w->used++;
	w->free_entry = w->entries[slot].place;
	return slot;
}

static void
entry_drop(struct cost_window *w, struct cost_entry *e)
{
	heap_take(w, e->place);
	chain_take(&w->ids, &e->by_id);
	project_leave(w, e);
	e->place = w->free_entry;
	w->free_entry = (uint32_t)(e - w->entries);
}

static void
entry_drop_oldest(struct cost_window *w)
{
	entry_drop(w, &w->entries[w->heap[0]]);
}

void
cost_window_remove(struct cost_window *w, const struct uuid *id)
{
	struct cost_entry *e =
	    w->records_max == 0 ? NULL : entry_find(w, id, id_hash(w, id));

	if (e != NULL)
		entry_drop(w, e);
}

bool
cost_window_add(struct cost_window *w, const struct cost_record *r)
{
	uint64_t hash = id_hash(w, &r->record_id);
	struct cost_entry *e;
	uint32_t slot;

	if (w->records_max == 0 || entry_find(w, &r->record_id, hash) != NULL)
		return false;
	if (w->count == w->records_max) {
		entry_drop_oldest(w);
		w->evicted++;
	}
	slot = entry_take(w);
	e = &w->entries[slot];
	*e = (struct cost_entry){ .id = r->record_id,
		.cost = r->cost,
		.input_tokens = r->input_tokens,
		.output_tokens = r->output_tokens,
		.timestamp = r->timestamp,
		.project = project_join(w, r) };
	chain_put(&w->ids, &e->by_id, hash);
	heap_set(w, w->count++, slot);
	heap_up(w, e->place);
	return true;
}

uint64_t
cost_window_prune(struct cost_window *w, int64_t cutoff)
{
	uint64_t n = 0;

	for (; w->count > 0 && heap_time(w, 0) < cutoff; n++)
		entry_drop_oldest(w);
	return n;
}

bool
cost_window_total(
    const struct cost_window *w, const char *project_id, money *ret_cost)
{
	const struct cost_project_sum *p;

	if (w->records_max == 0)
		return false;
	p = project_find(w, project_id);
	*ret_cost = p == NULL ? 0 : p->cost;
	return true;
}

uint64_t
cost_window_list(const struct cost_window *w, const char *project_id,
    struct window_record *ret_records, uint32_t max)
{
	const struct cost_project_sum *p =
	    w->records_max == 0 ? NULL : project_find(w, project_id);
	uint32_t n = 0;

	for (uint32_t i = 0; p != NULL && i < w->count && n < max; i++) {
		const struct cost_entry *e = &w->entries[w->heap[i]];

		if (e->project != (uint32_t)(p - w->projects))
			continue;
		ret_records[n++] = (struct window_record){ .record_id = e->id,
			.cost = e->cost,
			.input_tokens = e->input_tokens,
			.output_tokens = e->output_tokens,
			.timestamp = e->timestamp };
	}
	return p == NULL ? 0 : p->count;
}
