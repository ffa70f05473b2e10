/*
 * listen - the gateway's doors: every address it takes connections on.
 *
 * The doors of runtime/door.h are for clients.  Shard 0 has one more, the
 * control socket of the data folder: whoever comes through it is `system`, if
 * the kernel says that it runs as our user or as root, and is turned away
 * otherwise.
 *
 * Bounds: DOORS_MAX doors; connections_max clients over all of them, and
 * LISTEN_CONTROL_MAX of the control socket besides, so that a crowd of
 * clients does not keep the operator out.
 */
#ifndef GATEWAY_LISTEN_H
#define GATEWAY_LISTEN_H

#include "runtime/door.h"
#include "runtime/net.h"

#define LISTEN_CONTROL_MAX 64u

struct gateway;

struct listen_door {
	struct gateway *gateway;
	struct net_listener *listener;
	struct door_spec spec;
	bool is_control;
};

struct listen {
	struct listen_door doors[DOORS_MAX + 1];
	size_t count;
};

/*
 * Opens them all and announces them.  What cannot be opened is the node's
 * last word (actor_give_up); the status is for the actor's handler.
 */
MUST_CHECK enum status listen_open(struct gateway *g);

/* Accepts no more; connections live on. */
void listen_close(struct gateway *g);

#endif
