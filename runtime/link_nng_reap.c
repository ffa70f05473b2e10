/* The reaper closes sockets that nobody uses any more, on its own thread. */
#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/link_nng.h"

#define REAP_US 500000 /* a socket with a pipe is left alone so long */
#define REAP_STOP_S 3  /* what links_destroy waits at most */
#define SECOND_US 1000000

static void
reaper_free_aio(nng_aio *aio)
{
	nng_msg *left;

	if (aio == NULL)
		return;
	nng_aio_stop(aio);
	left = nng_aio_result(aio) == 0 ? NULL : nng_aio_get_msg(aio);
	if (left != NULL)
		nng_msg_free(left);
	nng_aio_free(aio);
}

static void
reaper_close(struct link_socket *s)
{
	(void)nng_close(s->socket);
	reaper_free_aio(s->aio);
	reaper_free_aio(s->quick);
	free(s);
}

static struct link_socket *
reaper_find_due(struct link_reaper *r, uint64_t *ret_next_us)
{
	uint64_t now_us = clock_mono_us(&clock_system);

	for (struct list *n = r->sockets.next; n != &r->sockets; n = n->next) {
		struct link_socket *s = LIST_OF(n, struct link_socket, node);

		if (r->stopping || now_us >= s->due_us)
			return s;
		if (s->due_us < *ret_next_us)
			*ret_next_us = s->due_us;
	}
	return NULL;
}

static void
reaper_wait(struct link_reaper *r, uint64_t until_us)
{
	struct timespec until = { .tv_sec = (time_t)(until_us / SECOND_US),
		.tv_nsec = (long)(until_us % SECOND_US) * 1000 };

	if (until_us == UINT64_MAX)
		pthread_cond_wait(&r->cond, &r->mutex);
	else
		pthread_cond_timedwait(&r->cond, &r->mutex, &until);
}

static void *
reaper_run(void *arg)
{
	struct link_reaper *r = arg;

	pthread_mutex_lock(&r->mutex);
	for (;;) {
		uint64_t next_us = UINT64_MAX;
		struct link_socket *s = reaper_find_due(r, &next_us);

		if (s != NULL) {
			list_remove(&s->node);
			pthread_mutex_unlock(&r->mutex);
			reaper_close(s);
			pthread_mutex_lock(&r->mutex);
		} else if (r->stopping) {
			break;
		} else {
			reaper_wait(r, next_us);
		}
	}
	pthread_mutex_unlock(&r->mutex);
	return NULL;
}

enum status
link_reaper_start(struct link_reaper *r)
{
	pthread_condattr_t attr;

	list_init(&r->sockets);
	r->stopping = false;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->cond, &attr);
	pthread_condattr_destroy(&attr);
	return pthread_create(&r->thread, NULL, reaper_run, r) == 0 ? ST_OK
								    : ST_IO;
}

void
link_reaper_push(struct link_reaper *r, struct link_socket *s)
{
	pthread_mutex_lock(&r->mutex);
	s->due_us = clock_mono_us(&clock_system);
	if (s->kind == SOCKET_INBOX || atomic_load(&s->outbox) == OUTBOX_READY)
		s->due_us += REAP_US;
	list_append(&r->sockets, &s->node);
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->mutex);
}

bool
link_reaper_stop(struct link_reaper *r)
{
	struct timespec until;

	pthread_mutex_lock(&r->mutex);
	r->stopping = true;
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->mutex);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += REAP_STOP_S;
	if (pthread_timedjoin_np(r->thread, NULL, &until) != 0) {
		pthread_detach(r->thread);
		return false;
	}
	pthread_cond_destroy(&r->cond);
	pthread_mutex_destroy(&r->mutex);
	return true;
}
