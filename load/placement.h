/*
 * placement - on which node and loop each member of a run lives.
 *
 *   one-loop            all on one thread of one process
 *   loops[:N]           one process, N threads
 *   loop-per-actor      one process, a thread for each
 *   processes[:N[xM]]   N processes of M threads each
 *   process-per-actor   a process for each
 *   hosts[:N[xM]]       as processes, each in a network namespace of its own
 *
 * Members are dealt out in their order, in blocks of the same size, so that
 * those of one role are neighbours.
 */
#ifndef LOAD_PLACEMENT_H
#define LOAD_PLACEMENT_H

#include "load/ledger.h"

#define PLACEMENT_NAME_MAX 31

struct placement {
	char name[PLACEMENT_NAME_MAX + 1]; /* as given */
	uint32_t nodes;
	uint32_t loops; /* of each node */
	bool namespaces;
};

/* INVALID with a sentence in why; members bounds what "per actor" means. */
MUST_CHECK enum status placement_parse(const char *text, uint32_t members,
    struct placement *ret_placement, char ret_why[PLAN_WHY_SIZE]);

/* Gives every member its node and loop, and settles the ledger. */
void placement_apply(const struct placement *p, struct ledger *l);

#endif
