/* Links over a network that loses, doubles, delays, reorders and cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "tests/link_net.h"

#define STEP_US 1000
#define SEEDS 40
#define BAD_FRAMES 1500
#define STEPS_MAX 200000 /* of virtual milliseconds */

static struct link_net net;
static struct link_end ends[LINK_ENDS];
static struct link_end *const a = &ends[0];
static struct link_end *const b = &ends[1];
static size_t refused_lines;

static void
on_log(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)line;
	(void)size;
	refused_lines += event == EV_LINK_REFUSED;
}

static void
open_end(struct link_end *e)
{
	e->config.transport = link_net_transport(&net, e->config.node);
	assert_int_equal(links_create(&e->config, &e->links), ST_OK);
}

static void
close_end(struct link_end *e)
{
	links_destroy(e->links);
	e->links = NULL;
}

static void
begin(uint64_t seed)
{
	link_net_init(&net, seed);
	log_set_sink(on_log, NULL);
	refused_lines = 0;
	for (uint16_t i = 0; i < 2; i++) {
		link_end_init(ends, i, "/nowhere", 2, &net.clock);
		ends[i].seed ^= seed << 8;
	}
}

static void
end(void)
{
	link_end_fini(a);
	link_end_fini(b);
	link_net_fini(&net);
}

static int
setup(void **state)
{
	(void)state;
	begin(1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	end();
	return 0;
}

static void
step(void)
{
	for (size_t i = 0; i < 2; i++)
		while (ends[i].links != NULL && links_turn(ends[i].links))
			;
	net.now_us += STEP_US;
}

static void
run_us(uint64_t us)
{
	uint64_t until_us = net.now_us + us;

	while (net.now_us < until_us)
		step();
}

static void
run_until_up(void)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		if (links_state(a->links, 1) == LINK_UP &&
		    links_state(b->links, 0) == LINK_UP)
			return;
		step();
	}
	fail_msg("no link after %d steps", STEPS_MAX);
}

static void
open_both(void)
{
	open_end(a);
	open_end(b);
	run_until_up();
}

static const struct link_change *
last(const struct link_end *e)
{
	assert_true(e->nchanges > 0);
	return &e->changes[e->nchanges - 1];
}

/* --- a bad network --- */

static void
send_some(struct link_end *from, uint16_t to, uint64_t *seed)
{
	uint64_t n = link_rig_random(seed) % 20;

	while (n-- > 0 && from->sent < BAD_FRAMES) {
		uint64_t r = link_rig_random(seed);
		enum link_lane lane = r % 4 == 0 ? LINK_CONTROL : LINK_NORMAL;
		size_t pad = r % 50 == 1 ? 100000 : (size_t)(r >> 8) % 300;

		if (link_end_send(from, to, lane, pad) != ST_OK)
			return;
	}
}

static void
survive(uint64_t seed)
{
	begin(seed);
	net.loss = (unsigned)(link_rig_random(&net.seed) % 150);
	net.twice = (unsigned)(link_rig_random(&net.seed) % 150);
	net.full = (unsigned)(link_rig_random(&net.seed) % 300);
	net.delay_us = 1 + link_rig_random(&net.seed) % 40000;
	open_both();
	for (int i = 0; a->got < BAD_FRAMES || b->got < BAD_FRAMES; i++) {
		if (i == STEPS_MAX)
			fail_msg("seed %d is stuck", (int)seed);
		send_some(a, 1, &net.seed);
		send_some(b, 0, &net.seed);
		if (link_rig_random(&net.seed) % 300 == 0)
			link_net_cut(
			    &net, (uint16_t)(i % 2), (uint16_t)(i % 2 == 0));
		step();
	}
	if (a->bad + b->bad > 0)
		fail_msg("seed %d: out of order", (int)seed);
	assert_int_equal(link_end_count(a, LINK_DOWN), 0);
	assert_int_equal(link_end_count(b, LINK_DOWN), 0);
	assert_int_equal(links_stats(a->links, 1)->lost_with_link, 0);
	assert_int_equal(links_stats(a->links, 1)->malformed, 0);
	end();
}

