/* Every link of a node: what the owner calls. */
#include "runtime/link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/link_core.h"
#include "runtime/link_put.h"

#define TURN_PACKETS 64 /* messages that one turn takes in */

static void
links_on_packet(struct links *all, struct bytes in)
{
	enum link_kind kind;
	uint16_t from;
	struct link *l;

	if (link_wire_kind(in, &kind, &from) != ST_OK ||
	    all->by_node[from] == NULL) {
		all->strays++;
		return;
	}
	l = all->by_node[from];
	switch (kind) {
	case LINK_KIND_HELLO:
		link_shake_on_hello(l, in);
		break;
	case LINK_KIND_PROOF:
		link_shake_on_proof(l, in);
		break;
	case LINK_KIND_REFUSE:
		link_shake_on_refuse(l, in);
		break;
	case LINK_KIND_CARRY:
	case LINK_KIND_BYE:
		link_on_carry(l, in);
		break;
	}
}

/* True if as many came as a turn takes. */
static bool
links_receive(struct links *all)
{
	struct link_transport *t = all->transport;
	struct link_packet packets[TURN_PACKETS];
	size_t n = t->take(t, packets, TURN_PACKETS);

	for (size_t i = 0; i < n; i++) {
		links_on_packet(all, packets[i].bytes);
		t->put(t, &packets[i]);
	}
	return n == TURN_PACKETS;
}

void
links_flush(struct links *all)
{
	all->now_us = clock_mono_us(all->config.clock);
	for (size_t i = 0; i < all->nlinks; i++)
		link_flush(&all->links[i]);
}

bool
links_turn(struct links *all)
{
	bool more;

	all->now_us = clock_mono_us(all->config.clock);
	more = links_receive(all);
	for (size_t i = 0; i < all->nlinks; i++) {
		/* Judge silence only when all that came has been heard. */
		if (!more)
			link_tick(&all->links[i]);
		link_flush(&all->links[i]);
	}
	return more;
}

uint64_t
links_next_us(const struct links *all)
{
	uint64_t at = UINT64_MAX;

	for (size_t i = 0; i < all->nlinks; i++)
		at = link_earlier(at, link_next_us(&all->links[i]));
	return at;
}

static struct link *
links_find(const struct links *all, uint16_t node)
{
	return node > LINK_NODE_MAX ? NULL : all->by_node[node];
}

HOT_SELDOM static enum status
links_send_unusual(
    struct link *l, enum link_lane lane, const void *bytes, size_t size)
{
	enum status st;

	if (l == NULL)
		return ST_NOT_FOUND;
	if (size > LINK_FRAME_MAX)
		return ST_INVALID;
	if (l->state != LINK_UP && l->state != LINK_LOST) {
		l->stats.refused_closed++;
		return ST_CLOSED;
	}
	st = link_flow_push(&l->flow, lane, bytes, (uint32_t)size);
	l->stats.refused_full += st == ST_FULL;
	return st;
}

enum status
links_send(struct links *all, uint16_t peer, enum link_lane lane,
    const void *bytes, size_t size)
{
	struct link *l = links_find(all, peer);

	assert(lane < LINK_LANES);
	if (l != NULL && l->state == LINK_UP &&
	    link_put_usual(&l->flow, lane, bytes, size))
		return ST_OK;
	return links_send_unusual(l, lane, bytes, size);
}

void
links_credit(struct links *all, uint16_t peer, uint32_t frames, uint32_t bytes)
{
	struct link *l = links_find(all, peer);

	assert(l != NULL);
	link_flow_grant(&l->flow, frames, bytes);
}

bool
links_idle(const struct links *all)
{
	for (size_t i = 0; i < all->nlinks; i++)
		if (!link_flow_idle(&all->links[i].flow))
			return false;
	return true;
}

uint64_t
links_incarnation(const struct links *all)
{
	return all->incarnation;
}

enum link_state
links_state(const struct links *all, uint16_t peer)
{
	const struct link *l = links_find(all, peer);

	return l == NULL ? LINK_DOWN : l->state;
}

bool
links_book(const struct links *all, uint16_t peer, struct link_book *ret_book)
{
	const struct link *l = links_find(all, peer);

	if (l == NULL)
		return false;
	*ret_book =
	    (struct link_book){ l->flow.taken, link_flow_queued(&l->flow),
		    l->flow.carried, l->stats.lost_with_link };
	return true;
}

const struct link_stats *
links_stats(const struct links *all, uint16_t peer)
{
	const struct link *l = links_find(all, peer);

	return l == NULL ? NULL : &l->stats;
}

static bool
text_fits(const char *text, size_t max)
{
	return text != NULL && text[0] != '\0' && strlen(text) <= max;
}

static enum status
links_add(struct links *all, const struct link_peer *peer)
{
	struct link *l = &all->links[all->nlinks];

	if (peer->node > LINK_NODE_MAX || peer->node == all->config.node ||
	    all->by_node[peer->node] != NULL ||
	    !text_fits(peer->name, LINK_NAME_MAX) ||
	    !text_fits(peer->url, LINK_URL_MAX))
		return ST_INVALID;
	l->all = all;
	l->node = peer->node;
	snprintf(l->name, sizeof(l->name), "%s", peer->name);
	snprintf(l->url, sizeof(l->url), "%s", peer->url);
	link_flow_init(&l->flow);
	all->by_node[peer->node] = l;
	all->nlinks++;
	return ST_OK;
}

static enum status
links_fill(struct links *all, const struct links_config *c)
{
	enum status st = ST_OK;

	if (c->node > LINK_NODE_MAX || c->npeers > LINK_PEERS_MAX ||
	    !text_fits(c->name, LINK_NAME_MAX) ||
	    !text_fits(c->listen, LINK_URL_MAX))
		return ST_INVALID;
	all->config = *c;
	snprintf(all->name, sizeof(all->name), "%s", c->name);
	all->now_us = clock_mono_us(c->clock);
	do
		c->random(c->ctx, &all->incarnation, sizeof(all->incarnation));
	while (all->incarnation == 0);
	for (size_t i = 0; i < c->npeers && st == ST_OK; i++)
		st = links_add(all, &c->peers[i]);
	/* Borrowed for this call only. */
	all->config.peers = NULL;
	all->config.name = all->config.listen = NULL;
	return st;
}

enum status
links_create(const struct links_config *config, struct links **ret_links)
{
	struct links *all = calloc(1, sizeof(*all));
	enum status st;

	if (all == NULL)
		return ST_NO_MEMORY;
	st = links_fill(all, config);
	all->transport = config->transport;
	if (st == ST_OK && all->transport == NULL)
		st = link_nng_create(
		    config->listen, config->wake, config->ctx, &all->transport);
	if (st != ST_OK) {
		if (config->transport != NULL)
			config->transport->destroy(config->transport);
		free(all);
		return st;
	}
	*ret_links = all;
	return ST_OK;
}

void
links_destroy(struct links *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->nlinks; i++) {
		struct link *l = &all->links[i];

		if (l->state == LINK_UP)
			(void)link_send_carry(l, LINK_KIND_BYE, NULL);
		link_shake_end(l);
		link_flow_fini(&l->flow);
	}
	all->transport->destroy(all->transport);
	seal_wipe(all, sizeof(*all));
	free(all);
}
