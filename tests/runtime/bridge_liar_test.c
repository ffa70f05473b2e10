/*
 * bridge_liar_test - what a peer may send that is not so: edge has the right
 * keys and a link, and no node behind it.
 */
#include "tests/twins.h"

#include <assert.h>
#include <string.h>

#include "protocols/frame_head.h"
#include "runtime/address.h"

#define BACK_MAX 8
#define PING_MAX 64 /* bytes of a short one */

/* What it was sent. */
static struct {
	struct frame back[BACK_MAX];
	size_t backs;
} liar;

static void
liar_on_frame(void *ctx, uint16_t peer, const struct link_frame *frame)
{
	static uint8_t bytes[LINK_FRAME_MAX];
	size_t size = link_frame_join(frame, bytes);

	(void)ctx;
	(void)peer;
	assert_int_equal(frame_check(bytes, size), ST_OK);
	assert(liar.backs < BACK_MAX);
	frame_read(bytes, &liar.back[liar.backs++]);
}

static int
liar_setup(void **state)
{
	struct link_end *end;

	memset(&liar, 0, sizeof(liar));
	(void)twins_setup(state);
	end = &twins.ends[EDGE];
	end->config.version = BRIDGE_VERSION;
	end->config.catalogue = catalogue_digest();
	end->config.on_frame = liar_on_frame;
	end->config.transport = link_net_transport(&twins.net, EDGE);
	assert_int_equal(links_create(&end->config, &end->links), ST_OK);
	twins_open(CORE);
	for (int i = 0; links_state(end->links, CORE) != LINK_UP ||
			twins_state(CORE) != LINK_UP;
	     i++) {
		assert_true(i < TWINS_STEPS_MAX);
		twins_step();
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

/* Into the batch that is open. */
static void
liar_put_bytes(const uint8_t *bytes, size_t size)
{
	assert_int_equal(
	    links_send(twins.ends[EDGE].links, CORE, LINK_NORMAL, bytes, size),
	    ST_OK);
}

static void
liar_send_bytes(const uint8_t *bytes, size_t size)
{
	liar_put_bytes(bytes, size);
	twins_run_us(TWINS_TRIP_US);
}

/* A ping of that number behind f; returns the size of both. */
static size_t
ping_fill(
    uint8_t bytes[FRAME_HEAD + PING_MAX], const struct frame *f, uint64_t n)
{
	struct wire_out out = { bytes + FRAME_HEAD, PING_MAX, 0 };

	frame_write(bytes, f);
	assert_int_equal(wire_encode(CATALOGUE_TYPE(ping),
			     &(struct ping){ .number = n }, &out),
	    ST_OK);
	return FRAME_HEAD + out.used;
}

static void
liar_send(const struct frame *f, uint64_t number)
{
	uint8_t bytes[FRAME_HEAD + PING_MAX];

	liar_send_bytes(bytes, ping_fill(bytes, f, number));
}

static uint64_t
rejected(void)
{
	return bridge_stats(twins.sides[CORE].bridge)->rejected;
}

/* It still answers, and has rejected so many. */
static void
assert_lives(uint64_t rejects)
{
	struct frame f = honest_frame();
	uint64_t heard = twins.heard;

	assert_int_equal(rejected(), rejects);
	assert_int_equal(liar.backs, 0);
	liar_send(&f, TWINS_ECHO);
	assert_int_equal(twins.heard, heard + 1);
	assert_int_equal(liar.backs, 1);
	assert_int_equal(liar.back[0].kind, FRAME_REPLY);
	assert_int_equal(rejected(), rejects);
}

static void
test_a_sender_of_another_node_is_rejected(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.from = address_make(CORE, ACTOR_NUMBER(store), 0, 0);
	liar_send(&f, TWINS_ECHO);
	f.from = address_make(2, ACTOR_NUMBER(gateway), 0, 0);
	liar_send(&f, TWINS_ECHO);
	assert_int_equal(twins.heard, 0);
	assert_lives(2);
}

static void
test_a_frame_for_another_node_is_rejected(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.to = address_make(EDGE, ACTOR_NUMBER(gateway), 0, 0);
	liar_send(&f, TWINS_ECHO);
	f.to = address_make(2, ACTOR_NUMBER(tasks), 0, 0);
	liar_send(&f, TWINS_ECHO);
	assert_lives(2);
}

static void
test_a_frame_without_hops_is_rejected(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.hops = 0;
	liar_send(&f, TWINS_ECHO);
	assert_int_equal(twins.heard, 0);
	assert_lives(1);
}

static void
test_a_malformed_head_is_rejected(void **state)
{
	const struct frame f = honest_frame();
	uint8_t bytes[FRAME_HEAD + PING_MAX];
	size_t size = ping_fill(bytes, &f, TWINS_ECHO);

	(void)state;
	liar_send_bytes(bytes, 0);
	liar_send_bytes(bytes, 1);
	liar_send_bytes(bytes, FRAME_HEAD);
	bytes[FRAME_AT_HOPS] = FRAME_HOPS + 1;
	liar_send_bytes(bytes, size);
	bytes[FRAME_AT_HOPS] = FRAME_HOPS;
	bytes[0] ^= 1;
	liar_send_bytes(bytes, size);
	assert_int_equal(twins.heard, 0);
	assert_lives(5);
}

/* The link sends their head once. */
static void
test_frames_with_one_head_are_judged_each(void **state)
{
	struct frame f = honest_frame();
	uint8_t bytes[FRAME_HEAD + PING_MAX];
	size_t size;

	(void)state;
	f.kind = FRAME_SIGNAL;
	f.ref = 0;
	f.from = address_make(2, ACTOR_NUMBER(gateway), 0, 0);
	size = ping_fill(bytes, &f, TWINS_ECHO);
	liar_put_bytes(bytes, size);
	liar_put_bytes(bytes, size);
	f.from = honest_frame().from;
	size = ping_fill(bytes, &f, TWINS_ECHO);
	liar_put_bytes(bytes, FRAME_HEAD - 1);
	liar_put_bytes(bytes, size);
	liar_put_bytes(bytes, FRAME_HEAD);
	liar_put_bytes(bytes, size);
	liar_send_bytes(bytes, size);
	assert_int_equal(twins.heard, 3);
	assert_in_range(twins.left_us, 1, f.deadline_us);
	assert_lives(4);
}

static void
test_a_body_that_does_not_decode_is_refused(void **state)
{
	const struct frame f = honest_frame();
	uint8_t bytes[FRAME_HEAD + PING_MAX];

	(void)state;
	(void)ping_fill(bytes, &f, TWINS_ECHO);
	bytes[FRAME_HEAD] = 0xc1; /* never used in msgpack */
	liar_send_bytes(bytes, FRAME_HEAD + 1);
	assert_int_equal(twins.heard, 0);
	assert_int_equal(liar.backs, 1);
	assert_int_equal(liar.back[0].kind, FRAME_REFUSAL);
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
	liar_send(&f, TWINS_ECHO);
	f.to = address_make(CORE, ADDRESS_NUMBERS_MAX - 1, 255, 0);
	liar_send(&f, TWINS_ECHO);
	assert_lives(0);
}

/* Its answer must get home, however it is given. */
static void
test_an_answer_has_hops_when_its_request_had_one(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.hops = 1;
	liar_send(&f, TWINS_ECHO);
	liar_send(&f, TWINS_KEEP);
	op_resume(twins.kept);
	(void)OP_REPLY(twins.kept, pong, .number = TWINS_KEEP);
	twins_run_us(TWINS_TRIP_US);
	f.id = MSG_done;
	liar_send(&f, TWINS_ECHO);
	assert_int_equal(liar.backs, 3);
	assert_int_equal(liar.back[2].kind, FRAME_REFUSAL);
	for (size_t i = 0; i < liar.backs; i++)
		assert_true(liar.back[i].hops > 0);
}

/* Else two nodes that ask each other would never come to an end. */
static void
test_hops_that_are_used_up_are_not_renewed(void **state)
{
	struct frame f = honest_frame();

	(void)state;
	f.hops = FRAME_HOPS;
	liar_send(&f, TWINS_ASK_BACK);
	assert_int_equal(liar.backs, 1);
	assert_int_equal(liar.back[0].kind, FRAME_REQUEST);
	assert_int_equal(liar.back[0].hops, FRAME_HOPS - 2);
	f.hops = 1;
	liar_send(&f, TWINS_ASK_BACK);
	assert_int_equal(liar.backs, 2);
	assert_int_equal(liar.back[1].kind, FRAME_REFUSAL);
}

#define WITH(setup, test) \
	cmocka_unit_test_setup_teardown(test, setup, twins_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(liar_setup, test_a_sender_of_another_node_is_rejected),
		WITH(liar_setup, test_a_frame_for_another_node_is_rejected),
		WITH(liar_setup, test_a_frame_without_hops_is_rejected),
		WITH(liar_setup, test_a_malformed_head_is_rejected),
		WITH(liar_setup, test_frames_with_one_head_are_judged_each),
		WITH(liar_setup, test_a_body_that_does_not_decode_is_refused),
		WITH(liar_setup, test_an_answer_to_nothing_is_dropped),
		WITH(liar_setup,
		    test_an_answer_has_hops_when_its_request_had_one),
		WITH(liar_setup, test_hops_that_are_used_up_are_not_renewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
