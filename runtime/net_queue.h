/* net_queue - bytes owed, in order, behind references.  For net.c alone. */
#ifndef RUNTIME_NET_QUEUE_H
#define RUNTIME_NET_QUEUE_H

#include "runtime/net_inside.h"

/* Is there room for all of these, in the worst case? */
bool net_queue_admits(
    const struct net *n, const struct net_part *parts, size_t count);

/* Appends what follows the first skip bytes.  ST_NO_MEMORY: part of it. */
MUST_CHECK enum status net_queue_push(struct net *n, struct net_queue *q,
    const struct net_part *parts, size_t count, size_t skip);

/* Forgets the first so many bytes, which must be there. */
void net_queue_drop(struct net *n, struct net_queue *q, size_t size);

void net_queue_clear(struct net *n, struct net_queue *q);

#endif
