/*
 * bridge_test - two nodes, a gateway on edge and the tasks and a store on
 * core, joined by a network under the test's control.  Their clocks differ.
 */
#include "tests/check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/frame_head.h"
#include "runtime/address.h"
#include "runtime/bridge.h"
#include "runtime/inside.h"
#include "tests/link_net.h"

#define STEP_US 1000
#define APART_US UINT64_C(3600000000) /* between the two clocks */
#define UP_STEPS_MAX 20000
#define TRIP_US (20 * STEP_US)
#define ANSWERS_MAX (2 * BRIDGE_HELD_MAX)
#define WITHIN_US UINT64_C(60000000)

enum { EDGE, CORE, SIDES };

struct side {
	struct clock clock;
	uint64_t ahead_us;
	struct node *node; /* NULL: it does not run */
	struct bridge *bridge;
	struct link_end *end; /* its keys and names */
};

/* What the asker was answered. */
struct answer {
	uint64_t asked;
	uint64_t number; /* of a pong */
	uint16_t id;
	enum status status; /* of a refusal */
};

static struct scene {
	struct link_net net;
	struct link_end ends[LINK_ENDS];
	struct side sides[SIDES];

	struct actor *asker;
	struct answer answers[ANSWERS_MAX];
	size_t answered;
	struct node_changed news[8];
	size_t told;

	uint64_t heard; /* pings at core */
	uint64_t left_us;
	struct op *kept;

	struct frame back[8]; /* what a liar was sent */
	size_t backs;
} scene;

/* --- actors --- */

static enum status
asker_start(struct actor *self)
{
	scene.asker = self;
	return ST_OK;
}

static enum status
asker_on_answer(struct actor *self, struct op *op, const struct msg *reply)
{
	struct answer *a = &scene.answers[scene.answered++];

	(void)self;
	assert(scene.answered <= ANSWERS_MAX);
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
	assert(scene.told < sizeof(scene.news) / sizeof(scene.news[0]));
	scene.news[scene.told++] = *(const struct node_changed *)in->body;
	return ST_OK;
}

static const struct handler asker_on[] = {
	ON(node_changed, asker_on_node),
	{ 0 },
};

static const struct actor_class asker_class = {
	.name = "asker",
	.ops_max = ANSWERS_MAX,
	.start = asker_start,
	.on = asker_on,
};

/* What to do is in the number. */
enum { KEEP = 1, ECHO };

static enum status
echo_on_expired(struct actor *self, struct op *op, const struct msg *why)
{
	(void)self;
	scene.kept = NULL;
	return op_pass(op, why);
}

static enum status
echo_on_ping(struct actor *self, const struct msg *in)
{
	const struct ping *ask = in->body;

	scene.heard++;
	scene.left_us = in->deadline_us - actor_now_us(self);
	if (ask->number == KEEP) {
		scene.kept = op_open(self, in);
		return op_keep(scene.kept, echo_on_expired);
	}
	return REPLY(self, in, pong, .number = ask->number);
}

static const struct handler echo_on[] = {
	ON(ping, echo_on_ping),
	{ 0 },
};

static const struct actor_class echo_class = {
	.name = "echo",
	.mailbox_max = ANSWERS_MAX,
	.on = echo_on,
};

/* --- two nodes and what is between them --- */

static uint64_t
side_mono_us(void *ctx)
{
	return scene.net.now_us + ((struct side *)ctx)->ahead_us;
}

static int64_t
side_wall_us(void *ctx)
{
	return (int64_t)side_mono_us(ctx);
}

static uint32_t
scene_where(void *ctx, uint32_t number, uint32_t shard)
{
	(void)ctx;
	(void)shard;
	return number == ACTOR_NUMBER(gateway) ? EDGE : CORE;
}

static uint32_t
scene_shards(void *ctx, uint32_t number)
{
	(void)ctx;
	(void)number;
	return 1;
}

static void
side_spawn(struct side *s, const struct actor_class *class, uint32_t number)
{
	assert_int_equal(node_spawn(s->node, class, number, 0, 0, NULL), ST_OK);
}

