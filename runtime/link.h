/*
 * link - carries frames between the nodes of a topology, each exactly once
 * and in order while both ends live.
 *
 * A frame is a run of bytes that this module never looks into.  `struct links`
 * is every link of one node.  Frames for a peer gather in an open batch; a
 * turn sends each batch as one message with a sequence number, acknowledges
 * what has arrived and takes in what came.  The sender keeps what is not
 * acknowledged and sends it again after a reconnect to the same incarnation;
 * the receiver drops what it has seen.  The receiver's credit bounds what may
 * be unacknowledged.  Both lanes of a peer share one order: a control frame
 * is never refused for lack of credit, but does not overtake.
 *
 * Incarnation: 64 random bits of a node's run.  When a peer comes back with
 * another one, what was on its way is lost and counted, and the owner hears
 * of DOWN, then of UP with the new number, in that order.
 *
 * Handshake (link_shake.c): protocol version, catalogue and topology digest,
 * name, number and incarnation are exchanged and signed both ways with the
 * nodes' Ed25519 keys over fresh X25519 keys.  Any mismatch refuses the link
 * with one log line, and it is tried again later.
 *
 * Threat model: whoever can dial our inbox (a process that may open the
 * ipc:// path) cannot pose as a peer, inject or end a session: messages carry
 * a 64-bit token, one per session and direction, that only the two key
 * holders can derive.  A connection serves one session, so whoever takes over
 * a peer's path sees a handshake and no frames.  Not covered: one who reads or
 * alters the bytes of an established connection (root on this host; between
 * hosts use TLS), and denial of service by one who may open the path.
 *
 * Bounds:  the constants below; each is a number of frames or bytes
 * Threads: one thread owns a `struct links` and makes every call; wake() is
 *          called on any thread.  A callback may call links_send, and nothing
 *          else of this file.
 */
#ifndef RUNTIME_LINK_H
#define RUNTIME_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/clock.h"
#include "runtime/base/status.h"
#include "runtime/seal.h"

#define LINK_FRAME_MAX (1u << 20)
#define LINK_SHARED_BYTES 76u /* that frames in a row leave out if equal */
#define LINK_BATCH_BYTES                                     \
	(64u << 10) /* one message, unless a frame is larger \
		     */
#define LINK_PEERS_MAX 64
#define LINK_NODE_MAX 1023 /* greatest number of a node */
#define LINK_NAME_MAX 64
#define LINK_URL_MAX 160

/* What a peer may have unacknowledged towards us, unless links_credit. */
#define LINK_CREDIT_FRAMES 65536u
#define LINK_CREDIT_BYTES (4u << 20)

/* What the control lane may have unacknowledged, whatever the credit. */
#define LINK_CONTROL_FRAMES_MAX 4096u
#define LINK_CONTROL_BYTES_MAX (2u << 20)

#define LINK_ACK_US 5000         /* an acknowledgement waits no longer */
#define LINK_HEARTBEAT_US 200000 /* of silence that we allow ourselves */
#define LINK_SILENCE_US 650000   /* of the peer: the link is lost */
#define LINK_LOST_US 10000000    /* lost for longer: the link is down */

/* DOWN waits for its next try; LOST keeps frames for the same incarnation. */
#define LINK_STATES(X) X(DOWN) X(DIALING) X(UP) X(LOST) X(REFUSED)

enum link_state {
#define X(name) LINK_##name,
	LINK_STATES(X)
#undef X
};

enum link_lane { LINK_NORMAL, LINK_CONTROL, LINK_LANES };

#define LINK_STATS(X)                                                         \
	X(frames_sent, "Frames handed to the transport, first time.")         \
	X(bytes_sent, "Bytes of these.")                                      \
	X(frames_resent, "Frames handed over again.")                         \
	X(frames_received, "Frames delivered to the owner.")                  \
	X(bytes_received, "Bytes of these.")                                  \
	X(duplicates, "Frames dropped since they had been delivered.")        \
	X(gaps, "Messages dropped since an earlier one is missing.")          \
	X(refused_full, "Sends refused for lack of credit or room.")          \
	X(refused_closed, "Sends refused since the link is down.")            \
	X(lost_with_link, "Frames unacknowledged when an incarnation ended.") \
	X(reconnects, "Sessions that resumed the same incarnation.")          \
	X(malformed, "Messages of the peer that do not decode.")              \
	X(strays, "Messages without the token of the session.")               \
	X(refusals, "Handshakes refused by either side.")

