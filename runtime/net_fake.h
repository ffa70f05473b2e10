/*
 * net_fake - a net in memory: the test, or the simulator, is the network.
 *
 * A wire is the far end of one stream.  What is sent down it arrives in the
 * same call, in pieces of any size; what the stream writes is kept until it
 * is forgotten, and a wire that has been stalled makes the stream owe it.
 * Bounds: NET_FAKE_WIRES_MAX at once, NET_FAKE_TAKEN_MAX bytes kept of each.
 */
#ifndef RUNTIME_NET_FAKE_H
#define RUNTIME_NET_FAKE_H

#include "runtime/net.h"

#define NET_FAKE_WIRES_MAX 1024
#define NET_FAKE_TAKEN_MAX (4u << 20)

struct net_fake_wire;

/* Listens on any address text, each once; port 0 becomes a number. */
struct net *net_fake_create(void);

/*
 * Connects to a listener of n.  ST_NOT_FOUND if nobody listens there,
 * ST_DENIED if it turned us away.  The wire lives until net_fake_hang_up.
 */
MUST_CHECK enum status net_fake_dial(
    struct net *n, const char *address, struct net_fake_wire **ret_wire);

/*
 * The stream sees size bytes, at most step at a time; returns how many it
 * saw before it was closed, ended or stopped reading.
 */
size_t net_fake_send(
    struct net_fake_wire *w, const void *at, size_t size, size_t step);

/* Our side ends, ST_CLOSED, or breaks. */
void net_fake_end(struct net_fake_wire *w, enum status why);

/* Takes so many bytes more and then none; SIZE_MAX: all there will be. */
void net_fake_take(struct net_fake_wire *w, size_t size);

/* All that was taken since the last net_fake_forget. */
struct bytes net_fake_taken(const struct net_fake_wire *w);
void net_fake_forget(struct net_fake_wire *w);

/* The owner has ended its side, or closed the stream. */
bool net_fake_is_finished(const struct net_fake_wire *w);
bool net_fake_is_closed(const struct net_fake_wire *w);

/* The owner wants to hear. */
bool net_fake_is_reading(const struct net_fake_wire *w);

/* Who the owner believes is calling. */
void net_fake_call_from(struct net_fake_wire *w, const struct net_peer *peer);

/* Ends the stream if it lives still; the wire is the test's no more. */
void net_fake_hang_up(struct net_fake_wire *w);

#endif
