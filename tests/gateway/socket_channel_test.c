/* Live sockets: channels, filters, bad frames.  Numbers are those of the
 * scenarios. */
#include "tests/gateway/live.h"

static void
test_46_refused_channels_are_left_out(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	client_subscribe(
	    &c, "\"tasks\",\"user:secret-id\",\"budget\",\"nonsense\"", "");
	client_expect(&c, "{\"action\":\"subscribed\",\"channels\":"
			  "[\"tasks\",\"user:u1\"]}");
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_USER_CHANNEL_DENIED), 1);
	assert_non_null(
	    strstr(rig_line(&l.rig, EV_API_WS_USER_CHANNEL_DENIED, 0),
		"user:<redacted>"));
	for (size_t i = 0; i < l.rig.line_count; i++)
		assert_null(strstr(l.rig.lines[i], "secret-id"));
	live_fini(&l);
}

static void
test_47_nobody_hears_another_users_channel(void **state)
{
	struct live_rig l;
	struct client c, u;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "c");
	u = client_of(&l, "u1");
	client_subscribe(&c, "\"user:u1\"", "");
	client_expect(
	    &c, "{\"action\":\"subscribed\",\"channels\":[\"user:c\"]}");
	live_tell(&l, "user:u1", "{}");
	client_expect_nothing(&c);
	client_expect_event(&u, "user:u1", "{}");
	live_fini(&l);
}

static void
test_48_budget_is_for_those_who_steer(void **state)
{
	static const char *const users[] = { "m", "c", "u1", "b", "p" };
	struct live_rig l;
	struct client c[5];

	(void)state;
	live_init(&l, NULL);
	for (size_t i = 0; i < 5; i++) {
		char want[128];

		c[i] = client_of(&l, users[i]);
		client_subscribe(&c[i], "\"budget\"", "");
		snprintf(want, sizeof(want),
		    "{\"action\":\"subscribed\",\"channels\":[%s"
		    "\"user:%s\"]}",
		    i < 2 ? "\"budget\"," : "", users[i]);
		client_expect(&c[i], want);
	}
	live_tell(&l, "budget", "{}");
	for (size_t i = 0; i < 5; i++) {
		if (i < 2)
			client_expect_event(&c[i], "budget", "{}");
		client_expect_nothing(&c[i]);
	}
	live_fini(&l);
}

static void
test_49_wrong_state_tells_nothing(void **state)
{
	struct live_rig l;
	struct client c, o;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	o = client_of(&l, "u2");
	socket_set_live(client_socket(&c), UINT64_MAX >> (63 - CHANNEL_OWN), 0);
	live_tell(&l, "budget", "{}");
	live_tell(&l, "#webhooks", "{}");
	live_tell(&l, "user:u2", "{}");
	client_expect_nothing(&c);
	client_expect_event(&o, "user:u2", "{}");
	live_tell(&l, "tasks", "{}");
	client_expect_event(&c, "tasks", "{}");
	live_fini(&l);
}

static void
test_50_foreign_channels_look_the_same(void **state)
{
	static const char *const asked[] = { "\"user:u2\"", "\"user:nobody\"",
		"\"user:\"", "\"user: \"", "" };
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		client_subscribe(&c, asked[i], "");
		client_expect(&c, "{\"action\":\"subscribed\","
				  "\"channels\":[\"user:u1\"]}");
	}
	live_fini(&l);
}

static void
test_52_filters_choose_events(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	client_subscribe(&c, "\"tasks\"", ",\"filters\":{\"id\":\"t1\"}");
	client_expect(&c, "{\"action\":\"subscribed\","
			  "\"channels\":[\"tasks\",\"user:u1\"]}");
	live_tell(&l, "tasks", "{\"id\":\"t2\"}");
	live_tell(&l, "tasks", "{\"other\":\"t1\"}");
	live_tell(&l, "tasks", "{\"id\":{\"id\":\"t1\"}}");
	client_expect_nothing(&c);
	live_tell(&l, "tasks", "{\"a\":1,\"id\":\"t\\u0031\"}");
	client_expect_event(&c, "tasks", "{\"a\":1,\"id\":\"t\\u0031\"}");
	live_tell(&l, "user:u1", "{}");
	client_expect_event(&c, "user:u1", "{}");

	client_subscribe(&c, "\"tasks\"", "");
	client_expect(&c, "{\"action\":\"subscribed\","
			  "\"channels\":[\"tasks\",\"user:u1\"]}");
	live_tell(&l, "tasks", "{\"id\":\"t2\"}");
	client_expect_nothing(&c);

	client_subscribe(
	    &c, "\"tasks\"", ",\"filters\":{\"n\":\"7\",\"b\":\"true\"}");
	client_expect(&c, "{\"action\":\"subscribed\","
			  "\"channels\":[\"tasks\",\"user:u1\"]}");
	live_tell(&l, "tasks", "{\"n\":7,\"b\":false}");
	client_expect_nothing(&c);
	live_tell(&l, "tasks", "{\"n\":7,\"b\":true}");
	client_expect_event(&c, "tasks", "{\"n\":7,\"b\":true}");

	client_subscribe(&c, "\"tasks\"", ",\"filters\":{}");
	client_expect(&c, "{\"action\":\"subscribed\","
			  "\"channels\":[\"tasks\",\"user:u1\"]}");
	live_tell(&l, "tasks", "{\"id\":\"t2\"}");
	client_expect_event(&c, "tasks", "{\"id\":\"t2\"}");
	live_fini(&l);
}

