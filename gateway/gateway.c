#include "gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http2.h"
#include "gateway/inside.h"
#include "gateway/measure.h"
#include "gateway/socket.h"
#include "gateway/stream.h"
#include "gateway/tls.h"
#include "runtime/address.h"
#include "runtime/base/log.h"
#include "runtime/config.h"

#define GATEWAY_OPS_MAX 8192
#define GATEWAY_DRAIN_TICK_US 10000 /* between looks for who is not done */

static uint64_t
ms_setting(struct gateway *g, enum setting_id id)
{
	return watch_number(&g->watch, g->self, id) * 1000;
}

/* What is LIVE counts from the next request; the rest is as it started. */
static void
gateway_read_limits(struct gateway *g)
{
	const struct config *c = actor_config(g->self);
	const struct watch *w = &g->watch;
	struct gateway_limits *l = &g->limits;

	l->header_us = ms_setting(g, SETTING_api_server_header_timeout_ms);
	l->body_us = ms_setting(g, SETTING_api_server_body_timeout_ms);
	l->idle_us = ms_setting(g, SETTING_api_server_idle_timeout_ms);
	l->write_us = ms_setting(g, SETTING_api_server_write_timeout_ms);
	l->request_us = ms_setting(g, SETTING_api_server_request_timeout_ms);
	l->requests_max =
	    watch_number(w, g->self, SETTING_api_server_requests_max);
	l->body_bytes_max =
	    watch_number(w, g->self, SETTING_api_server_body_bytes_max);
	l->connections_max = config_u64(c, SETTING_api_server_connections_max);
	l->owed_bytes_max = config_u64(c, SETTING_api_server_owed_bytes_max);
	l->header_bytes_max =
	    config_u64(c, SETTING_api_server_header_bytes_max);
	l->headers_max = config_u64(c, SETTING_api_server_headers_max);
}

/* Every page of the replica has come: the door may open. */
static enum status
gateway_on_replica_ready(void *ctx)
{
	struct gateway *g = ctx;
	enum status st;

	sockets_revise_all(g);
	wait_end_all(g);
	if (g->listen.count > 0 || g->draining)
		return ST_OK;
	st = listen_open(g);
	if (st == ST_OK && g->listen.count > 0)
		actor_ready(g->self);
	return st;
}

static void
gateway_on_revoked(void *ctx, const char *session_id)
{
	sockets_close_session(ctx, session_id);
}

static void
gateway_on_key_gone(void *ctx, const char *key_id)
{
	char session[SESSION_ID_MAX + 1];

	auth_key_session(key_id, session);
	sockets_close_session(ctx, session);
}

static void
gateway_on_account(
    void *ctx, const struct account_entry *a, bool password_changed)
{
	sockets_on_account(ctx, a, password_changed);
}

/* Connections may go while we walk: each one's successor is held first. */
static void
gateway_sweep(struct gateway *g)
{
	uint64_t now_us = actor_now_us(g->self);
	struct list *at = g->open.next;

	while (at != &g->open) {
		struct conn *c = LIST_OF(at, struct conn, link);

		at = at->next;
		conn_check_time(c, now_us);
	}
	http2_tick(g, now_us);
	listen_tick(g);
	sockets_tick(g, now_us);
}

static enum status
gateway_on_sweep(struct actor *self, struct timer *t)
{
	struct gateway *g = actor_state(self);

	gateway_sweep(g);
	seen_flush(&g->seen, self);
	refusals_flush(g);
	replica_check(&g->replica);
	if (!replica_is_coming(&g->replica))
		wait_end_all(g);
	timer_start(self, t, GATEWAY_SWEEP_US, gateway_on_sweep);
	return ST_OK;
}

