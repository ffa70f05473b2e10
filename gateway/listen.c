#include "gateway/listen.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/inside.h"
#include "runtime/base/log.h"

/* What starting again would not help is the node's last word. */
static enum status
listen_give_up(struct gateway *g, const char *address, enum status st)
{
	char why[NET_ADDRESS_TEXT_SIZE + 64];

	LOG(API_LISTEN_FAILED, KV("address", address),
	    KV("status", status_name(st)));
	snprintf(why, sizeof(why), "cannot listen on %s: %s", address,
	    status_text(st));
	actor_give_up(g->self, why);
	return ST_OK;
}

/* Our own user, or root, who could do all of this anyway. */
static bool
listen_peer_is_us(const struct net_peer *peer)
{
	return peer->is_local && (peer->uid == geteuid() || peer->uid == 0);
}

static void
listen_on_accept(void *ctx, struct net_stream *s)
{
	struct listen_door *d = ctx;
	struct gateway *g = d->gateway;
	struct net_peer peer;

	if (d->is_control) {
		net_peer(s, &peer);
		if (!listen_peer_is_us(&peer)) {
			LOG(API_CONTROL_REFUSED, KU("uid", peer.uid),
			    KI("pid", peer.pid));
			net_close(s);
			return;
		}
	} else if (g->conns.used >= g->limits.connections_max) {
		g->counts.full++;
		net_close(s);
		return;
	}
	conn_on_accept(d, s);
}

static enum status
listen_door_open(struct gateway *g, struct listen_door *d)
{
	bool shares = actor_shards(g->self, ACTOR_NUMBER(gateway)) > 1;
	struct net_listen how = { .address = d->spec.address,
		.streams_max = d->is_control
				   ? LISTEN_CONTROL_MAX
				   : (uint32_t)g->limits.connections_max,
		.owed_max = g->limits.owed_bytes_max,
		.reuse_port = shares && !d->spec.is_local,
		.unix_mode = d->spec.mode,
		.on_accept = listen_on_accept,
		.ctx = d };

	d->gateway = g;
	return net_listen(actor_net(g->self), &how, &d->listener);
}

/* The address with the port that was bound. */
static void
listen_announce(struct gateway *g, const struct listen_door *d)
{
	char text[NET_ADDRESS_TEXT_SIZE + 8];
	const char *key = d->is_control ? "control" : "http";
	const char *at = d->spec.address;

	if (d->spec.is_local)
		snprintf(text, sizeof(text), "%s", at);
	else
		snprintf(text, sizeof(text), "%.*s:%u",
		    (int)(strrchr(at, ':') - at), at,
		    (unsigned)net_listener_port(d->listener));
	actor_announce(g->self, key, text);
	LOG(API_LISTENING, KV("address", text));
}

static enum status
listen_open_clients(struct gateway *g)
{
	struct listen *l = &g->listen;
	const struct config *c = actor_config(g->self);
	enum status st;

	for (size_t n = 0;; n++) {
		struct listen_door d = { .gateway = g };

		st = door_nth(c, n, &d.spec);
		if (st == ST_NOT_FOUND || l->count == DOORS_MAX)
			return ST_OK;
		/* One file cannot be shared; the first shard has it. */
		if (d.spec.is_local && actor_shard(g->self) > 0)
			continue;
		l->doors[l->count] = d;
		if (st == ST_OK)
			st = listen_door_open(g, &l->doors[l->count]);
		if (st != ST_OK)
			return listen_give_up(g, d.spec.address, st);
		listen_announce(g, &l->doors[l->count++]);
	}
}

static enum status
listen_open_control(struct gateway *g)
{
	struct listen_door *d = &g->listen.doors[g->listen.count];
	enum status st;

	if (actor_shard(g->self) > 0)
		return ST_OK;
	*d = (struct listen_door){ .is_control = true, .spec.is_local = true };
	st = door_control(actor_config(g->self), d->spec.address);
	if (st == ST_OK && *d->spec.address == '\0')
		return ST_OK;
	if (st == ST_OK)
		st = listen_door_open(g, d);
	if (st == ST_INVALID) {
		LOG(API_CONTROL_UNAVAILABLE, KV("path", d->spec.address));
		return ST_OK;
	}
	if (st != ST_OK)
		return listen_give_up(g, d->spec.address, st);
	g->listen.count++;
	listen_announce(g, d);
	return ST_OK;
}

enum status
listen_open(struct gateway *g)
{
	enum status st = listen_open_clients(g);

	if (st != ST_OK || g->listen.count == 0)
		return st;
	return listen_open_control(g);
}

void
listen_close(struct gateway *g)
{
	struct listen *l = &g->listen;

	for (size_t i = 0; i < l->count; i++)
		if (l->doors[i].listener != NULL) {
			net_unlisten(l->doors[i].listener);
			l->doors[i].listener = NULL;
		}
}
