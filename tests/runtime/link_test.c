/* Links over a network that loses, doubles, delays, reorders and cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "runtime/link_flow.h"
#include "tests/link_pair.h"

#define SEEDS 40
#define BAD_FRAMES 1500

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
	pair_begin(seed);
	pair.net.loss = (unsigned)(link_rig_random(&pair.net.seed) % 150);
	pair.net.twice = (unsigned)(link_rig_random(&pair.net.seed) % 150);
	pair.net.full = (unsigned)(link_rig_random(&pair.net.seed) % 300);
	pair.net.delay_us = 1 + link_rig_random(&pair.net.seed) % 40000;
	pair_open_both();
	for (int i = 0; A->got < BAD_FRAMES || B->got < BAD_FRAMES; i++) {
		if (i == PAIR_STEPS_MAX)
			fail_msg("seed %d is stuck", (int)seed);
		send_some(A, 1, &pair.net.seed);
		send_some(B, 0, &pair.net.seed);
		if (link_rig_random(&pair.net.seed) % 300 == 0)
			link_net_cut(&pair.net, (uint16_t)(i % 2),
			    (uint16_t)(i % 2 == 0));
		pair_step();
	}
	if (A->bad + B->bad > 0)
		fail_msg("seed %d: out of order", (int)seed);
	assert_int_equal(link_end_count(A, LINK_DOWN), 0);
	assert_int_equal(link_end_count(B, LINK_DOWN), 0);
	assert_int_equal(links_stats(A->links, 1)->lost_with_link, 0);
	assert_int_equal(links_stats(A->links, 1)->malformed, 0);
	pair_end();
}

static void
test_a_bad_network_loses_and_doubles_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		survive(seed);
}

static bool
drop_one_batch(
    struct link_net *n, uint16_t from, uint16_t to, uint8_t *bytes, size_t size)
{
	(void)to;
	if (from != 0 || bytes[1] != LINK_KIND_CARRY || size == LINK_HEAD_SIZE)
		return true;
	n->tap = NULL;
	return false;
}

static void
test_a_lost_last_batch_is_sent_again_in_time(void **state)
{
	(void)state;
	pair_open_both();
	pair.net.tap = drop_one_batch;
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	pair_run_us(FLOW_RESEND_MIN_US + 10 * PAIR_STEP_US);
	assert_int_equal(B->got, 1);
	assert_int_equal(links_stats(A->links, 1)->frames_resent, 1);
	assert_int_equal(link_end_count(A, LINK_LOST), 0);
}

static void
test_a_lost_batch_is_sent_again_at_once_when_more_follow(void **state)
{
	(void)state;
	pair_open_both();
	pair.net.tap = drop_one_batch;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
		pair_step();
	}
	pair_run_us(10 * PAIR_STEP_US);
	assert_int_equal(B->got, 3);
	assert_true(links_stats(B->links, 0)->gaps > 0);
}

static void
test_doubled_messages_are_dropped_and_counted(void **state)
{
	(void)state;
	pair.net.twice = 1000;
	pair_open_both();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
		pair_step();
	}
	pair_run_us(20 * PAIR_STEP_US);
	assert_int_equal(B->got, 20);
	assert_int_equal(links_stats(B->links, 0)->duplicates, 20);
	assert_int_equal(links_stats(B->links, 0)->gaps, 0);
	assert_int_equal(links_stats(A->links, 1)->frames_resent, 0);
}

/* --- bounds --- */

static void
test_nothing_is_taken_before_the_handshake(void **state)
{
	uint8_t one = 1;

	(void)state;
	pair_open(A);
	assert_int_equal(links_state(A->links, 1), LINK_DOWN);
	assert_int_equal(
	    links_send(A->links, 1, LINK_CONTROL, &one, 1), ST_CLOSED);
	pair_run_us(1000000);
	assert_int_equal(
	    links_send(A->links, 1, LINK_NORMAL, &one, 1), ST_CLOSED);
	assert_int_equal(links_stats(A->links, 1)->refused_closed, 2);
	assert_int_equal(
	    links_send(A->links, 7, LINK_NORMAL, &one, 1), ST_NOT_FOUND);
}

