#include "runtime/net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/net_inside.h"
#include "runtime/net_queue.h"

void
net_init(struct net *n, const struct net_ops *ops)
{
	n->ops = ops;
	n->handles = 0;
	pool_init(&n->refs, sizeof(struct net_ref), NET_REFS_MAX, 0);
	pool_init(&n->copies, sizeof(struct net_copy), NET_COPIES_MAX, 0);
}

void
net_fini(struct net *n)
{
	assert(n->refs.used == 0 && n->copies.used == 0);
	pool_fini(&n->refs);
	pool_fini(&n->copies);
}

void
net_listener_init(
    struct net_listener *l, struct net *n, const struct net_listen *how)
{
	*l = (struct net_listener){
		.net = n,
		.on_accept = how->on_accept,
		.ctx = how->ctx,
		.streams_max = how->streams_max,
		.owed_max = how->owed_max,
		.pins = 1,
	};
}

bool
net_listener_admits(struct net_listener *l)
{
	if (l->counts.streams < l->streams_max)
		return true;
	l->counts.refused++;
	return false;
}

bool
net_listener_unpin(struct net_listener *l)
{
	assert(l->pins > 0);
	return --l->pins == 0;
}

void
net_stream_init(struct net_stream *s, struct net_listener *l)
{
	s->net = l->net;
	s->listener = l;
	s->state = NET_OPEN;
	l->pins++;
	l->counts.streams++;
	l->counts.accepted++;
	l->on_accept(l->ctx, s);
	assert(s->on != NULL || s->state == NET_CLOSING);
}

void
net_stream_sent(struct net_stream *s, size_t size)
{
	assert(size <= s->owed);
	net_queue_drop(s->net, &s->queue, size);
	s->owed -= size;
	if (s->owed > 0 || s->state == NET_CLOSING)
		return;
	if (s->state == NET_FINISHING)
		s->net->ops->finish(s);
	if (size > 0)
		s->on->on_drained(s->ctx, s);
}

void
net_stream_end(struct net_stream *s, enum status why)
{
	if (s->is_ended || s->state == NET_CLOSING)
		return;
	s->is_ended = true;
	s->on->on_end(s->ctx, s, why);
}

void
net_stream_drop(struct net_stream *s)
{
	net_queue_clear(s->net, &s->queue);
	s->owed = 0;
	free(s->told);
	s->told = NULL;
}

enum status
net_listen(struct net *n, const struct net_listen *how,
    struct net_listener **ret_listener)
{
	assert(how->on_accept != NULL && how->streams_max > 0);
	return n->ops->listen(n, how, ret_listener);
}

void
net_unlisten(struct net_listener *l)
{
	l->net->ops->unlisten(l);
}

uint16_t
net_listener_port(const struct net_listener *l)
{
	return l->port;
}

struct net_counts
net_listener_counts(const struct net_listener *l)
{
	return l->counts;
}

void
net_own(struct net_stream *s, const struct net_events *on, void *ctx)
{
	assert(s->on == NULL && s->state == NET_OPEN);
	s->on = on;
	s->ctx = ctx;
	net_read(s, true);
}

static size_t
net_parts_size(const struct net_part *parts, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += parts[i].bytes.size;
	return size;
}

enum status
net_write(struct net_stream *s, const struct net_part *parts, size_t count)
{
	size_t size = net_parts_size(parts, count);
	size_t sent = 0, owed = s->owed;
	enum status st = ST_OK;

	assert(s->state == NET_OPEN && count <= NET_PARTS_MAX);
	if (size > s->listener->owed_max - owed ||
	    !net_queue_admits(s->net, parts, count))
		return ST_FULL;
	if (owed == 0)
		st = s->net->ops->try_write(s, parts, count, &sent);
	if (st != ST_OK || sent == size)
		return st;
	st = net_queue_push(s->net, &s->queue, parts, count, sent);
	if (st != ST_OK)
		return st;
	s->owed += size - sent;
	return owed == 0 ? s->net->ops->flush(s) : ST_OK;
}

size_t
net_owed(const struct net_stream *s)
{
	return s->owed;
}

void
net_read(struct net_stream *s, bool on)
{
	assert(s->state != NET_CLOSING);
	if (!s->is_ended)
		s->net->ops->read(s, on);
}

void
net_finish(struct net_stream *s)
{
	assert(s->state == NET_OPEN);
	s->state = NET_FINISHING;
	if (s->owed == 0)
		s->net->ops->finish(s);
}

void
net_close(struct net_stream *s)
{
	assert(s->state != NET_CLOSING);
	s->state = NET_CLOSING;
	s->listener->counts.streams--;
	s->net->ops->close(s);
}

void
net_peer(const struct net_stream *s, struct net_peer *ret_peer)
{
	memset(ret_peer, 0, sizeof(*ret_peer));
	if (s->told != NULL)
		*ret_peer = *s->told;
	else
		s->net->ops->peer(s, ret_peer);
}

enum status
net_tell_peer(struct net_stream *s, const struct net_peer *peer)
{
	if (s->told == NULL)
		s->told = malloc(sizeof(*s->told));
	if (s->told == NULL)
		return ST_NO_MEMORY;
	*s->told = *peer;
	return ST_OK;
}

void
net_disown(struct net_stream *s)
{
	assert(s->on != NULL && s->state == NET_OPEN && s->owed == 0);
	s->on = NULL;
	s->ctx = NULL;
}

void
net_push(struct net_stream *s, uint8_t *at, size_t size)
{
	if (s->state != NET_CLOSING && s->on != NULL)
		s->on->on_data(s->ctx, s, at, size);
}

void
net_stop(struct net *n)
{
	n->ops->stop(n);
}

bool
net_idle(const struct net *n)
{
	return n->handles == 0;
}

void
net_destroy(struct net *n)
{
	if (n == NULL)
		return;
	assert(net_idle(n));
	n->ops->destroy(n);
}
