/*
 * net_inside - what the implementations of net share.
 *
 * An implementation embeds these as first members and fills struct net_ops;
 * net.c checks, counts and bounds, so that the rules are the same for all.
 */
#ifndef RUNTIME_NET_INSIDE_H
#define RUNTIME_NET_INSIDE_H

#include "runtime/base/pool.h"
#include "runtime/net.h"

/* A run of bytes owed; all bytes in a queue are behind a hold. */
struct net_ref {
	struct net_ref *next;
	const uint8_t *at;
	size_t size;
	struct net_hold *hold;
};

/* Bytes that were copied because nobody else keeps them. */
struct net_copy {
	struct net_hold hold;
	struct net *net;
	size_t used;
	uint8_t bytes[NET_COPY_SIZE];
};

struct net_queue {
	struct net_ref *head;
	struct net_ref *tail;
};

enum net_state {
	NET_OPEN,
	NET_FINISHING, /* no more writes; the end follows what is owed */
	NET_CLOSING
};

struct net_ops {
	enum status (*listen)(struct net *n, const struct net_listen *how,
	    struct net_listener **ret_listener);
	void (*unlisten)(struct net_listener *l);
	/* How many bytes the system took; only while nothing is owed. */
	enum status (*try_write)(struct net_stream *s,
	    const struct net_part *parts, size_t count, size_t *ret_sent);
	/* Something is owed now and was not before. */
	enum status (*flush)(struct net_stream *s);
	void (*read)(struct net_stream *s, bool on);
	void (*finish)(struct net_stream *s); /* nothing is owed */
	void (*close)(struct net_stream *s);
	void (*peer)(const struct net_stream *s, struct net_peer *ret_peer);
	void (*stop)(struct net *n);
	void (*destroy)(struct net *n);
};

struct net {
	const struct net_ops *ops;
	struct pool refs;
	struct pool copies;
	uint32_t handles; /* not given back by the system yet */
};

struct net_listener {
	struct net *net;
	net_accept_fn on_accept;
	void *ctx;
	uint32_t streams_max;
	size_t owed_max;
	uint16_t port;
	struct net_counts counts;
	uint32_t pins; /* streams that point here, and one while it listens */
};

struct net_stream {
	struct net *net;
	struct net_listener *listener;
	const struct net_events *on;
	void *ctx;
	size_t owed;
	struct net_queue queue;
	enum net_state state;
	bool is_ended;
	struct net_peer *told; /* NULL: the system knows; owned */
};

void net_init(struct net *n, const struct net_ops *ops);
void net_fini(struct net *n);

void net_listener_init(
    struct net_listener *l, struct net *n, const struct net_listen *how);

/* May one more stream come in?  Counts a refusal if not. */
bool net_listener_admits(struct net_listener *l);

/* Ready for its owner, who is told. */
void net_stream_init(struct net_stream *s, struct net_listener *l);

/* The system has taken so many of the bytes owed. */
void net_stream_sent(struct net_stream *s, size_t size);

void net_stream_end(struct net_stream *s, enum status why);

/* Releases all that is owed; the system no longer looks at it. */
void net_stream_drop(struct net_stream *s);

/* True if it may be given back: it does not listen, and no stream lives. */
bool net_listener_unpin(struct net_listener *l);

#endif