static void
test_empty_frames_and_the_largest_arrive(void **state)
{
	static uint8_t large[LINK_FRAME_MAX + 1];

	(void)state;
	pair_open_both();
	assert_int_equal(links_send(A->links, 1, LINK_NORMAL, NULL, 0), ST_OK);
	assert_int_equal(
	    links_send(A->links, 1, LINK_NORMAL, large, LINK_FRAME_MAX), ST_OK);
	assert_int_equal(
	    links_send(A->links, 1, LINK_NORMAL, large, LINK_FRAME_MAX + 1),
	    ST_INVALID);
	pair_run_us(50000);
	assert_int_equal(B->got_bytes, LINK_FRAME_MAX);
	assert_int_equal(links_stats(B->links, 0)->frames_received, 2);
}

static void
test_credit_stops_the_sender_at_its_bound(void **state)
{
	(void)state;
	pair_open_both();
	links_credit(B->links, 0, 10, 1000);
	pair_run_us(20000);
	pair.net.loss = 1000;
	for (int i = 0; i < 10; i++)
		assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_FULL);
	assert_int_equal(links_stats(A->links, 1)->refused_full, 1);
	pair.net.loss = 0;
	pair_run_us(2000000);
	assert_int_equal(B->got, 10);
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 500), ST_OK);
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 484), ST_OK);
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 0), ST_FULL);
}

static void
test_no_credit_at_all_stops_all_but_control(void **state)
{
	(void)state;
	pair_open_both();
	links_credit(B->links, 0, 10, 0);
	pair_run_us(20000);
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 0), ST_FULL);
	assert_int_equal(link_end_send(A, 1, LINK_CONTROL, 0), ST_OK);
	links_credit(B->links, 0, 10, 1000);
	pair_run_us(20000);
	assert_int_equal(B->got, 1);
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 0), ST_OK);
}

static void
test_control_lane_has_its_own_bound(void **state)
{
	(void)state;
	pair_open_both();
	pair.net.loss = 1000;
	while (link_end_send(A, 1, LINK_NORMAL, 1000) == ST_OK)
		;
	assert_true(A->sent * 1008 <= LINK_CREDIT_BYTES);
	assert_true((A->sent + 1) * 1008 > LINK_CREDIT_BYTES);
	for (uint32_t i = 0; i < LINK_CONTROL_FRAMES_MAX; i++)
		assert_int_equal(link_end_send(A, 1, LINK_CONTROL, 0), ST_OK);
	assert_int_equal(link_end_send(A, 1, LINK_CONTROL, 0), ST_FULL);
	pair.net.loss = 0;
	pair_run_us(3000000);
	assert_int_equal(B->got, A->sent);
	assert_int_equal(B->bad, 0);
}

static void
test_acknowledgement_comes_alone_in_time(void **state)
{
	(void)state;
	pair_open_both();
	pair_run_us(200000);
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	assert_false(links_idle(A->links));
	pair_run_us(LINK_ACK_US + 4 * PAIR_STEP_US);
	assert_true(links_idle(A->links));
}

static void
test_next_is_never_late_nor_idle_early(void **state)
{
	(void)state;
	pair_open_both();
	pair_run_us(500000);
	for (int i = 0; i < 50; i++) {
		uint64_t at = links_next_us(A->links);

		assert_true(at <= pair.net.now_us + LINK_HEARTBEAT_US);
		pair_step();
	}
	assert_int_equal(link_end_count(A, LINK_LOST), 0);
}

/* --- life of a peer --- */

static void
test_silence_loses_the_link_and_keeps_frames(void **state)
{
	(void)state;
	pair_open_both();
	pair.net.loss = 1000;
	pair_run_us(LINK_SILENCE_US + 3 * PAIR_STEP_US);
	assert_int_equal(pair_last(A)->now, LINK_LOST);
	assert_string_equal(pair_last(A)->why, "silence");
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	pair.net.loss = 0;
	pair_run_until_up();
	pair_run_us(20000);
	assert_int_equal(B->got, 1);
	assert_int_equal(links_stats(A->links, 1)->reconnects, 1);
	assert_int_equal(links_stats(A->links, 1)->lost_with_link, 0);
}

