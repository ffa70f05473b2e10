#include "runtime/link_nng.h"
#include "runtime/base/thread.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define IPC_SCHEME "ipc://"
#define IPC_MODE 0600
#define PATH_SIZE (LINK_URL_MAX + 8)
#define FLUSH_MS 100 /* destroy waits for the last write */
#define REAP_MS 3000 /* and for NNG to free its streams */

static struct link_nng *
link_nng_of(struct link_transport *t)
{
	return (struct link_nng *)(void *)t;
}

static const char *
link_nng_path(const char *url)
{
	size_t size = sizeof(IPC_SCHEME) - 1;

	return strncmp(url, IPC_SCHEME, size) == 0 ? url + size : NULL;
}

static enum status
link_nng_status(int rv)
{
	switch (rv) {
	case 0:
		return ST_OK;
	case NNG_ENOMEM:
		return ST_NO_MEMORY;
	case NNG_EADDRINUSE:
		return ST_EXISTS;
	case NNG_EADDRINVAL:
	case NNG_EINVAL:
	case NNG_ENOTSUP:
		return ST_INVALID;
	default:
		return ST_IO;
	}
}

/* --- outboxes --- */

static void
link_nng_dial(struct link_transport *transport, uint16_t peer, const char *url)
{
	struct link_nng *t = link_nng_of(transport);
	struct link_conn *c;

	pthread_mutex_lock(&t->mutex);
	c = t->outboxes[peer];
	if (c != NULL)
		link_conn_abandon(c);
	c = t->outboxes[peer] = link_conn_create(t, false);
	if (c != NULL)
		link_conn_dial(c, url);
	pthread_mutex_unlock(&t->mutex);
}

static enum link_outbox
link_nng_outbox(struct link_transport *transport, uint16_t peer)
{
	struct link_nng *t = link_nng_of(transport);
	enum link_outbox now = OUTBOX_BROKEN;

	pthread_mutex_lock(&t->mutex);
	if (t->outboxes[peer] != NULL)
		now = t->outboxes[peer]->outbox;
	pthread_mutex_unlock(&t->mutex);
	return now;
}

static enum status
link_nng_send(struct link_transport *transport, uint16_t peer,
    struct bytes head, struct bytes body)
{
	struct link_nng *t = link_nng_of(transport);
	enum status st = ST_CLOSED;

	pthread_mutex_lock(&t->mutex);
	if (t->outboxes[peer] != NULL)
		st = link_conn_send(t->outboxes[peer], head, body);
	pthread_mutex_unlock(&t->mutex);
	return st;
}

/* --- inbox --- */

static void
link_nng_accept(struct link_nng *t)
{
	t->accepting = true;
	nng_stream_listener_accept(t->listener, t->accept);
}

static void
link_nng_on_stream(struct link_nng *t, nng_stream *stream)
{
	struct link_conn *c = NULL;

	if (!t->stopping && t->ninbound < NNG_INBOUND_MAX)
		c = link_conn_create(t, true);
	if (c == NULL) {
		nng_stream_free(stream);
		return;
	}
	c->stream = stream;
	t->ninbound++;
	list_append(&t->inbound, &c->node);
	link_conn_receive(c);
}

/* After a failure (no descriptors, say) the owner accepts again in a turn. */
static void
link_nng_on_accept(void *arg)
{
	struct link_nng *t = arg;
	int rv = nng_aio_result(t->accept);

	pthread_mutex_lock(&t->mutex);
	t->accepting = false;
	if (rv == 0) {
		link_nng_on_stream(t, nng_aio_get_output(t->accept, 0));
		if (!t->stopping)
			link_nng_accept(t);
	}
	pthread_mutex_unlock(&t->mutex);
}

static int
link_nng_bind(struct link_nng *t)
{
	const char *path = link_nng_path(t->listen);
	struct stat about;
	int rv = nng_stream_listener_alloc(&t->listener, t->listen);

	if (rv == 0 && path != NULL)
		rv = nng_stream_listener_set_int(
		    t->listener, NNG_OPT_IPC_PERMISSIONS, IPC_MODE);
	if (rv != 0)
		return rv;
	(void)nng_stream_listener_set_bool(
	    t->listener, NNG_OPT_TCP_NODELAY, true);
	/* We hold the lock of the path: what is there is dead. */
	if (path != NULL)
		unlink(path);
	rv = nng_stream_listener_listen(t->listener);
	if (rv == 0 && path != NULL && stat(path, &about) == 0) {
		t->listen_dev = about.st_dev;
		t->listen_inode = about.st_ino;
	}
	return rv;
}

