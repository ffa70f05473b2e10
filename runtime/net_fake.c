#include "runtime/net_fake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/list.h"
#include "runtime/net_inside.h"

#define FIRST_PORT 40000 /* for listeners that ask for any */

struct net_fake {
	struct net base;
	struct pool wires;
	struct list listeners;
	uint16_t next_port;
};

struct net_fake_listener {
	struct net_listener base;
	struct list node;
	char address[NET_ADDRESS_TEXT_SIZE];
};

struct net_fake_wire {
	struct net_stream stream;
	struct net_peer peer;
	size_t room; /* bytes it will still take */
	uint8_t *taken;
	size_t taken_size;
	bool is_reading;
	bool is_finished;
	bool is_hung_up; /* the test holds it no more */
};

static struct net_fake_wire *
net_fake_wire_of(const struct net_stream *s)
{
	union {
		const struct net_stream *given;
		struct net_fake_wire *wire;
	} u = { s };

	return u.wire;
}

static struct net_fake_listener *
net_fake_find(struct net_fake *n, const char *address)
{
	struct list *node = &n->listeners;

	while ((node = node->next) != &n->listeners) {
		struct net_fake_listener *l =
		    LIST_OF(node, struct net_fake_listener, node);

		if (strcmp(l->address, address) == 0)
			return l;
	}
	return NULL;
}

static enum status
net_fake_listen(struct net *base, const struct net_listen *how,
    struct net_listener **ret_listener)
{
	struct net_fake *n = (struct net_fake *)base;
	struct net_fake_listener *l;

	if (strlen(how->address) >= NET_ADDRESS_TEXT_SIZE)
		return ST_INVALID;
	if (net_fake_find(n, how->address) != NULL)
		return ST_EXISTS;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return ST_NO_MEMORY;
	net_listener_init(&l->base, base, how);
	memcpy(l->address, how->address, strlen(how->address) + 1);
	l->base.port = n->next_port++;
	list_append(&n->listeners, &l->node);
	*ret_listener = &l->base;
	return ST_OK;
}

static void
net_fake_release(struct net_listener *l)
{
	if (net_listener_unpin(l))
		free(l);
}

static void
net_fake_unlisten(struct net_listener *base)
{
	list_remove(&((struct net_fake_listener *)base)->node);
	net_fake_release(base);
}

/* Keeps what the far end reads, as far as it reads. */
static size_t
net_fake_keep(struct net_fake_wire *w, struct bytes b)
{
	size_t size = b.size < w->room ? b.size : w->room;

	assert(size <= NET_FAKE_TAKEN_MAX - w->taken_size);
	if (size == 0)
		return 0;
	memcpy(w->taken + w->taken_size, b.at, size);
	w->taken_size += size;
	if (w->room != SIZE_MAX)
		w->room -= size;
	return size;
}

static enum status
net_fake_try_write(struct net_stream *s, const struct net_part *parts,
    size_t count, size_t *ret_sent)
{
	struct net_fake_wire *w = net_fake_wire_of(s);
	size_t sent = 0;

	if (s->is_ended && w->is_hung_up)
		return ST_CLOSED;
	for (size_t i = 0; i < count; i++) {
		size_t size = net_fake_keep(w, parts[i].bytes);

		sent += size;
		if (size < parts[i].bytes.size)
			break;
	}
	*ret_sent = sent;
	return ST_OK;
}

/* Nothing to start: what is owed goes when the far end takes it. */
static enum status
net_fake_flush(struct net_stream *s)
{
	(void)s;
	return ST_OK;
}

static void
net_fake_read(struct net_stream *s, bool on)
{
	net_fake_wire_of(s)->is_reading = on;
}

static void
net_fake_finish(struct net_stream *s)
{
	net_fake_wire_of(s)->is_finished = true;
}

/* Gives the record back once neither the owner nor the test holds it. */
static void
net_fake_wire_drop(struct net_fake_wire *w)
{
	struct net_fake *n = (struct net_fake *)w->stream.net;

	if (w->stream.state != NET_CLOSING || !w->is_hung_up)
		return;
	free(w->taken);
	n->base.handles--;
	net_fake_release(w->stream.listener);
	pool_put(&n->wires, w);
}

static void
net_fake_close(struct net_stream *s)
{
	net_stream_drop(s);
	net_fake_wire_drop(net_fake_wire_of(s));
}

static void
net_fake_peer(const struct net_stream *s, struct net_peer *ret_peer)
{
	*ret_peer = net_fake_wire_of(s)->peer;
}

