/*
 * edge - the books: what became of every message, per sender and receiver.
 *
 * Double entry: the sender's loop counts what was sent, whoever ends a mail
 * counts its end, and a check walks the mailboxes for what is queued.  None
 * of the three is made from another, so a message that is lost, doubled or
 * forgotten leaves an edge on which they differ.
 *
 *   sent = queued + the sum of the ends (runtime/edge.def)
 *
 * A check is a consistent cut (K. M. Chandy, L. Lamport, "Distributed
 * Snapshots", 1985): each loop notes what it has sent and lets a marker
 * follow its mails, which arrive in order; when it has come, all that was
 * sent before it is with the receiver, and nothing that was sent after.  So
 * the books balance to the message while the loops run.
 *
 * Bounds:  EDGES_MAX edges per sending loop; the messages of further ones
 *          are summed in one row per receiving loop, with no names
 */
#ifndef RUNTIME_EDGE_H
#define RUNTIME_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

#define EDGES_MAX 4096u
#define EDGE_NAME_MAX 31

enum edge_end {
#define EDGE(id, name, doc) EDGE_##id,
#include "runtime/edge.def"
#undef EDGE
	EDGE_ENDS
};

struct edge_row {
	uint64_t from; /* addresses; 0 and 0: further edges, summed */
	uint64_t to;
	char from_name[EDGE_NAME_MAX + 1]; /* "node:3/7" elsewhere, "link:3" */
	char to_name[EDGE_NAME_MAX + 1];
	uint64_t sent;
	uint64_t queued;
	uint64_t ends[EDGE_ENDS];
};

struct node;

/*
 * Checks the node and copies at most max rows of the last check; returns how
 * many there are.  Any thread but a loop's; it waits for every loop to reach
 * the end of its turn, at most EDGE_CUT_US: then TIMEOUT, and the rows are
 * the last check's.
 */
#define EDGE_CUT_US 2000000
MUST_CHECK enum status node_edges(
    struct node *n, struct edge_row *ret_rows, size_t max, size_t *ret_count);

const char *edge_end_name(enum edge_end end);
/* Of the ends alone. */
uint64_t edge_row_ended(const struct edge_row *r);
/* Above 0: messages are missing.  Below: some were counted twice. */
int64_t edge_row_missing(const struct edge_row *r);

/*
 * Checks, and tells (event books.unbalanced) each edge that did not balance
 * in the last check either, once.  Returns how many do not balance now.  To
 * be called every second by whoever started the node.
 */
size_t node_check_books(struct node *n);

#endif
