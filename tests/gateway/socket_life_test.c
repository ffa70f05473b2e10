/* Live sockets: how one lives and ends.  Numbers are those of the scenarios. */
#include "tests/gateway/live.h"

static void
test_idle_socket_owns_no_buffer(void **state)
{
	struct live_rig l;
	struct client c;
	struct sockets *k;
	uint8_t frame[64];
	static const uint8_t mask[4] = { 1, 1, 1, 1 };
	static const char ping[] = "{\"action\":\"ping\"}";
	size_t size = 0;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	k = client_socket(&c)->all;
	assert_int_equal(
	    websocket_masked_write(frame, sizeof(frame), WEBSOCKET_TEXT, true,
		mask, (struct bytes){ (const uint8_t *)ping, strlen(ping) },
		&size),
	    ST_OK);
	net_fake_send(c.wire, frame, 10, 1);
	assert_int_equal(k->buffers.used, 1);
	net_fake_send(c.wire, frame + 10, size - 10, 1);
	client_expect(&c, "{\"action\":\"pong\"}");
	assert_int_equal(k->buffers.used, 0);
	assert_int_equal(k->backlogs.used + k->changes.used, 0);
	assert_null(client_conn(&c)->kept);
	assert_true(sizeof(struct socket) + sizeof(struct person) < 1024);
	live_fini(&l);
}

static void
test_59_dead_client_goes_down_once(void **state)
{
	struct live_rig l;
	struct client c;
	uint64_t number;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	number = client_socket(&c)->number;
	net_fake_end(c.wire, ST_IO);
	rig_settle(&l.rig);
	assert_int_equal(RIG_BODY(RIG_TAKE(&l.rig, event_hub, hub_socket_down),
			     hub_socket_down)
			     ->socket,
	    number);
	assert_string_equal(
	    RIG_BODY(RIG_TAKE(&l.rig, event_hub, hub_unlisten), hub_unlisten)
		->channel,
	    "user:u1");
	assert_int_equal(rig_waiting(&l.rig, ACTOR_NUMBER(event_hub)), 0);
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_DISCONNECTED), 1);
	live_fini(&l);
}

static void
test_60_silent_client_is_closed(void **state)
{
	struct live_rig l;
	struct client c, busy;

	(void)state;
	live_init(
	    &l, (const char *const[]){ "api.server.ws_ping_interval=0", NULL });
	c = client_of(&l, "u1");
	busy = client_of(&l, "u2");
	live_advance(&l, SECONDS(20));
	client_send(&busy, "{\"action\":\"ping\"}");
	client_expect(&busy, "{\"action\":\"pong\"}");
	client_send_bytes(&c, WEBSOCKET_PONG, (struct bytes){ NULL, 0 });
	live_advance(&l, 9900);
	client_expect_nothing(&c);
	live_advance(&l, 600);
	client_expect_close(&c, 1008, "No message in time");
	client_expect_nothing(&busy);
	live_fini(&l);
}

static void
test_60_pings_are_sent_and_must_be_answered(void **state)
{
	struct live_rig l;
	struct client c, dead;
	struct said s = { 0 };

	(void)state;
	live_init(&l,
	    (const char *const[]){ "api.ws_frame_timeout_seconds=600", NULL });
	c = client_of(&l, "u1");
	dead = client_of(&l, "u2");
	live_advance(&l, 20500);
	assert_true(client_hear(&c, &s) && client_hear(&dead, &s));
	assert_int_equal(s.opcode, WEBSOCKET_PING);
	client_send_bytes(&c, WEBSOCKET_PONG, (struct bytes){ NULL, 0 });
	live_advance(&l, 20500);
	client_expect_close(&dead, 1011, "Ping timeout");
	assert_true(client_hear(&c, &s));
	assert_int_equal(s.opcode, WEBSOCKET_PING);
	live_fini(&l);
}

