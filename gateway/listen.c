#include "gateway/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/http2.h"
#include "gateway/inside.h"
#include "gateway/listen_proxy.h"
#include "gateway/tls.h"
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

bool
listen_trusts_network(const struct gateway *g, const struct network *address)
{
	const struct config *c = actor_config(g->self);
	const struct network *n;

	for (size_t i = 0;
	     (n = config_network(c, SETTING_api_trusted_proxies, i)) != NULL;
	     i++)
		if (network_holds(n, address))
			return true;
	return false;
}

bool
listen_trusts(const struct gateway *g, const char *address)
{
	struct network n;

	return network_parse(address, &n) == ST_OK &&
	       listen_trusts_network(g, &n);
}

/* A door for proxies is for those that are named. */
static bool
listen_is_proxy(const struct listen_door *d, const struct net_stream *s)
{
	struct net_peer peer;

	net_peer(s, &peer);
	if (peer.is_local || listen_trusts(d->gateway, peer.text))
		return true;
	LOG(API_PROXY_REFUSED, KV("peer", peer.text),
	    KV("why", "it is none of the trusted proxies"));
	d->gateway->counts.proxy_refused++;
	return false;
}

static bool
listen_is_operator(const struct net_stream *s)
{
	struct net_peer peer;

	net_peer(s, &peer);
	if (listen_peer_is_us(&peer))
		return true;
	LOG(API_CONTROL_REFUSED, KU("uid", peer.uid), KI("pid", peer.pid));
	return false;
}

static bool
listen_has_room(struct gateway *g)
{
	if (g->connections < g->limits.connections_max)
		return true;
	g->counts.full++;
	return false;
}

/* What TLS has opened; ALPN has said what will be spoken. */
static void
listen_on_shaken(void *ctx, struct net_stream *s)
{
	struct listen_door *d = ctx;
	struct tls_about about;

	if (tls_about(d->gateway->listen.tls, s, &about) && about.is_http2)
		http2_on_accept(d, s);
	else
		conn_on_accept(d, s);
}

void
listen_enter(
    struct listen_door *d, struct net_stream *s, uint8_t *at, size_t size)
{
	if (d->spec.tls)
		tls_accept(d->gateway->listen.tls, d->inner, s);
	else
		conn_on_accept(d, s);
	/* Whoever owns it now; an accept that fails has closed it. */
	if (size > 0)
		net_push(s, at, size);
}

static void
listen_on_accept(void *ctx, struct net_stream *s)
{
	struct listen_door *d = ctx;
	struct gateway *g = d->gateway;

	if (d->is_control ? !listen_is_operator(s)
			  : !listen_has_room(g) ||
				(d->spec.proxy && !listen_is_proxy(d, s)))
		net_close(s);
	else if (d->spec.proxy)
		listen_await_proxy(d, s);
	else
		listen_enter(d, s, NULL, 0);
}

/* Streams that TLS has opened come through a listener of its own. */
static enum status
listen_open_inner(struct listen_door *d)
{
	struct gateway *g = d->gateway;
	const struct net_listen how = { .address = d->spec.address,
		.streams_max = (uint32_t)g->limits.connections_max,
		.owed_max = g->limits.owed_bytes_max,
		.on_accept = listen_on_shaken,
		.ctx = d };

	if (!d->spec.tls)
		return ST_OK;
	d->inner = tls_listen(g->listen.tls, &how);
	return d->inner == NULL ? ST_NO_MEMORY : ST_OK;
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

	enum status st;

	d->gateway = g;
	st = listen_open_inner(d);
	if (st == ST_OK)
		st = net_listen(actor_net(g->self), &how, &d->listener);
	return st;
}

/* The address with the port that was bound. */
static void
listen_announce(struct gateway *g, const struct listen_door *d)
{
	char text[NET_ADDRESS_TEXT_SIZE + 8];
	const char *key = d->is_control   ? "control"
			  : d->is_metrics ? "metrics"
			  : d->spec.tls   ? "https"
					  : "http";
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

/* Each shard has counters of its own, and so a port of its own. */
static enum status
listen_open_metrics(struct gateway *g)
{
	struct listen_door *d = &g->listen.doors[g->listen.count];
	const char *at =
	    config_text(actor_config(g->self), SETTING_api_metrics_listen);
	const char *colon = strrchr(at, ':');
	char why[DOOR_WHY_SIZE];
	unsigned long port;
	enum status st;

	if (colon == NULL)
		return ST_OK;
	*d = (struct listen_door){ .is_metrics = true };
	st = door_parse(at, false, &d->spec, why);
	port = strtoul(colon + 1, NULL, 10);
	if (st == ST_OK && port > 0)
		snprintf(d->spec.address, sizeof(d->spec.address), "%.*s:%lu",
		    (int)(colon - at), at, port + actor_shard(g->self));
	if (st == ST_OK)
		st = listen_door_open(g, d);
	if (st != ST_OK)
		return listen_give_up(g, at, st);
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
	st = listen_open_metrics(g);
	return st == ST_OK ? listen_open_control(g) : st;
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
	if (l->tls != NULL)
		tls_stop_shaking(l->tls);
}

enum status
listen_init(struct gateway *g)
{
	const struct config *c = actor_config(g->self);
	char why[TLS_WHY_SIZE];
	enum status st;

	listen_proxy_init(&g->listen);
	if (*config_text(c, SETTING_api_ssl_certfile) == '\0')
		return ST_OK;
	st = tls_create(c, &g->listen.tls, why);
	if (st == ST_INVALID) {
		LOG(API_LISTEN_FAILED, KV("address", "tls"), KV("status", why));
		actor_give_up(g->self, why);
	}
	return st;
}

void
listen_fini(struct gateway *g)
{
	struct listen *l = &g->listen;

	listen_proxy_fini(l);
	for (size_t i = 0; i < l->count; i++)
		if (l->doors[i].inner != NULL)
			tls_unlisten(l->doors[i].inner);
	l->count = 0;
	tls_destroy(l->tls);
	l->tls = NULL;
}

void
listen_tick(struct gateway *g)
{
	listen_proxy_tick(&g->listen);
	if (g->listen.tls != NULL)
		tls_tick(g->listen.tls);
}
