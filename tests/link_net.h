/*
 * link_net - a network for links that a test bends to its will: virtual time,
 * and loss, doubling, delay, reordering and cuts drawn from a seed.
 */
#ifndef TESTS_LINK_NET_H
#define TESTS_LINK_NET_H

#include "runtime/base/list.h"
#include "runtime/link_transport.h"
#include "tests/link_rig.h"

struct link_net {
	struct clock clock; /* give this to the ends */
	uint64_t now_us;
	uint64_t seed;
	unsigned loss;     /* of a thousand messages */
	unsigned twice;    /* of a thousand */
	unsigned full;     /* of a thousand sends */
	uint64_t delay_us; /* up to; unequal delays reorder */
	struct list flying;
	uint64_t order;
	bool ready[LINK_ENDS][LINK_ENDS];
	bool hangs[LINK_ENDS][LINK_ENDS]; /* dialed, and nobody answers */
	bool away;                        /* so does what is dialed now */
	/* Sees every message before it flies; false drops it.  May be NULL. */
	bool (*tap)(struct link_net *net, uint16_t from, uint16_t to,
	    uint8_t *bytes, size_t size);
};

void link_net_init(struct link_net *net, uint64_t seed);
void link_net_fini(struct link_net *net);

/* The transport of a node; links_destroy frees it. */
struct link_transport *link_net_transport(struct link_net *net, uint16_t node);

/* What flies from one to the other is gone, and its outbox broken. */
void link_net_cut(struct link_net *net, uint16_t from, uint16_t to);

/* Something arrives at node that nobody here has sent. */
void link_net_inject(struct link_net *net, uint16_t to, struct bytes bytes);

#endif
