/*
 * books - a node's books (runtime/edge.h) as a file in the data folder, which
 * the node writes once a second while they change, and `status` prints.
 *
 * A line per edge: from, to, sent, queued, then each end in the order of
 * runtime/edge.def.  Bounds: BOOKS_ROWS_MAX edges; further ones are left out
 * and counted in the last line.
 */
#ifndef OPS_BOOKS_H
#define OPS_BOOKS_H

#include <stdio.h>

#include "ops/loaded.h"
#include "runtime/edge.h"

#define BOOKS_ROWS_MAX 4096u

struct node;

/* Checks the books of the node, and writes them if they have changed. */
void books_keep(const struct loaded *l, const char *name, struct node *n);

/* Prints what the node wrote last; the number of edges that do not balance. */
size_t books_print(
    const struct loaded *l, const char *name, bool json, FILE *out);

#endif