static void
side_make_node(struct side *s, uint32_t number)
{
	struct node_config c = { .number = number,
		.name = s->end->config.name,
		.clock = &s->clock,
		.random = s->end->config.random,
		.random_ctx = s->end,
		.loops = 1,
		.where = scene_where,
		.shards = scene_shards };

	assert_int_equal(node_create(&c, &s->node), ST_OK);
	if (number == EDGE) {
		side_spawn(s, &asker_class, ACTOR_NUMBER(gateway));
	} else {
		side_spawn(s, &echo_class, ACTOR_NUMBER(store));
		side_spawn(s, &echo_class, ACTOR_NUMBER(tasks));
	}
}

static void
side_open(uint16_t number)
{
	struct side *s = &scene.sides[number];
	const struct links_config *lc = &s->end->config;
	struct bridge_config c = { .listen = lc->listen,
		.peers = lc->peers,
		.npeers = lc->npeers,
		.topology = lc->topology,
		.keys = lc->keys,
		.key_of = lc->key_of,
		.key_ctx = lc->ctx,
		.transport = link_net_transport(&scene.net, number) };

	side_make_node(s, number);
	assert_int_equal(bridge_create(s->node, &c, &s->bridge), ST_OK);
	assert_int_equal(node_start(s->node), ST_OK);
}

static void
side_close(uint16_t number)
{
	struct side *s = &scene.sides[number];

	if (s->node == NULL)
		return;
	node_stop(s->node);
	bridge_destroy(s->bridge);
	node_destroy(s->node);
	s->bridge = NULL;
	s->node = NULL;
}

/* As when it is killed: nobody hears its last words. */
static void
side_crash(uint16_t number)
{
	scene.net.loss = 1000;
	side_close(number);
	scene.net.loss = 0;
}

static void
step(void)
{
	for (size_t i = 0; i < SIDES; i++)
		if (scene.sides[i].node != NULL)
			node_settle(scene.sides[i].node);
	if (scene.ends[EDGE].links != NULL)
		while (links_turn(scene.ends[EDGE].links))
			;
	scene.net.now_us += STEP_US;
}

static void
run_us(uint64_t us)
{
	for (uint64_t until = scene.net.now_us + us; scene.net.now_us < until;)
		step();
}

static enum link_state
side_state(uint16_t number)
{
	return links_state(
	    bridge_links(scene.sides[number].bridge), (uint16_t)!number);
}

static void
run_until_up(void)
{
	for (int i = 0;
	     side_state(EDGE) != LINK_UP || side_state(CORE) != LINK_UP; i++) {
		if (i == UP_STEPS_MAX)
			fail_msg("the link does not come up");
		step();
	}
	run_us(TRIP_US);
}

static int
scene_setup(void **state)
{
	(void)state;
	memset(&scene, 0, sizeof(scene));
	link_net_init(&scene.net, 1);
	for (uint16_t i = 0; i < SIDES; i++) {
		struct side *s = &scene.sides[i];

		link_end_init(
		    scene.ends, i, "/nowhere", SIDES, &scene.net.clock);
		s->end = &scene.ends[i];
		s->ahead_us = i * APART_US;
		s->clock = (struct clock){ side_mono_us, side_wall_us, s };
	}
	return 0;
}

static int
scene_teardown(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < SIDES; i++) {
		side_close(i);
		link_end_fini(&scene.ends[i]);
	}
	link_net_fini(&scene.net);
	class_info_free_all();
	return 0;
}

static int
scene_setup_up(void **state)
{
	(void)scene_setup(state);
	side_open(EDGE);
	side_open(CORE);
	run_until_up();
	return 0;
}

static void
ask(uint32_t to, uint64_t number, uint64_t within_us)
{
	struct ping body = { .number = number };
	struct op *op = op_open(scene.asker, NULL);

	*(uint64_t *)op_data(op) = number;
	op_within(op, within_us);
	assert_int_equal(op_ask(op, address_make(CORE, to, 0, 0), MSG_ping,
			     &body, asker_on_answer),
	    ST_OK);
}

