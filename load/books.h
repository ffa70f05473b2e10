/*
 * books - whether what a run has written down balances, edge by edge:
 *
 *   sent = handled + queued + refused + dead + lost
 *
 * Requests are refused by an answer that their edge counts.  A signal that
 * finds no room is refused where nobody can be told: what the receiver's
 * runtime has counted for it, or the link, explains it, and no more of them
 * than that.  lost is allowed only where a process has been killed at one end
 * of the edge.  Doubled and reordered are never allowed.  Beside these stand
 * the runtime's own books (runtime/edge.h), which must balance too.
 */
#ifndef LOAD_BOOKS_H
#define LOAD_BOOKS_H

#include "load/ledger.h"
#include "protocols/messages.h"

#define COMPLAINT_SIZE 256

struct books {
	struct load_tally tally;
	uint64_t reasons[LEDGER_STATUSES]; /* of the refused ones */
	uint64_t edges;
	uint64_t wrong;         /* edges that do not balance */
	uint64_t runtime_edges; /* of the runtime's books; 0: not read */
	uint64_t runtime_messages;
	bool balanced;
	char complaint[COMPLAINT_SIZE]; /* about the first of them */
};

/* Of a run whose nodes have ended. */
void books_close(const struct ledger *l, struct books *ret_books);

#endif
