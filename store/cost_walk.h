/*
 * cost_walk - the records of an agent, a task or a project, in their order.
 *
 * Their index is kept in blocks of COST_BLOCK records one after the other,
 * and by name within a block: what is written now lies together, however many
 * names there are, and a block that is full is never touched again.  So a
 * walk looks once into each block.
 */
#ifndef STORE_COST_WALK_H
#define STORE_COST_WALK_H

#include "store/cost.h"

#define COST_BLOCK 1024
#define COST_BLOCKS_MAX 20000 /* that a page may look into */

struct cost_walk {
	struct scan scan;
	const char *id; /* NULL: all there are, from their own table */
	uint64_t block;
	uint64_t blocks_left;
	bool cut_off; /* it has looked into as many blocks as it may */
};

/* The key of an index entry up to its record's. */
void cost_walk_prefix(struct key *k, uint64_t seq, const char *id);

/* table: an index, or that of the records with an id of NULL; close it. */
void cost_walk_open(
    struct cost_walk *w, struct txn *t, enum table table, const char *id);
void cost_walk_close(struct cost_walk *w);

/* The first behind a place; the next one.  False: none, or stuck. */
bool cost_walk_first(struct cost_walk *w, uint64_t after, uint64_t blocks_max,
    struct backend_entry *ret_entry);
bool cost_walk_next(struct cost_walk *w, struct backend_entry *ret_entry);

/* The record that an entry leads to; NULL: stuck. */
const struct cost_record *cost_walk_record(
    struct cost_walk *w, const struct backend_entry *entry);

#endif
