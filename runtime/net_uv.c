#include "runtime/net_uv.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/net_uv_inside.h"

/* More buffers than libuv keeps in its request would make it allocate. */
#define FLIGHT_PARTS 4

static struct net_uv *
net_uv_of(const struct net_uv_stream *s)
{
	return (struct net_uv *)s->base.net;
}

static struct net_uv_stream *
net_uv_stream_of(const struct net_stream *s)
{
	union {
		const struct net_stream *given;
		struct net_uv_stream *stream;
	} u = { s };

	return u.stream;
}

static enum status
net_uv_status(ssize_t code)
{
	switch (code) {
	case UV_EOF:
		return ST_CLOSED; /* a reset is more than that: ST_IO */
	case UV_ETIMEDOUT:
		return ST_TIMEOUT;
	case UV_ENOMEM:
	case UV_ENOBUFS:
		return ST_NO_MEMORY;
	default:
		return ST_IO;
	}
}

static uv_buf_t
net_uv_buf(struct bytes b)
{
	union {
		const uint8_t *bytes;
		char *base;
	} u = { b.at };

	return uv_buf_init(u.base, (unsigned)b.size);
}

static void
net_uv_on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buf)
{
	struct net_uv *n = net_uv_of(handle->data);

	(void)wanted;
	*ret_buf = uv_buf_init(n->read_bytes, sizeof(n->read_bytes));
}

static void
net_uv_on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *buf)
{
	struct net_uv_stream *s = handle->data;

	if (size > 0) {
		s->base.on->on_data(
		    s->base.ctx, &s->base, (uint8_t *)buf->base, (size_t)size);
	} else if (size < 0) {
		uv_read_stop(handle);
		net_stream_end(&s->base, net_uv_status(size));
	}
}

static void
net_uv_read(struct net_stream *base, bool on)
{
	struct net_uv_stream *s = net_uv_stream_of(base);
	int code = 0;

	if (on)
		code = uv_read_start(
		    &s->u.stream, net_uv_on_alloc, net_uv_on_read);
	else
		uv_read_stop(&s->u.stream);
	assert(code == 0 || code == UV_EALREADY);
}

static enum status
net_uv_try_write(struct net_stream *base, const struct net_part *parts,
    size_t count, size_t *ret_sent)
{
	struct net_uv_stream *s = net_uv_stream_of(base);
	uv_buf_t bufs[NET_PARTS_MAX];
	int sent;

	for (size_t i = 0; i < count; i++)
		bufs[i] = net_uv_buf(parts[i].bytes);
	sent = uv_try_write(&s->u.stream, bufs, (unsigned)count);
	if (sent < 0 && sent != UV_EAGAIN)
		return net_uv_status(sent);
	*ret_sent = sent < 0 ? 0 : (size_t)sent;
	return ST_OK;
}

static enum status net_uv_flush(struct net_stream *base);

static void
net_uv_on_written(uv_write_t *request, int code)
{
	struct net_uv_flight *f = request->data;
	struct net_uv_stream *s = f->stream;
	size_t size = f->size;
	enum status st = ST_OK;

	s->flight = NULL;
	pool_put(&net_uv_of(s)->flights, f);
	if (s->base.state == NET_CLOSING)
		return;
	if (code < 0) {
		net_stream_end(&s->base, net_uv_status(code));
		return;
	}
	if (size < s->base.owed) {
		net_stream_sent(&s->base, size);
		st = net_uv_flush(&s->base);
	} else {
		net_stream_sent(&s->base, size);
	}
	if (st != ST_OK)
		net_stream_end(&s->base, st);
}

/* Sends the front of the queue; on_written comes back for the rest. */
static enum status
net_uv_flush(struct net_stream *base)
{
	struct net_uv_stream *s = net_uv_stream_of(base);
	struct net_uv_flight *f = pool_take(&net_uv_of(s)->flights);
	uv_buf_t bufs[FLIGHT_PARTS];
	unsigned count = 0;
	int code;

	assert(s->flight == NULL);
	if (f == NULL)
		return ST_NO_MEMORY;
	f->stream = s;
	f->request.data = f;
	for (struct net_ref *r = base->queue.head;
	     r != NULL && count < FLIGHT_PARTS; r = r->next) {
		bufs[count++] = net_uv_buf((struct bytes){ r->at, r->size });
		f->size += r->size;
	}
	code =
	    uv_write(&f->request, &s->u.stream, bufs, count, net_uv_on_written);
	if (code == 0) {
		s->flight = f;
		return ST_OK;
	}
	pool_put(&net_uv_of(s)->flights, f);
	return net_uv_status(code);
}

/* libuv's own shutdown wants a request; nothing is owed, so this will do. */
static void
net_uv_finish(struct net_stream *base)
{
	struct net_uv_stream *s = net_uv_stream_of(base);
	uv_os_fd_t fd;

	if (uv_fileno(&s->u.any, &fd) == 0)
		(void)shutdown(fd, SHUT_WR);
}

