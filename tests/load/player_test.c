/*
 * player_test - the actors of a load run on the real runtime, one thread and
 * a clock turned by hand.
 */
#include "tests/check.h"

#include <string.h>

#include "load/books.h"
#include "load/placement.h"
#include "load/player.h"
#include "runtime/base/log.h"
#include "runtime/node.h"

static struct ledger *l;
static struct node *node;
static struct books books;
static uint64_t now_us;

static uint64_t
test_mono_us(void *ctx)
{
	(void)ctx;
	return now_us;
}

static int64_t
test_wall_us(void *ctx)
{
	(void)ctx;
	return (int64_t)now_us;
}

static const struct clock test_clock = { test_mono_us, test_wall_us, NULL };

static struct plan
plan_of(const char *name, uint64_t messages)
{
	const struct plan_builtin *b = plan_builtin_find(name);
	struct mistakes m;
	struct plan p;

	mistakes_init(&m);
	assert_int_equal(plan_read(b->text, b->name, &m, &p), ST_OK);
	p.messages = messages;
	p.duration_us = 0;
	return p;
}

static void
start(const struct plan *p)
{
	struct node_config c = { .name = "n0", .clock = &test_clock };
	struct placement where;
	char why[PLAN_WHY_SIZE];

	now_us = 1000000;
	assert_int_equal(placement_parse("one-loop", 99, &where, why), ST_OK);
	l = ledger_create(p, &test_clock);
	assert_non_null(l);
	placement_apply(&where, l);
	ledger_use(l);
	assert_int_equal(node_create(&c, &node), ST_OK);
	for (uint32_t i = 0; i < l->nmembers; i++)
		assert_int_equal(
		    node_spawn(
			node, player_class(l->members[i].role), 0, 0, 0, NULL),
		    ST_OK);
	assert_int_equal(node_start(node), ST_OK);
	l->begin_us = l->from_us = now_us;
	l->phase = PHASE_MEASURE;
}

static void
go(void)
{
	struct load_go body = { 0 };

	for (uint32_t i = 0; i < l->nmembers; i++)
		if (does_start(l->plan.roles[l->members[i].role].does))
			assert_int_equal(
			    node_signal(node, l->members[i].address,
				MSG_load_go, &body),
			    ST_OK);
	node_settle(node);
}

static void
advance(uint64_t us)
{
	now_us += us;
	node_settle(node);
}

static void
finish(void)
{
	static struct book_row rows[256];
	size_t n = node_books(node, rows, 256);

	for (size_t i = 0; i < n; i++) {
		struct member *m = ledger_member(l, rows[i].address);

		m->queued = rows[i].queued;
		for (int b = 0; b < BOOKS; b++)
			m->books[b] = rows[i].books[b];
	}
	books_close(l, &books);
}

static int
end(void **state)
{
	(void)state;
	if (node != NULL) {
		node_stop(node);
		node_destroy(node);
	}
	ledger_destroy(l);
	node = NULL;
	l = NULL;
	return 0;
}

static void
assert_balanced(void)
{
	if (!books.balanced)
		fail_msg("%s: %s", l->plan.name, books.complaint);
}

static void
run_one(const struct plan *p)
{
	start(p);
	go();
	for (int i = 0; i < 100; i++)
		advance(10000);
	finish();
}

static void
test_every_topology_handles_what_it_sends(void **state)
{
	const struct plan_builtin *b;

	for (size_t i = 0; (b = plan_builtin_nth(i)) != NULL; i++) {
		struct plan p = plan_of(b->name, 2000);

		for (uint32_t r = 0; r < p.nroles; r++)
			p.roles[r].burn_us = 0; /* the clock stands still */
		run_one(&p);
		assert_balanced();
		assert_true(books.tally.handled >= 1900);
		assert_int_equal(books.tally.sent, books.tally.handled);
		end(state);
	}
}