static void
ask_tasks(uint64_t number)
{
	ask(ACTOR_NUMBER(tasks), number, WITHIN_US);
}

static void
assert_one_answer(uint16_t id, enum status st)
{
	assert_int_equal(scene.answered, 1);
	assert_int_equal(scene.answers[0].id, id);
	assert_int_equal(scene.answers[0].status, st);
}

/* --- requests and replies --- */

static void
test_a_request_is_answered_from_the_other_node(void **state)
{
	const struct bridge_stats *edge = bridge_stats(scene.sides[0].bridge);
	const struct bridge_stats *core = bridge_stats(scene.sides[1].bridge);

	(void)state;
	assert_int_equal(
	    actor_find(scene.asker, ACTOR_NUMBER(tasks), 0) >> 52, CORE);
	ask_tasks(77);
	run_us(TRIP_US);
	assert_one_answer(MSG_pong, ST_OK);
	assert_int_equal(scene.answers[0].number, 77);
	assert_int_equal(scene.heard, 1);
	assert_int_equal(edge->sent, 1);
	assert_int_equal(core->received, 1);
	assert_int_equal(core->sent, 1);
	assert_int_equal(edge->received, 1);
	assert_int_equal(edge->rejected + core->rejected, 0);
}

static void
test_a_gateway_may_not_speak_to_the_store(void **state)
{
	(void)state;
	ask(ACTOR_NUMBER(store), ECHO, WITHIN_US);
	run_us(TRIP_US);
	assert_one_answer(MSG_refused, ST_DENIED);
	assert_int_equal(scene.heard, 0);
}

static void
test_a_deadline_travels_as_the_time_left(void **state)
{
	(void)state;
	ask(ACTOR_NUMBER(tasks), KEEP, 300000);
	run_us(TRIP_US);
	assert_in_range(scene.left_us, 300000 - TRIP_US, 300000);
	run_us(300000 - 2 * TRIP_US);
	assert_non_null(scene.kept);
	assert_int_equal(scene.answered, 0);
	run_us(2 * TRIP_US);
	assert_null(scene.kept);
	assert_one_answer(MSG_refused, ST_TIMEOUT);
}

static void
test_an_unknown_node_refuses_at_once(void **state)
{
	static const uint32_t nodes[] = { 2, LINK_NODE_MAX + 1,
		ADDRESS_NODES_MAX - 1 };
	const struct ping body = { .number = ECHO };

	(void)state;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		struct op *op = op_open(scene.asker, NULL);

		assert_int_equal(
		    op_ask(op,
			address_make(nodes[i], ACTOR_NUMBER(tasks), 0, 0),
			MSG_ping, &body, asker_on_answer),
		    ST_OK);
		run_us(STEP_US);
		assert_int_equal(scene.answered, i + 1);
		assert_int_equal(scene.answers[i].status, ST_NOT_FOUND);
	}
}

/* --- a peer not met yet --- */

static void
test_a_request_waits_for_a_node_not_met_yet(void **state)
{
	(void)state;
	side_open(EDGE);
	ask_tasks(ECHO);
	run_us(3000000);
	assert_int_equal(scene.answered, 0);
	side_open(CORE);
	run_until_up();
	assert_one_answer(MSG_pong, ST_OK);
	assert_int_equal(scene.heard, 1);
}

static void
test_one_request_past_the_bound_is_refused(void **state)
{
	(void)state;
	side_open(EDGE);
	for (unsigned i = 0; i < BRIDGE_HELD_MAX; i++)
		ask_tasks(ECHO + i);
	run_us(STEP_US);
	assert_int_equal(scene.answered, 0);
	ask_tasks(5);
	run_us(STEP_US);
	assert_one_answer(MSG_refused, ST_CLOSED);
	assert_int_equal(bridge_stats(scene.sides[EDGE].bridge)->refused, 1);
	side_open(CORE);
	run_until_up();
	assert_int_equal(scene.heard, BRIDGE_HELD_MAX);
	assert_int_equal(scene.answered, BRIDGE_HELD_MAX + 1);
	for (unsigned i = 0; i < BRIDGE_HELD_MAX; i++)
		assert_int_equal(scene.answers[i + 1].number, ECHO + i);
}

