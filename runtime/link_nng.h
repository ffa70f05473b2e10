/*
 * link_nng - inboxes and outboxes on NNG's byte streams.  Internal to
 * link_nng*.c.
 *
 * An outbox dials the peer's inbox and only sends; an inbox listens and only
 * receives.  On a stream, each message follows its size in 32 bits, little
 * endian.  One write carries all that waits, one read takes all that came.
 *
 * Why not PUSH and PULL: in NNG 1.5.2, whose sockets we cut 200 times under
 * load, a listener went deaf and a dialer mute for good when the other end
 * went away in the middle of a connect (EPIPE becomes NNG_ECLOSED, which NNG
 * takes for its own close); then its one reaper thread waited for ever for an
 * aio of a broken pipe, and from there on no pipe and no descriptor of the
 * process was freed and nng_close hung (nanomsg/nng issues 616, 1543, 1813).
 * A stream has no pipe, no dialing on its own and no reaper, and here no aio
 * is begun on a stream that has been closed: both happen under `mutex`.
 *
 * Threads: NNG's run the callbacks, the owner's the rest.  Streams are freed
 * by the reaper's thread, so that a call of NNG that hangs costs a
 * descriptor, not the node.
 */
#ifndef RUNTIME_LINK_NNG_H
#define RUNTIME_LINK_NNG_H

#include <nng/nng.h>
#include <pthread.h>
#include <sys/stat.h>

#include "runtime/base/list.h"
#include "runtime/link_transport.h"

#define NNG_LENGTH_SIZE 4
#define NNG_READ_BYTES (128u << 10)  /* of one read */
#define NNG_WRITE_BYTES (256u << 10) /* that wait for a write */
#define NNG_QUEUE_BYTES (8u << 20)   /* received, waiting for a turn */
#define NNG_INBOUND_MAX 256          /* connections to our inbox */

struct link_nng;

/* A received message. */
struct link_letter {
	struct list node;
	size_t size;
	uint8_t bytes[];
};

struct link_write {
	uint8_t *bytes;
	size_t used;
	size_t size;
};

struct link_conn {
	struct list node; /* in inbound or dead; an outbox is in none */
	struct link_nng *t;
	nng_stream_dialer *dialer; /* of an outbox */
	nng_stream *stream;
	nng_aio *in;
	nng_aio *out;    /* of an outbox: dials, then writes */
	unsigned flying; /* aios at work */
	bool inbound;
	bool closed;    /* no aio begins any more */
	bool abandoned; /* the owner has let go of it */
	enum link_outbox outbox;

	/* Of an outbox. */
	struct link_write writing;
	struct link_write filling;
	size_t written;
	bool starved; /* a send was refused: wake when there is room */

	/* Of an inbound one; the receiving callback's alone. */
	struct link_letter *letter; /* not whole yet */
	size_t got;
	uint8_t length[NNG_LENGTH_SIZE];
	size_t length_got;
	bool paused; /* the queue is full; under mutex */
	uint8_t read[];
};

struct link_nng {
	struct link_transport transport;
	void (*wake)(void *ctx);
	void *ctx;
	char listen[LINK_URL_MAX + 1];
	int lock;         /* file of the ipc path; -1: none */
	dev_t listen_dev; /* of the path as we bound it */
	ino_t listen_inode;
	nng_stream_listener *listener; /* owner's, like all above */
	nng_aio *accept;

	pthread_mutex_t mutex; /* for all below and all of a conn */
	pthread_cond_t quiet;  /* a write has ended, a conn is freed */
	pthread_cond_t work;   /* for the reaper */
	pthread_t reaper;
	bool stopping;
	bool accepting;
	size_t nconns; /* not freed yet */
	size_t ninbound;
	struct list inbound;
	struct list dead; /* for the reaper */
	struct link_conn *outboxes[LINK_NODE_MAX + 1];
	struct list letters; /* received, oldest first */
	size_t letters_bytes;
};

/* link_nng_conn.c; every one with t->mutex held. */

/* NULL: no memory.  read_size 0 for an outbox. */
struct link_conn *link_conn_create(struct link_nng *t, bool inbound);
void link_conn_dial(struct link_conn *c, const char *url);
void link_conn_receive(struct link_conn *c);
MUST_CHECK enum status link_conn_send(
    struct link_conn *c, struct bytes head, struct bytes body);
void link_conn_close(struct link_conn *c);

/* The owner lets go: c is closed, and freed when nothing flies. */
void link_conn_abandon(struct link_conn *c);

/* The reaper's thread: frees one that is in nobody's hands. */
void link_conn_free(struct link_conn *c);

#endif