static void
test_62_one_ticket_at_two_sockets(void **state)
{
	struct live_rig l;
	struct client a, b;

	(void)state;
	live_init(&l, NULL);
	a = client_open(&l);
	b = client_open(&l);
	client_send(&a, AUTH_FRAME);
	client_send(&b, AUTH_FRAME);
	live_hold(&l, "u1", "s1");
	live_refuse_ticket(&l, PROBLEM_UNAUTHORIZED);
	live_listen(&l);
	client_expect(&a, AUTH_OK);
	client_expect_close(&b, 4001, "Invalid or expired ticket");
	live_fini(&l);
}

static void
test_sockets_of_one_user_are_few(void **state)
{
	struct live_rig l;
	struct client a, b, c;

	(void)state;
	live_init(&l,
	    (const char *const[]){ "api.ws_max_connections_per_user=2", NULL });
	a = client_of(&l, "u1");
	b = client_of(&l, "u1");
	c = client_open(&l);
	client_send(&c, AUTH_FRAME);
	live_hold(&l, "u1", "s");
	client_expect_close(&c, 4008, "Too many connections");
	assert_null(
	    rig_peek(&l.rig, ACTOR_NUMBER(event_hub), MSG_hub_socket_up));
	(void)client_of(&l, "u2");

	net_fake_end(a.wire, ST_IO);
	c = client_of(&l, "u1");
	client_expect_nothing(&b);
	live_fini(&l);
}

static void
test_all_sockets_are_bounded(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l,
	    (const char *const[]){ "api.ws_max_connections_total=2", NULL });
	c = client_open(&l);
	(void)client_open(&l);
	c = client_ask(&l, "", "troupe.json.v1");
	client_expect_status(&c, "503");
	c = client_ask(&l, "?ticket=x", "troupe.json.v1");
	client_expect_status(&c, "503");
	assert_int_equal(live_asked(&l), 0);
	live_fini(&l);
}

static void
test_no_registry_no_sockets(void **state)
{
	struct live_rig l;
	struct client c, waiting;

	(void)state;
	live_init(&l, NULL);
	waiting = client_open(&l);
	client_send(&waiting, AUTH_FRAME);
	rig_advance_ms(&l.rig, 3500);
	live_hold(&l, "u1", "s");
	client_expect_close(&waiting, 1011, "Internal error");
	/* One that asks waits for it a little: the next comes too late. */
	c = client_ask(&l, "", "troupe.json.v1");
	client_expect_nothing(&c);
	rig_advance_ms(&l.rig, REPLICA_PATIENCE_US / 1000 + 250);
	client_expect_status(&c, "503");
	c = client_ask(&l, "", "troupe.json.v1");
	client_expect_status(&c, "503");
	live_fini(&l);
}

static void
test_sockets_wait_while_the_registry_starts_again(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	RIG_SEND(&l.rig, session_registry, gateway, replica_beat,
	    .epoch = LIVE_EPOCH + 1);
	c = client_ask(&l, "", "troupe.json.v1");
	client_expect_nothing(&c);
	live_join(&l);
	client_expect_status(&c, "101");
	client_log_in(&c, "u1", "s");
	live_fini(&l);
}

static void
test_hub_that_does_not_listen_is_1011(void **state)
{
	struct live_rig l;
	struct client c, open;

	(void)state;
	live_init(&l, NULL);
	c = client_open(&l);
	client_send(&c, AUTH_FRAME);
	live_hold(&l, "u1", "s");
	rig_refuse(&l.rig, RIG_TAKE(&l.rig, event_hub, hub_listen), ST_FULL,
	    PROBLEM_OVERLOADED, "");
	client_expect_close(&c, 1011, "Internal error");
	assert_int_equal(rig_waiting(&l.rig, ACTOR_NUMBER(event_hub)), 0);

	open = client_of(&l, "u1");
	client_send(
	    &open, "{\"action\":\"subscribe\",\"channels\":[\"tasks\"]}");
	rig_refuse(&l.rig, RIG_TAKE(&l.rig, event_hub, hub_listen), ST_FULL,
	    PROBLEM_OVERLOADED, "");
	client_expect_close(&open, 1011, "Internal error");
	(void)RIG_TAKE(&l.rig, event_hub, hub_socket_down);
	live_fini(&l);
}

