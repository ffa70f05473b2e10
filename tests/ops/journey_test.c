/* journey_test - journeys: those that come with the program, and bad ones. */
#include "tests/check.h"

#include <string.h>

#include "ops/journey.h"
#include "runtime/base/log.h"

static struct mistakes mistakes;
static struct journey journey;

static enum status
read_text(const char *text)
{
	mistakes_init(&mistakes);
	return journey_read(
	    (struct bytes){ (const unsigned char *)text, strlen(text) },
	    "folder/sample.yaml", &mistakes, &journey);
}

static void
assert_mistake(const char *text, const char *part)
{
	char line[1024];

	assert_int_equal(read_text(text), ST_INVALID);
	mistake_text(&mistakes.list[0], line, sizeof(line));
	if (strstr(line, part) == NULL)
		fail_msg("%s", line);
}

static void
test_every_builtin_is_a_journey(void **state)
{
	static const char *const wanted[] = { "login-storm", "ticket-to-socket",
		"publish", "settings-contention", "cost-records" };
	const struct plan_builtin *b;

	(void)state;
	for (size_t i = 0; (b = plan_journey_nth(i)) != NULL; i++) {
		mistakes_init(&mistakes);
		assert_int_equal(
		    journey_read(b->text, b->name, &mistakes, &journey), ST_OK);
		assert_true(journey.plan.about[0] != '\0');
		assert_true(journey.round.count > 0);
	}
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_non_null(plan_journey_find(wanted[i]));
}

static void
test_a_journey_is_what_its_file_says(void **state)
{
	const struct step *s = journey.round.list;

	(void)state;
	assert_int_equal(
	    read_text("actors: 3\nmessages: 2k\nstarters: 1\nheard: x-\n"
		      "first:\n  - { call: GET /a }\n"
		      "prepare:\n  - { open: /ws }\n"
		      "round:\n"
		      "  - { call: POST /b, body: '{}', header: 'A: b', "
		      "expect: 201, keep: id }\n"
		      "  - { say: hello, until: world }\n"
		      "  - { close: socket }\n"),
	    ST_OK);
	assert_string_equal(journey.plan.name, "sample");
	assert_int_equal(journey.plan.messages, 2000);
	assert_int_equal(journey.starters, 1);
	assert_int_equal(journey.first.count, 1);
	assert_int_equal(journey.prepare.list[0].kind, STEP_OPEN);
	assert_int_equal(journey.round.count, 3);
	assert_int_equal(s[0].kind, STEP_CALL);
	assert_int_equal(s[0].expect, 201);
	assert_string_equal(s[0].what, "POST /b");
	assert_string_equal(s[0].keep, "id");
	assert_string_equal(s[1].keep, "world");
	assert_int_equal(s[2].kind, STEP_CLOSE);
}

static void
test_mistakes_say_what_and_where(void **state)
{
	(void)state;
	assert_mistake("round:\n  - { cal: GET /a }\n", "did you mean call?");
	assert_mistake("round:\n  - { call: GET }\n", "METHOD /path");
	assert_mistake("round:\n  - { call: GET /a, say: b }\n", "one of call");
	assert_mistake("round:\n  - { expect: 200 }\n", "one of call");
	assert_mistake("round: 5\n", "a list of steps");
	assert_mistake("round:\n  - 5\n", "expected a map");
	assert_mistake("actors: 5\n", "needs a `round`");
	assert_mistake("actors: 0\nround:\n  - { close: s }\n", "whole number");
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
		RUN(test_every_builtin_is_a_journey),
		RUN(test_a_journey_is_what_its_file_says),
		RUN(test_mistakes_say_what_and_where),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