static bool
link_nng_is_bound(const struct link_nng *t)
{
	const char *path = link_nng_path(t->listen);
	struct stat about;

	return path == NULL ||
	       (stat(path, &about) == 0 && about.st_dev == t->listen_dev &&
		   about.st_ino == t->listen_inode);
}

static void
link_nng_unbind(struct link_nng *t)
{
	if (t->listener == NULL)
		return;
	nng_stream_listener_close(t->listener);
	nng_aio_wait(t->accept);
	nng_stream_listener_free(t->listener);
	t->listener = NULL;
}

/* Somebody has taken our path away: nobody can reach us until we bind anew. */
static void
link_nng_relisten(struct link_transport *transport)
{
	struct link_nng *t = link_nng_of(transport);

	if (t->listener != NULL && link_nng_is_bound(t))
		return;
	link_nng_unbind(t);
	if (link_nng_bind(t) != 0) {
		link_nng_unbind(t);
		return;
	}
	pthread_mutex_lock(&t->mutex);
	link_nng_accept(t);
	pthread_mutex_unlock(&t->mutex);
}

/* There is room again, or there are descriptors again. */
static void
link_nng_resume(struct link_nng *t)
{
	if (t->letters_bytes >= NNG_QUEUE_BYTES / 2)
		return;
	for (struct list *n = t->inbound.next; n != &t->inbound; n = n->next) {
		struct link_conn *c = LIST_OF(n, struct link_conn, node);

		if (c->paused && !c->closed)
			link_conn_receive(c);
	}
	if (!t->accepting && t->listener != NULL)
		link_nng_accept(t);
}

static size_t
link_nng_take(
    struct link_transport *transport, struct link_packet *ret, size_t max)
{
	struct link_nng *t = link_nng_of(transport);
	size_t n = 0;
	struct list *node;

	pthread_mutex_lock(&t->mutex);
	while (n < max && (node = list_first(&t->letters)) != NULL) {
		struct link_letter *m = LIST_OF(node, struct link_letter, node);

		list_remove(node);
		t->letters_bytes -= m->size;
		ret[n].bytes = (struct bytes){ m->bytes, m->size };
		ret[n++].owner = m;
	}
	link_nng_resume(t);
	pthread_mutex_unlock(&t->mutex);
	return n;
}

static void
link_nng_put(struct link_transport *transport, struct link_packet *packet)
{
	(void)transport;
	free(packet->owner);
}

/* --- the reaper --- */

static void *
link_nng_reap(void *arg)
{
	struct link_nng *t = arg;
	struct list *node;

	thread_name("link-reaper");
	pthread_mutex_lock(&t->mutex);
	while (!t->stopping || t->nconns > 0) {
		node = list_first(&t->dead);
		if (node == NULL) {
			pthread_cond_wait(&t->work, &t->mutex);
			continue;
		}
		list_remove(node);
		pthread_mutex_unlock(&t->mutex);
		link_conn_free(LIST_OF(node, struct link_conn, node));
		pthread_mutex_lock(&t->mutex);
		t->nconns--;
	}
	pthread_mutex_unlock(&t->mutex);
	return NULL;
}

/* --- whole --- */

/* One live node per path; the kernel gives the lock back if we die. */
static enum status
link_nng_lock(struct link_nng *t)
{
	const char *path = link_nng_path(t->listen);
	char name[PATH_SIZE];
	enum status st;

	t->lock = -1;
	if (path == NULL)
		return ST_OK;
	snprintf(name, sizeof(name), "%s.lock", path);
	t->lock =
	    open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, IPC_MODE);
	if (t->lock < 0)
		return ST_IO;
	if (flock(t->lock, LOCK_EX | LOCK_NB) == 0)
		return ST_OK;
	st = errno == EWOULDBLOCK ? ST_EXISTS : ST_IO;
	close(t->lock);
	t->lock = -1;
	return st;
}

