/*
 * job - one piece of work on the database, and the queue it waits in.
 *
 * A job belongs to whoever made it until it is pushed, then to the store's
 * threads until its done is called, which is exactly once.  The queue is
 * bounded in jobs and in bytes.  A thread that waits for one looks again and
 * again for JOB_SPIN_US before it sleeps, if that paid the last time: waking
 * a sleeper costs as much as a commit.
 */
#ifndef STORE_JOB_H
#define STORE_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/base/list.h"
#include "store/txn.h"

#define JOB_SPIN_US 50

struct job;

/*
 * May be called more than once, on another thread, each time in a new
 * transaction whose room is empty: leave nothing behind but the result, and
 * copy that out of the room before returning.
 */
typedef enum status (*job_run_fn)(struct txn *t, struct job *j);
/* On the thread that ran it; st is for good. */
typedef void (*job_done_fn)(struct job *j, enum status st);

struct job {
	job_run_fn run;
	job_done_fn done;
	size_t size_bytes; /* what it counts for in bounds */

	/* The store's own, while it has it. */
	struct list in_queue;
	enum status st;
	bool dropped; /* failed after it had written: not run again */
};

struct job_queue {
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	struct list jobs;
	_Atomic uint32_t count;
	size_t size_bytes;
	uint32_t count_max;
	size_t bytes_max;
	uint32_t sleepers;
	_Atomic bool closed;
};

/* How one thread waits; zero it. */
struct job_patience {
	bool paid; /* the last wait was a short one */
};

void job_queue_init(struct job_queue *q, uint32_t count_max, size_t bytes_max);
void job_queue_fini(struct job_queue *q); /* it must be empty */

/* FULL at a bound, CLOSED after job_queue_close; the job stays the caller's. */
MUST_CHECK enum status job_queue_push(struct job_queue *q, struct job *j);

/* Moves the oldest to the end of *to, one at least; how many. */
uint32_t job_queue_take(
    struct job_queue *q, uint32_t count_max, size_t bytes_max, struct list *to);

/* Until there is one; false once it is closed and empty. */
bool job_queue_wait(struct job_queue *q, struct job_patience *p);
void job_queue_close(struct job_queue *q);

#endif
