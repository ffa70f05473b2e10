/*
 * group - many jobs in one write transaction, with one sync.
 *
 * Every job of a group succeeds or fails by itself.  One that fails before it
 * has written costs nothing; one that fails after it has written is dropped
 * and the rest run again, in a new transaction; when the map is full it grows
 * and all run again.  A failing commit fails every job of the group, those
 * that were only refused too: what they saw may not have come true.
 *
 * Nothing here has a thread or a queue: commit.h does.  One thread.
 */
#ifndef STORE_GROUP_H
#define STORE_GROUP_H

#include "store/job.h"
#include "store/redo_log.h"

/* Any thread may read them. */
struct group_stats {
	_Atomic uint64_t groups;    /* committed */
	_Atomic uint64_t jobs;      /* in them */
	_Atomic uint64_t reruns;    /* transactions given up for another */
	_Atomic uint64_t dropped;   /* jobs that failed after writing */
	_Atomic uint64_t failed;    /* groups whose commit failed */
	_Atomic uint64_t grown;     /* times the map grew */
	_Atomic uint64_t swept;     /* idempotency marks that had expired */
	_Atomic uint64_t group_max; /* jobs in the largest */
};

struct group {
	struct backend *b;
	struct txn_room *room;
	struct redo_log log;
	struct group_stats stats;
	uint64_t grow_after; /* groups, once growing was not possible */
	uint64_t runs;
	uint64_t swept; /* in the transaction under way */
};

/* Gives every job of the list its st; calls no done. */
void group_run(struct group *g, struct list *jobs, uint32_t count);

#endif
