/* bridge_inside - what a check sees of a bridge; for runtime/ alone. */
#ifndef RUNTIME_BRIDGE_INSIDE_H
#define RUNTIME_BRIDGE_INSIDE_H

#include "runtime/bridge.h"
#include "runtime/edge_table.h"

/* The mails that wait for a link.  On loop 0. */
void bridge_each_list(const struct bridge *b,
    void (*on_list)(void *ctx, const struct mail_list *list), void *ctx);

/*
 * The links as edges, from node to node: what a link took is queued, carried
 * or lost.  On loop 0.
 */
void bridge_each_link(struct bridge *b,
    void (*on_link)(void *ctx, struct edge *e, uint64_t queued), void *ctx);

#endif
