/*
 * reload - the configuration is read again while the node runs (HUP).
 *
 * What is LIVE counts at once, on every node, since the settings actor tells
 * all who watch; what needs a restart is named in the log.  A configuration
 * with mistakes changes nothing.  What was read stays until the end, since
 * actors borrow from it.
 *
 * Bounds: RELOADS_MAX times in one life of a node
 */
#ifndef OPS_RELOAD_H
#define OPS_RELOAD_H

#include "ops/loaded.h"
#include "runtime/node.h"

#define RELOADS_MAX 256

struct reload {
	const struct cmd_args *args;
	const struct loaded *loaded; /* as the node started */
	unsigned number;             /* of the node */
	const struct config *now;
	struct config *kept[RELOADS_MAX];
	size_t count;
};

void reload_init(struct reload *r, const struct cmd_args *args,
    const struct loaded *l, unsigned number);
/* After the node is destroyed. */
void reload_fini(struct reload *r);
void reload_run(struct reload *r, struct node *n);

#endif