struct link_stats {
#define X(name, doc) uint64_t name;
	LINK_STATS(X)
#undef X
};

struct link_peer {
	uint16_t node;
	const char *name;
	const char *url; /* of its inbox */
};

/*
 * A frame as it came over: its beginning, which may stand with another frame,
 * and what follows.
 */
struct link_frame {
	struct bytes head; /* LINK_SHARED_BYTES, or all of a shorter one */
	struct bytes rest;
	bool again; /* head is that of the frame before, which told it first */
};

struct link_transport;

/* Everything is copied except clock and keys, which must outlive. */
struct links_config {
	uint16_t node;
	const char *name;
	const char *listen; /* "ipc:///run/troupe/core.ipc" */
	const struct link_peer *peers;
	size_t npeers;
	uint32_t version;   /* of the protocol; equal on both ends */
	uint64_t catalogue; /* digests; equal on both ends */
	uint64_t topology;
	const struct clock *clock;
	const struct seal_keypair *keys;
	struct link_transport *transport; /* theirs from now on; NULL: NNG */

	void *ctx; /* first argument of each of these */
	void (*random)(void *ctx, void *bytes, size_t size);
	void (*wake)(void *ctx); /* any thread: call links_turn soon */
	bool (*key_of)(void *ctx, const char *name,
	    uint8_t ret_public[SEAL_PUBLIC_SIZE]); /* false: unknown */
	/* Its bytes are borrowed until it returns. */
	void (*on_frame)(
	    void *ctx, uint16_t peer, const struct link_frame *frame);
	void (*on_state)(void *ctx, uint16_t peer, enum link_state was,
	    enum link_state now, uint64_t incarnation, const char *why);
};

struct links;

/*
 * Listens and begins to dial.  INVALID for a configuration past its bounds,
 * EXISTS if another live node listens there, IO, NO_MEMORY.
 */
MUST_CHECK enum status links_create(
    const struct links_config *config, struct links **ret_links);

/* Says good-bye to live peers, so that they need not wait; sends no more. */
void links_destroy(struct links *links);

/*
 * Copies a frame for peer.  FULL at the bound of the lane, CLOSED if the link
 * is neither UP nor LOST, INVALID past LINK_FRAME_MAX, NOT_FOUND.
 */
MUST_CHECK enum status links_send(struct links *links, uint16_t peer,
    enum link_lane lane, const void *bytes, size_t size);

/* Takes in, delivers, runs time-outs, sends.  True: more may be waiting. */
bool links_turn(struct links *links);

/* Only sends what is open: for the end of a turn that has sent frames. */
void links_flush(struct links *links);

/* When to call links_turn at the latest, on the clock; UINT64_MAX: wake(). */
uint64_t links_next_us(const struct links *links);

/* What peer may have unacknowledged from now on; 0 bytes stops it. */
void links_credit(
    struct links *links, uint16_t peer, uint32_t frames, uint32_t bytes);

/* Nothing waits to be sent or acknowledged, on any link. */
bool links_idle(const struct links *links);

uint64_t links_incarnation(const struct links *links);
enum link_state links_state(const struct links *links, uint16_t peer);
const char *link_state_name(enum link_state state);

/* What became of the frames that links_send has taken, in all. */
struct link_book {
	uint64_t taken;
	uint64_t queued;  /* not acknowledged yet */
	uint64_t carried; /* acknowledged */
	uint64_t lost;    /* with an incarnation of the peer */
};

/* False for an unknown peer. */
bool links_book(
    const struct links *links, uint16_t peer, struct link_book *ret_book);

/* NULL for an unknown peer. */
const struct link_stats *links_stats(const struct links *links, uint16_t peer);

#endif