static void
test_a_bad_network_loses_and_doubles_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		survive(seed);
}

/* --- bounds --- */

static void
test_nothing_is_taken_before_the_handshake(void **state)
{
	uint8_t one = 1;

	(void)state;
	open_end(a);
	assert_int_equal(links_state(a->links, 1), LINK_DOWN);
	assert_int_equal(
	    links_send(a->links, 1, LINK_CONTROL, &one, 1), ST_CLOSED);
	run_us(1000000);
	assert_int_equal(
	    links_send(a->links, 1, LINK_NORMAL, &one, 1), ST_CLOSED);
	assert_int_equal(links_stats(a->links, 1)->refused_closed, 2);
	assert_int_equal(
	    links_send(a->links, 7, LINK_NORMAL, &one, 1), ST_NOT_FOUND);
}

static void
test_empty_frames_and_the_largest_arrive(void **state)
{
	static uint8_t large[LINK_FRAME_MAX + 1];

	(void)state;
	open_both();
	assert_int_equal(links_send(a->links, 1, LINK_NORMAL, NULL, 0), ST_OK);
	assert_int_equal(
	    links_send(a->links, 1, LINK_NORMAL, large, LINK_FRAME_MAX), ST_OK);
	assert_int_equal(
	    links_send(a->links, 1, LINK_NORMAL, large, LINK_FRAME_MAX + 1),
	    ST_INVALID);
	run_us(50000);
	assert_int_equal(b->got_bytes, LINK_FRAME_MAX);
	assert_int_equal(links_stats(b->links, 0)->frames_received, 2);
}

static void
test_credit_stops_the_sender_at_its_bound(void **state)
{
	(void)state;
	open_both();
	links_credit(b->links, 0, 10, 1000);
	run_us(20000);
	net.loss = 1000;
	for (int i = 0; i < 10; i++)
		assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_FULL);
	assert_int_equal(links_stats(a->links, 1)->refused_full, 1);
	net.loss = 0;
	run_us(2000000);
	assert_int_equal(b->got, 10);
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 500), ST_OK);
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 484), ST_OK);
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 0), ST_FULL);
}

static void
test_no_credit_at_all_stops_all_but_control(void **state)
{
	(void)state;
	open_both();
	links_credit(b->links, 0, 10, 0);
	run_us(20000);
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 0), ST_FULL);
	assert_int_equal(link_end_send(a, 1, LINK_CONTROL, 0), ST_OK);
	links_credit(b->links, 0, 10, 1000);
	run_us(20000);
	assert_int_equal(b->got, 1);
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 0), ST_OK);
}

static void
test_control_lane_has_its_own_bound(void **state)
{
	(void)state;
	open_both();
	net.loss = 1000;
	while (link_end_send(a, 1, LINK_NORMAL, 1000) == ST_OK)
		;
	assert_true(a->sent * 1008 <= LINK_CREDIT_BYTES);
	assert_true((a->sent + 1) * 1008 > LINK_CREDIT_BYTES);
	for (uint32_t i = 0; i < LINK_CONTROL_FRAMES_MAX; i++)
		assert_int_equal(link_end_send(a, 1, LINK_CONTROL, 0), ST_OK);
	assert_int_equal(link_end_send(a, 1, LINK_CONTROL, 0), ST_FULL);
	net.loss = 0;
	run_us(3000000);
	assert_int_equal(b->got, a->sent);
	assert_int_equal(b->bad, 0);
}

static void
test_acknowledgement_comes_alone_in_time(void **state)
{
	(void)state;
	open_both();
	run_us(200000);
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
	assert_false(links_idle(a->links));
	run_us(LINK_ACK_US + 4 * STEP_US);
	assert_true(links_idle(a->links));
}

