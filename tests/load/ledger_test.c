/* ledger_test - a lost, doubled or reordered message is told from the others.
 */
#include "tests/check.h"

#include <string.h>

#include "load/ledger.h"
#include "load/placement.h"

static struct edge_in edge;

static void
hear(const uint64_t *numbers, size_t count)
{
	memset(&edge, 0, sizeof(edge));
	for (size_t i = 0; i < count; i++)
		edge_judge(&edge, numbers[i]);
}

#define HEAR(...)                         \
	hear((uint64_t[]){ __VA_ARGS__ }, \
	    sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static void
assert_judged(
    uint64_t handled, uint64_t missing, uint64_t doubled, uint64_t reordered)
{
	assert_int_equal(edge.handled, handled);
	assert_int_equal(edge.missing, missing);
	assert_int_equal(edge.doubled, doubled);
	assert_int_equal(edge.reordered, reordered);
}

static void
test_in_order_is_right(void **state)
{
	(void)state;
	HEAR(0, 1, 2, 3);
	assert_judged(4, 0, 0, 0);
}

static void
test_a_lost_one_is_missing(void **state)
{
	(void)state;
	HEAR(0, 1, 3, 4);
	assert_judged(4, 1, 0, 0);
	assert_int_equal(edge.odd_number, 3);
	HEAR(2, 3);
	assert_judged(2, 2, 0, 0);
}

static void
test_a_doubled_one_is_not_handled_twice(void **state)
{
	(void)state;
	HEAR(0, 1, 1, 2);
	assert_judged(3, 0, 1, 0);
	assert_int_equal(edge.odd_number, 1);
	HEAR(0, 1, 2, 0);
	assert_judged(3, 0, 1, 0);
}

static void
test_a_late_one_is_reordered_and_no_longer_missing(void **state)
{
	(void)state;
	HEAR(0, 2, 1, 3);
	assert_judged(4, 0, 0, 1);
	HEAR(0, 2, 1, 1, 3);
	assert_judged(4, 0, 1, 1);
}

static void
test_far_behind_counts_as_doubled(void **state)
{
	(void)state;
	memset(&edge, 0, sizeof(edge));
	for (uint64_t n = 0; n < 2 * EDGE_SEEN; n++)
		edge_judge(&edge, n);
	edge_judge(&edge, 1);
	assert_judged(2 * EDGE_SEEN, 0, 1, 0);
}

static void
test_a_long_gap_forgets_nothing_of_what_follows(void **state)
{
	(void)state;
	HEAR(0, 500, 500, 499, 501);
	assert_judged(4, 498, 1, 1);
}

static struct ledger *
ledger_of(const char *placement)
{
	const struct plan_builtin *b = plan_builtin_find("mesh");
	char why[PLAN_WHY_SIZE];
	struct placement where;
	struct mistakes m;
	struct plan p;
	struct ledger *l;

	mistakes_init(&m);
	assert_int_equal(plan_read(b->text, b->name, &m, &p), ST_OK);
	p.actors = 10;
	p.messages = 103;
	assert_int_equal(
	    placement_parse(placement, plan_members(&p), &where, why), ST_OK);
	l = ledger_create(&p, &clock_system);
	assert_non_null(l);
	placement_apply(&where, l);
	return l;
}

static void
test_everybody_has_a_place_and_is_found_there(void **state)
{
	static const char *const placements[] = { "one-loop", "loops:3",
		"loop-per-actor", "processes:3", "processes:2x2",
		"process-per-actor", "hosts:2" };

	(void)state;
	for (size_t i = 0; i < sizeof(placements) / sizeof(placements[0]);
	     i++) {
		struct ledger *l = ledger_of(placements[i]);

		for (uint32_t m = 0; m < l->nmembers; m++) {
			assert_ptr_equal(
			    ledger_member(l, l->members[m].address),
			    &l->members[m]);
			assert_true(l->members[m].slot < l->nslots);
		}
		for (uint32_t e = 0; e < l->nedges; e++)
			assert_int_equal(l->outs[e].to_address,
			    l->members[l->outs[e].to].address);
		ledger_destroy(l);
	}
}

static void
test_messages_are_shared_out_to_the_last(void **state)
{
	struct ledger *l = ledger_of("one-loop");
	uint64_t sum = 0;

	(void)state;
	for (uint32_t i = 0; i < l->nmembers; i++)
		sum += ledger_read(&l->members[i].left);
	assert_int_equal(sum, 103);
	ledger_destroy(l);
}

static void
test_bad_placements_are_refused(void **state)
{
	static const char *const bad[] = { "", "loop", "loops:", "loops:0",
		"loops:65", "loops:2x2", "processes:33", "processes:11",
		"one-loop:2", "processes:2x", "processes:9x9",
		"processes:2x2x2", "loops:-1" };
	char why[PLAN_WHY_SIZE];
	struct placement p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (placement_parse(bad[i], 10, &p, why) == ST_OK)
			fail_msg("%s was taken", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_in_order_is_right),
		RUN(test_a_lost_one_is_missing),
		RUN(test_a_doubled_one_is_not_handled_twice),
		RUN(test_a_late_one_is_reordered_and_no_longer_missing),
		RUN(test_far_behind_counts_as_doubled),
		RUN(test_a_long_gap_forgets_nothing_of_what_follows),
		RUN(test_everybody_has_a_place_and_is_found_there),
		RUN(test_messages_are_shared_out_to_the_last),
		RUN(test_bad_placements_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