static void
test_money_moves_and_stays(void **state)
{
	struct plan p = plan_of("bank", 3000);
	int64_t sum = 0, moved = 0;

	(void)state;
	run_one(&p);
	assert_balanced();
	for (uint32_t i = 0; i < l->nmembers; i++) {
		if (l->plan.roles[l->members[i].role].does != DOES_ACCOUNT)
			continue;
		sum += l->members[i].balance;
		moved += l->members[i].balance != LEDGER_MONEY;
	}
	assert_int_equal(sum, p.actors * LEDGER_MONEY);
	assert_true(moved > 0);
}

static void
assert_found(enum planted planted, const char *name, const char *text)
{
	struct plan p = plan_of(name, 30000);

	p.actors = 2;
	start(&p);
	l->planted = planted;
	go();
	for (int i = 0; i < 100; i++)
		advance(100000);
	finish();
	assert_false(books.balanced);
	if (strstr(books.complaint, text) == NULL)
		fail_msg("%s", books.complaint);
	end(NULL);
}

static void
test_a_planted_mistake_is_found_and_its_edge_named(void **state)
{
	(void)state;
	assert_found(PLANTED_LOSE, "counting", "edge producer.0 -> consumer.0");
	assert_found(PLANTED_LOSE, "counting", "were lost, about from 501 on");
	assert_found(PLANTED_DOUBLE, "fan-in", "message 500 came twice");
	assert_found(PLANTED_SWAP, "fan-out", "came out of order from 501 on");
	assert_found(PLANTED_SWAP, "star", "edge point.0 -> centre.0");
}

/* 1000 a second for a second, looked at every millisecond. */
static void
test_an_open_loop_keeps_its_schedule(void **state)
{
	struct plan p = plan_of("fan-in", 0);

	(void)state;
	p.duration_us = 1000000;
	p.rate = 1000;
	p.actors = 4;
	start(&p);
	l->stop_us = l->begin_us + p.duration_us;
	go();
	for (int i = 0; i < 1100; i++)
		advance(1000);
	finish();
	assert_balanced();
	assert_int_equal(books.tally.sent, 1000);
	assert_int_equal(l->slots[0].count, 1000);
	assert_in_range(l->slots[0].max, 0, 1000);
}

/* Nobody turns the loop for 300 ms: 300 messages are late, and count so. */
static void
test_a_stall_is_seen_by_an_open_loop(void **state)
{
	struct plan p = plan_of("fan-in", 0);

	(void)state;
	p.duration_us = 1000000;
	p.rate = 1000;
	p.actors = 4;
	start(&p);
	l->stop_us = l->begin_us + p.duration_us;
	go();
	for (int i = 0; i < 500; i++)
		advance(1000);
	advance(300000);
	for (int i = 0; i < 300; i++)
		advance(1000);
	finish();
	assert_int_equal(books.tally.sent, 1000);
	assert_in_range(l->slots[0].max, 298000, 301000);
	/* 300 of 1000 waited, evenly from 0 to 300 ms. */
	assert_in_range(histogram_at(&l->slots[0], 850000), 140000, 155000);
	assert_in_range(histogram_at(&l->slots[0], 690000), 0, 1100);
}

static void
test_a_full_mailbox_refuses_by_name(void **state)
{
	struct plan p = plan_of("fan-in", 0);

	(void)state;
	p.duration_us = 1000000;
	p.rate = 100000;
	p.actors = 4;
	p.roles[0].mailbox = 64;
	start(&p);
	l->stop_us = l->begin_us + p.duration_us;
	go();
	advance(10000);
	advance(10000);
	l->stop_us = now_us;
	advance(2000);
	finish();
	assert_balanced();
	assert_true(books.reasons[ST_FULL] > 0);
	assert_int_equal(
	    books.tally.sent, books.tally.handled + books.reasons[ST_FULL]);
}

