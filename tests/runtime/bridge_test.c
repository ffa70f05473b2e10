/* bridge_test - requests across two nodes, and nodes that come and go. */
#include "tests/twins.h"

#include <string.h>

#include "runtime/address.h"
#include "runtime/edge.h"

static int
bridge_setup_up(void **state)
{
	(void)twins_setup(state);
	twins_open(EDGE);
	twins_open(CORE);
	twins_run_until_up();
	return 0;
}

static uint64_t
core_tasks(void)
{
	return address_make(CORE, ACTOR_NUMBER(tasks), 0, 0);
}

static uint64_t
core_store(void)
{
	return address_make(CORE, ACTOR_NUMBER(store), 0, 0);
}

static void
ask_tasks(uint64_t number)
{
	twins_ask(core_tasks(), number, TWINS_WITHIN_US);
}

static void
assert_one_answer(uint16_t id, enum status st)
{
	assert_int_equal(twins.answered, 1);
	assert_int_equal(twins.answers[0].id, id);
	assert_int_equal(twins.answers[0].status, st);
}

/* --- requests and replies --- */

static void
test_a_request_is_answered_from_the_other_node(void **state)
{
	const struct bridge_stats *edge = bridge_stats(twins.sides[0].bridge);
	const struct bridge_stats *core = bridge_stats(twins.sides[1].bridge);

	(void)state;
	assert_int_equal(
	    address_node(actor_find(twins.asker, ACTOR_NUMBER(tasks), 0)),
	    CORE);
	ask_tasks(77);
	twins_run_us(TWINS_TRIP_US);
	assert_one_answer(MSG_pong, ST_OK);
	assert_int_equal(twins.answers[0].number, 77);
	assert_int_equal(twins.heard, 1);
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
	twins_ask(core_store(), TWINS_ECHO, TWINS_WITHIN_US);
	twins_run_us(TWINS_TRIP_US);
	assert_one_answer(MSG_refused, ST_DENIED);
	assert_int_equal(twins.heard, 0);
}

static void
test_a_deadline_travels_as_the_time_left(void **state)
{
	(void)state;
	twins_ask(core_tasks(), TWINS_KEEP, 300000);
	twins_run_us(TWINS_TRIP_US);
	assert_in_range(twins.left_us, 300000 - TWINS_TRIP_US, 300000);
	twins_run_us(300000 - 2 * TWINS_TRIP_US);
	assert_non_null(twins.kept);
	assert_int_equal(twins.answered, 0);
	twins_run_us(2 * TWINS_TRIP_US);
	assert_null(twins.kept);
	assert_one_answer(MSG_refused, ST_TIMEOUT);
}

static void
test_an_unknown_node_refuses_at_once(void **state)
{
	static const uint32_t nodes[] = { 2, LINK_NODE_MAX, LINK_NODE_MAX + 1,
		ADDRESS_NODES_MAX - 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		twins_ask(address_make(nodes[i], ACTOR_NUMBER(tasks), 0, 0),
		    TWINS_ECHO, TWINS_WITHIN_US);
		twins_run_us(TWINS_STEP_US);
		assert_int_equal(twins.answered, i + 1);
		assert_int_equal(twins.answers[i].status, ST_NOT_FOUND);
	}
}

/* --- a peer not met yet --- */

static void
test_a_request_waits_for_a_node_not_met_yet(void **state)
{
	(void)state;
	twins_open(EDGE);
	ask_tasks(TWINS_ECHO);
	twins_run_us(3000000);
	assert_int_equal(twins.answered, 0);
	twins_open(CORE);
	twins_run_until_up();
	assert_one_answer(MSG_pong, ST_OK);
	assert_int_equal(twins.heard, 1);
}

