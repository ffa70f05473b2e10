/*
 * cost_window - the cost records of the last days, in memory.
 *
 * Totals by project are kept exact as records come and go.  A record is in
 * once, whatever its id is sent for again.  At its bound the oldest record
 * leaves, which is counted; what is durable does not notice.
 *
 * Bounds: records_max, COST_PROJECTS_MAX.  Memory is taken from the system as
 * it is used.  Belongs to one actor.
 */
#ifndef ACTORS_COST_WINDOW_H
#define ACTORS_COST_WINDOW_H

#include "actors/chain.h"
#include "protocols/messages.h"

#define COST_PROJECTS_MAX 32768
#define COST_SLOT_NONE UINT32_MAX

struct cost_entry {
	struct chain_node by_id;
	struct uuid id;
	money cost;
	uint64_t input_tokens;
	uint64_t output_tokens;
	int64_t timestamp;
	uint32_t project; /* COST_SLOT_NONE: none */
	uint32_t place;   /* in the heap; in the free list: the next */
};

struct cost_project_sum {
	struct chain_node by_name;
	money cost;
	uint64_t count;
	uint32_t next_free;
	char name[ID_MAX + 1];
};

struct cost_window {
	struct cost_entry *entries;
	uint32_t *heap; /* the oldest first */
	uint32_t count;
	uint32_t used; /* entries that were ever taken */
	uint32_t free_entry;
	uint32_t records_max;
	struct chain ids;
	struct cost_project_sum *projects;
	uint32_t projects_used;
	uint32_t free_project;
	struct chain names;
	uint64_t seed;
	uint64_t evicted;  /* for want of room */
	uint64_t nameless; /* kept without their project, likewise */
};

/* records_max 0: keeps nothing, and knows nothing.  NO_MEMORY. */
MUST_CHECK enum status cost_window_init(
    struct cost_window *w, uint32_t records_max, uint64_t seed);
void cost_window_fini(struct cost_window *w);

/* False if it is there already, or nothing is kept. */
bool cost_window_add(struct cost_window *w, const struct cost_record *r);
/* By its id: it may have left by itself, and its place be another's. */
void cost_window_remove(struct cost_window *w, const struct uuid *id);

/* Those before cutoff leave; how many. */
uint64_t cost_window_prune(struct cost_window *w, int64_t cutoff);

/* False if nothing is kept. */
bool cost_window_total(
    const struct cost_window *w, const char *project_id, money *ret_cost);

/* Some of a project's, max at most; how many there are. */
uint64_t cost_window_list(const struct cost_window *w, const char *project_id,
    struct window_record *ret_records, uint32_t max);

#endif
