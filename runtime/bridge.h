/*
 * bridge - plugs the links into a node: frames for other nodes go out, frames
 * from them come in and are delivered as if they had been sent here.
 *
 * What comes in is checked before anybody sees it: its envelope, that its
 * sender lives on the node it came from, that it is for us, that its hops are
 * not used up; otherwise it is dropped and counted.  Deadlines travel as the
 * time that is left.  When a peer comes back as another incarnation, or is
 * down for long, open asks to it are answered CLOSED, and every actor with a
 * handler for node_changed is told.
 *
 * Made after node_create, before node_start; lives on loop 0.
 */
#ifndef RUNTIME_BRIDGE_H
#define RUNTIME_BRIDGE_H

#include "runtime/link.h"
#include "runtime/node.h"

#define BRIDGE_VERSION 2      /* of what a peer understands */
#define BRIDGE_HELD_MAX 1024u /* requests for one peer not met yet */

struct bridge;
struct link_tls;

struct bridge_config {
	const char *listen;
	const struct link_peer *peers;
	size_t npeers;
	uint64_t topology; /* its digest */
	const struct seal_keypair *keys;
	bool (*key_of)(
	    void *ctx, const char *name, uint8_t ret_public[SEAL_PUBLIC_SIZE]);
	void *key_ctx;
	struct link_tls *tls; /* for tls+tcp://; must outlive; NULL: none */
	struct link_transport *transport; /* NULL: libuv; NNG without a loop */
};

struct bridge_stats {
	uint64_t sent;
	uint64_t received;
	uint64_t refused;  /* no credit, no link: bounced to the sender */
	uint64_t rejected; /* came in and were not fit to be delivered */
	uint64_t tls_shaken;
	uint64_t tls_refused;
	uint64_t tls_not_after_seconds;
};

MUST_CHECK enum status bridge_create(
    struct node *n, const struct bridge_config *c, struct bridge **ret_bridge);
/* After node_stop, before node_destroy. */
void bridge_destroy(struct bridge *b);

/* Its own loop's, as far as TLS is concerned. */
const struct bridge_stats *bridge_stats(struct bridge *b);
const struct links *bridge_links(const struct bridge *b);

#endif