/* The settings have answered, or cannot: what they say counts from here. */
static enum status
gateway_begin(struct actor *self)
{
	struct gateway *g = actor_state(self);
	enum status st;

	g->self = self;
	list_init(&g->open);
	list_init(&g->waiting);
	gateway_read_limits(g);
	g->has_begun = true;
	seen_init(&g->seen, self);
	pool_init(&g->conns, sizeof(struct conn),
	    (uint32_t)g->limits.connections_max + LISTEN_CONTROL_MAX +
		GATEWAY_EXCHANGES_MAX,
	    0);
	pool_init(
	    &g->exchanges, sizeof(struct exchange), GATEWAY_EXCHANGES_MAX, 0);
	g->scratch = malloc(GATEWAY_REPLY_MAX);
	g->tokens = auth_cache_create();
	g->fields = route_fields_create();
	if (g->scratch == NULL || g->tokens == NULL || g->fields == NULL)
		return ST_NO_MEMORY;
	g->replica.ctx = g;
	g->replica.on_ready = gateway_on_replica_ready;
	g->replica.on_revoked = gateway_on_revoked;
	g->replica.on_key_gone = gateway_on_key_gone;
	g->replica.on_account = gateway_on_account;
	st = http2_init(g);
	if (st == ST_OK)
		st = listen_init(g);
	if (st == ST_INVALID)
		return ST_OK; /* it has given up, and said why */
	if (st == ST_OK)
		st = replica_init(&g->replica, self);
	if (st == ST_OK)
		st = sockets_init(g);
	if (st != ST_OK)
		return st;
	timer_start(self, &g->sweep, GATEWAY_SWEEP_US, gateway_on_sweep);
	replica_start(&g->replica);
	return ST_OK;
}

static void
gateway_on_settings(struct actor *self)
{
	struct gateway *g = actor_state(self);
	enum status st;

	if (g->has_begun) {
		gateway_read_limits(g);
		return;
	}
	st = gateway_begin(self);
	if (st != ST_OK)
		actor_fail(self, st, "it cannot start");
}

static enum status
gateway_start(struct actor *self)
{
	struct gateway *g = actor_state(self);

	g->self = self;
	list_init(&g->open);
	return watch_start(self, &g->watch, gateway_on_settings);
}

static enum status
gateway_on_setting_changed(struct actor *self, const struct msg *in)
{
	struct gateway *g = actor_state(self);

	return watch_on_changed(self, &g->watch, in);
}

static enum status
gateway_on_setting_restarted(struct actor *self, const struct msg *in)
{
	struct gateway *g = actor_state(self);

	(void)in;
	return watch_on_restarted(self, &g->watch);
}

static void
gateway_stop(struct actor *self)
{
	struct gateway *g = actor_state(self);
	struct list *at;

	if (!g->has_begun)
		return;

	listen_close(g);
	while (g->open.next != NULL && (at = list_first(&g->open)) != NULL)
		conn_close(LIST_OF(at, struct conn, link));
	http2_fini(g);
	listen_fini(g);
	sockets_fini(g);
	replica_fini(&g->replica);
	auth_cache_destroy(g->tokens);
	free(g->scratch);
	free(g->fields);
	pool_fini(&g->conns);
	pool_fini(&g->exchanges);
}

static bool
gateway_is_busy(const struct gateway *g)
{
	for (struct list *at = g->open.next; at != &g->open; at = at->next) {
		const struct conn *c = LIST_OF(at, struct conn, link);

		if (net_owed(c->stream) > 0 ||
		    (c->state != CONN_IDLE && c->state != CONN_CLOSING))
			return true;
	}
	return http2_is_busy(g);
}

static enum status
gateway_on_drain_tick(struct actor *self, struct timer *t)
{
	struct gateway *g = actor_state(self);

	gateway_sweep(g);
	if (!gateway_is_busy(g))
		actor_drained(self);
	else
		timer_start(
		    self, t, GATEWAY_DRAIN_TICK_US, gateway_on_drain_tick);
	return ST_OK;
}

/* Who listens to a stream is told that it is over. */
static void
gateway_end_streams(struct gateway *g)
{
	struct list *at = g->open.next;

	while (at != &g->open) {
		struct conn *c = LIST_OF(at, struct conn, link);
		const struct stream_events *on = c->streaming;
		void *ctx = c->streaming_ctx;

		at = at->next;
		if (on == NULL)
			continue;
		stream_end(c);
		on->on_end(ctx);
	}
}

