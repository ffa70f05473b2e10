#include "runtime/work.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/thread.h"
#include "runtime/loop.h"

static struct op *
work_pop_locked(struct work_queue *q)
{
	struct op *op = q->head;

	if (op != NULL) {
		q->head = op->next_work;
		if (q->head == NULL)
			q->tail = NULL;
		q->count--;
	}
	return op;
}

static void
work_do(struct op *op)
{
	struct loop *l = op->actor->loop;

	if (!atomic_load(&op->is_skipped))
		op->run(op->data);
	else
		explicit_bzero(op->data, sizeof(op->data));
	loop_give(l, &op->parcel);
}

/* Of this thread alone, on Linux.  Refused, the work is done all the same. */
static void
work_be_nice(int yield)
{
	if (yield > 0)
		(void)setpriority(PRIO_PROCESS, (id_t)gettid(),
		    getpriority(PRIO_PROCESS, 0) + yield);
}

static void *
work_thread(void *arg)
{
	struct work_queue *q = arg;

	work_be_nice(q->yield);
	pthread_mutex_lock(&q->lock);
	thread_name("%s-%u", q->name, q->named++);
	while (!q->closed) {
		struct op *op = work_pop_locked(q);

		if (op == NULL) {
			pthread_cond_wait(&q->filled, &q->lock);
			continue;
		}
		pthread_mutex_unlock(&q->lock);
		work_do(op);
		pthread_mutex_lock(&q->lock);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

enum status
work_init(struct work_queue *q, const char *name, uint32_t threads,
    uint32_t max, int yield)
{
	memset(q, 0, sizeof(*q));
	q->name = name;
	q->max = max;
	q->yield = yield;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, NULL);
	while (q->threads < threads && q->threads < WORK_POOL_THREADS_MAX) {
		if (pthread_create(&q->ids[q->threads], NULL, work_thread, q) !=
		    0) {
			work_fini(q);
			return ST_IO;
		}
		q->threads++;
	}
	return ST_OK;
}

void
work_fini(struct work_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
	for (uint32_t i = 0; i < q->threads; i++)
		pthread_join(q->ids[i], NULL);
	q->threads = 0;
	q->max = 0;
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
}

enum status
work_push(struct work_queue *q, struct op *op)
{
	enum status st = ST_FULL;

	pthread_mutex_lock(&q->lock);
	if (q->count < q->max && !q->closed) {
		op->next_work = NULL;
		if (q->tail == NULL)
			q->head = op;
		else
			q->tail->next_work = op;
		q->tail = op;
		q->count++;
		st = ST_OK;
		pthread_cond_signal(&q->filled);
	}
	pthread_mutex_unlock(&q->lock);
	return st;
}

bool
work_run_one(struct work_queue *q)
{
	struct op *op;

	pthread_mutex_lock(&q->lock);
	op = work_pop_locked(q);
	pthread_mutex_unlock(&q->lock);
	if (op != NULL)
		work_do(op);
	return op != NULL;
}
