#include "runtime/link_nng.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/base/clock.h"

#define IPC_SCHEME "ipc://"
#define IPC_MODE 0600
#define PATH_SIZE (LINK_URL_MAX + 32)
#define REDIAL_MIN_MS 10 /* NNG's own, until the first pipe is up */
#define REDIAL_MAX_MS 200
#define RELISTEN_MIN_US 250000
#define RELISTEN_MAX_US 8000000
#define INBOX_QUIET_US 2000000 /* a replaced inbox goes after as much */

static struct link_nng *
link_nng_of(struct link_transport *t)
{
	return (struct link_nng *)(void *)t;
}

static void
link_nng_wake(struct link_nng *t)
{
	if (!atomic_load(&t->closed))
		t->wake(t->ctx);
}

static const char *
link_nng_ipc_path(const char *url)
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

static struct link_socket *
socket_create(struct link_nng *t, enum link_socket_kind kind)
{
	struct link_socket *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	list_init(&s->node);
	s->kind = kind;
	s->t = t;
	return s;
}

/* Nothing is under way in it yet. */
static void
socket_discard(struct link_socket *s)
{
	if (nng_socket_id(s->socket) > 0)
		(void)nng_close(s->socket);
	nng_aio_free(s->aio);
	nng_aio_free(s->quick);
	free(s);
}

/* --- inbox --- */

/* Every inbox may have one message in hand when another fills the ring. */
static bool
ring_is_full(const struct link_nng *t)
{
	return t->count >= NNG_RING_MAX - NNG_INBOXES_MAX ||
	       t->bytes >= NNG_RING_BYTES_MAX;
}

/* True if it was empty: the owner does not know yet. */
static bool
ring_push(struct link_nng *t, nng_msg *m)
{
	t->ring[(t->first + t->count) % NNG_RING_MAX] = m;
	t->count++;
	t->bytes += nng_msg_len(m);
	return t->count == 1;
}

static void
inbox_on_message(struct link_socket *s, nng_msg *m)
{
	struct link_nng *t = s->t;
	bool first;
	bool full;

	atomic_store(&s->heard_us, clock_mono_us(&clock_system));
	pthread_mutex_lock(&t->ring_mutex);
	first = ring_push(t, m);
	full = ring_is_full(t);
	/* Under the lock: the owner resumes what it sees as paused. */
	if (full)
		atomic_store(&s->paused, true);
	pthread_mutex_unlock(&t->ring_mutex);
	if (!full)
		nng_recv_aio(s->socket, s->aio);
	if (first)
		link_nng_wake(t);
}

static void
inbox_on_received(void *arg)
{
	struct link_socket *s = arg;
	int rv = nng_aio_result(s->aio);

	if (rv == 0) {
		nng_msg *m = nng_aio_get_msg(s->aio);

		nng_aio_set_msg(s->aio, NULL);
		inbox_on_message(s, m);
	} else if (rv != NNG_ECLOSED && rv != NNG_ECANCELED) {
		nng_recv_aio(s->socket, s->aio);
	}
}

static int
inbox_listen(struct link_socket *s, const char *url)
{
	nng_listener listener;
	int rv = nng_listener_create(&listener, s->socket, url);

	if (rv == 0 && link_nng_ipc_path(url) != NULL)
		rv = nng_listener_set_int(
		    listener, NNG_OPT_IPC_PERMISSIONS, IPC_MODE);
	if (rv != 0)
		return rv;
	(void)nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true);
	return nng_listener_start(listener, 0);
}

/* Binds a name of its own and moves it over the public one; see link_nng.h. */
static int
inbox_listen_ipc(struct link_socket *s, const char *path)
{
	char url[PATH_SIZE + sizeof(IPC_SCHEME)];
	int rv;

	snprintf(url, sizeof(url), IPC_SCHEME "%s.%u", path, s->t->nbound++);
	rv = inbox_listen(s, url);
	if (rv == 0 && rename(link_nng_ipc_path(url), path) != 0)
		rv = NNG_EPERM;
	return rv;
}