static void
test_next_is_never_late_nor_idle_early(void **state)
{
	(void)state;
	open_both();
	run_us(500000);
	for (int i = 0; i < 50; i++) {
		uint64_t at = links_next_us(a->links);

		assert_true(at <= net.now_us + LINK_HEARTBEAT_US);
		step();
	}
	assert_int_equal(link_end_count(a, LINK_LOST), 0);
}

/* --- life of a peer --- */

static void
test_silence_loses_the_link_and_keeps_frames(void **state)
{
	(void)state;
	open_both();
	net.loss = 1000;
	run_us(LINK_SILENCE_US + 3 * STEP_US);
	assert_int_equal(last(a)->now, LINK_LOST);
	assert_string_equal(last(a)->why, "silence");
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
	net.loss = 0;
	run_until_up();
	run_us(20000);
	assert_int_equal(b->got, 1);
	assert_int_equal(links_stats(a->links, 1)->reconnects, 1);
	assert_int_equal(links_stats(a->links, 1)->lost_with_link, 0);
}

static void
test_a_peer_lost_for_long_is_down(void **state)
{
	(void)state;
	open_both();
	net.loss = 1000;
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
	run_us(LINK_SILENCE_US + LINK_LOST_US + 10 * STEP_US);
	assert_int_equal(link_end_count(a, LINK_DOWN), 1);
	assert_int_equal(links_stats(a->links, 1)->lost_with_link, 1);
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_CLOSED);
}

static void
test_new_incarnation_is_told_and_starts_anew(void **state)
{
	uint64_t was;

	(void)state;
	open_both();
	was = links_incarnation(b->links);
	net.loss = 1000; /* so that its good-bye is lost, as in a crash */
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
	close_end(b);
	net.loss = 0;
	open_end(b);
	b->got = 0;
	run_until_up();
	run_us(500000);
	assert_int_equal(link_end_count(a, LINK_DOWN), 1);
	assert_int_equal(links_stats(a->links, 1)->lost_with_link, 1);
	assert_int_equal(last(a)->now, LINK_UP);
	assert_true(last(a)->incarnation == links_incarnation(b->links));
	assert_true(last(a)->incarnation != was);
	a->sent = 0;
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
	run_us(20000);
	assert_int_equal(b->got, 1);
	assert_int_equal(b->bad, 0);
}

static void
test_a_peer_that_leaves_says_so(void **state)
{
	(void)state;
	open_both();
	close_end(b);
	run_us(2 * STEP_US);
	assert_int_equal(a->changes[a->nchanges - 1].now, LINK_DOWN);
	assert_string_equal(last(a)->why, "the peer has left");
}

static bool
drop_proofs_of_a(
    struct link_net *n, uint16_t from, uint16_t to, uint8_t *bytes, size_t size)
{
	(void)n;
	(void)to;
	(void)size;
	return !(from == 0 && bytes[1] == LINK_KIND_PROOF);
}

/* Only a has entered the stream; what it sent must not be lost. */
static void
test_half_a_handshake_loses_nothing(void **state)
{
	(void)state;
	net.tap = drop_proofs_of_a;
	open_end(a);
	open_end(b);
	while (links_state(a->links, 1) != LINK_UP)
		step();
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
	run_us(3000000);
	assert_int_not_equal(links_state(b->links, 0), LINK_UP);
	net.tap = NULL;
	run_until_up();
	run_us(500000);
	assert_int_equal(b->got, 1);
	assert_int_equal(link_end_count(a, LINK_DOWN), 0);
}

/* --- who is let in --- */

static void
expect_refusal(const char *why)
{
	open_end(a);
	open_end(b);
	run_us(3000000);
	assert_int_equal(link_end_count(a, LINK_UP), 0);
	assert_int_not_equal(links_state(b->links, 0), LINK_UP);
	assert_true(link_end_count(a, LINK_REFUSED) > 1);
	assert_true(link_end_count(b, LINK_REFUSED) > 0);
	for (size_t i = 0; i < a->nchanges; i++)
		if (a->changes[i].now == LINK_REFUSED)
			assert_string_equal(a->changes[i].why, why);
	assert_true(refused_lines > 0 && refused_lines <= 2);
	assert_true(links_stats(a->links, 1)->refusals > 0);
}