static struct timespec
link_nng_after_ms(long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += ms % 1000 * 1000000;
	ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static bool
link_nng_is_writing(const struct link_nng *t)
{
	for (size_t i = 0; i <= LINK_NODE_MAX; i++) {
		const struct link_conn *c = t->outboxes[i];

		if (c != NULL && !c->closed && c->writing.used > 0)
			return true;
	}
	return false;
}

static void
link_nng_close_all(struct link_nng *t)
{
	struct timespec until = link_nng_after_ms(FLUSH_MS);
	struct list *node;

	while (link_nng_is_writing(t))
		if (pthread_cond_timedwait(&t->quiet, &t->mutex, &until) != 0)
			break;
	t->stopping = true;
	for (size_t i = 0; i <= LINK_NODE_MAX; i++)
		if (t->outboxes[i] != NULL)
			link_conn_abandon(t->outboxes[i]);
	node = t->inbound.next;
	while (node != &t->inbound) {
		struct link_conn *c = LIST_OF(node, struct link_conn, node);

		node = node->next;
		link_conn_abandon(c);
	}
	pthread_cond_signal(&t->work);
}

static bool
link_nng_join(struct link_nng *t)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += REAP_MS / 1000;
	if (pthread_timedjoin_np(t->reaper, NULL, &until) == 0)
		return true;
	pthread_detach(t->reaper);
	return false;
}

static void
link_nng_free(struct link_nng *t)
{
	struct list *node;

	while ((node = list_first(&t->letters)) != NULL) {
		list_remove(node);
		free(LIST_OF(node, struct link_letter, node));
	}
	link_nng_unbind(t);
	nng_aio_free(t->accept);
	if (t->lock >= 0)
		close(t->lock);
	pthread_cond_destroy(&t->work);
	pthread_cond_destroy(&t->quiet);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

static void
link_nng_no_wake(void *ctx)
{
	(void)ctx;
}

/* If NNG hangs, what its threads may still touch is left alone. */
static void
link_nng_destroy(struct link_transport *transport)
{
	struct link_nng *t = link_nng_of(transport);

	pthread_mutex_lock(&t->mutex);
	link_nng_close_all(t);
	t->wake = link_nng_no_wake;
	pthread_mutex_unlock(&t->mutex);
	link_nng_unbind(t);
	if (link_nng_join(t))
		link_nng_free(t);
}

static const struct link_transport link_nng_transport = {
	.dial = link_nng_dial,
	.outbox = link_nng_outbox,
	.send = link_nng_send,
	.take = link_nng_take,
	.put = link_nng_put,
	.relisten = link_nng_relisten,
	.destroy = link_nng_destroy,
};

static void
link_nng_init(struct link_nng *t, const char *listen)
{
	pthread_condattr_t attr;

	t->transport = link_nng_transport;
	t->lock = -1;
	snprintf(t->listen, sizeof(t->listen), "%s", listen);
	list_init(&t->inbound);
	list_init(&t->dead);
	list_init(&t->letters);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&t->mutex, NULL);
	pthread_cond_init(&t->quiet, &attr);
	pthread_cond_init(&t->work, NULL);
	pthread_condattr_destroy(&attr);
}

static enum status
link_nng_start(struct link_nng *t)
{
	enum status st = link_nng_lock(t);

	if (st == ST_OK)
		st = link_nng_status(
		    nng_aio_alloc(&t->accept, link_nng_on_accept, t));
	if (st == ST_OK)
		st = link_nng_status(link_nng_bind(t));
	if (st == ST_OK && pthread_create(&t->reaper, NULL, link_nng_reap, t))
		st = ST_IO;
	return st;
}

enum status
link_nng_create(const char *listen, void (*wake)(void *ctx), void *ctx,
    struct link_transport **ret_t)
{
	struct link_nng *t = calloc(1, sizeof(*t));
	enum status st;

	if (t == NULL)
		return ST_NO_MEMORY;
	link_nng_init(t, listen);
	t->wake = wake;
	t->ctx = ctx;
	st = link_nng_start(t);
	if (st != ST_OK) {
		link_nng_free(t);
		return st;
	}
	pthread_mutex_lock(&t->mutex);
	link_nng_accept(t);
	pthread_mutex_unlock(&t->mutex);
	*ret_t = &t->transport;
	return ST_OK;
}