static int
inbox_open(struct link_socket *s)
{
	const char *path = link_nng_ipc_path(s->t->listen);
	int rv = nng_pull0_open(&s->socket);

	if (rv == 0)
		rv = nng_socket_set_size(
		    s->socket, NNG_OPT_RECVMAXSZ, LINK_MESSAGE_MAX);
	if (rv == 0)
		rv = nng_aio_alloc(&s->aio, inbox_on_received, s);
	if (rv == 0)
		rv = path == NULL ? inbox_listen(s, s->t->listen)
				  : inbox_listen_ipc(s, path);
	return rv;
}

static int
link_nng_listen_anew(struct link_nng *t)
{
	struct link_socket *s = socket_create(t, SOCKET_INBOX);
	int rv;

	if (s == NULL)
		return NNG_ENOMEM;
	rv = inbox_open(s);
	if (rv != 0) {
		socket_discard(s);
		return rv;
	}
	t->inboxes[t->ninboxes++] = s;
	nng_recv_aio(s->socket, s->aio);
	return 0;
}

/*
 * An inbox that a newer one has replaced stays for the peers it still hears;
 * once silent, it goes.
 */
static void
link_nng_sweep_inboxes(struct link_nng *t, uint64_t now_us)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->ninboxes; i++) {
		struct link_socket *s = t->inboxes[i];

		if (i + 1 < t->ninboxes && !atomic_load(&s->paused) &&
		    now_us > atomic_load(&s->heard_us) + INBOX_QUIET_US)
			link_reaper_push(&t->reaper, s);
		else
			t->inboxes[kept++] = s;
	}
	t->ninboxes = kept;
}

/*
 * Only if nobody has been heard for a while: then it may be the inbox that is
 * deaf.  One that has never heard anything is replaced ever more rarely, for
 * then it is more likely that nobody is there.
 */
static void
link_nng_relisten(struct link_transport *transport)
{
	struct link_nng *t = link_nng_of(transport);
	uint64_t now_us = clock_mono_us(&clock_system);
	uint64_t heard_us = atomic_load(&t->inboxes[t->ninboxes - 1]->heard_us);

	link_nng_sweep_inboxes(t, now_us);
	if (heard_us != 0) {
		t->relisten_gap_us = RELISTEN_MIN_US;
		t->relisten_us = heard_us + RELISTEN_MIN_US;
	}
	if (now_us < t->relisten_us || t->ninboxes == NNG_INBOXES_MAX ||
	    link_nng_ipc_path(t->listen) == NULL ||
	    link_nng_listen_anew(t) != 0)
		return;
	t->relisten_us = now_us + t->relisten_gap_us;
	if (t->relisten_gap_us < RELISTEN_MAX_US)
		t->relisten_gap_us *= 2;
}

/* --- outbox --- */

/* On NNG's threads; may close the pipe and nothing else. */
static void
outbox_on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct link_socket *s = arg;
	int dialing = OUTBOX_DIALING;

	if (event == NNG_PIPE_EV_ADD_PRE) {
		if (!atomic_compare_exchange_strong(
			&s->outbox, &dialing, OUTBOX_READY))
			nng_pipe_close(pipe);
		return;
	}
	if (event == NNG_PIPE_EV_REM_POST)
		atomic_store(&s->outbox, OUTBOX_BROKEN);
	link_nng_wake(s->t);
}

static void
outbox_on_sent(void *arg)
{
	struct link_socket *s = arg;

	if (nng_aio_result(s->aio) != 0) {
		nng_msg_free(nng_aio_get_msg(s->aio));
		nng_aio_set_msg(s->aio, NULL);
	}
	atomic_store(&s->parked, false);
	link_nng_wake(s->t);
}