/* So many keys, the last value of so many characters of two bytes. */
static void
filters_text(char *to, size_t size, int keys, int chars)
{
	size_t n = (size_t)snprintf(to, size, ",\"filters\":{");

	for (int i = 0; i < keys; i++)
		n += (size_t)snprintf(to + n, size - n, "%s\"k%d\":\"%s",
		    i == 0 ? "" : ",", i, i + 1 < keys ? "\"" : "");
	for (int i = 0; i < chars; i++)
		n += (size_t)snprintf(to + n, size - n, "\xc3\xa9");
	snprintf(to + n, size - n, "\"}");
}

static void
test_52_filters_are_bounded(void **state)
{
	struct live_rig l;
	struct client c;
	char filters[1024];

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	filters_text(filters, sizeof(filters), 11, 1);
	client_subscribe(&c, "\"tasks\"", filters);
	client_expect(&c, "{\"error\":\"Filter bounds exceeded\"}");
	filters_text(filters, sizeof(filters), 1, 257);
	client_subscribe(&c, "\"tasks\"", filters);
	client_expect(&c, "{\"error\":\"Filter bounds exceeded\"}");
	client_subscribe(&c, "\"tasks\"", ",\"filters\":{\"k\":7}");
	client_expect(&c, "{\"error\":\"Invalid control message\"}");
	client_subscribe(&c, "", "");
	client_expect(
	    &c, "{\"action\":\"subscribed\",\"channels\":[\"user:u1\"]}");

	filters_text(filters, sizeof(filters), 10, 256);
	client_subscribe(&c, "\"tasks\"", filters);
	client_expect(&c, "{\"action\":\"subscribed\","
			  "\"channels\":[\"tasks\",\"user:u1\"]}");
	live_tell(&l, "tasks", "{}");
	client_expect_nothing(&c);
	live_fini(&l);
}

static void
test_53_bad_frame_is_answered(void **state)
{
	static const char *const cases[][2] = {
		{ "{", "Invalid JSON" },
		{ "", "Invalid JSON" },
		{ "{} {}", "Invalid JSON" },
		{ "[]", "Expected JSON object" },
		{ "null", "Expected JSON object" },
		{ "{}", "Invalid control message" },
		{ "{\"action\":\"dance\"}", "Invalid control message" },
		{ "{\"action\":7}", "Invalid control message" },
		{ "{\"action\":\"subscribe\"}", "Invalid control message" },
		{ "{\"action\":\"subscribe\",\"channels\":\"tasks\"}",
		    "Invalid control message" },
		{ "{\"action\":\"subscribe\",\"channels\":[7]}",
		    "Invalid control message" },
		{ "{\"action\":\"unsubscribe\",\"channels\":[],"
		  "\"filters\":{}}",
		    "Invalid control message" },
		{ "{\"action\":\"ping\",\"action\":\"ping\"}",
		    "Invalid control message" },
		{ "{\"action\":\"ping\",\"more\":1}",
		    "Invalid control message" },
		{ AUTH_FRAME, "Unknown action" },
	};
	struct live_rig l;
	struct client c;
	char want[128];

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		client_send(&c, cases[i][0]);
		snprintf(want, sizeof(want), "{\"error\":\"%s\"}", cases[i][1]);
		client_expect(&c, want);
		client_send(&c, "{\"action\":\"ping\"}");
		client_expect(&c, "{\"action\":\"pong\"}");
	}
	live_fini(&l);
}

static void
test_53_large_frame_is_not_kept(void **state)
{
	static char text[SOCKET_KEEP_MAX + 2];
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	memset(text, ' ', sizeof(text) - 1);
	memcpy(text, "{\"action\":\"ping\"}", 17);
	client_send(&c, text);
	client_expect(&c, "{\"error\":\"Message too large\"}");
	assert_int_equal(client_socket(&c)->all->buffers.used, 0);
	text[SOCKET_KEEP_MAX] = '\0';
	client_send(&c, text);
	client_expect(&c, "{\"action\":\"pong\"}");
	live_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_46_refused_channels_are_left_out),
		RUN(test_47_nobody_hears_another_users_channel),
		RUN(test_48_budget_is_for_those_who_steer),
		RUN(test_49_wrong_state_tells_nothing),
		RUN(test_50_foreign_channels_look_the_same),
		RUN(test_52_filters_choose_events),
		RUN(test_52_filters_are_bounded),
		RUN(test_53_bad_frame_is_answered),
		RUN(test_53_large_frame_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
