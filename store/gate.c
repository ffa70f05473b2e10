#include "store/gate.h"

#include <assert.h>
#include <time.h>

void
gate_init(struct gate *g)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&g->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&g->lock, NULL);
}

void
gate_fini(struct gate *g)
{
	assert(g->inside == 0);
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->lock);
}

void
gate_enter(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	while (g->shut)
		pthread_cond_wait(&g->changed, &g->lock);
	g->inside++;
	pthread_mutex_unlock(&g->lock);
}

void
gate_leave(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	assert(g->inside > 0);
	g->inside--;
	if (g->shut)
		pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

void
gate_open(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->shut = false;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

bool
gate_shut(struct gate *g)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += GATE_WAIT_SECONDS;
	pthread_mutex_lock(&g->lock);
	while (g->shut && rc == 0)
		rc = pthread_cond_timedwait(&g->changed, &g->lock, &until);
	if (rc == 0)
		g->shut = true;
	while (g->inside > 0 && rc == 0)
		rc = pthread_cond_timedwait(&g->changed, &g->lock, &until);
	pthread_mutex_unlock(&g->lock);
	if (rc != 0)
		gate_open(g);
	return rc == 0;
}