static int
outbox_watch(struct link_socket *s)
{
	int rv =
	    nng_pipe_notify(s->socket, NNG_PIPE_EV_ADD_PRE, outbox_on_pipe, s);

	if (rv == 0)
		rv = nng_pipe_notify(
		    s->socket, NNG_PIPE_EV_ADD_POST, outbox_on_pipe, s);
	if (rv == 0)
		rv = nng_pipe_notify(
		    s->socket, NNG_PIPE_EV_REM_POST, outbox_on_pipe, s);
	return rv;
}

static int
outbox_dial(struct link_socket *s, const char *url)
{
	nng_dialer dialer;
	int rv = nng_dialer_create(&dialer, s->socket, url);

	if (rv != 0)
		return rv;
	(void)nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, REDIAL_MIN_MS);
	(void)nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, REDIAL_MAX_MS);
	/* ipc:// has no such option and needs none. */
	(void)nng_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
	return nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
}

static int
outbox_open(struct link_socket *s, const char *url)
{
	int rv = nng_push0_open(&s->socket);

	if (rv == 0)
		rv = nng_socket_set_int(
		    s->socket, NNG_OPT_SENDBUF, NNG_SEND_QUEUE);
	if (rv == 0)
		rv = nng_aio_alloc(&s->aio, outbox_on_sent, s);
	if (rv == 0)
		rv = nng_aio_alloc(&s->quick, NULL, NULL);
	if (rv == 0)
		rv = outbox_watch(s);
	if (rv == 0)
		rv = outbox_dial(s, url);
	return rv;
}

/* Without memory or sockets there is no outbox, and the next dial tries. */
static void
link_nng_dial(struct link_transport *transport, uint16_t peer, const char *url)
{
	struct link_nng *t = link_nng_of(transport);
	struct link_socket *s = t->outboxes[peer];

	link_nng_sweep_inboxes(t, clock_mono_us(&clock_system));
	if (s != NULL)
		link_reaper_push(&t->reaper, s);
	t->outboxes[peer] = NULL;
	s = socket_create(t, SOCKET_OUTBOX);
	if (s == NULL)
		return;
	if (outbox_open(s, url) == 0)
		t->outboxes[peer] = s;
	else
		socket_discard(s);
}

static enum link_outbox
link_nng_outbox(struct link_transport *transport, uint16_t peer)
{
	struct link_socket *s = link_nng_of(transport)->outboxes[peer];

	return s == NULL ? OUTBOX_BROKEN
			 : (enum link_outbox)atomic_load(&s->outbox);
}

static nng_msg *
link_nng_msg_of(struct bytes head, struct bytes body)
{
	nng_msg *m;
	uint8_t *at;

	if (nng_msg_alloc(&m, head.size + body.size) != 0)
		return NULL;
	at = nng_msg_body(m);
	memcpy(at, head.at, head.size);
	if (body.size > 0)
		memcpy(at + head.size, body.at, body.size);
	return m;
}

static enum status
link_nng_send_to(struct link_transport *transport, uint16_t peer,
    struct bytes head, struct bytes body)
{
	struct link_socket *s = link_nng_of(transport)->outboxes[peer];
	nng_msg *m;

	if (s == NULL || atomic_load(&s->outbox) != OUTBOX_READY)
		return ST_CLOSED;
	if (atomic_load(&s->parked))
		return ST_FULL;
	m = link_nng_msg_of(head, body);
	if (m == NULL)
		return ST_NO_MEMORY;
	nng_aio_set_timeout(s->quick, NNG_DURATION_ZERO);
	nng_aio_set_msg(s->quick, m);
	nng_send_aio(s->socket, s->quick);
	nng_aio_wait(s->quick);
	if (nng_aio_result(s->quick) != 0) {
		atomic_store(&s->parked, true);
		nng_aio_set_msg(s->aio, m);
		nng_send_aio(s->socket, s->aio);
	}
	nng_aio_set_msg(s->quick, NULL);
	return ST_OK;
}

/* --- taking --- */

/* Inboxes stopped at the bound of the ring; there is room again. */
static void
link_nng_resume(struct link_nng *t)
{
	for (size_t i = 0; i < t->ninboxes; i++) {
		struct link_socket *s = t->inboxes[i];

		if (atomic_exchange(&s->paused, false))
			nng_recv_aio(s->socket, s->aio);
	}
}

