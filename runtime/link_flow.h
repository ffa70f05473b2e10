/*
 * link_flow - sequence, acknowledgement, credit and resend of one link, both
 * directions.  Internal to runtime/link*.
 *
 * Go-back-N: batches carry 1, 2, 3, ...; the receiver takes them in order,
 * drops the rest and acknowledges the last it took.  Sending goes back to the
 * first unacknowledged batch when a session resumes, when the receiver
 * reports a gap (once per acknowledged number), and when nothing has been
 * acknowledged for resend_us, which doubles each time.
 *
 * Memory: a batch is closed either by the next frame not fitting, or by a
 * flush while fewer than FLOW_UNACKED_MAX wait.  Two neighbours of the first
 * kind hold more than LINK_BATCH_BYTES of frames, so all batches together
 * hold less than FLOW_UNACKED_MAX * LINK_BATCH_BYTES plus twice the bounds in
 * bytes of both lanes.
 */
#ifndef RUNTIME_LINK_FLOW_H
#define RUNTIME_LINK_FLOW_H

#include "runtime/base/list.h"
#include "runtime/link_wire.h"

#define FLOW_UNACKED_MAX 64 /* batches that a flush may have closed */
#define FLOW_SPARES_MAX 16  /* batches kept for reuse */
#define FLOW_RESEND_MIN_US 200000
#define FLOW_RESEND_MAX_US 2000000

struct link_batch {
	struct list node;
	uint64_t sequence;
	uint32_t frames[LINK_LANES];
	uint32_t bytes[LINK_LANES]; /* of the frames, without their lengths */
	bool sent;
	uint32_t like; /* where the last whole frame is, if others may share */
	uint32_t used;
	uint32_t size; /* of data */
	uint8_t data[];
};

struct link_flow {
	/* Towards the peer. */
	struct link_batch *open;
	struct list unacked; /* oldest first */
	struct list *next;   /* to hand to the transport; &unacked: none */
	struct list spares;
	uint32_t nunacked;
	uint32_t nspares;
	uint32_t frames[LINK_LANES]; /* open and unacknowledged */
	uint32_t bytes[LINK_LANES];
	uint64_t taken;    /* frames ever; they are queued, carried or lost */
	uint64_t carried;  /* acknowledged */
	uint64_t sequence; /* the last given out */
	uint64_t acked;
	uint64_t rewound; /* the gap after this number has been answered */
	struct link_credit most[LINK_LANES]; /* of frames and bytes */
	uint64_t progress_us; /* of the last acknowledgement, or first send */
	uint64_t resend_us;

	/* From the peer. */
	uint64_t delivered;
	struct link_credit grant;
	uint32_t owed;    /* batches not acknowledged yet */
	uint64_t owed_us; /* since when */
	bool gap;
};

enum flow_verdict { FLOW_NEXT, FLOW_SEEN, FLOW_GAP };

void link_flow_init(struct link_flow *f);
void link_flow_fini(struct link_flow *f);

/* For a new stream; returns the frames that are lost with the old one. */
uint64_t link_flow_reset(struct link_flow *f);

/* FULL at the bound of the lane; NO_MEMORY. */
MUST_CHECK enum status link_flow_push(
    struct link_flow *f, enum link_lane lane, const void *bytes, uint32_t size);

/* Closes the open batch unless enough wait already. */
void link_flow_close_open(struct link_flow *f);

/* The batch to hand over, or NULL; `sent` steps on. */
struct link_batch *link_flow_next(struct link_flow *f);
void link_flow_sent(struct link_flow *f, uint64_t now_us);

/* MALFORMED if ack was never sent. */
MUST_CHECK enum status link_flow_ack(
    struct link_flow *f, const struct link_head *h, uint64_t now_us);

/* Begin again after acked. */
void link_flow_rewind(struct link_flow *f, uint64_t now_us);
void link_flow_tick(struct link_flow *f, uint64_t now_us);

/* Judges a batch that has arrived; NEXT has been counted as delivered. */
enum flow_verdict link_flow_take(
    struct link_flow *f, uint64_t sequence, uint64_t now_us);

/* An acknowledgement has gone by itself. */
void link_flow_acknowledged(struct link_flow *f);

/* The credit that the peer has from now on. */
void link_flow_grant(struct link_flow *f, uint32_t frames, uint32_t bytes);

/* An acknowledgement must go now, even with nothing to carry it. */
bool link_flow_owes(const struct link_flow *f, uint64_t now_us);
uint64_t link_flow_next_us(const struct link_flow *f);
bool link_flow_idle(const struct link_flow *f);
/* Frames that are open or not acknowledged. */
uint64_t link_flow_queued(const struct link_flow *f);

#endif
