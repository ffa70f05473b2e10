/*
 * link_nng - inboxes and outboxes on NNG sockets.  Internal to link_nng*.c.
 *
 * An inbox is a PULL socket that listens, an outbox a PUSH socket that dials.
 * What NNG 1.5.2 taught us, and what this does about it:
 *
 * - A message is lost when its pipe breaks, and a pipe may be up and dead.
 *   link_flow sends again; a fresh socket replaces one that seems stuck.
 * - A listener is deaf for good, and a dialer mute, if the other end goes away
 *   in the middle of a connect (EPIPE becomes NNG_ECLOSED, which NNG takes
 *   for its own close).  A fresh inbox replaces one that hears nothing.
 * - PUSH re-dials by itself and would send what is queued to whoever now
 *   listens there.  An outbox takes one pipe in its life: a second is closed
 *   before it carries anything, and the link makes a fresh outbox.
 * - nng_close may hang (nanomsg/nng issues 1543 and 1813).  Only the reaper's
 *   thread closes, when a socket has been left alone for a while; if it
 *   hangs, sockets leak and the node lives.
 * - Closing an ipc listener unlinks its path, even if another has bound it
 *   since.  Each listener binds a name of its own and is renamed over the
 *   public one, which also leaves no moment without a listener.
 * - A callback costs a switch to one of NNG's threads.  A send tries an aio
 *   without callback and with no time first; only one that finds no room is
 *   parked with a callback, and there is at most one of these.
 */
#ifndef RUNTIME_LINK_NNG_H
#define RUNTIME_LINK_NNG_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

#include "runtime/base/list.h"
#include "runtime/link_transport.h"

#define NNG_RING_MAX 256 /* received messages that wait for a turn */
#define NNG_RING_BYTES_MAX (8u << 20)
#define NNG_INBOXES_MAX 8
#define NNG_SEND_QUEUE 16 /* messages queued in a PUSH socket */

struct link_nng;

enum link_socket_kind { SOCKET_INBOX, SOCKET_OUTBOX };

/* A socket and its aios; freed by the reaper. */
struct link_socket {
	struct list node; /* in the reaper's list */
	enum link_socket_kind kind;
	struct link_nng *t;
	nng_socket socket;
	nng_aio *aio;           /* receives, or sends what was parked */
	nng_aio *quick;         /* sends or fails at once; outbox only */
	atomic_int outbox;      /* enum link_outbox */
	atomic_bool parked;     /* aio is at work; outbox only */
	atomic_bool paused;     /* no receive is under way; inbox only */
	atomic_ullong heard_us; /* inbox only */
	uint64_t due_us;        /* when to close it */
};

struct link_reaper {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct list sockets;
	bool stopping; /* close everything now, then end */
};

struct link_nng {
	struct link_transport transport;
	void (*wake)(void *ctx);
	void *ctx;
	atomic_bool closed; /* wake no more */
	char listen[LINK_URL_MAX + 1];
	int lock;             /* file of the ipc path; -1: none */
	unsigned nbound;      /* names bound so far */
	uint64_t relisten_us; /* not before */
	uint64_t relisten_gap_us;
	struct link_socket *inboxes[NNG_INBOXES_MAX]; /* newest last */
	size_t ninboxes;
	struct link_socket *outboxes[LINK_NODE_MAX + 1];

	pthread_mutex_t ring_mutex;
	nng_msg *ring[NNG_RING_MAX];
	size_t first;
	size_t count;
	size_t bytes;

	struct link_reaper reaper;
};

/* link_nng_reap.c */
MUST_CHECK enum status link_reaper_start(struct link_reaper *r);
/*
 * Closes s: at once if it has no pipe, for then nothing is in it and it would
 * only dial on; else when it has been left alone for a while.
 */
void link_reaper_push(struct link_reaper *r, struct link_socket *s);
/* Closes what is left; false if a close hangs, then nothing may be freed. */
MUST_CHECK bool link_reaper_stop(struct link_reaper *r);

#endif
