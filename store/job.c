#include "store/job.h"

#include <assert.h>
#include <sched.h>

#include "runtime/base/clock.h"

void
job_queue_init(struct job_queue *q, uint32_t count_max, size_t bytes_max)
{
	*q = (struct job_queue){
		.count_max = count_max,
		.bytes_max = bytes_max,
	};
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->arrived, NULL);
	list_init(&q->jobs);
}

void
job_queue_fini(struct job_queue *q)
{
	assert(list_empty(&q->jobs));
	pthread_cond_destroy(&q->arrived);
	pthread_mutex_destroy(&q->lock);
}

/* Under the lock.  An empty queue takes any job, however large. */
static enum status
queue_admits(const struct job_queue *q, const struct job *j)
{
	uint32_t count = atomic_load(&q->count);

	if (atomic_load(&q->closed))
		return ST_CLOSED;
	if (count >= q->count_max)
		return ST_FULL;
	if (count > 0 && j->size_bytes > q->bytes_max - q->size_bytes)
		return ST_FULL;
	return ST_OK;
}

enum status
job_queue_push(struct job_queue *q, struct job *j)
{
	bool wake = false;
	enum status st;

	pthread_mutex_lock(&q->lock);
	st = queue_admits(q, j);
	if (st == ST_OK) {
		list_append(&q->jobs, &j->in_queue);
		q->size_bytes += j->size_bytes;
		atomic_fetch_add(&q->count, 1);
		wake = q->sleepers > 0;
	}
	pthread_mutex_unlock(&q->lock);
	if (wake)
		pthread_cond_signal(&q->arrived);
	return st;
}

uint32_t
job_queue_take(
    struct job_queue *q, uint32_t count_max, size_t bytes_max, struct list *to)
{
	uint32_t taken = 0;
	size_t bytes = 0;
	struct list *node;

	pthread_mutex_lock(&q->lock);
	while (taken < count_max && (node = list_first(&q->jobs)) != NULL) {
		struct job *j = LIST_OF(node, struct job, in_queue);

		if (taken > 0 && bytes + j->size_bytes > bytes_max)
			break;
		list_remove(node);
		list_append(to, node);
		bytes += j->size_bytes;
		taken++;
	}
	q->size_bytes -= bytes;
	atomic_fetch_sub(&q->count, taken);
	pthread_mutex_unlock(&q->lock);
	return taken;
}

static bool
queue_is_quiet(struct job_queue *q)
{
	return atomic_load_explicit(&q->count, memory_order_relaxed) == 0 &&
	       !atomic_load_explicit(&q->closed, memory_order_relaxed);
}

/* Others may need this core more: each look gives it to them. */
static void
queue_spin(struct job_queue *q)
{
	uint64_t until = clock_mono_us(&clock_system) + JOB_SPIN_US;

	while (queue_is_quiet(q) && clock_mono_us(&clock_system) < until)
		sched_yield();
}

static void
queue_sleep(struct job_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->sleepers++;
	while (queue_is_quiet(q))
		pthread_cond_wait(&q->arrived, &q->lock);
	q->sleepers--;
	pthread_mutex_unlock(&q->lock);
}

bool
job_queue_wait(struct job_queue *q, struct job_patience *p)
{
	uint64_t began;

	if (queue_is_quiet(q)) {
		began = clock_mono_us(&clock_system);
		if (p->paid)
			queue_spin(q);
		if (queue_is_quiet(q))
			queue_sleep(q);
		p->paid =
		    clock_mono_us(&clock_system) - began < 2 * JOB_SPIN_US;
	}
	return atomic_load(&q->count) > 0 || !atomic_load(&q->closed);
}

void
job_queue_close(struct job_queue *q)
{
	pthread_mutex_lock(&q->lock);
	atomic_store(&q->closed, true);
	pthread_mutex_unlock(&q->lock);
	pthread_cond_broadcast(&q->arrived);
}
