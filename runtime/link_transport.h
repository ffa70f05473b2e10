/*
 * link_transport - what links need of a network: one inbox, and an outbox per
 * peer.  Internal to runtime/link*; tests and the simulator bring their own.
 *
 * Messages may be lost, doubled, delayed and reordered; they are whole or
 * absent.  Calls come from the thread that owns the links; `wake` of the
 * configuration is called, on any thread, when a message is waiting, an
 * outbox has changed, or one that was FULL has room again.
 */
#ifndef RUNTIME_LINK_TRANSPORT_H
#define RUNTIME_LINK_TRANSPORT_H

#include "runtime/base/bytes.h"
#include "runtime/link.h"
#include "runtime/link_wire.h"

enum link_outbox { OUTBOX_DIALING, OUTBOX_READY, OUTBOX_BROKEN };

struct link_packet {
	struct bytes bytes;
	void *owner; /* of the bytes, the transport's own */
};

struct link_transport {
	/* A fresh connection to a peer; what the last held may arrive still. */
	void (*dial)(struct link_transport *t, uint16_t peer, const char *url);
	enum link_outbox (*outbox)(struct link_transport *t, uint16_t peer);
	/* Sends head and body as one message; FULL: wake follows. */
	enum status (*send)(struct link_transport *t, uint16_t peer,
	    struct bytes head, struct bytes body);
	/* Up to max messages; give each back with put. */
	size_t (*take)(
	    struct link_transport *t, struct link_packet *ret, size_t max);
	void (*put)(struct link_transport *t, struct link_packet *packet);
	/* The inbox seems deaf: listen anew.  Does nothing if too soon. */
	void (*relisten)(struct link_transport *t);
	void (*destroy)(struct link_transport *t);
};

/* link_nng.c: sockets of NNG.  EXISTS, INVALID, IO, NO_MEMORY. */
MUST_CHECK enum status link_nng_create(const char *listen,
    void (*wake)(void *ctx), void *ctx, struct link_transport **ret_t);

#endif
