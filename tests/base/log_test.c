/* log_test - a line tells what happened, and nobody can forge one. */
#include "tests/check.h"

#include <string.h>

#include "runtime/base/log.h"

#define LINES_MAX 4

struct heard {
	char text[LINES_MAX][LOG_LINE_MAX + 1];
	size_t count;
};

static void
hear(void *ctx, enum event_id event, const char *line, size_t size)
{
	struct heard *h = ctx;

	(void)event;
	assert_true(h->count < LINES_MAX && size <= LOG_LINE_MAX);
	memcpy(h->text[h->count], line, size);
	h->text[h->count][size] = '\0';
	h->count++;
}

static int
listen_up(void **state)
{
	static struct heard heard;

	memset(&heard, 0, sizeof(heard));
	log_set_sink(hear, &heard);
	log_set_json(false);
	*state = &heard;
	return 0;
}

static int
hang_up(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	log_set_json(false);
	return 0;
}

static void
test_plain_values_stand_bare(void **state)
{
	struct heard *h = *state;

	LOG(ACTOR_STUCK, KV("name", "lease"), KU("ms", 12), KI("left", -3),
	    KV("why", NULL));
	assert_non_null(strstr(
	    h->text[0], " error actor.stuck name=lease ms=12 left=-3 why=-"));
}

static void
test_control_characters_cannot_forge_a_line(void **state)
{
	struct heard *h = *state;

	LOG(LINK_STATE,
	    KV("peer", "x\n2026 error node.stop why=\"forged\"\r\x1b[0m\x7f"));
	assert_int_equal(h->count, 1);
	assert_null(strpbrk(h->text[0], "\n\r\x1b\x7f"));
	assert_non_null(strstr(h->text[0],
	    "peer=\"x\\u000a2026 error node.stop why=\\\"forged\\\"\\u000d"
	    "\\u001b[0m\\u007f\""));
}

static void
test_a_value_cannot_forge_a_key(void **state)
{
	struct heard *h = *state;

	LOG(LINK_STATE, KV("peer", "a now=UP"), KV("why", ""));
	assert_non_null(strstr(h->text[0], "peer=\"a now=UP\" why=\"\""));
}

static void
test_json_is_one_object(void **state)
{
	struct heard *h = *state;

	log_set_json(true);
	LOG(LINK_STATE, KV("peer", "a\"},{\"\n"), KU("n", 1));
	assert_int_equal(h->text[0][0], '{');
	assert_non_null(strstr(h->text[0],
	    "\"event\":\"link.state\",\"peer\":\"a\\\"},{\\\"\\u000a\","
	    "\"n\":1}"));
}

static void
test_a_long_line_is_cut_and_says_so(void **state)
{
	struct heard *h = *state;
	char text[LOG_LINE_MAX + 1];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	LOG(LINK_STATE, KV("peer", text), KV("why", text));
	assert_int_equal(strlen(h->text[0]), LOG_LINE_MAX);
	assert_string_equal(h->text[0] + LOG_LINE_MAX - 3, "...");
}

static void
test_levels_have_names(void **state)
{
	enum log_level level = LOG_ERROR;

	(void)state;
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_DEBUG);
	assert_false(log_level_parse("Debug", &level));
	assert_int_equal(level, LOG_DEBUG);
}

#define HEARD(test) cmocka_unit_test_setup_teardown(test, listen_up, hang_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HEARD(test_plain_values_stand_bare),
		HEARD(test_control_characters_cannot_forge_a_line),
		HEARD(test_a_value_cannot_forge_a_key),
		HEARD(test_json_is_one_object),
		HEARD(test_a_long_line_is_cut_and_says_so),
		RUN(test_levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
