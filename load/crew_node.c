#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "load/crew_inside.h"
#include "load/player.h"
#include "load/usage.h"
#include "runtime/address.h"
#include "runtime/base/log.h"
#include "runtime/bridge.h"
#include "runtime/edge.h"
#include "runtime/node.h"

/* Actors are failed on purpose, and often: none of them is past help. */
static const struct supervisor_config crew_supervisor = {
	.strategy = ONE_FOR_ONE,
	.intensity = 100000,
	.window_us = SUPERVISOR_WINDOW_US,
	.pause_us = SUPERVISOR_PAUSE_US,
	.pause_max_us = 100000,
};

/* The child's own; one node to a process. */
struct child {
	struct crew *crew;
	uint32_t number;
	struct clock clock;
	struct node *node;
	struct bridge *bridge;
	struct link_tls *tls; /* between hosts */
};

/* The clocks of a node, as far as faults have moved them. */
static uint64_t
child_mono_us(void *ctx)
{
	const struct ledger_node *n = ctx;

	return clock_mono_us(&clock_system) +
	       (uint64_t)atomic_load_explicit(
		   &n->clock_us, memory_order_relaxed);
}

static int64_t
child_wall_us(void *ctx)
{
	const struct ledger_node *n = ctx;

	return clock_wall_us(&clock_system) +
	       atomic_load_explicit(&n->wall_us, memory_order_relaxed);
}

static bool
child_key_of(void *ctx, const char *name, uint8_t ret_public[SEAL_PUBLIC_SIZE])
{
	const struct crew *c = ctx;

	for (uint32_t i = 0; i < c->placement.nodes; i++) {
		if (strcmp(c->nodes[i].name, name) != 0)
			continue;
		memcpy(ret_public, seal_keypair_public(c->nodes[i].keys),
		    SEAL_PUBLIC_SIZE);
		return true;
	}
	return false;
}

static enum status
child_open_links(struct child *me)
{
	const struct crew *c = me->crew;
	struct link_peer peers[LEDGER_NODES_MAX];
	struct bridge_config b = { .listen = c->nodes[me->number].listen,
		.peers = peers,
		.topology = c->l->plan.seed,
		.keys = c->nodes[me->number].keys,
		.key_of = child_key_of,
		.key_ctx = me->crew };

	for (uint32_t i = 0; i < c->placement.nodes; i++)
		if (i != me->number)
			peers[b.npeers++] = (struct link_peer){ (uint16_t)i,
				c->nodes[i].name, c->nodes[i].dial };
	if (c->placement.namespaces &&
	    crew_host_tls(c, me->number, peers, b.npeers, &me->tls) != ST_OK)
		return ST_IO;
	b.tls = me->tls;
	return bridge_create(me->node, &b, &me->bridge);
}

static enum status
child_spawn_all(struct child *me)
{
	struct ledger *l = me->crew->l;
	enum status st = ST_OK;

	for (uint32_t k = l->first[me->number]; st == ST_OK && k < l->nmembers;
	     k++) {
		struct member *m = &l->members[l->node_order[k]];
		uint64_t address;

		if (m->node != me->number)
			break;
		st = node_spawn(
		    me->node, player_class(m->role), 0, 0, m->loop, &address);
		if (st == ST_OK && address != m->address)
			st = ST_BUG;
	}
	return st;
}

static enum status
child_start(struct child *me)
{
	const struct crew *c = me->crew;
	struct node_config nc = { .number = me->number,
		.name = c->nodes[me->number].name,
		.clock = &me->clock,
		.loops = c->placement.loops,
		.threaded = true,
		.supervisor = crew_supervisor };
	enum status st = ST_OK;

	if (c->placement.namespaces)
		st = crew_host_enter(c, me->number);
	if (st == ST_OK)
		st = node_create(&nc, &me->node);
	if (st == ST_OK)
		st = child_spawn_all(me);
	if (st == ST_OK && c->placement.nodes > 1)
		st = child_open_links(me);
	if (st == ST_OK)
		st = node_start(me->node);
	return st;
}

