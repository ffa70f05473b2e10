/*
 * work - a bounded pool of threads for jobs that would hold a loop up.
 *
 * Jobs are ops; they run in the order they came.  Full is a status.  A job of
 * WORK_CPU that nobody waits for any more when its turn comes is skipped, and
 * its data wiped: otherwise, once the queue is longer than their deadlines,
 * all the work would be for those who are gone.
 */
#ifndef RUNTIME_WORK_H
#define RUNTIME_WORK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/status.h"

#define WORK_POOL_THREADS_MAX 16u

struct op;

struct work_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct op *head;
	struct op *tail;
	uint32_t count;
	uint32_t max;
	bool closed;
	int yield;
	const char *name; /* of its threads, with the number of each */
	uint32_t named;
	uint32_t threads;
	pthread_t ids[WORK_POOL_THREADS_MAX];
};

/*
 * threads 0: nothing runs until work_run_one is called.  yield: how much
 * nicer the threads are than the loops, which they would else hold up.  name
 * is borrowed.
 */
MUST_CHECK enum status work_init(struct work_queue *q, const char *name,
    uint32_t threads, uint32_t max, int yield);
/* Ends the threads after the job each has; the rest never runs. */
void work_fini(struct work_queue *q);

/* FULL at the bound.  Any thread. */
MUST_CHECK enum status work_push(struct work_queue *q, struct op *op);
/* Runs the oldest job here and now; false: there was none. */
bool work_run_one(struct work_queue *q);

#endif