static void
test_interest_is_counted(void **state)
{
	struct live_rig l;
	struct client a, b;

	(void)state;
	live_init(&l, NULL);
	a = client_of(&l, "u1");
	b = client_of(&l, "u1");
	client_send(&a, "{\"action\":\"subscribe\",\"channels\":[\"tasks\"]}");
	client_send(&b, "{\"action\":\"subscribe\",\"channels\":[\"tasks\"]}");
	assert_int_equal(live_listen(&l), 1);
	client_expect(&a, "{\"action\":\"subscribed\","
			  "\"channels\":[\"tasks\",\"user:u1\"]}");
	client_send(&a, "{\"action\":\"unsubscribe\","
			"\"channels\":[\"tasks\",\"user:u1\",\"agents\"]}");
	client_expect(&a, "{\"action\":\"unsubscribed\",\"channels\":[]}");
	live_tell(&l, "tasks", "{}");
	live_tell(&l, "user:u1", "{}");
	client_expect_nothing(&a);
	assert_null(
	    rig_peek(&l.rig, ACTOR_NUMBER(event_hub), MSG_hub_unlisten));
	net_fake_end(b.wire, ST_CLOSED);
	rig_settle(&l.rig);
	(void)RIG_TAKE(&l.rig, event_hub, hub_unlisten);
	(void)RIG_TAKE(&l.rig, event_hub, hub_unlisten);
	client_subscribe(&a, "\"user:u1\"", "");
	client_expect(
	    &a, "{\"action\":\"subscribed\",\"channels\":[\"user:u1\"]}");
	live_fini(&l);
}

static void
test_new_hub_is_told_everything_again(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	client_subscribe(&c, "\"tasks\"", "");
	client_expect(&c, "{\"action\":\"subscribed\","
			  "\"channels\":[\"tasks\",\"user:u1\"]}");
	RIG_SEND(&l.rig, event_hub, gateway, hub_restarted, 0);
	rig_refuse(
	    &l.rig, RIG_TAKE(&l.rig, event_hub, hub_listen), ST_BUSY, 0, "");
	live_advance(&l, 500);
	assert_int_equal(live_listen(&l), 2);
	assert_string_equal(
	    RIG_BODY(RIG_TAKE(&l.rig, event_hub, hub_socket_up), hub_socket_up)
		->user_id,
	    "u1");
	for (int times = 0; times < 2; times++)
		assert_string_equal(
		    RIG_BODY(RIG_TAKE(&l.rig, event_hub, hub_socket_channels),
			hub_socket_channels)
			->channels[0],
		    "tasks");
	live_tell(&l, "tasks", "{}");
	client_expect_event(&c, "tasks", "{}");
	live_fini(&l);
}

static void
test_drain_says_going_away(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	sockets_drain(client_conn(&c)->gateway);
	live_advance(&l, 10);
	client_expect_close(&c, 1001, "Going away");
	client_answer_close(&c);
	live_fini(&l);
}

static void
test_broken_frames_end_the_socket(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		uint16_t code;
	} cases[] = {
		{ "\x81\x02hi", 4, 1002 },
		{ "\xc1\x80\0\0\0\0", 6, 1002 },
		{ "\x81\x81\0\0\0\0\xff", 7, 1007 },
		{ "\x81\xff\0\0\0\0\1\0\0\0\0\0\0\0", 14, 1009 },
		{ "\x82\x80\0\0\0\0", 6, 1003 },
	};
	struct live_rig l;

	(void)state;
	live_init(&l, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c = client_of(&l, "u1");
		struct said s = { 0 };

		net_fake_send(c.wire, cases[i].bytes, cases[i].size, SIZE_MAX);
		assert_true(client_hear(&c, &s));
		assert_int_equal(s.opcode, WEBSOCKET_CLOSE);
		assert_int_equal(s.code, cases[i].code);
		rig_settle(&l.rig);
		(void)RIG_TAKE(&l.rig, event_hub, hub_socket_down);
	}
	live_fini(&l);
}