static void
test_a_held_request_whose_time_is_over_is_not_sent(void **state)
{
	(void)state;
	side_open(EDGE);
	ask(ACTOR_NUMBER(tasks), ECHO, 100000);
	run_us(200000);
	assert_one_answer(MSG_refused, ST_TIMEOUT);
	side_open(CORE);
	run_until_up();
	assert_int_equal(scene.heard, 0);
	assert_int_equal(scene.answered, 1);
}

/* Only requests wait: nobody would hear of a signal that was lost late. */
static void
test_a_signal_does_not_wait(void **state)
{
	const struct ping body = { .number = ECHO };

	(void)state;
	side_open(EDGE);
	(void)actor_send(scene.asker,
	    address_make(CORE, ACTOR_NUMBER(tasks), 0, 0), MSG_ping, &body);
	run_us(STEP_US);
	assert_int_equal(bridge_stats(scene.sides[EDGE].bridge)->refused, 1);
	side_open(CORE);
	run_until_up();
	assert_int_equal(scene.heard, 0);
}

/* --- a peer that goes and comes --- */

static void
test_open_asks_are_closed_once_when_a_node_starts_anew(void **state)
{
	(void)state;
	ask_tasks(KEEP);
	run_us(TRIP_US);
	assert_non_null(scene.kept);
	side_crash(CORE);
	side_open(CORE);
	run_until_up();
	assert_one_answer(MSG_refused, ST_CLOSED);
	run_us(2000000);
	assert_int_equal(scene.answered, 1);
	ask_tasks(ECHO);
	run_us(TRIP_US);
	assert_int_equal(scene.answered, 2);
	assert_int_equal(scene.answers[1].number, ECHO);
}

static void
test_open_asks_are_closed_when_a_node_is_away_for_long(void **state)
{
	(void)state;
	ask_tasks(KEEP);
	run_us(TRIP_US);
	side_crash(CORE);
	run_us(LINK_LOST_US);
	assert_int_equal(scene.answered, 0);
	run_us(LINK_SILENCE_US + TRIP_US);
	assert_one_answer(MSG_refused, ST_CLOSED);
	ask_tasks(ECHO);
	run_us(STEP_US);
	assert_int_equal(scene.answered, 2);
	assert_int_equal(scene.answers[1].status, ST_CLOSED);
}

static void
test_a_short_silence_closes_nothing(void **state)
{
	(void)state;
	ask_tasks(KEEP);
	run_us(TRIP_US);
	scene.net.loss = 1000;
	run_us(LINK_SILENCE_US + TRIP_US);
	assert_int_equal(side_state(EDGE), LINK_LOST);
	scene.net.loss = 0;
	run_until_up();
	assert_int_equal(scene.answered, 0);
	op_resume(scene.kept);
	(void)OP_REPLY(scene.kept, pong, .number = 9);
	run_us(TRIP_US);
	assert_one_answer(MSG_pong, ST_OK);
}

static void
test_actors_are_told_of_nodes_that_come_and_go(void **state)
{
	uint64_t was =
	    links_incarnation(bridge_links(scene.sides[CORE].bridge));

	(void)state;
	assert_int_equal(scene.told, 1);
	assert_int_equal(scene.news[0].node, CORE);
	assert_true(scene.news[0].up);
	assert_true(scene.news[0].incarnation == was);
	side_close(CORE);
	run_us(TRIP_US);
	assert_int_equal(scene.told, 2);
	assert_int_equal(scene.news[1].node, CORE);
	assert_false(scene.news[1].up);
	side_open(CORE);
	run_until_up();
	assert_int_equal(scene.told, 3);
	assert_true(scene.news[2].up);
	assert_true(scene.news[2].incarnation != was);
	assert_true(scene.news[2].incarnation ==
		    links_incarnation(bridge_links(scene.sides[CORE].bridge)));
}

/* --- a peer that lies: links of edge, and no node behind them --- */

