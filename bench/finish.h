/* finish - when the last message of a run came, told by whichever thread. */
#ifndef BENCH_FINISH_H
#define BENCH_FINISH_H

#include <pthread.h>

#include "bench.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static double ended_s; /* when the last message came; 0: not yet */

static void
run_end(void)
{
	pthread_mutex_lock(&lock);
	ended_s = bench_now_s();
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

/* When that was; then another run may begin. */
static double
run_wait(void)
{
	double end;

	pthread_mutex_lock(&lock);
	while (ended_s == 0)
		pthread_cond_wait(&changed, &lock);
	end = ended_s;
	ended_s = 0;
	pthread_mutex_unlock(&lock);
	return end;
}

#endif