static void
test_ping_and_close_are_answered(void **state)
{
	static const uint8_t close[] = { 0x0f, 0xa0, 'x' };
	struct live_rig l;
	struct client c;
	struct said s = { 0 };

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	client_send_bytes(
	    &c, WEBSOCKET_PING, (struct bytes){ (const uint8_t *)"hi", 2 });
	assert_true(client_hear(&c, &s));
	assert_int_equal(s.opcode, WEBSOCKET_PONG);
	assert_memory_equal(s.payload.at, "hi", 2);
	client_send_bytes(&c, WEBSOCKET_CLOSE, (struct bytes){ close, 3 });
	client_expect_close(&c, 4000, "");
	client_expect_end(&c);
	assert_non_null(
	    strstr(rig_line(&l.rig, EV_API_WS_DISCONNECTED, 0), "code=4000"));
	live_fini(&l);
}

static void
test_no_upgrade_is_told_how(void **state)
{
	static const char plain[] =
	    "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\n\r\n";
	struct live_rig l;
	struct client c = { &l, NULL, 0 };
	struct bytes b;

	(void)state;
	live_init(&l, NULL);
	assert_int_equal(net_fake_dial(l.net, LIVE_ADDRESS, &c.wire), ST_OK);
	l.wires[l.wires_count++] = c.wire;
	net_fake_send(c.wire, plain, strlen(plain), SIZE_MAX);
	b = net_fake_taken(c.wire);
	assert_non_null(
	    memmem(b.at, b.size, "Sec-WebSocket-Version: 13\r\n", 27));
	client_expect_status(&c, "426");
	live_fini(&l);
}

/* Two messages that come in one piece. */
static void
client_send_both(struct client *c, const char *one, const char *two)
{
	static const uint8_t mask[4] = { 5, 6, 7, 8 };
	const char *const texts[] = { one, two };
	uint8_t frames[512];
	size_t used = 0, size = 0;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    websocket_masked_write(frames + used, sizeof(frames) - used,
			WEBSOCKET_TEXT, true, mask,
			(struct bytes){
			    (const uint8_t *)texts[i], strlen(texts[i]) },
			&size),
		    ST_OK);
		used += size;
	}
	net_fake_send(c->wire, frames, used, SIZE_MAX);
	rig_settle(&c->live->rig);
}

static void
test_actions_wait_for_the_one_before(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	client_send_both(&c,
	    "{\"action\":\"subscribe\",\"channels\":[\"tasks\"]}",
	    "{\"action\":\"unsubscribe\",\"channels\":[\"user:u1\"]}");
	assert_false(net_fake_is_reading(c.wire));
	client_expect_nothing(&c);
	live_listen(&l);
	assert_true(net_fake_is_reading(c.wire));
	client_expect(&c, "{\"action\":\"subscribed\","
			  "\"channels\":[\"tasks\",\"user:u1\"]}");
	client_expect(
	    &c, "{\"action\":\"unsubscribed\",\"channels\":[\"tasks\"]}");
	live_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_idle_socket_owns_no_buffer),
		RUN(test_59_dead_client_goes_down_once),
		RUN(test_60_silent_client_is_closed),
		RUN(test_60_pings_are_sent_and_must_be_answered),
		RUN(test_62_one_ticket_at_two_sockets),
		RUN(test_sockets_of_one_user_are_few),
		RUN(test_all_sockets_are_bounded),
		RUN(test_no_registry_no_sockets),
		RUN(test_sockets_wait_while_the_registry_starts_again),
		RUN(test_hub_that_does_not_listen_is_1011),
		RUN(test_interest_is_counted),
		RUN(test_new_hub_is_told_everything_again),
		RUN(test_drain_says_going_away),
		RUN(test_broken_frames_end_the_socket),
		RUN(test_ping_and_close_are_answered),
		RUN(test_no_upgrade_is_told_how),
		RUN(test_actions_wait_for_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