/* No new connections, no new requests; what was asked is answered. */
static void
gateway_drain(struct actor *self)
{
	struct gateway *g = actor_state(self);

	if (!g->has_begun) {
		actor_drained(self);
		return;
	}

	g->draining = true;
	listen_close(g);
	http2_drain(g);
	sockets_drain(g);
	gateway_end_streams(g);
	refusals_flush(g);
	timer_start(self, &g->sweep, 0, gateway_on_drain_tick);
}

static enum status
gateway_on_change(struct actor *self, const struct msg *in)
{
	struct gateway *g = actor_state(self);

	if (!g->has_begun)
		return REFUSE(self, in, CONFLICT, "it has not joined");
	return replica_on_change(&g->replica, in);
}

static enum status
gateway_on_beat(struct actor *self, const struct msg *in)
{
	struct gateway *g = actor_state(self);

	return g->has_begun ? replica_on_beat(&g->replica, in) : ST_OK;
}

static enum status
gateway_on_event(struct actor *self, const struct msg *in)
{
	struct gateway *g = actor_state(self);

	if (g->has_begun)
		sockets_on_event(g, in->body);
	return ST_OK;
}

static enum status
gateway_on_hub_restarted(struct actor *self, const struct msg *in)
{
	struct gateway *g = actor_state(self);

	(void)in;
	if (g->has_begun)
		sockets_on_hub_restarted(g);
	return ST_OK;
}

static enum status
gateway_on_backup_news(struct actor *self, const struct msg *in)
{
	struct gateway *g = actor_state(self);

	g->proof = *(const struct backup_news *)in->body;
	return ST_OK;
}

/* True: the actor's node has begun anew, and forgotten what it had. */
static bool
gateway_sees_another(struct actor *self, const struct node_changed *news,
    uint32_t number, uint64_t *life)
{
	bool met = *life != 0;

	if (!news->up || news->incarnation == *life ||
	    address_node(actor_find(self, number, 0)) != news->node)
		return false;
	*life = news->incarnation;
	return met;
}

static enum status
gateway_on_node_changed(struct actor *self, const struct msg *in)
{
	struct gateway *g = actor_state(self);
	/* Before it has begun it has nothing to renew, and meets them yet. */
	bool registry = gateway_sees_another(
	    self, in->body, ACTOR_NUMBER(session_registry), &g->registry_life);
	bool hub = gateway_sees_another(
	    self, in->body, ACTOR_NUMBER(event_hub), &g->hub_life);

	if (g->has_begun && registry)
		replica_start(&g->replica);
	if (g->has_begun && hub)
		sockets_on_hub_restarted(g);
	return ST_OK;
}

/* From another shard, or from nobody: HUP. */
static enum status
gateway_on_reload(struct actor *self, const struct msg *in)
{
	struct gateway *g = actor_state(self);
	char why[TLS_WHY_SIZE];

	(void)in;
	if (g->listen.tls != NULL)
		(void)!tls_reload(g->listen.tls, actor_config(self), why);
	return ST_OK;
}

static const struct handler gateway_on[] = {
	ON(gateway_reload, gateway_on_reload),
	ON(node_changed, gateway_on_node_changed),
	ON(replica_change, gateway_on_change),
	ON(replica_beat, gateway_on_beat),
	ON(hub_event, gateway_on_event),
	ON(backup_news, gateway_on_backup_news),
	ON(hub_restarted, gateway_on_hub_restarted),
	ON(setting_changed, gateway_on_setting_changed),
	ON(setting_restarted, gateway_on_setting_restarted),
	{ 0 },
};

const struct actor_class gateway_class = {
	.name = "gateway",
	.state_size = sizeof(struct gateway),
	.mailbox_max = 65536,
	.mailbox_bytes_max = 64u << 20,
	.ops_max = GATEWAY_OPS_MAX,
	.starts_slowly = true,
	.start = gateway_start,
	.stop = gateway_stop,
	.drain = gateway_drain,
	.measure = measure_gateway,
	.on = gateway_on,
};