static void
test_another_version_is_refused(void **state)
{
	(void)state;
	b->config.version++;
	expect_refusal("protocol versions differ");
}

static void
test_another_catalogue_is_refused(void **state)
{
	(void)state;
	b->config.catalogue++;
	expect_refusal("message catalogues differ");
}

static void
test_another_topology_is_refused_until_it_fits(void **state)
{
	(void)state;
	b->config.topology++;
	expect_refusal("topologies differ");
	close_end(b);
	b->config.topology--;
	open_end(b);
	run_until_up();
}

static void
test_another_name_is_refused(void **state)
{
	(void)state;
	b->config.name = "vault";
	expect_refusal("another name than the topology has");
}

static void
test_a_wrong_key_is_refused(void **state)
{
	struct seal_keypair *other;

	(void)state;
	assert_int_equal(seal_keypair_create(NULL, &other), ST_OK);
	b->config.keys = other;
	expect_refusal("the signature does not fit the key");
	seal_keypair_destroy(other);
}

static bool
no_keys(void *ctx, const char *name, uint8_t ret[SEAL_PUBLIC_SIZE])
{
	(void)ctx;
	(void)name;
	(void)ret;
	return false;
}

static void
test_an_unknown_key_is_refused(void **state)
{
	(void)state;
	a->config.key_of = no_keys;
	b->config.key_of = no_keys;
	expect_refusal("no public key is known for that name");
}

/* --- what a liar sends --- */

static void
inject_carry(uint64_t *seed)
{
	struct link_head h = { .kind = LINK_KIND_CARRY,
		.token = link_rig_random(seed),
		.ack = 1 };
	uint8_t bytes[LINK_HEAD_SIZE];

	link_net_inject(
	    &net, 1, (struct bytes){ bytes, link_wire_put_head(&h, bytes) });
}

static void
inject_noise(uint64_t *seed)
{
	uint8_t noise[300];
	size_t size = (size_t)(link_rig_random(seed) % sizeof(noise));

	for (size_t i = 0; i < size; i++)
		noise[i] = (uint8_t)link_rig_random(seed);
	if (size > 3 && link_rig_random(seed) % 4 != 0) {
		noise[0] = LINK_MARK;
		noise[1] = (uint8_t)(1 + link_rig_random(seed) % 6);
		noise[2] = (uint8_t)(link_rig_random(seed) % 3);
		noise[3] = 0;
	}
	link_net_inject(&net, 1, (struct bytes){ noise, size });
}