static void
net_fake_stop(struct net *base)
{
	struct net_fake *n = (struct net_fake *)base;
	struct list *node = n->listeners.next, *next;
	struct net_fake_wire *w;
	uint32_t i = 0;

	for (; node != &n->listeners; node = next) {
		next = node->next;
		net_fake_unlisten(
		    &LIST_OF(node, struct net_fake_listener, node)->base);
	}
	while ((w = pool_next(&n->wires, &i)) != NULL) {
		w->is_hung_up = true;
		if (w->stream.state != NET_CLOSING)
			net_close(&w->stream);
		else
			net_fake_wire_drop(w);
	}
}

static void
net_fake_destroy(struct net *base)
{
	struct net_fake *n = (struct net_fake *)base;

	pool_fini(&n->wires);
	net_fini(&n->base);
	free(n);
}

static const struct net_ops net_fake_ops = {
	.listen = net_fake_listen,
	.unlisten = net_fake_unlisten,
	.try_write = net_fake_try_write,
	.flush = net_fake_flush,
	.read = net_fake_read,
	.finish = net_fake_finish,
	.close = net_fake_close,
	.peer = net_fake_peer,
	.stop = net_fake_stop,
	.destroy = net_fake_destroy,
};

struct net *
net_fake_create(void)
{
	struct net_fake *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	net_init(&n->base, &net_fake_ops);
	list_init(&n->listeners);
	n->next_port = FIRST_PORT;
	pool_init(
	    &n->wires, sizeof(struct net_fake_wire), NET_FAKE_WIRES_MAX, 0);
	return &n->base;
}

enum status
net_fake_dial(
    struct net *base, const char *address, struct net_fake_wire **ret_wire)
{
	struct net_fake *n = (struct net_fake *)base;
	struct net_fake_listener *l = net_fake_find(n, address);
	struct net_fake_wire *w;

	if (l == NULL)
		return ST_NOT_FOUND;
	if (!net_listener_admits(&l->base))
		return ST_DENIED;
	w = pool_take(&n->wires);
	if (w == NULL)
		return ST_FULL;
	w->taken = malloc(NET_FAKE_TAKEN_MAX);
	if (w->taken == NULL) {
		pool_put(&n->wires, w);
		return ST_NO_MEMORY;
	}
	w->room = SIZE_MAX;
	memcpy(w->peer.text, "127.0.0.1", sizeof("127.0.0.1"));
	n->base.handles++;
	net_stream_init(&w->stream, &l->base);
	*ret_wire = w;
	return ST_OK;
}

static bool
net_fake_hears(const struct net_fake_wire *w)
{
	return w->stream.state != NET_CLOSING && !w->stream.is_ended &&
	       w->is_reading;
}

size_t
net_fake_send(struct net_fake_wire *w, const void *at, size_t size, size_t step)
{
	const uint8_t *bytes = at;
	size_t sent = 0;

	assert(step > 0);
	if (step > NET_READ_SIZE)
		step = NET_READ_SIZE;
	while (sent < size && net_fake_hears(w)) {
		size_t n = size - sent < step ? size - sent : step;
		uint8_t *piece = malloc(n);

		assert(piece != NULL);
		memcpy(piece, bytes + sent, n);
		sent += n;
		w->stream.on->on_data(w->stream.ctx, &w->stream, piece, n);
		free(piece);
	}
	return sent;
}

void
net_fake_end(struct net_fake_wire *w, enum status why)
{
	net_stream_end(&w->stream, why);
}

void
net_fake_take(struct net_fake_wire *w, size_t size)
{
	size_t taken = 0;

	w->room = size;
	for (struct net_ref *r = w->stream.queue.head; r != NULL && w->room > 0;
	     r = r->next)
		taken += net_fake_keep(w, (struct bytes){ r->at, r->size });
	if (taken > 0)
		net_stream_sent(&w->stream, taken);
}

struct bytes
net_fake_taken(const struct net_fake_wire *w)
{
	return (struct bytes){ w->taken, w->taken_size };
}

void
net_fake_forget(struct net_fake_wire *w)
{
	w->taken_size = 0;
}

bool
net_fake_is_finished(const struct net_fake_wire *w)
{
	return w->is_finished || w->stream.state == NET_CLOSING;
}

bool
net_fake_is_closed(const struct net_fake_wire *w)
{
	return w->stream.state == NET_CLOSING;
}

bool
net_fake_is_reading(const struct net_fake_wire *w)
{
	return w->is_reading;
}

void
net_fake_call_from(struct net_fake_wire *w, const struct net_peer *peer)
{
	w->peer = *peer;
}

void
net_fake_hang_up(struct net_fake_wire *w)
{
	w->is_hung_up = true;
	if (w->stream.state == NET_CLOSING)
		net_fake_wire_drop(w);
	else
		net_stream_end(&w->stream, ST_CLOSED);
}
