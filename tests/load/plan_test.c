/* plan_test - topologies: those that come with the program, and bad ones. */
#include "tests/check.h"

#include <string.h>

#include "load/plan.h"
#include "runtime/base/log.h"

static struct mistakes mistakes;
static struct plan plan;

static enum status
read_text(const char *text)
{
	mistakes_init(&mistakes);
	return plan_read(
	    (struct bytes){ (const unsigned char *)text, strlen(text) },
	    "folder/sample.yaml", &mistakes, &plan);
}

static void
assert_mistake(const char *text, const char *part)
{
	char line[1024];

	assert_int_equal(read_text(text), ST_INVALID);
	assert_true(mistakes.errors > 0);
	mistake_text(&mistakes.list[0], line, sizeof(line));
	if (strstr(line, part) == NULL)
		fail_msg("%s", line);
}

static void
test_every_builtin_is_a_plan(void **state)
{
	static const char *const wanted[] = { "ping-pong", "counting",
		"thread-ring", "fan-in", "fan-out", "tree", "mesh", "pipeline",
		"star", "bank", "work-pulling" };
	const struct plan_builtin *b;

	(void)state;
	for (size_t i = 0; (b = plan_builtin_nth(i)) != NULL; i++) {
		mistakes_init(&mistakes);
		assert_int_equal(
		    plan_read(b->text, b->name, &mistakes, &plan), ST_OK);
		assert_string_equal(plan.name, b->name);
		assert_true(plan.about[0] != '\0');
	}
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_non_null(plan_builtin_find(wanted[i]));
	assert_null(plan_builtin_find("no-such"));
}

static void
test_a_plan_is_what_its_file_says(void **state)
{
	(void)state;
	assert_int_equal(
	    read_text(
		"about: a b\nactors: 3\nmessages: 5k\nwindow: 7\nsize: 9\n"
		"roles:\n"
		"  s: { count: actors, does: source, to: t, pick: random }\n"
		"  t: { count: 2, does: sink, mailbox: 8, burn: 4 }\n"),
	    ST_OK);
	assert_string_equal(plan.name, "sample");
	assert_string_equal(plan.about, "a b");
	assert_int_equal(plan.messages, 5000);
	assert_int_equal(plan.window, 7);
	assert_int_equal(plan.size, 9);
	assert_int_equal(plan_members(&plan), 5);
	assert_int_equal(plan_edges(&plan), 6);
	assert_int_equal(plan.roles[1].mailbox, 8);
	assert_int_equal(plan.roles[1].burn_us, 4);
}

static void
test_edges_are_as_picked(void **state)
{
	(void)state;
	assert_int_equal(read_text("roles:\n  a: { count: 4, does: ring, to: a,"
				   " pick: next }\n"),
	    ST_OK);
	assert_int_equal(plan_edges(&plan), 4);
	assert_int_equal(plan_edge_to(&plan, 0, 3, 0), 0);
	assert_int_equal(
	    read_text("roles:\n  a: { does: source, to: b, pick: all }\n"
		      "  b: { count: 2, does: relay, to: c, pick: share }\n"
		      "  c: { count: 5, does: sink }\n"),
	    ST_OK);
	assert_int_equal(plan_edges_of(&plan, 1, 0), 2);
	assert_int_equal(plan_edges_of(&plan, 1, 1), 3);
	assert_int_equal(plan_edge_to(&plan, 1, 1, 0), 3 + 2);
	assert_int_equal(read_text("roles:\n  m: { count: 3, does: source, to: "
				   "m, pick: random }\n"),
	    ST_OK);
	for (uint32_t i = 0; i < 3; i++)
		for (uint32_t k = 0; k < 2; k++)
			assert_int_not_equal(plan_edge_to(&plan, 0, i, k), i);
}

static void
test_mistakes_say_what_and_where(void **state)
{
	(void)state;
	assert_mistake("roles:\n  a: { does: sourse, to: a }\n",
	    "sample.yaml:2: does: sourse is not known here; "
	    "did you mean source?");
	assert_mistake("role: 3\n", "did you mean roles?");
	assert_mistake("window: 0\n", "whole number from 1");
	assert_mistake(
	    "actors: 1\nroles:\n  a: { count: 99999999, does: sink }",
	    "whole number");
	assert_mistake(
	    "roles:\n  a: { does: source, to: b }\n", "a source needs `to`");
	assert_mistake(
	    "roles:\n  a: { does: sink, to: a }\n", "sends to nobody");
	assert_mistake("roles:\n  a: { does: sink }\n", "no role starts");
	assert_mistake(
	    "roles:\n  a: { does: source, to: a }\n", "nobody to send to");
	assert_mistake("roles:\n  a: { does: asker, to: b }\n"
		       "  b: { does: sink }\n",
	    "ask an echo");
	assert_mistake("roles:\n  a: { does: source, to: r }\n"
		       "  r: { does: relay, to: s }\n"
		       "  s: { does: relay, to: r }\n",
	    "never come to an end");
	assert_mistake("actors: 4096\nroles:\n"
		       "  a: { count: actors, does: source, to: a }\n",
	    "pairs of actors");
	assert_mistake("[1, 2]\n", "expected a map");
}

static void
test_numbers_and_times(void **state)
{
	uint64_t n = 77;

	(void)state;
	assert_int_equal(plan_number("12", 100, &n), ST_OK);
	assert_int_equal(n, 12);
	assert_int_equal(plan_number("3m", 5000000, &n), ST_OK);
	assert_int_equal(n, 3000000);
	assert_int_equal(plan_number("2k", 5000, &n), ST_OK);
	assert_int_equal(n, 2000);
	assert_int_equal(plan_number("6k", 5000, &n), ST_INVALID);
	assert_int_equal(plan_number("", 5000, &n), ST_INVALID);
	assert_int_equal(plan_number("-1", 5000, &n), ST_INVALID);
	assert_int_equal(plan_number("1q", 5000, &n), ST_INVALID);
	assert_int_equal(
	    plan_number("99999999999999999999", UINT64_MAX, &n), ST_INVALID);
	assert_int_equal(n, 2000);
	assert_int_equal(plan_time("250ms", &n), ST_OK);
	assert_int_equal(n, 250000);
	assert_int_equal(plan_time("2s", &n), ST_OK);
	assert_int_equal(n, 2000000);
	assert_int_equal(plan_time("1m", &n), ST_OK);
	assert_int_equal(n, 60000000);
	assert_int_equal(plan_time("7", &n), ST_OK);
	assert_int_equal(n, 7);
	assert_int_equal(plan_time("7h", &n), ST_INVALID);
	assert_int_equal(plan_time("99999999999m", &n), ST_INVALID);
	assert_int_equal(plan_time("s", &n), ST_INVALID);
}

static int
setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR + 1);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_every_builtin_is_a_plan),
		RUN(test_a_plan_is_what_its_file_says),
		RUN(test_edges_are_as_picked),
		RUN(test_mistakes_say_what_and_where),
		RUN(test_numbers_and_times),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
