/* fault_test - what --faults means, and what it refuses. */
#include "tests/check.h"

#include <string.h>

#include "load/fault.h"

static struct faults faults;
static struct plan plan;
static char why[PLAN_WHY_SIZE];

static enum status
parse(const char *text)
{
	const struct plan_builtin *b = plan_builtin_find("fan-in");
	struct mistakes m;

	mistakes_init(&m);
	assert_int_equal(plan_read(b->text, b->name, &m, &plan), ST_OK);
	return faults_parse(text, &plan, 3, &faults, why);
}

static void
test_a_list_is_read(void **state)
{
	const struct fault *f = faults.list;

	(void)state;
	assert_int_equal(
	    parse("kill:n2@500ms/300ms,slow:consumer=50us,"
		  "fail:producer.3@1s,cut:n0=200ms,box:consumer=64"),
	    ST_OK);
	assert_int_equal(faults.count, 5);
	assert_true(faults.cuts);
	assert_int_equal(f[0].kind, FAULT_KILL);
	assert_int_equal(f[0].target, 2);
	assert_int_equal(f[0].at_us, 500000);
	assert_int_equal(f[0].every_us, 300000);
	assert_int_equal(f[1].kind, FAULT_SLOW);
	assert_int_equal(f[1].target, 0);
	assert_int_equal(f[1].us, 50);
	assert_int_equal(f[2].target, 1 + 3);
	assert_int_equal(f[3].us, 200000);
	assert_int_equal(f[4].us, 64);
}

static void
test_bad_ones_are_refused(void **state)
{
	static const char *const bad[] = { "burn:n0", "kill", "kill:n3",
		"kill:consumer", "kill:n0=5ms", "cut:n0", "cut:n0=", "cut:n0=x",
		"slow:nobody=5us", "slow:consumer", "slow:consumer=2s",
		"fail:producer.16", "fail:producer.x", "kill:n0@x",
		"kill:n0@1s/0", "lose:n0", "box:consumer=0", ",", "kill:n0,,",
		"kill:n-1", "clock:n0=99999999999m" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i]) == ST_OK)
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(parse("kil:n0"), ST_INVALID);
	assert_non_null(strstr(why, "is no fault"));
}

static void
test_lasting_ones_hold_from_the_start(void **state)
{
	struct ledger *l;

	(void)state;
	assert_int_equal(
	    parse("slow:consumer=50us,box:consumer=64,swap"), ST_OK);
	l = ledger_create(&plan, &clock_system);
	assert_non_null(l);
	faults_prepare(&faults, l);
	assert_int_equal(l->members[0].burn_us, 50);
	assert_int_equal(l->members[1].burn_us, 0);
	assert_int_equal(l->plan.roles[0].mailbox, 64);
	assert_int_equal(l->planted, PLANTED_SWAP);
	assert_true(l->faulty);
	ledger_destroy(l);
}

static void
test_the_clock_jumps_when_it_is_due(void **state)
{
	struct ledger *l;

	(void)state;
	assert_int_equal(parse("clock:n1=10s@1s,back:n1=3s@2s/1s"), ST_OK);
	l = ledger_create(&plan, &clock_system);
	assert_non_null(l);
	faults_begin(&faults, 5000000);
	(void)faults_turn(&faults, l, NULL, 5999999);
	assert_int_equal(l->nodes[1].clock_us, 0);
	(void)faults_turn(&faults, l, NULL, 6000000);
	(void)faults_turn(&faults, l, NULL, 6500000);
	assert_int_equal(l->nodes[1].clock_us, 10000000);
	assert_int_equal(l->nodes[1].wall_us, 10000000);
	(void)faults_turn(&faults, l, NULL, 7000000);
	(void)faults_turn(&faults, l, NULL, 7999999); /* not again yet */
	(void)faults_turn(&faults, l, NULL, 8000000);
	assert_int_equal(l->nodes[1].clock_us, 10000000);
	assert_int_equal(l->nodes[1].wall_us, 4000000);
	ledger_destroy(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_a_list_is_read),
		RUN(test_bad_ones_are_refused),
		RUN(test_lasting_ones_hold_from_the_start),
		RUN(test_the_clock_jumps_when_it_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