/* Signals to members of this node; from outside, so never refused. */
static void
child_obey(struct child *me, const struct order *o)
{
	struct ledger *l = me->crew->l;
	struct load_hold hold = { .us = o->us };
	struct load_go go = { 0 };

	for (uint32_t i = 0; i < l->nmembers; i++) {
		const struct member *m = &l->members[i];

		if (m->node != me->number)
			continue;
		if (o->kind == ORDER_GO &&
		    does_start(l->plan.roles[m->role].does))
			(void)node_signal(
			    me->node, m->address, MSG_load_go, &go);
		else if (o->kind == ORDER_FAIL && o->member == i)
			(void)node_signal(
			    me->node, m->address, MSG_load_fail, &go);
		else if (o->kind == ORDER_HOLD && o->member == i)
			(void)node_signal(
			    me->node, m->address, MSG_load_hold, &hold);
	}
}

/* Of a node that stands still: what the runtime itself has counted. */
static void
child_copy_books(struct child *me)
{
	static struct book_row rows[NODE_SPAWNED_MAX];
	size_t n = node_books(me->node, rows, NODE_SPAWNED_MAX);

	for (size_t i = 0; i < n; i++) {
		struct member *m;

		if (address_number(rows[i].address) < ADDRESS_SPAWNED)
			continue;
		m = ledger_member(me->crew->l, rows[i].address);
		m->queued = rows[i].queued;
		for (int b = 0; b < BOOKS; b++)
			m->books[b] = rows[i].books[b];
	}
}

/* While its loops still run: the check is a cut through them. */
static void
child_copy_edges(struct child *me)
{
	struct ledger_node *mine = &me->crew->l->nodes[me->number];
	size_t max = 2 * (size_t)EDGES_MAX * me->crew->placement.loops, n = 0;
	struct edge_row *rows = calloc(max, sizeof(rows[0]));

	mine->edges_read =
	    rows != NULL && node_edges(me->node, rows, max, &n) == ST_OK;
	mine->edges = n;
	mine->edge_messages = mine->edges_wrong = 0;
	for (size_t i = 0; i < n && i < max; i++) {
		mine->edge_messages += rows[i].sent;
		if (edge_row_missing(&rows[i]) == 0 || mine->edges_wrong++ > 0)
			continue;
		snprintf(mine->edge_complaint, sizeof(mine->edge_complaint),
		    "the runtime's edge %s -> %s on node %s: sent %" PRIu64
		    ", queued %" PRIu64 ", ended %" PRIu64,
		    rows[i].from_name, rows[i].to_name,
		    me->crew->nodes[me->number].name, rows[i].sent,
		    rows[i].queued, edge_row_ended(&rows[i]));
	}
	free(rows);
}

/* Failures that were ordered are no news. */
static void
child_log_nothing(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	(void)line;
	(void)size;
}

_Noreturn void
crew_node_run(struct crew *c, uint32_t number, int orders)
{
	static struct child me;
	struct ledger_node *mine = &c->l->nodes[number];
	struct order o;
	enum status st;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	ledger_use(c->l);
	if (c->l->faulty)
		log_set_sink(child_log_nothing, NULL);
	me = (struct child){ .crew = c,
		.number = number,
		.clock = { child_mono_us, child_wall_us, mine } };
	st = child_start(&me);
	if (st != ST_OK) {
		fprintf(stderr, "troupe load: node %s: %s\n",
		    c->nodes[number].name, status_text(st));
		_exit(1);
	}
	mine->rss_ready = usage_resident(getpid());
	atomic_fetch_add(&mine->ready, 1);
	while (read(orders, &o, sizeof(o)) == sizeof(o))
		child_obey(&me, &o);
	child_copy_edges(&me);
	node_stop(me.node);
	child_copy_books(&me);
	if (me.bridge != NULL)
		mine->link_refused = bridge_stats(me.bridge)->refused;
	bridge_destroy(me.bridge);
	link_tls_destroy(me.tls);
	node_destroy(me.node);
	_exit(0);
}