static void
liar_on_frame(void *ctx, uint16_t peer, const uint8_t *bytes, size_t size)
{
	(void)ctx;
	(void)peer;
	assert_int_equal(frame_check(bytes, size), ST_OK);
	assert(scene.backs < sizeof(scene.back) / sizeof(scene.back[0]));
	frame_read(bytes, &scene.back[scene.backs++]);
}

static int
scene_setup_liar(void **state)
{
	struct link_end *liar;

	(void)scene_setup(state);
	liar = &scene.ends[EDGE];
	liar->config.catalogue = catalogue_digest();
	liar->config.on_frame = liar_on_frame;
	liar->config.transport = link_net_transport(&scene.net, EDGE);
	assert_int_equal(links_create(&liar->config, &liar->links), ST_OK);
	side_open(CORE);
	for (int i = 0; links_state(liar->links, CORE) != LINK_UP ||
			side_state(CORE) != LINK_UP;
	     i++) {
		assert_true(i < UP_STEPS_MAX);
		step();
	}
	return 0;
}

static struct frame
honest_frame(void)
{
	return (struct frame){ .kind = FRAME_REQUEST,
		.hops = FRAME_HOPS,
		.id = MSG_ping,
		.from = address_make(EDGE, ACTOR_NUMBER(gateway), 0, 0),
		.to = address_make(CORE, ACTOR_NUMBER(tasks), 0, 0),
		.ref = 1,
		.deadline_us = 1000000 };
}

static void
liar_send_bytes(const uint8_t *bytes, size_t size)
{
	assert_int_equal(
	    links_send(scene.ends[EDGE].links, CORE, LINK_NORMAL, bytes, size),
	    ST_OK);
	run_us(TRIP_US);
}

/* A ping of that number in f; returns what the liar has, to spoil more. */
static size_t
ping_fill(uint8_t bytes[FRAME_HEAD + 64], const struct frame *f, uint64_t n)
{
	struct wire_out out = { bytes + FRAME_HEAD, 64, 0 };

	frame_write(bytes, f);
	assert_int_equal(wire_encode(CATALOGUE_TYPE(ping),
			     &(struct ping){ .number = n }, &out),
	    ST_OK);
	return FRAME_HEAD + out.used;
}

static void
liar_send(const struct frame *f, uint64_t number)
{
	uint8_t bytes[FRAME_HEAD + 64];

	liar_send_bytes(bytes, ping_fill(bytes, f, number));
}

static uint64_t
rejected(void)
{
	return bridge_stats(scene.sides[CORE].bridge)->rejected;
}

/* It still answers, and has rejected so many. */
static void
assert_lives(uint64_t rejects)
{
	struct frame f = honest_frame();
	uint64_t heard = scene.heard;

	assert_int_equal(rejected(), rejects);
	assert_int_equal(scene.backs, 0);
	liar_send(&f, ECHO);
	assert_int_equal(scene.heard, heard + 1);
	assert_int_equal(scene.backs, 1);
	assert_int_equal(scene.back[0].kind, FRAME_REPLY);
	assert_int_equal(rejected(), rejects);
}

static void
test_a_sender_of_another_node_is_rejected(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.from = address_make(CORE, ACTOR_NUMBER(store), 0, 0);
	liar_send(&f, ECHO);
	f.from = address_make(2, ACTOR_NUMBER(gateway), 0, 0);
	liar_send(&f, ECHO);
	assert_int_equal(scene.heard, 0);
	assert_lives(2);
}

static void
test_a_frame_for_another_node_is_rejected(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.to = address_make(EDGE, ACTOR_NUMBER(gateway), 0, 0);
	liar_send(&f, ECHO);
	f.to = address_make(2, ACTOR_NUMBER(tasks), 0, 0);
	liar_send(&f, ECHO);
	assert_lives(2);
}

static void
test_a_frame_without_hops_is_rejected(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.hops = 0;
	liar_send(&f, ECHO);
	assert_int_equal(scene.heard, 0);
	assert_lives(1);
}