static void
test_one_request_past_the_bound_is_refused(void **state)
{
	(void)state;
	twins_open(EDGE);
	for (unsigned i = 0; i < BRIDGE_HELD_MAX; i++)
		ask_tasks(TWINS_ECHO + i);
	twins_run_us(TWINS_STEP_US);
	assert_int_equal(twins.answered, 0);
	ask_tasks(5);
	twins_run_us(TWINS_STEP_US);
	assert_one_answer(MSG_refused, ST_CLOSED);
	assert_int_equal(bridge_stats(twins.sides[EDGE].bridge)->refused, 1);
	twins_open(CORE);
	twins_run_until_up();
	assert_int_equal(twins.heard, BRIDGE_HELD_MAX);
	assert_int_equal(twins.answered, BRIDGE_HELD_MAX + 1);
	for (unsigned i = 0; i < BRIDGE_HELD_MAX; i++)
		assert_int_equal(twins.answers[i + 1].number, TWINS_ECHO + i);
}

static void
test_a_held_request_whose_time_is_over_is_not_sent(void **state)
{
	(void)state;
	twins_open(EDGE);
	twins_ask(core_tasks(), TWINS_ECHO, 100000);
	twins_run_us(200000);
	assert_one_answer(MSG_refused, ST_TIMEOUT);
	twins_open(CORE);
	twins_run_until_up();
	assert_int_equal(twins.heard, 0);
	assert_int_equal(twins.answered, 1);
}

/* Only requests wait: nobody would hear of a signal that was lost late. */
static void
test_a_signal_does_not_wait(void **state)
{
	const struct ping body = { .number = TWINS_ECHO };

	(void)state;
	twins_open(EDGE);
	(void)actor_send(twins.asker, core_tasks(), MSG_ping, &body);
	twins_run_us(TWINS_STEP_US);
	assert_int_equal(bridge_stats(twins.sides[EDGE].bridge)->refused, 1);
	twins_open(CORE);
	twins_run_until_up();
	assert_int_equal(twins.heard, 0);
}

/* --- a peer that goes and comes --- */

static void
test_open_asks_are_closed_once_when_a_node_starts_anew(void **state)
{
	(void)state;
	ask_tasks(TWINS_KEEP);
	twins_run_us(TWINS_TRIP_US);
	assert_non_null(twins.kept);
	twins_crash(CORE);
	twins_open(CORE);
	twins_run_until_up();
	assert_one_answer(MSG_refused, ST_CLOSED);
	twins_run_us(2000000);
	assert_int_equal(twins.answered, 1);
	ask_tasks(TWINS_ECHO);
	twins_run_us(TWINS_TRIP_US);
	assert_int_equal(twins.answered, 2);
	assert_int_equal(twins.answers[1].number, TWINS_ECHO);
}

static void
test_open_asks_are_closed_when_a_node_is_away_for_long(void **state)
{
	(void)state;
	ask_tasks(TWINS_KEEP);
	twins_run_us(TWINS_TRIP_US);
	twins_crash(CORE);
	twins_run_us(LINK_LOST_US);
	assert_int_equal(twins.answered, 0);
	twins_run_us(LINK_SILENCE_US + TWINS_TRIP_US);
	assert_one_answer(MSG_refused, ST_CLOSED);
	ask_tasks(TWINS_ECHO);
	twins_run_us(TWINS_STEP_US);
	assert_int_equal(twins.answered, 2);
	assert_int_equal(twins.answers[1].status, ST_CLOSED);
}

static void
test_a_short_silence_closes_nothing(void **state)
{
	(void)state;
	ask_tasks(TWINS_KEEP);
	twins_run_us(TWINS_TRIP_US);
	twins.net.loss = 1000;
	twins_run_us(LINK_SILENCE_US + TWINS_TRIP_US);
	assert_int_equal(twins_state(EDGE), LINK_LOST);
	twins.net.loss = 0;
	twins_run_until_up();
	assert_int_equal(twins.answered, 0);
	op_resume(twins.kept);
	(void)OP_REPLY(twins.kept, pong, .number = 9);
	twins_run_us(TWINS_TRIP_US);
	assert_one_answer(MSG_pong, ST_OK);
}

