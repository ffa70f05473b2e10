/*
 * net - listeners and byte streams: the one way to sockets.
 *
 * net_uv.h makes the real one (TCP and unix sockets on a libuv loop),
 * net_fake.h one in memory whose other ends a test or the simulator holds.
 * TLS stands above as a filter: a struct net whose streams own a stream of
 * this one and pass its events on decrypted; callers cannot tell.
 *
 * Keeps:   some 400 bytes per stream.  Bytes that come lie in one buffer per
 *          net until the handler returns.  Bytes that the system does not
 *          take at once are kept: shared ones by reference, others by copy.
 * Bounds:  streams and bytes owed per listener (struct net_listen);
 *          NET_REFS_MAX and NET_COPIES_MAX over all streams of a net.
 * Threads: all of a net belongs to the thread of its loop.
 */
#ifndef RUNTIME_NET_H
#define RUNTIME_NET_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define NET_BACKLOG 1024          /* connections the system holds for us */
#define NET_STREAMS_MAX 32768     /* of one net */
#define NET_READ_SIZE 65536       /* most bytes of one on_data */
#define NET_PARTS_MAX 16          /* of one write */
#define NET_COPY_SIZE 4096        /* one record of copied bytes */
#define NET_COPIES_MAX 8192       /* such records */
#define NET_REFS_MAX 65536        /* runs of bytes owed */
#define NET_ADDRESS_TEXT_SIZE 128 /* of a listener's address, with its NUL */
#define NET_PEER_TEXT_SIZE 64     /* of a peer's, with its NUL */

struct net;
struct net_listener;
struct net_stream;

/* Bytes that several streams may owe at once; the last one releases them. */
struct net_hold {
	uint32_t refs;
	void (*release)(struct net_hold *h);
};

struct net_part {
	struct bytes bytes;
	struct net_hold *hold; /* NULL: copied if they must be kept */
};

/*
 * What a stream tells its owner.  The owner may write to it and close it in
 * any of these.  After net_close nothing is told any more.
 */
struct net_events {
	/* at is valid and may be changed until this returns. */
	void (*on_data)(
	    void *ctx, struct net_stream *s, uint8_t *at, size_t size);
	/*
	 * Once: nothing more will come.  ST_CLOSED: the peer ended its side,
	 * writing may still work; anything else: the stream is broken.  The
	 * owner still has to call net_close.
	 */
	void (*on_end)(void *ctx, struct net_stream *s, enum status why);
	/* Nothing is owed any more; only told when something was. */
	void (*on_drained)(void *ctx, struct net_stream *s);
};

/* Call net_own, or net_close, before this returns. */
typedef void (*net_accept_fn)(void *ctx, struct net_stream *s);

/*
 * Where and how to listen.  The address is 127.0.0.1:8080, [::1]:8080 or
 * unix:/path; port 0 is any free one, and [::] takes no IPv4.  A leftover
 * unix socket, which nobody listens on any more, is replaced.
 */
struct net_listen {
	const char *address;
	uint32_t streams_max; /* one more is accepted and closed at once */
	size_t owed_max;      /* bytes one stream may owe */
	bool reuse_port;      /* the kernel spreads over several listeners */
	mode_t unix_mode;     /* 0: 0600 */
	net_accept_fn on_accept;
	void *ctx;
};

struct net_peer {
	char text[NET_PEER_TEXT_SIZE]; /* without the port; "unix" */
	uint16_t port;
	bool is_local; /* of a unix socket: the next three are the kernel's */
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

struct net_counts {
	uint64_t accepted;
	uint64_t refused; /* at streams_max, or without a file descriptor */
	uint64_t streams; /* now */
};

/* ST_INVALID: no such address form; ST_EXISTS: taken; ST_IO: see errno. */
MUST_CHECK enum status net_listen(struct net *n, const struct net_listen *how,
    struct net_listener **ret_listener);

/* Accepts no more; streams that came through it live on. */
void net_unlisten(struct net_listener *l);

/* The port that was bound; 0 for a unix socket. */
uint16_t net_listener_port(const struct net_listener *l);
struct net_counts net_listener_counts(const struct net_listener *l);

/* Begins to read; until then nothing is told. */
void net_own(struct net_stream *s, const struct net_events *on, void *ctx);

/*
 * Sends at once what the system takes and keeps the rest.  ST_FULL: it would
 * owe more than its bound, or the net has no room; nothing was sent.  Any
 * other failure: the stream is broken, close it.  A reference is taken of
 * each hold for as long as it is needed.
 */
MUST_CHECK enum status net_write(
    struct net_stream *s, const struct net_part *parts, size_t count);

/* Bytes that the system has not taken yet. */
size_t net_owed(const struct net_stream *s);

/* Whether to read; what was read already is not told again. */
void net_read(struct net_stream *s, bool on);

/* No more writes: sends what is owed, then the end of our side. */
void net_finish(struct net_stream *s);

/* At once; what is owed is dropped.  s is gone for its owner. */
void net_close(struct net_stream *s);

void net_peer(const struct net_stream *s, struct net_peer *ret_peer);

/* From now on net_peer says this: a proxy has told whom it speaks for. */
MUST_CHECK enum status net_tell_peer(
    struct net_stream *s, const struct net_peer *peer);

/* It has no owner any more; call net_own, or net_close, in the same turn. */
void net_disown(struct net_stream *s);

/* Bytes that an owner before has read are told to the one of now, if any. */
void net_push(struct net_stream *s, uint8_t *at, size_t size);

/* Closes every listener and stream; then run the loop until net_idle. */
void net_stop(struct net *n);
bool net_idle(const struct net *n);

/* Only once idle; NULL is fine. */
void net_destroy(struct net *n);

#endif