/* The one who answers is away, and 36000 asks fall due. */
static void
test_asks_that_are_open_have_a_bound_in_an_open_loop(void **state)
{
	struct plan p = plan_of("star", 0);
	struct load_fail fault = { 0 };

	(void)state;
	p.duration_us = 1000000;
	p.rate = 9000000;
	p.actors = 2;
	start(&p);
	l->stop_us = l->begin_us + 4000; /* before it is started again */
	assert_int_equal(
	    node_signal(node, l->members[0].address, MSG_load_fail, &fault),
	    ST_OK);
	node_settle(node);
	go();
	advance(4000);
	for (uint32_t m = 1; m < l->nmembers; m++)
		assert_int_equal(ledger_read(&l->members[m].open),
		    PLAN_ASKS_DUE_MAX / p.actors);
	for (int i = 0; i < 10; i++)
		advance(100000);
	finish();
	assert_balanced();
	assert_in_range(
	    books.reasons[ST_FULL], 10000, 36000 - PLAN_ASKS_DUE_MAX);
	assert_int_equal(ledger_read(&l->members[1].open), 0);
}

static void
test_a_failed_actor_comes_back_and_nothing_is_lost(void **state)
{
	struct plan p = plan_of("fan-in", 0);
	struct load_fail fault = { 0 };

	(void)state;
	p.duration_us = 3000000;
	p.rate = 1000;
	start(&p);
	l->stop_us = l->begin_us + p.duration_us;
	go();
	for (int i = 0; i < 3200; i++) {
		if (i == 1000)
			assert_int_equal(
			    node_signal(node, l->members[0].address,
				MSG_load_fail, &fault),
			    ST_OK);
		advance(1000);
	}
	finish();
	assert_balanced();
	assert_int_equal(ledger_read(&l->members[0].starts), 2);
	assert_int_equal(books.tally.sent, 3000);
	assert_int_equal(books.tally.handled, 3000);
}

/* A sender that fails goes on with its numbers and its schedule. */
static void
test_a_failed_sender_goes_on_where_it_was(void **state)
{
	struct plan p = plan_of("counting", 0);
	struct load_fail fault = { 0 };

	(void)state;
	p.duration_us = 1000000;
	p.rate = 1000;
	start(&p);
	l->stop_us = l->begin_us + p.duration_us;
	go();
	for (int i = 0; i < 1200; i++) {
		if (i == 300)
			assert_int_equal(
			    node_signal(node, l->members[0].address,
				MSG_load_fail, &fault),
			    ST_OK);
		advance(1000);
	}
	finish();
	assert_balanced();
	assert_int_equal(ledger_read(&l->members[0].starts), 2);
	assert_int_equal(books.tally.handled, 1000);
}

/* What each edge of a mesh has carried, folded into one number. */
static uint64_t
mesh_of_seed(uint64_t seed)
{
	struct plan p = plan_of("mesh", 2000);
	uint64_t folded = 0;

	p.seed = seed;
	run_one(&p);
	assert_balanced();
	for (uint32_t e = 0; e < l->nedges; e++)
		folded = folded * 31 + l->outs[e].sent;
	end(NULL);
	return folded;
}

static void
test_a_seed_repeats_a_run(void **state)
{
	(void)state;
	assert_int_equal(mesh_of_seed(7), mesh_of_seed(7));
	assert_int_not_equal(mesh_of_seed(7), mesh_of_seed(8));
}

static int
setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR + 1);
	return 0;
}

#define CASE(test) cmocka_unit_test_teardown(test, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_every_topology_handles_what_it_sends),
		CASE(test_money_moves_and_stays),
		CASE(test_a_planted_mistake_is_found_and_its_edge_named),
		CASE(test_an_open_loop_keeps_its_schedule),
		CASE(test_a_stall_is_seen_by_an_open_loop),
		CASE(test_a_full_mailbox_refuses_by_name),
		CASE(test_asks_that_are_open_have_a_bound_in_an_open_loop),
		CASE(test_a_failed_actor_comes_back_and_nothing_is_lost),
		CASE(test_a_seed_repeats_a_run),
		CASE(test_a_failed_sender_goes_on_where_it_was),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
