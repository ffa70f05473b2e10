/*
 * commit - the writer thread with its group commit, and the reader threads.
 *
 * Jobs that arrive while a group runs wait for the next one; a job that finds
 * the writer idle is committed alone and at once.  A group has at most
 * COMMIT_BATCH_MAX jobs and COMMIT_BATCH_BYTES_MAX bytes; after a group of
 * several the next may take COMMIT_GATHER_US to become as large.  Reads have up
 * to READERS_MAX threads, each with one snapshot that lasts one job.
 *
 * Without threads (a simulation, a test) the owner calls commit_turn.
 *
 * Push from any thread; done is called on the thread that ran the job.
 */
#ifndef STORE_COMMIT_H
#define STORE_COMMIT_H

#include "runtime/timing.h"
#include "store/group.h"

#define COMMIT_BATCH_MAX 256
#define COMMIT_BATCH_BYTES_MAX (4u << 20)
#define COMMIT_GATHER_US 50
#define COMMIT_QUEUE_MAX 16384
#define COMMIT_QUEUE_BYTES_MAX (64u << 20)
#define READERS_MAX 8
#define READERS_DEFAULT 2

struct commit;

struct commit_options {
	struct backend *backend;   /* must outlive it */
	uint32_t batch_max;        /* 0: COMMIT_BATCH_MAX */
	uint32_t queue_max;        /* 0: COMMIT_QUEUE_MAX, for each queue */
	uint32_t readers;          /* 0: READERS_DEFAULT */
	bool inline_only;          /* no threads: commit_turn does it all */
	const struct clock *clock; /* NULL: the system's */
	/* After the dones of a group or a read, on the same thread. */
	void (*after)(void *ctx);
	void *ctx;
};

struct commit_stats {
	uint64_t groups, jobs, reruns, dropped, failed, grown, swept, group_max;
	uint64_t logged, logged_bytes, log_given_up; /* store/redo_log.h */
	uint64_t reads;
	uint32_t queued;           /* writes that wait */
	uint32_t reads_queued;     /* reads that wait */
	uint32_t readers_busy;     /* threads in a read */
	uint64_t reader_oldest_us; /* how long the longest runs now */
	struct timing commit_seconds;
	struct timing read_seconds;
};

/* NO_MEMORY, or IO if a thread does not start. */
MUST_CHECK enum status commit_start(
    const struct commit_options *options, struct commit **ret_c);

/* Serves what was pushed before, then ends the threads and itself. */
void commit_stop(struct commit *c);

/* FULL or CLOSED: done will not be called. */
MUST_CHECK enum status commit_write(struct commit *c, struct job *j);
MUST_CHECK enum status commit_read(struct commit *c, struct job *j);

/* inline_only: one group and every read that waits; false: there was none. */
bool commit_turn(struct commit *c);

void commit_stats(struct commit *c, struct commit_stats *ret_stats);

#endif