/* What A dialed meanwhile hangs for 325 ms at least; B says it is back. */
static void
test_a_hello_hurries_a_dial_that_hangs(void **state)
{
	(void)state;
	pair_open_both();
	pair.net.loss = 1000;
	pair.net.away = true;
	while (links_state(A->links, 1) != LINK_LOST)
		pair_step();
	pair.net.loss = 0;
	pair.net.away = false;
	pair.net.hangs[1][0] = false;
	pair.net.ready[1][0] = true;
	pair_run_us(250000);
	assert_int_equal(pair_last(A)->now, LINK_UP);
	assert_int_equal(pair_last(B)->now, LINK_UP);
}

static void
test_a_peer_lost_for_long_is_down(void **state)
{
	(void)state;
	pair_open_both();
	pair.net.loss = 1000;
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	pair_run_us(LINK_SILENCE_US + LINK_LOST_US + 10 * PAIR_STEP_US);
	assert_int_equal(link_end_count(A, LINK_DOWN), 1);
	assert_int_equal(links_stats(A->links, 1)->lost_with_link, 1);
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_CLOSED);
}

static void
test_new_incarnation_is_told_and_starts_anew(void **state)
{
	uint64_t was;

	(void)state;
	pair_open_both();
	was = links_incarnation(B->links);
	pair.net.loss = 1000; /* so that its good-bye is lost, as in a crash */
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	pair_close(B);
	pair.net.loss = 0;
	pair_open(B);
	B->got = 0;
	pair_run_until_up();
	pair_run_us(500000);
	assert_int_equal(link_end_count(A, LINK_DOWN), 1);
	assert_int_equal(links_stats(A->links, 1)->lost_with_link, 1);
	assert_int_equal(pair_last(A)->now, LINK_UP);
	assert_true(pair_last(A)->incarnation == links_incarnation(B->links));
	assert_true(pair_last(A)->incarnation != was);
	A->sent = 0;
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	pair_run_us(20000);
	assert_int_equal(B->got, 1);
	assert_int_equal(B->bad, 0);
}

static void
test_a_peer_that_leaves_says_so(void **state)
{
	(void)state;
	pair_open_both();
	pair_close(B);
	pair_run_us(2 * PAIR_STEP_US);
	assert_int_equal(A->changes[A->nchanges - 1].now, LINK_DOWN);
	assert_string_equal(pair_last(A)->why, "the peer has left");
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
	pair.net.tap = drop_proofs_of_a;
	pair_open(A);
	pair_open(B);
	while (links_state(A->links, 1) != LINK_UP)
		pair_step();
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	pair_run_us(3000000);
	assert_int_not_equal(links_state(B->links, 0), LINK_UP);
	pair.net.tap = NULL;
	pair_run_until_up();
	pair_run_us(500000);
	assert_int_equal(B->got, 1);
	assert_int_equal(link_end_count(A, LINK_DOWN), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define RUN(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)
		cmocka_unit_test(test_a_bad_network_loses_and_doubles_nothing),
		RUN(test_a_lost_last_batch_is_sent_again_in_time),
		RUN(test_a_lost_batch_is_sent_again_at_once_when_more_follow),
		RUN(test_doubled_messages_are_dropped_and_counted),
		RUN(test_nothing_is_taken_before_the_handshake),
		RUN(test_empty_frames_and_the_largest_arrive),
		RUN(test_credit_stops_the_sender_at_its_bound),
		RUN(test_no_credit_at_all_stops_all_but_control),
		RUN(test_control_lane_has_its_own_bound),
		RUN(test_acknowledgement_comes_alone_in_time),
		RUN(test_next_is_never_late_nor_idle_early),
		RUN(test_silence_loses_the_link_and_keeps_frames),
		RUN(test_a_hello_hurries_a_dial_that_hangs),
		RUN(test_a_peer_lost_for_long_is_down),
		RUN(test_new_incarnation_is_told_and_starts_anew),
		RUN(test_a_peer_that_leaves_says_so),
		RUN(test_half_a_handshake_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