static void
test_a_malformed_head_is_rejected(void **state)
{
	const struct frame f = honest_frame();
	uint8_t bytes[FRAME_HEAD + 64];
	size_t size = ping_fill(bytes, &f, ECHO);

	(void)state;
	liar_send_bytes(bytes, 0);
	liar_send_bytes(bytes, 1);
	liar_send_bytes(bytes, FRAME_HEAD);
	bytes[FRAME_AT_HOPS] = FRAME_HOPS + 1;
	liar_send_bytes(bytes, size);
	bytes[FRAME_AT_HOPS] = FRAME_HOPS;
	bytes[0] ^= 1;
	liar_send_bytes(bytes, size);
	assert_int_equal(scene.heard, 0);
	assert_lives(5);
}

static void
test_a_body_that_does_not_decode_is_refused(void **state)
{
	const struct frame f = honest_frame();
	uint8_t bytes[FRAME_HEAD + 64];

	(void)state;
	(void)ping_fill(bytes, &f, ECHO);
	bytes[FRAME_HEAD] = 0xc1; /* never used in msgpack */
	liar_send_bytes(bytes, FRAME_HEAD + 1);
	assert_int_equal(scene.heard, 0);
	assert_int_equal(scene.backs, 1);
	assert_int_equal(scene.back[0].kind, FRAME_REFUSAL);
	assert_int_equal(rejected(), 0);
}

static void
test_an_answer_to_nothing_is_dropped(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.kind = FRAME_REPLY;
	f.id = MSG_pong;
	f.ref = UINT64_MAX;
	liar_send(&f, ECHO);
	f.to = address_make(CORE, ADDRESS_NUMBERS_MAX - 1, 255, 0);
	liar_send(&f, ECHO);
	assert_lives(0);
}

/* Its answer must get home, however it is given. */
static void
test_an_answer_has_hops_when_its_request_had_one(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.hops = 1;
	liar_send(&f, ECHO);
	liar_send(&f, KEEP);
	op_resume(scene.kept);
	(void)OP_REPLY(scene.kept, pong, .number = KEEP);
	run_us(TRIP_US);
	f.id = MSG_done;
	liar_send(&f, ECHO);
	assert_int_equal(scene.backs, 3);
	assert_int_equal(scene.back[2].kind, FRAME_REFUSAL);
	for (size_t i = 0; i < scene.backs; i++)
		assert_true(scene.back[i].hops > 0);
}

#define WITH(setup, test) \
	cmocka_unit_test_setup_teardown(test, setup, scene_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(scene_setup_up,
		    test_a_request_is_answered_from_the_other_node),
		WITH(scene_setup_up, test_a_gateway_may_not_speak_to_the_store),
		WITH(scene_setup_up, test_a_deadline_travels_as_the_time_left),
		WITH(scene_setup_up, test_an_unknown_node_refuses_at_once),
		WITH(scene_setup, test_a_request_waits_for_a_node_not_met_yet),
		WITH(scene_setup, test_one_request_past_the_bound_is_refused),
		WITH(scene_setup,
		    test_a_held_request_whose_time_is_over_is_not_sent),
		WITH(scene_setup, test_a_signal_does_not_wait),
		WITH(scene_setup_up,
		    test_open_asks_are_closed_once_when_a_node_starts_anew),
		WITH(scene_setup_up,
		    test_open_asks_are_closed_when_a_node_is_away_for_long),
		WITH(scene_setup_up, test_a_short_silence_closes_nothing),
		WITH(scene_setup_up,
		    test_actors_are_told_of_nodes_that_come_and_go),
		WITH(scene_setup_liar,
		    test_a_sender_of_another_node_is_rejected),
		WITH(scene_setup_liar,
		    test_a_frame_for_another_node_is_rejected),
		WITH(scene_setup_liar, test_a_frame_without_hops_is_rejected),
		WITH(scene_setup_liar, test_a_malformed_head_is_rejected),
		WITH(scene_setup_liar,
		    test_a_body_that_does_not_decode_is_refused),
		WITH(scene_setup_liar, test_an_answer_to_nothing_is_dropped),
		WITH(scene_setup_liar,
		    test_an_answer_has_hops_when_its_request_had_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
