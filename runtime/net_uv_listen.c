/*
 * The listening socket is ours and libuv only polls it: so that refusing a
 * connection, or having no file descriptor left, is dealt with here and
 * SO_REUSEPORT and the mode of a unix socket can be set before it is bound.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/net_uv_inside.h"

#define ACCEPT_BURST 32 /* then other sockets have their turn */
#define LOCAL_MODE 0600

/* Out of descriptors: lets one go to be able to turn the peer away. */
static void
net_uv_listener_turn_away(struct net_uv_listener *l)
{
	struct net_uv *n = (struct net_uv *)l->base.net;
	int fd;

	close(n->spare_fd);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		l->base.counts.refused++;
		close(fd);
	}
	n->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* False when there is nobody left to accept. */
static bool
net_uv_accept(struct net_uv_listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		net_uv_listener_turn_away(l);
		return true;
	}
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR;
	if (net_listener_admits(&l->base))
		net_uv_stream_open(l, fd);
	else
		close(fd);
	return true;
}

static void
net_uv_on_readable(uv_poll_t *poll, int code, int events)
{
	struct net_uv_listener *l = poll->data;

	(void)events;
	if (code != 0)
		return;
	for (int i = 0; i < ACCEPT_BURST && l->fd >= 0; i++)
		if (!net_uv_accept(l))
			return;
}

/* Nobody answers at this path, so the file is a leftover. */
static bool
net_uv_is_leftover(const struct net_address *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool refused;

	if (fd < 0)
		return false;
	refused = connect(fd, &a->u.any, a->size) != 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static enum status
net_uv_bind(int fd, const struct net_address *a)
{
	if (bind(fd, &a->u.any, a->size) == 0)
		return ST_OK;
	if (errno != EADDRINUSE)
		return ST_IO;
	if (a->u.any.sa_family != AF_UNIX || !net_uv_is_leftover(a))
		return ST_EXISTS;
	if (unlink(a->u.local.sun_path) != 0 ||
	    bind(fd, &a->u.any, a->size) != 0)
		return ST_IO;
	return ST_OK;
}

/* fchmod before bind: the file is never there with another mode. */
static int
net_uv_prepare(
    int fd, const struct net_address *a, const struct net_listen *how)
{
	const int on = 1;

	if (a->u.any.sa_family == AF_UNIX)
		return fchmod(fd, how->unix_mode ? how->unix_mode : LOCAL_MODE);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return -1;
	if (a->u.any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return -1;
	if (!how->reuse_port)
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

static enum status
net_uv_socket(
    const struct net_address *a, const struct net_listen *how, int *ret_fd)
{
	int fd = socket(
	    a->u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	enum status st = ST_IO;

	if (fd < 0)
		return ST_IO;
	if (net_uv_prepare(fd, a, how) == 0)
		st = net_uv_bind(fd, a);
	/* The mask of the process took bits away that were asked for. */
	if (st == ST_OK && a->u.any.sa_family == AF_UNIX && how->unix_mode &&
	    chmod(a->u.local.sun_path, how->unix_mode) != 0)
		st = ST_IO;
	if (st == ST_OK && listen(fd, NET_BACKLOG) != 0)
		st = errno == EADDRINUSE ? ST_EXISTS : ST_IO;
	if (st == ST_OK)
		*ret_fd = fd;
	else
		close(fd);
	return st;
}

static uint16_t
net_uv_bound_port(int fd)
{
	struct net_address a = { .size = sizeof(a.u) };
	char text[NET_PEER_TEXT_SIZE];
	uint16_t port = 0;

	if (getsockname(fd, &a.u.any, &a.size) == 0)
		net_address_show(&a, text, &port);
	return port;
}

static enum status
net_uv_listener_start(struct net_uv *n, struct net_uv_listener *l)
{
	if (uv_poll_init(n->loop, &l->poll, l->fd) != 0) {
		close(l->fd);
		free(l);
		return ST_IO;
	}
	n->base.handles++;
	l->poll.data = l;
	l->base.port = net_uv_bound_port(l->fd);
	list_append(&n->listeners, &l->node);
	if (uv_poll_start(&l->poll, UV_READABLE, net_uv_on_readable) == 0)
		return ST_OK;
	net_uv_unlisten(&l->base);
	return ST_IO;
}

enum status
net_uv_listen(struct net *base, const struct net_listen *how,
    struct net_listener **ret_listener)
{
	struct net_uv *n = (struct net_uv *)base;
	struct net_uv_listener *l;
	struct net_address address;
	enum status st = net_address_parse(how->address, &address);

	if (st != ST_OK)
		return st;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return ST_NO_MEMORY;
	net_listener_init(&l->base, base, how);
	list_init(&l->node);
	l->address = address;
	st = net_uv_socket(&address, how, &l->fd);
	if (st != ST_OK) {
		free(l);
		return st;
	}
	st = net_uv_listener_start(n, l);
	if (st == ST_OK)
		*ret_listener = &l->base;
	return st;
}

void
net_uv_listener_release(struct net_uv_listener *l)
{
	if (net_listener_unpin(&l->base))
		free(l);
}

static void
net_uv_on_unlistened(uv_handle_t *handle)
{
	struct net_uv_listener *l = handle->data;

	l->base.net->handles--;
	net_uv_listener_release(l);
}

void
net_uv_unlisten(struct net_listener *base)
{
	struct net_uv_listener *l = (struct net_uv_listener *)base;

	assert(l->fd >= 0);
	list_remove(&l->node);
	uv_poll_stop(&l->poll);
	close(l->fd);
	l->fd = -1;
	if (l->address.u.any.sa_family == AF_UNIX)
		(void)unlink(l->address.u.local.sun_path);
	uv_close((uv_handle_t *)&l->poll, net_uv_on_unlistened);
}