static void
test_noise_at_the_inbox_changes_nothing(void **state)
{
	uint64_t seed = 5;

	(void)state;
	open_both();
	for (int i = 0; i < 3000; i++) {
		inject_noise(&seed);
		inject_carry(&seed);
		if (i % 10 == 0)
			assert_int_equal(
			    link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
		step();
	}
	run_us(100000);
	assert_int_equal(b->got, a->sent);
	assert_int_equal(b->bad, 0);
	assert_int_equal(link_end_count(b, LINK_LOST), 0);
	assert_int_equal(link_end_count(b, LINK_DOWN), 0);
	assert_true(links_stats(b->links, 0)->strays > 0);
	assert_true(links_stats(b->links, 0)->malformed > 0);
}

static uint8_t hello_seen[LINK_HELLO_MAX];
static size_t hello_size;

static bool
keep_hello(
    struct link_net *n, uint16_t from, uint16_t to, uint8_t *bytes, size_t size)
{
	(void)n;
	(void)to;
	if (from == 0 && bytes[1] == LINK_KIND_HELLO) {
		memcpy(hello_seen, bytes, size);
		hello_size = size;
	}
	return true;
}

/* A true hello said by another cannot end or take over a session. */
static void
test_a_replayed_or_forged_hello_changes_nothing(void **state)
{
	(void)state;
	net.tap = keep_hello;
	open_both();
	for (int i = 0; i < 200; i++) {
		hello_seen[LINK_HELLO_SIZE - 2] ^= (uint8_t)i;
		link_net_inject(
		    &net, 1, (struct bytes){ hello_seen, hello_size });
		assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
		run_us(10000);
	}
	run_us(100000);
	assert_int_equal(b->got, 200);
	assert_int_equal(b->bad, 0);
	assert_int_equal(link_end_count(b, LINK_UP), 1);
	assert_int_equal(link_end_count(a, LINK_UP), 1);
}

static bool
spoil_batches(
    struct link_net *n, uint16_t from, uint16_t to, uint8_t *bytes, size_t size)
{
	(void)to;
	if (from == 0 && bytes[1] == LINK_KIND_CARRY && size > LINK_HEAD_SIZE) {
		bytes[LINK_HEAD_SIZE] ^= 0x40; /* the length of a frame */
		n->tap = NULL;
	}
	return true;
}

static void
test_a_malformed_batch_ends_the_link_not_the_node(void **state)
{
	(void)state;
	open_both();
	net.tap = spoil_batches;
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
	run_us(3 * STEP_US);
	assert_int_equal(last(b)->now, LINK_DOWN);
	assert_string_equal(last(b)->why, "malformed message");
	assert_int_equal(links_stats(b->links, 0)->malformed, 1);
	assert_int_equal(b->got, 0);
	run_us(1000000);
	run_until_up();
	a->sent = 0;
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, 8), ST_OK);
	run_us(20000);
	assert_int_equal(b->got, 1);
}

static void
test_configuration_past_its_bounds_is_invalid(void **state)
{
	struct links *l = NULL;
	char name[LINK_NAME_MAX + 2];

	(void)state;
	a->config.transport = NULL;
	memset(name, 'x', sizeof(name));
	name[LINK_NAME_MAX + 1] = '\0';
	a->config.name = name;
	assert_int_equal(links_create(&a->config, &l), ST_INVALID);
	a->config.name = "edge";
	a->config.node = LINK_NODE_MAX + 1;
	assert_int_equal(links_create(&a->config, &l), ST_INVALID);
	a->config.node = 1; /* as its peer */
	assert_int_equal(links_create(&a->config, &l), ST_INVALID);
	a->config.node = 0;
	a->config.npeers = LINK_PEERS_MAX + 1;
	assert_int_equal(links_create(&a->config, &l), ST_INVALID);
	assert_null(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define RUN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		cmocka_unit_test(test_a_bad_network_loses_and_doubles_nothing),
		RUN(test_nothing_is_taken_before_the_handshake),
		RUN(test_empty_frames_and_the_largest_arrive),
		RUN(test_credit_stops_the_sender_at_its_bound),
		RUN(test_no_credit_at_all_stops_all_but_control),
		RUN(test_control_lane_has_its_own_bound),
		RUN(test_acknowledgement_comes_alone_in_time),
		RUN(test_next_is_never_late_nor_idle_early),
		RUN(test_silence_loses_the_link_and_keeps_frames),
		RUN(test_a_peer_lost_for_long_is_down),
		RUN(test_new_incarnation_is_told_and_starts_anew),
		RUN(test_a_peer_that_leaves_says_so),
		RUN(test_half_a_handshake_loses_nothing),
		RUN(test_another_version_is_refused),
		RUN(test_another_catalogue_is_refused),
		RUN(test_another_topology_is_refused_until_it_fits),
		RUN(test_another_name_is_refused),
		RUN(test_a_wrong_key_is_refused),
		RUN(test_an_unknown_key_is_refused),
		RUN(test_noise_at_the_inbox_changes_nothing),
		RUN(test_a_replayed_or_forged_hello_changes_nothing),
		RUN(test_a_malformed_batch_ends_the_link_not_the_node),
		RUN(test_configuration_past_its_bounds_is_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
