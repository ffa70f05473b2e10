/*
 * journey_node - a node of one's own for a journey: `troupe run` in a scratch
 * folder, on a free port, with one account; all of it goes with it.
 *
 * The bounds that a lab would reach with one account are lifted: sessions,
 * sockets and pending tickets of a user; and a socket may stay silent.
 */
#ifndef OPS_JOURNEY_NODE_H
#define OPS_JOURNEY_NODE_H

#include "load/scratch.h"
#include "ops/journey.h"

struct journey_node {
	pid_t pid; /* 0: none */
	char dir[SCRATCH_SIZE];
	char address[128];
};

/* Blocks until it is ready.  IO with a sentence in why. */
MUST_CHECK enum status journey_node_start(
    struct journey_node *n, char ret_why[RUN_WHY_SIZE]);
/* Ends it, and takes its folder away; nothing if there is none. */
void journey_node_stop(struct journey_node *n);

/* How to log in there. */
#define JOURNEY_USER "load"
#define JOURNEY_PASSWORD "a pass phrase of the load lab"

#endif
