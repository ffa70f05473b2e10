/*
 * load_journey - `troupe load NAME` where NAME or FILE is a journey: against
 * --server, or a node of its own.
 */
#ifndef OPS_LOAD_JOURNEY_H
#define OPS_LOAD_JOURNEY_H

#include "ops/cmd.h"
#include "ops/journey.h"

/* Whether a text is a journey rather than a topology: it has a `round`. */
bool load_is_journey(struct bytes text);

struct load_journey {
	const struct cmd_args *args;
	struct journey journey;
	uint64_t repeat;
	FILE *progress;
};

/* Runs it so many times; each run is given to tell, which says how it went. */
enum cmd_exit load_journey(const struct load_journey *l,
    enum cmd_exit (*tell)(const struct cmd_args *args, const struct run *r));

#endif
