#include "tests/twins.h"

#include <assert.h>
#include <string.h>

#include "runtime/inside.h"

struct twins twins;

static enum status
asker_start(struct actor *self)
{
	twins.asker = self;
	return ST_OK;
}

static enum status
asker_on_answer(struct actor *self, struct op *op, const struct msg *reply)
{
	struct answer *a = &twins.answers[twins.answered++];

	(void)self;
	assert(twins.answered <= TWINS_ANSWERS_MAX);
	*a = (struct answer){ .asked = *(uint64_t *)op_data(op),
		.id = reply->id };
	if (reply->id == MSG_refused)
		a->status =
		    (enum status)((const struct refused *)reply->body)->status;
	else
		a->number = ((const struct pong *)reply->body)->number;
	return op_close(op);
}

static enum status
asker_on_node(struct actor *self, const struct msg *in)
{
	(void)self;
	assert(twins.told < TWINS_NEWS_MAX);
	twins.news[twins.told++] = *(const struct node_changed *)in->body;
	return ST_OK;
}

static const struct handler asker_on[] = {
	ON(node_changed, asker_on_node),
	{ 0 },
};

static const struct actor_class asker_class = {
	.name = "asker",
	.ops_max = TWINS_ANSWERS_MAX,
	.start = asker_start,
	.on = asker_on,
};

static enum status
echo_on_expired(struct actor *self, struct op *op, const struct msg *why)
{
	(void)self;
	twins.kept = NULL;
	return op_pass(op, why);
}

static enum status
echo_on_pong(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	return op_pass(op, reply);
}

static enum status
echo_on_ping(struct actor *self, const struct msg *in)
{
	const struct ping *ask = in->body;

	twins.heard++;
	twins.left_us = in->deadline_us - actor_now_us(self);
	if (ask->number == TWINS_KEEP) {
		twins.kept = op_open(self, in);
		return op_keep(twins.kept, echo_on_expired);
	}
	if (ask->number == TWINS_ASK_BACK)
		return ASK(self, in, in->from, ping, echo_on_pong, .number = 0);
	return REPLY(self, in, pong, .number = ask->number);
}

static const struct handler echo_on[] = {
	ON(ping, echo_on_ping),
	{ 0 },
};

static const struct actor_class echo_class = {
	.name = "echo",
	.mailbox_max = TWINS_ANSWERS_MAX,
	.on = echo_on,
};

/* --- two nodes and what is between them --- */

static uint64_t
twin_mono_us(void *ctx)
{
	return twins.net.now_us + ((struct twin *)ctx)->ahead_us;
}

static int64_t
twin_wall_us(void *ctx)
{
	return (int64_t)twin_mono_us(ctx);
}

static uint32_t
twins_where(void *ctx, uint32_t number, uint32_t shard)
{
	(void)ctx;
	(void)shard;
	return number == ACTOR_NUMBER(gateway) ? EDGE : CORE;
}

static uint32_t
twins_shards(void *ctx, uint32_t number)
{
	(void)ctx;
	(void)number;
	return 1;
}

static void
twin_spawn(struct twin *s, const struct actor_class *class, uint32_t number)
{
	assert_int_equal(node_spawn(s->node, class, number, 0, 0, NULL), ST_OK);
}

static void
twin_make_node(struct twin *s, uint32_t number)
{
	struct node_config c = { .number = number,
		.name = s->end->config.name,
		.clock = &s->clock,
		.random = s->end->config.random,
		.random_ctx = s->end,
		.loops = 1,
		.where = twins_where,
		.shards = twins_shards };

	assert_int_equal(node_create(&c, &s->node), ST_OK);
	if (number == EDGE) {
		twin_spawn(s, &asker_class, ACTOR_NUMBER(gateway));
	} else {
		twin_spawn(s, &echo_class, ACTOR_NUMBER(store));
		twin_spawn(s, &echo_class, ACTOR_NUMBER(tasks));
	}
}

void
twins_open(uint16_t number)
{
	struct twin *s = &twins.sides[number];
	const struct links_config *lc = &s->end->config;
	struct bridge_config c = { .listen = lc->listen,
		.peers = lc->peers,
		.npeers = lc->npeers,
		.topology = lc->topology,
		.keys = lc->keys,
		.key_of = lc->key_of,
		.key_ctx = lc->ctx,
		.transport = link_net_transport(&twins.net, number) };

	twin_make_node(s, number);
	assert_int_equal(bridge_create(s->node, &c, &s->bridge), ST_OK);
	assert_int_equal(node_start(s->node), ST_OK);
}

void
twins_close(uint16_t number)
{
	struct twin *s = &twins.sides[number];

	if (s->node == NULL)
		return;
	node_stop(s->node);
	bridge_destroy(s->bridge);
	node_destroy(s->node);
	s->bridge = NULL;
	s->node = NULL;
}

void
twins_crash(uint16_t number)
{
	twins.net.loss = 1000;
	twins_close(number);
	twins.net.loss = 0;
}

void
twins_step(void)
{
	for (size_t i = 0; i < TWINS; i++)
		if (twins.sides[i].node != NULL)
			node_settle(twins.sides[i].node);
	if (twins.ends[EDGE].links != NULL)
		while (links_turn(twins.ends[EDGE].links))
			;
	twins.net.now_us += TWINS_STEP_US;
}

void
twins_run_us(uint64_t us)
{
	for (uint64_t until = twins.net.now_us + us; twins.net.now_us < until;)
		twins_step();
}

enum link_state
twins_state(uint16_t number)
{
	return links_state(
	    bridge_links(twins.sides[number].bridge), (uint16_t)!number);
}

void
twins_run_until_up(void)
{
	for (int i = 0;
	     twins_state(EDGE) != LINK_UP || twins_state(CORE) != LINK_UP;
	     i++) {
		if (i == TWINS_STEPS_MAX)
			fail_msg("the link does not come up");
		twins_step();
	}
	twins_run_us(TWINS_TRIP_US);
}

int
twins_setup(void **state)
{
	(void)state;
	memset(&twins, 0, sizeof(twins));
	link_net_init(&twins.net, 1);
	for (uint16_t i = 0; i < TWINS; i++) {
		struct twin *s = &twins.sides[i];

		link_end_init(
		    twins.ends, i, "/nowhere", TWINS, &twins.net.clock);
		s->end = &twins.ends[i];
		s->ahead_us = i * TWINS_APART_US;
		s->clock = (struct clock){ twin_mono_us, twin_wall_us, s };
	}
	return 0;
}

int
twins_teardown(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < TWINS; i++) {
		twins_close(i);
		link_end_fini(&twins.ends[i]);
	}
	link_net_fini(&twins.net);
	class_info_free_all();
	return 0;
}

void
twins_ask(uint64_t to, uint64_t number, uint64_t within_us)
{
	struct ping body = { .number = number };
	struct op *op = op_open(twins.asker, NULL);

	*(uint64_t *)op_data(op) = number;
	op_within(op, within_us);
	assert_int_equal(
	    op_ask(op, to, MSG_ping, &body, asker_on_answer), ST_OK);
}