static void
net_uv_on_closed(uv_handle_t *handle)
{
	struct net_uv_stream *s = handle->data;
	struct net_uv *n = net_uv_of(s);
	struct net_listener *l = s->base.listener;

	assert(s->flight == NULL);
	net_stream_drop(&s->base);
	pool_put(&n->streams, s);
	n->base.handles--;
	net_uv_listener_release((struct net_uv_listener *)l);
}

static void
net_uv_close(struct net_stream *base)
{
	uv_close(&net_uv_stream_of(base)->u.any, net_uv_on_closed);
}

static void
net_uv_peer(const struct net_stream *base, struct net_peer *ret_peer)
{
	struct net_uv_stream *s = net_uv_stream_of(base);
	struct net_address a = { .size = sizeof(a.u) };
	struct ucred cred;
	socklen_t size = sizeof(cred);
	uv_os_fd_t fd;

	if (uv_fileno(&s->u.any, &fd) != 0 ||
	    getpeername(fd, &a.u.any, &a.size) != 0)
		return;
	if (a.u.any.sa_family != AF_UNIX) {
		net_address_show(&a, ret_peer->text, &ret_peer->port);
		return;
	}
	memcpy(ret_peer->text, "unix", sizeof("unix"));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
		return;
	ret_peer->is_local = true;
	ret_peer->pid = cred.pid;
	ret_peer->uid = cred.uid;
	ret_peer->gid = cred.gid;
}

/* Gives the socket to libuv; on failure it is still the caller's. */
static bool
net_uv_stream_take(
    struct net_uv *n, struct net_uv_stream *s, int fd, bool is_local)
{
	int code;

	if (is_local) {
		code = uv_pipe_init(n->loop, &s->u.local, 0);
		assert(code == 0);
		code = uv_pipe_open(&s->u.local, fd);
	} else {
		code = uv_tcp_init(n->loop, &s->u.tcp);
		assert(code == 0);
		code = uv_tcp_open(&s->u.tcp, fd);
	}
	s->u.any.data = s;
	n->base.handles++;
	if (code == 0 && !is_local)
		(void)uv_tcp_nodelay(&s->u.tcp, 1);
	return code == 0;
}

/* libuv knows the handle by now, so it has to be closed all the same. */
static void
net_uv_stream_refuse(struct net_uv_listener *l, struct net_uv_stream *s, int fd)
{
	close(fd);
	l->base.counts.refused++;
	l->base.pins++;
	s->base.net = l->base.net;
	s->base.listener = &l->base;
	s->base.state = NET_CLOSING;
	net_uv_close(&s->base);
}

void
net_uv_stream_open(struct net_uv_listener *l, int fd)
{
	struct net_uv *n = (struct net_uv *)l->base.net;
	struct net_uv_stream *s = pool_take(&n->streams);
	bool is_local = l->address.u.any.sa_family == AF_UNIX;

	if (s == NULL) {
		l->base.counts.refused++;
		close(fd);
	} else if (net_uv_stream_take(n, s, fd, is_local)) {
		net_stream_init(&s->base, &l->base);
	} else {
		net_uv_stream_refuse(l, s, fd);
	}
}

static void
net_uv_stop(struct net *base)
{
	struct net_uv *n = (struct net_uv *)base;
	struct net_uv_stream *s;
	struct list *node;
	uint32_t i = 0;

	while ((node = list_first(&n->listeners)) != NULL)
		net_uv_unlisten(
		    &LIST_OF(node, struct net_uv_listener, node)->base);
	while ((s = pool_next(&n->streams, &i)) != NULL)
		if (s->base.state != NET_CLOSING)
			net_close(&s->base);
}

static void
net_uv_destroy(struct net *base)
{
	struct net_uv *n = (struct net_uv *)base;

	close(n->spare_fd);
	pool_fini(&n->streams);
	pool_fini(&n->flights);
	net_fini(&n->base);
	free(n);
}

static const struct net_ops net_uv_ops = {
	.listen = net_uv_listen,
	.unlisten = net_uv_unlisten,
	.try_write = net_uv_try_write,
	.flush = net_uv_flush,
	.read = net_uv_read,
	.finish = net_uv_finish,
	.close = net_uv_close,
	.peer = net_uv_peer,
	.stop = net_uv_stop,
	.destroy = net_uv_destroy,
};

struct net *
net_uv_create(uv_loop_t *loop)
{
	struct net_uv *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	(void)signal(SIGPIPE, SIG_IGN);
	net_init(&n->base, &net_uv_ops);
	n->loop = loop;
	n->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	list_init(&n->listeners);
	pool_init(
	    &n->streams, sizeof(struct net_uv_stream), NET_STREAMS_MAX, 0);
	pool_init(
	    &n->flights, sizeof(struct net_uv_flight), NET_STREAMS_MAX, 0);
	return &n->base;
}