static size_t
link_nng_take(
    struct link_transport *transport, struct link_packet *ret, size_t max)
{
	struct link_nng *t = link_nng_of(transport);
	size_t n = 0;
	bool room;

	pthread_mutex_lock(&t->ring_mutex);
	while (n < max && t->count > 0) {
		nng_msg *m = t->ring[t->first];

		t->first = (t->first + 1) % NNG_RING_MAX;
		t->count--;
		t->bytes -= nng_msg_len(m);
		ret[n].bytes =
		    (struct bytes){ nng_msg_body(m), nng_msg_len(m) };
		ret[n++].owner = m;
	}
	room = !ring_is_full(t);
	pthread_mutex_unlock(&t->ring_mutex);
	if (room)
		link_nng_resume(t);
	return n;
}

static void
link_nng_put(struct link_transport *transport, struct link_packet *packet)
{
	(void)transport;
	nng_msg_free(packet->owner);
}

/* --- whole --- */

/* One live node per path; the kernel gives the lock back if we die. */
static enum status
link_nng_lock(struct link_nng *t)
{
	const char *path = link_nng_ipc_path(t->listen);
	char name[PATH_SIZE];

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
	close(t->lock);
	t->lock = -1;
	return errno == EWOULDBLOCK ? ST_EXISTS : ST_IO;
}

static void
link_nng_unlock(struct link_nng *t)
{
	if (t->lock < 0)
		return;
	unlink(link_nng_ipc_path(t->listen));
	close(t->lock);
	t->lock = -1;
}

static void
link_nng_close_all(struct link_nng *t)
{
	for (size_t i = 0; i < t->ninboxes; i++)
		link_reaper_push(&t->reaper, t->inboxes[i]);
	for (size_t i = 0; i <= LINK_NODE_MAX; i++)
		if (t->outboxes[i] != NULL)
			link_reaper_push(&t->reaper, t->outboxes[i]);
}

static void
link_nng_free_ring(struct link_nng *t)
{
	for (; t->count > 0; t->count--) {
		nng_msg_free(t->ring[t->first]);
		t->first = (t->first + 1) % NNG_RING_MAX;
	}
	pthread_mutex_destroy(&t->ring_mutex);
}

/* If NNG hangs in a close, what its threads may still touch is left alone. */
static void
link_nng_destroy(struct link_transport *transport)
{
	struct link_nng *t = link_nng_of(transport);

	link_nng_close_all(t);
	link_nng_unlock(t);
	if (link_reaper_stop(&t->reaper)) {
		link_nng_free_ring(t);
		free(t);
	} else {
		atomic_store(&t->closed, true);
	}
}

static const struct link_transport link_nng_transport = {
	.dial = link_nng_dial,
	.outbox = link_nng_outbox,
	.send = link_nng_send_to,
	.take = link_nng_take,
	.put = link_nng_put,
	.relisten = link_nng_relisten,
	.destroy = link_nng_destroy,
};

static enum status
link_nng_start(struct link_nng *t)
{
	enum status st = link_nng_lock(t);

	if (st != ST_OK)
		return st;
	st = link_nng_status(link_nng_listen_anew(t));
	if (st == ST_OK)
		st = link_reaper_start(&t->reaper);
	if (st != ST_OK && t->ninboxes > 0)
		socket_discard(t->inboxes[0]);
	if (st != ST_OK)
		link_nng_unlock(t);
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
	t->transport = link_nng_transport;
	t->wake = wake;
	t->ctx = ctx;
	t->relisten_gap_us = RELISTEN_MIN_US;
	snprintf(t->listen, sizeof(t->listen), "%s", listen);
	pthread_mutex_init(&t->ring_mutex, NULL);
	st = link_nng_start(t);
	if (st != ST_OK) {
		pthread_mutex_destroy(&t->ring_mutex);
		free(t);
		return st;
	}
	*ret_t = &t->transport;
	return ST_OK;
}
