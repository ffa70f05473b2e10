/* Live sockets: how one opens.  Numbers are those of the scenarios. */
#include "tests/gateway/live.h"

static void
test_42_auth_ok_comes_first(void **state)
{
	struct live_rig l;
	struct client c;
	const struct ticket_consume *ask;

	(void)state;
	live_init(&l, NULL);
	c = client_open(&l);
	client_send(&c, "{\"action\":\"auth\",\"ticket\":\"abc\"}");
	ask = RIG_BODY(
	    rig_peek(&l.rig, ACTOR_NUMBER(ticket_store), MSG_ticket_consume),
	    ticket_consume);
	assert_string_equal(ask->ticket, "abc");
	live_hold(&l, "u1", "s1");
	client_expect_nothing(&c);
	assert_int_equal(live_listen(&l), 1);
	client_expect(&c, AUTH_OK);
	assert_string_equal(
	    RIG_BODY(RIG_TAKE(&l.rig, event_hub, hub_socket_up), hub_socket_up)
		->user_id,
	    "u1");
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_CONNECTED), 1);
	live_fini(&l);
}

static void
test_45_own_channel_needs_no_subscription(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	live_tell(&l, "user:u1", "{\"n\":1}");
	client_expect_event(&c, "user:u1", "{\"n\":1}");
	live_tell(&l, "tasks", "{}");
	live_tell(&l, "user:u2", "{}");
	client_expect_nothing(&c);
	live_fini(&l);
}

static void
test_subscribed_is_said_once_the_hub_listens(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	client_send(&c, "{\"action\":\"subscribe\",\"channels\":[\"tasks\"]}");
	client_expect_nothing(&c);
	live_tell(&l, "tasks", "{}");
	client_expect_nothing(&c);
	assert_int_equal(live_listen(&l), 1);
	client_expect(&c,
	    "{\"action\":\"subscribed\",\"channels\":[\"tasks\",\"user:u1\"]}");
	live_tell(&l, "tasks", "{\"id\":1}");
	client_expect_event(&c, "tasks", "{\"id\":1}");
	live_fini(&l);
}

static void
test_42_used_ticket_is_refused(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_open(&l);
	client_send(&c, AUTH_FRAME);
	live_refuse_ticket(&l, PROBLEM_UNAUTHORIZED);
	client_expect_close(&c, 4001, "Invalid or expired ticket");
	client_answer_close(&c);
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_DISCONNECTED), 0);
	live_fini(&l);
}

static void
test_ticket_store_away_is_1011(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_open(&l);
	client_send(&c, AUTH_FRAME);
	live_refuse_ticket(&l, PROBLEM_UNAVAILABLE);
	client_expect_close(&c, 1011, "Internal error");

	c = client_open(&l);
	client_send(&c, AUTH_FRAME);
	live_advance(&l, SECONDS(6));
	client_expect_close(&c, 1011, "Internal error");
	live_fini(&l);
}

static void
test_43_silence_is_closed(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_open(&l);
	live_advance(&l, 9900);
	client_expect_nothing(&c);
	live_advance(&l, 400);
	client_expect_close(&c, 4001, "Auth timeout");
	live_advance(&l, SECONDS(6));
	assert_true(net_fake_is_closed(c.wire));
	live_fini(&l);
}

static void
test_43_bad_first_frame_is_closed(void **state)
{
	static const struct {
		const char *frame;
		const char *reason;
	} cases[] = {
		{ "{\"action\":\"subscribe\",\"channels\":[\"tasks\"]}",
		    "Expected auth action" },
		{ "[\"auth\"]", "Expected auth action" },
		{ "\"auth\"", "Expected auth action" },
		{ "{}", "Expected auth action" },
		{ "{", "Invalid auth message" },
		{ "", "Invalid auth message" },
		{ "{\"action\":\"auth\"}", "Missing ticket" },
		{ "{\"action\":\"auth\",\"ticket\":\"\"}", "Missing ticket" },
		{ "{\"action\":\"auth\",\"ticket\":7}", "Missing ticket" },
		{ "{\"action\":\"auth\",\"ticket\":\"a\\u0000b\"}",
		    "Invalid or expired ticket" },
		{ "{\"action\":\"auth\",\"ticket\":\""
		  "01234567890123456789012345678901234567890123456789"
		  "012345678901234\"}",
		    "Invalid or expired ticket" },
	};
	struct live_rig l;

	(void)state;
	live_init(&l, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c = client_open(&l);

		client_send(&c, cases[i].frame);
		client_expect_close(&c, 4001, cases[i].reason);
	}
	assert_int_equal(live_asked(&l), 0);
	live_fini(&l);
}

