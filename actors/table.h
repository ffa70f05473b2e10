/*
 * table - rows by a 16-byte id, in the order of their ids.
 *
 * A treap (Aragon and Seidel, "Randomized search trees", 1989) over one
 * array: a row never moves, and the priority of a row is a hash of its id
 * and a salt, so that nobody who chooses ids can make the tree deep.
 *
 * Bounds:  rows_max, given once; the memory is reserved then, and the system
 *          gives a page of it when a row first touches it
 * Threads: one
 */
#ifndef ACTORS_TABLE_H
#define ACTORS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

/* The first member of every row. */
struct table_row {
	struct uuid id;
	uint32_t left; /* index + 1; 0: none */
	uint32_t right;
};

struct table {
	unsigned char *rows;
	size_t row_size;
	uint32_t rows_max;
	uint32_t made;
	uint32_t count;
	uint32_t root;
	uint32_t vacant;
	uint64_t salt;
};

/* NO_MEMORY.  A zeroed table is one that was never opened: fini is fine. */
MUST_CHECK enum status table_init(
    struct table *t, size_t row_size, uint32_t rows_max, uint64_t salt);
void table_fini(struct table *t);

/* NULL if there is none. */
void *table_find(const struct table *t, const struct uuid *id);

/* The row of that id, a new one zeroed; NULL at the bound. */
void *table_put(struct table *t, const struct uuid *id);

/* False if there was none. */
bool table_drop(struct table *t, const struct uuid *id);

/* The row with the next greater id; id NULL: the first.  NULL past the end. */
void *table_after(const struct table *t, const struct uuid *id);

#endif
