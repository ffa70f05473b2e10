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

#include "runtime/base/list.h"
#include "runtime/base/pool.h"
#include "runtime/door.h"
#include "runtime/net.h"

#define LISTEN_CONTROL_MAX 64u

struct gateway;
struct tls;

struct listen_door {
	struct gateway *gateway;
	struct net_listener *listener;
	struct net_listener *inner; /* of the streams TLS has opened */
	struct door_spec spec;
	bool is_control;
	bool is_metrics;
};

struct listen {
	struct listen_door doors[DOORS_MAX + 2];
	size_t count;
	struct tls *tls;     /* NULL: no door has any */
	struct pool waits;   /* connections of proxies, listen_proxy.h */
	struct list waiting; /* of these */
	uint32_t tick;
};

/* Before any door: certificates; gives up the node if they are bad. */
MUST_CHECK enum status listen_init(struct gateway *g);
void listen_fini(struct gateway *g);

/* Every GATEWAY_SWEEP_US. */
void listen_tick(struct gateway *g);

/*
 * Opens them all and announces them.  What cannot be opened is the node's
 * last word (actor_give_up); the status is for the actor's handler.
 */
MUST_CHECK enum status listen_open(struct gateway *g);

/* Accepts no more; connections live on. */
void listen_close(struct gateway *g);

/* Nobody owns s; at: what has come of it already. */
void listen_enter(
    struct listen_door *d, struct net_stream *s, uint8_t *at, size_t size);

/* Whether a peer with this address is one of api.trusted_proxies. */
bool listen_trusts(const struct gateway *g, const char *address);
bool listen_trusts_network(
    const struct gateway *g, const struct network *address);

#endif