static void
test_actors_are_told_of_nodes_that_come_and_go(void **state)
{
	uint64_t was =
	    links_incarnation(bridge_links(twins.sides[CORE].bridge));

	(void)state;
	assert_int_equal(twins.told, 1);
	assert_int_equal(twins.news[0].node, CORE);
	assert_true(twins.news[0].up);
	assert_true(twins.news[0].incarnation == was);
	twins_close(CORE);
	twins_run_us(TWINS_TRIP_US);
	assert_int_equal(twins.told, 2);
	assert_int_equal(twins.news[1].node, CORE);
	assert_false(twins.news[1].up);
	twins_open(CORE);
	twins_run_until_up();
	assert_int_equal(twins.told, 3);
	assert_true(twins.news[2].up);
	assert_true(twins.news[2].incarnation != was);
	assert_true(twins.news[2].incarnation ==
		    links_incarnation(bridge_links(twins.sides[CORE].bridge)));
}

static void
test_an_actor_that_waits_for_its_restart_is_told_after_it(void **state)
{
	(void)state;
	actor_fail(twins.asker, ST_IO, "it could not");
	twins_close(CORE);
	while (twins_state(EDGE) == LINK_UP)
		twins_step();
	assert_int_equal(twins.told, 1);
	twins_run_us(SUPERVISOR_PAUSE_US * 2);
	assert_int_equal(twins.told, 2);
	assert_false(twins.news[1].up);
}

/* What left is on the books of the link, and of both nodes. */
static void
test_the_books_balance_across_a_link(void **state)
{
	struct edge_row rows[16];
	size_t count = 0;
	bool found = false;

	(void)state;
	ask_tasks(77);
	twins_run_us(TWINS_TRIP_US);
	assert_int_equal(
	    node_edges(twins.sides[EDGE].node, rows, 16, &count), ST_OK);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(edge_row_missing(&rows[i]), 0);
		if (strcmp(rows[i].to_name, "link:1") != 0)
			continue;
		found = true;
		assert_int_equal(rows[i].sent, 1);
		assert_int_equal(rows[i].ends[EDGE_CARRIED], 1);
	}
	assert_true(found);
	assert_int_equal(node_check_books(twins.sides[CORE].node), 0);
	twins_crash(CORE);
	ask_tasks(78);
	twins_run_us(LINK_SILENCE_US + LINK_LOST_US + 1000000);
	assert_int_equal(
	    node_edges(twins.sides[EDGE].node, rows, 16, &count), ST_OK);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(edge_row_missing(&rows[i]), 0);
		if (strcmp(rows[i].to_name, "link:1") == 0)
			assert_int_equal(rows[i].ends[EDGE_LOST], 1);
	}
}

#define WITH(setup, test) \
	cmocka_unit_test_setup_teardown(test, setup, twins_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(bridge_setup_up,
		    test_a_request_is_answered_from_the_other_node),
		WITH(
		    bridge_setup_up, test_a_gateway_may_not_speak_to_the_store),
		WITH(bridge_setup_up, test_a_deadline_travels_as_the_time_left),
		WITH(bridge_setup_up, test_an_unknown_node_refuses_at_once),
		WITH(twins_setup, test_a_request_waits_for_a_node_not_met_yet),
		WITH(twins_setup, test_one_request_past_the_bound_is_refused),
		WITH(twins_setup,
		    test_a_held_request_whose_time_is_over_is_not_sent),
		WITH(twins_setup, test_a_signal_does_not_wait),
		WITH(bridge_setup_up,
		    test_open_asks_are_closed_once_when_a_node_starts_anew),
		WITH(bridge_setup_up,
		    test_open_asks_are_closed_when_a_node_is_away_for_long),
		WITH(bridge_setup_up, test_a_short_silence_closes_nothing),
		WITH(bridge_setup_up,
		    test_actors_are_told_of_nodes_that_come_and_go),
		WITH(bridge_setup_up,
		    test_an_actor_that_waits_for_its_restart_is_told_after_it),
		WITH(bridge_setup_up, test_the_books_balance_across_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
