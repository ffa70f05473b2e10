/* asyncapi_test - the document says what the lists say. */
#include "tests/gateway/document.h"

#include <stdio.h>
#include <string.h>

#include "gateway/asyncapi.h"
#include "gateway/control.h"
#include "protocols/channel.h"
#include "protocols/event_type.h"
#include "protocols/json.h"

#define NAME_SIZE 128

static char document[ASYNCAPI_MAX];

static int
document_up(void **state)
{
	struct wire_out out = { (unsigned char *)document, ASYNCAPI_MAX - 1,
		0 };

	(void)state;
	if (asyncapi_write(&out) != ST_OK)
		return -1;
	document[out.used] = '\0';
	return 0;
}

/* A line that begins so, at that depth. */
static bool
has(unsigned depth, const char *name, const char *value)
{
	char text[2 * NAME_SIZE];

	snprintf(
	    text, sizeof(text), "\n%*s\"%s\": %s", (int)depth, "", name, value);
	return strstr(document, text) != NULL;
}

static void
test_it_is_json(void **state)
{
	(void)state;
	assert_true(json_valid(document, strlen(document)));
}

static void
test_what_does_not_fit_leaves_nothing(void **state)
{
	(void)state;
	assert_whole_or_nothing(asyncapi_write, document, strlen(document));
}

static void
test_every_shared_channel_stands_in_it(void **state)
{
	char address[NAME_SIZE];

	(void)state;
	for (uint32_t i = 0; i < CHANNELS_SHARED; i++) {
		snprintf(address, sizeof(address), "\"%s\"",
		    channel_name((enum channel)i));
		assert_true(has(3, "address", address));
	}
	assert_true(has(3, "address", "\"user:{user_id}\""));
	assert_true(has(3, "address", "\"session:{session_id}\""));
	assert_true(has(3, "address", "\"project:{project}\""));
}

static void
test_every_event_is_on_its_channel(void **state)
{
	const struct event_type *e;
	char tells[NAME_SIZE];

	(void)state;
	for (size_t n = 0; (e = event_type_nth(n)) != NULL; n++) {
		struct bytes name = { (const uint8_t *)e->channel,
			strlen(e->channel) };

		enum channel_kind kind = channel_parse(name).kind;
		const char *id =
		    kind == CHANNEL_PROJECT ? "project" : e->channel;

		assert_true(kind == CHANNEL_SHARED || kind == CHANNEL_PROJECT);
		assert_string_equal(
		    e->name, event_type_name((enum event_type_id)n));
		assert_true(has(3, e->name, "{"));
		snprintf(tells, sizeof(tells), "\"#/channels/%s/messages/%s\"",
		    id, e->name);
		assert_non_null(strstr(document, tells));
	}
}

static void
test_every_word_of_the_socket_stands_in_it(void **state)
{
	static const char *const words[] = {
#define ACTION(id, text, may, must, doc) text,
#include "gateway/control.def"
#define SAYS(id, text, members, required, doc) text,
#include "gateway/control.def"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_true(has(3, words[i], "{"));
}

static void
test_every_close_code_of_ours_stands_in_it(void **state)
{
	static const char *const codes[] = {
#define CLOSES(id, code, doc) #code,
#include "gateway/control.def"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_true(has(4, codes[i], "\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_it_is_json),
		RUN(test_what_does_not_fit_leaves_nothing),
		RUN(test_every_shared_channel_stands_in_it),
		RUN(test_every_event_is_on_its_channel),
		RUN(test_every_word_of_the_socket_stands_in_it),
		RUN(test_every_close_code_of_ours_stands_in_it),
	};

	return cmocka_run_group_tests(tests, document_up, NULL);
}