static void
test_43_first_frame_is_bounded(void **state)
{
	static char text[SOCKET_KEEP_MAX + 2];
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	memset(text, ' ', sizeof(text) - 1);
	memcpy(text, AUTH_FRAME, strlen(AUTH_FRAME));
	c = client_open(&l);
	client_send(&c, text);
	client_expect_close(&c, 4001, "Auth message too large");

	text[SOCKET_KEEP_MAX] = '\0';
	c = client_open(&l);
	client_send(&c, text);
	assert_int_equal(live_asked(&l), 1);
	live_fini(&l);
}

static void
test_44_bad_ticket_in_the_query_is_no_upgrade(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_ask(&l, "?x=1&ticket=bad", "troupe.json.v1");
	assert_int_equal(net_fake_taken(c.wire).size, 0);
	live_refuse_ticket(&l, PROBLEM_UNAUTHORIZED);
	client_expect_status(&c, "403");
	assert_null(client_socket(&c));

	c = client_ask(&l, "?ticket=", "troupe.json.v1");
	client_expect_status(&c, "403");
	assert_int_equal(live_asked(&l), 0);

	c = client_ask(&l, "?ticket=x", "troupe.json.v1");
	live_hold(&l, "s", "s1");
	client_expect_status(&c, "403");

	c = client_ask(&l, "?ticket=x", "troupe.json.v1");
	live_refuse_ticket(&l, PROBLEM_UNAVAILABLE);
	client_expect_status(&c, "503");
	live_fini(&l);
}

static void
test_44_good_ticket_in_the_query(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_ask(&l, "?ticket=%41b", "troupe.json.v1");
	assert_string_equal(
	    RIG_BODY(rig_peek(&l.rig, ACTOR_NUMBER(ticket_store),
			 MSG_ticket_consume),
		ticket_consume)
		->ticket,
	    "Ab");
	assert_false(net_fake_is_reading(c.wire));
	live_hold(&l, "u1", "s1");
	client_expect_status(&c, "101");
	client_expect_nothing(&c);
	live_listen(&l);
	client_expect(&c, AUTH_OK);
	assert_true(net_fake_is_reading(c.wire));
	live_fini(&l);
}

static void
test_client_that_left_uses_its_ticket_up(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_ask(&l, "?ticket=x", "troupe.json.v1");
	net_fake_end(c.wire, ST_IO);
	live_hold(&l, "u1", "s1");

	c = client_open(&l);
	client_send(&c, AUTH_FRAME);
	net_fake_end(c.wire, ST_IO);
	live_hold(&l, "u1", "s1");
	assert_int_equal(live_listen(&l), 0);
	live_fini(&l);
}

static void
test_head_and_frames_in_one_piece(void **state)
{
	struct live_rig l;
	struct client c;
	uint8_t frames[256];
	static const uint8_t mask[4] = { 9, 8, 7, 6 };
	static const char ping[] = "{\"action\":\"ping\"}";
	size_t n = 0, m = 0;
	char all[1024];

	(void)state;
	live_init(&l, NULL);
	assert_int_equal(websocket_masked_write(frames, sizeof(frames),
			     WEBSOCKET_TEXT, true, mask,
			     (struct bytes){ (const uint8_t *)AUTH_FRAME,
				 strlen(AUTH_FRAME) },
			     &n),
	    ST_OK);
	assert_int_equal(
	    websocket_masked_write(frames + n, sizeof(frames) - n,
		WEBSOCKET_TEXT, true, mask,
		(struct bytes){ (const uint8_t *)ping, strlen(ping) }, &m),
	    ST_OK);
	snprintf(all, sizeof(all),
	    "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
	    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	memcpy(all + strlen(all), frames, n + m);
	c = (struct client){ &l, NULL, 0 };
	assert_int_equal(net_fake_dial(l.net, LIVE_ADDRESS, &c.wire), ST_OK);
	l.wires[l.wires_count++] = c.wire;
	net_fake_send(c.wire, all,
	    (size_t)((uint8_t *)memmem(all, sizeof(all), "\r\n\r\n", 4) + 4 -
		     (uint8_t *)all) +
		n + m,
	    SIZE_MAX);
	rig_settle(&l.rig);
	live_hold(&l, "u1", "s1");
	live_listen(&l);
	client_expect_status(&c, "101");
	client_expect(&c, AUTH_OK);
	client_expect(&c, "{\"action\":\"pong\"}");
	live_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_42_auth_ok_comes_first),
		RUN(test_45_own_channel_needs_no_subscription),
		RUN(test_subscribed_is_said_once_the_hub_listens),
		RUN(test_42_used_ticket_is_refused),
		RUN(test_ticket_store_away_is_1011),
		RUN(test_43_silence_is_closed),
		RUN(test_43_bad_first_frame_is_closed),
		RUN(test_43_first_frame_is_bounded),
		RUN(test_44_bad_ticket_in_the_query_is_no_upgrade),
		RUN(test_44_good_ticket_in_the_query),
		RUN(test_client_that_left_uses_its_ticket_up),
		RUN(test_head_and_frames_in_one_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
