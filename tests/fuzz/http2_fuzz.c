/*
 * HTTP/2: any bytes to a whole gateway in memory, in pieces of a size the
 * input chooses.  It neither crashes, nor keeps anything of a connection.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/http2.h"
#include "gateway/inside.h"
#include "runtime/config.h"
#include "runtime/loop.h"
#include "runtime/net_fake.h"
#include "runtime/node.h"
#include "tests/fuzz/fuzz.h"

#define ADDRESS "127.0.0.1:3001"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
			      "\0\0\0\4\0\0\0\0";

static struct {
	struct gateway gateway;
	struct net *net;
	struct net_listener *listener;
	struct listen_door door;
	uint64_t address;
	struct node *node;
	struct config *config;
} f;

static void
on_accept(void *ctx, struct net_stream *s)
{
	http2_on_accept(ctx, s);
}

static enum status
fuzz_start(struct actor *self)
{
	struct gateway *g = actor_state(self);

	g->self = self;
	list_init(&g->open);
	g->limits = (struct gateway_limits){ 1, 1, 1, 1, 1, 100, 100, 1u << 16,
		1u << 20, 16384, 64 };
	pool_init(&g->conns, sizeof(struct conn), 1000, 0);
	pool_init(&g->exchanges, sizeof(struct exchange), 1000, 0);
	g->scratch = malloc(GATEWAY_REPLY_MAX);
	f.door = (struct listen_door){ .gateway = g };
	return http2_init(g);
}

static void
fuzz_stop(struct actor *self)
{
	struct gateway *g = actor_state(self);

	http2_fini(g);
	assert(g->conns.used == 0 && g->exchanges.used == 0 && g->held == 0);
	pool_fini(&g->conns);
	pool_fini(&g->exchanges);
	free(g->scratch);
}

static const struct handler fuzz_on[] = { { 0 } };

static const struct actor_class fuzz_class = {
	.name = "gateway",
	.state_size = sizeof(struct gateway),
	.start = fuzz_start,
	.stop = fuzz_stop,
	.on = fuzz_on,
};

static void
fuzz_begin(void)
{
	struct mistakes m = { 0 };
	struct config_input in = { 0 };
	struct node_config c = { .loops = 1 };
	struct net_listen how = { .address = ADDRESS,
		.streams_max = 10,
		.owed_max = 1u << 20,
		.on_accept = on_accept,
		.ctx = &f.door };
	enum status st = config_load(&in, &m, &f.config);

	c.config = f.config;
	if (st == ST_OK)
		st = node_create(&c, &f.node);
	f.net = net_fake_create();
	assert(st == ST_OK && f.net != NULL);
	node_loop(f.node, 0)->net = f.net;
	st = node_spawn(
	    f.node, &fuzz_class, ACTOR_NUMBER(gateway), 0, 0, &f.address);
	if (st == ST_OK)
		st = node_start(f.node);
	if (st == ST_OK)
		st = net_listen(f.net, &how, &f.listener);
	assert(st == ST_OK);
	node_settle(f.node);
}

/* Nothing of a connection outlives it. */
static void
fuzz_check(const struct gateway *g)
{
	assert(g->connections == 0 && g->conns.used == 0);
	assert(g->exchanges.used == 0 && g->held == 0);
	assert(g->http2->sessions.used == 0 && g->http2->streams.used == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
	struct net_fake_wire *w;

	if (f.node == NULL)
		fuzz_begin();
	if (size < 1 || net_fake_dial(f.net, ADDRESS, &w) != ST_OK)
		return 0;
	net_fake_take(w, SIZE_MAX);
	(void)net_fake_send(w, preface, sizeof(preface), SIZE_MAX);
	(void)net_fake_send(w, at + 1, size - 1, at[0] == 0 ? SIZE_MAX : at[0]);
	node_settle(f.node);
	net_fake_forget(w);
	net_fake_hang_up(w);
	node_settle(f.node);
	fuzz_check(f.door.gateway);
	return 0;
}
