#include "tests/link_net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct flight {
	struct list node;
	uint16_t from;
	uint16_t to;
	uint64_t due_us;
	uint64_t order;
	size_t size;
	uint8_t bytes[];
};

struct net_end {
	struct link_transport transport;
	struct link_net *net;
	uint16_t node;
};

static struct net_end *
end_of(struct link_transport *t)
{
	return (struct net_end *)(void *)t;
}

static struct flight *
flight_of(struct list *node)
{
	return LIST_OF(node, struct flight, node);
}

static bool
net_chance(struct link_net *net, unsigned of_a_thousand)
{
	return link_rig_random(&net->seed) % 1000 < of_a_thousand;
}

static struct flight *
net_launch(struct link_net *net, uint16_t from, uint16_t to, size_t size)
{
	struct flight *f = malloc(sizeof(*f) + size);

	assert(f != NULL);
	f->from = from;
	f->to = to;
	f->size = size;
	f->order = net->order++;
	f->due_us = net->now_us;
	if (net->delay_us > 0)
		f->due_us += link_rig_random(&net->seed) % net->delay_us;
	list_append(&net->flying, &f->node);
	return f;
}

static void
net_drop(struct flight *f)
{
	list_remove(&f->node);
	free(f);
}

static void
end_dial(struct link_transport *t, uint16_t peer, const char *url)
{
	struct net_end *e = end_of(t);

	(void)url;
	e->net->ready[e->node][peer] = !e->net->away;
	e->net->hangs[e->node][peer] = e->net->away;
}

static enum link_outbox
end_outbox(struct link_transport *t, uint16_t peer)
{
	struct net_end *e = end_of(t);

	if (e->net->hangs[e->node][peer])
		return OUTBOX_DIALING;
	return e->net->ready[e->node][peer] ? OUTBOX_READY : OUTBOX_BROKEN;
}

static void
net_fly(struct net_end *e, uint16_t peer, struct bytes head, struct bytes body)
{
	struct link_net *net = e->net;
	struct flight *f =
	    net_launch(net, e->node, peer, head.size + body.size);

	memcpy(f->bytes, head.at, head.size);
	if (body.size > 0)
		memcpy(f->bytes + head.size, body.at, body.size);
	if ((net->tap != NULL &&
		!net->tap(net, e->node, peer, f->bytes, f->size)) ||
	    net_chance(net, net->loss))
		net_drop(f);
}

static enum status
end_send(struct link_transport *t, uint16_t peer, struct bytes head,
    struct bytes body)
{
	struct net_end *e = end_of(t);

	if (!e->net->ready[e->node][peer])
		return ST_CLOSED;
	if (net_chance(e->net, e->net->full))
		return ST_FULL;
	net_fly(e, peer, head, body);
	if (net_chance(e->net, e->net->twice))
		net_fly(e, peer, head, body);
	return ST_OK;
}

static struct flight *
net_first_due(struct link_net *net, uint16_t to)
{
	struct flight *first = NULL;

	for (struct list *n = net->flying.next; n != &net->flying;
	     n = n->next) {
		struct flight *f = flight_of(n);

		if (f->to != to || f->due_us > net->now_us)
			continue;
		if (first == NULL || f->due_us < first->due_us ||
		    (f->due_us == first->due_us && f->order < first->order))
			first = f;
	}
	return first;
}

static size_t
end_take(struct link_transport *t, struct link_packet *ret, size_t max)
{
	struct net_end *e = end_of(t);
	struct flight *f;
	size_t n = 0;

	while (n < max && (f = net_first_due(e->net, e->node)) != NULL) {
		list_remove(&f->node);
		ret[n].bytes = (struct bytes){ f->bytes, f->size };
		ret[n++].owner = f;
	}
	return n;
}

static void
end_put(struct link_transport *t, struct link_packet *packet)
{
	(void)t;
	free(packet->owner);
}

static void
end_relisten(struct link_transport *t)
{
	(void)t;
}

static void
end_destroy(struct link_transport *t)
{
	struct net_end *e = end_of(t);

	for (uint16_t i = 0; i < LINK_ENDS; i++)
		e->net->ready[i][e->node] = e->net->ready[e->node][i] = false;
	free(e);
}

struct link_transport *
link_net_transport(struct link_net *net, uint16_t node)
{
	struct net_end *e = malloc(sizeof(*e));

	assert(e != NULL);
	*e = (struct net_end){ { end_dial, end_outbox, end_send, end_take,
				   end_put, end_relisten, end_destroy },
		net, node };
	return &e->transport;
}

void
link_net_cut(struct link_net *net, uint16_t from, uint16_t to)
{
	struct list *n = net->flying.next;

	while (n != &net->flying) {
		struct flight *f = flight_of(n);

		n = n->next;
		if (f->from == from && f->to == to)
			net_drop(f);
	}
	net->ready[from][to] = false;
}

void
link_net_inject(struct link_net *net, uint16_t to, struct bytes bytes)
{
	struct flight *f = net_launch(net, UINT16_MAX, to, bytes.size);

	if (bytes.size > 0)
		memcpy(f->bytes, bytes.at, bytes.size);
}

static uint64_t
net_mono_us(void *ctx)
{
	return ((struct link_net *)ctx)->now_us;
}

static int64_t
net_wall_us(void *ctx)
{
	return (int64_t)net_mono_us(ctx);
}

void
link_net_init(struct link_net *net, uint64_t seed)
{
	memset(net, 0, sizeof(*net));
	net->clock = (struct clock){ net_mono_us, net_wall_us, net };
	net->now_us = 1000000;
	net->seed = seed;
	list_init(&net->flying);
}

void
link_net_fini(struct link_net *net)
{
	while (!list_empty(&net->flying))
		net_drop(flight_of(net->flying.next));
}
