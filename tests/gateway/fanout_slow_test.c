/* Clients that do not keep up.  Numbers are those of the scenarios. */
#include "tests/gateway/fanout_rig.h"

static void
test_54_slow_client_loses_the_newest(void **state)
{
	struct live_rig l;
	struct client slow, fast;
	struct sockets *k;

	(void)state;
	live_init(&l, live_drops);
	slow = client_on_tasks(&l);
	fast = client_on_tasks(&l);
	k = client_socket(&slow)->all;
	net_fake_take(slow.wire, 0);
	for (uint64_t i = 0; i < SOCKET_QUEUE_MAX + 10; i++) {
		live_tell_number(&l, i);
		client_expect_number(&fast, i);
	}
	assert_int_equal(client_socket(&slow)->dropped, 10);
	assert_int_equal(k->dropped, 10);
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_BACKPRESSURE_DROPPED), 4);
	client_expect_nothing(&slow);

	net_fake_take(slow.wire, SIZE_MAX);
	for (uint64_t i = 0; i < SOCKET_QUEUE_MAX; i++)
		client_expect_number(&slow, i);
	client_expect(&slow, "{\"action\":\"dropped\",\"count\":10}");
	client_expect_nothing(&slow);
	assert_int_equal(k->backlogs.used, 0);
	live_tell_number(&l, 1000);
	client_expect_number(&slow, 1000);
	live_fini(&l);
}

static void
test_54_room_comes_back_frame_by_frame(void **state)
{
	struct live_rig l;
	struct client slow;
	size_t before, size;

	(void)state;
	live_init(&l, live_drops);
	slow = client_on_tasks(&l);
	before = net_fake_taken(slow.wire).size;
	live_tell_number(&l, 10);
	size = net_fake_taken(slow.wire).size - before;
	client_expect_number(&slow, 10);
	net_fake_take(slow.wire, 0);
	for (uint64_t i = 10; i < 10 + SOCKET_QUEUE_MAX; i++)
		live_tell_number(&l, i);
	net_fake_take(slow.wire, 3 * size - 1);
	live_tell_number(&l, 90);
	live_tell_number(&l, 91);
	live_tell_number(&l, 92);
	assert_int_equal(client_socket(&slow)->dropped, 1);
	net_fake_take(slow.wire, 1);
	live_tell_number(&l, 93);
	live_tell_number(&l, 94);
	assert_int_equal(client_socket(&slow)->dropped, 2);
	net_fake_take(slow.wire, SIZE_MAX);
	for (uint64_t i = 10; i < 10 + SOCKET_QUEUE_MAX; i++)
		client_expect_number(&slow, i);
	client_expect_number(&slow, 90);
	client_expect_number(&slow, 91);
	client_expect_number(&slow, 93);
	client_expect(&slow, "{\"action\":\"dropped\",\"count\":2}");
	client_expect_nothing(&slow);
	live_fini(&l);
}

static void
test_54_replies_wait_in_the_same_queue(void **state)
{
	struct live_rig l;
	struct client slow;

	(void)state;
	live_init(&l, live_drops);
	slow = client_on_tasks(&l);
	net_fake_take(slow.wire, 0);
	for (uint64_t i = 0; i + 1 < SOCKET_QUEUE_MAX; i++)
		live_tell_number(&l, i);
	client_send(&slow, "{\"action\":\"ping\"}");
	client_send(
	    &slow, "{\"action\":\"unsubscribe\",\"channels\":[\"tasks\"]}");
	client_send(
	    &slow, "{\"action\":\"subscribe\",\"channels\":[\"agents\"]}");
	live_listen(&l);
	assert_int_equal(client_socket(&slow)->dropped, 2);
	assert_int_equal(client_socket(&slow)->subscribed,
	    CHANNEL_BIT(CHANNEL_TASKS) | CHANNEL_BIT(CHANNEL_OWN));
	assert_int_equal(client_socket(&slow)->held,
	    CHANNEL_BIT(CHANNEL_TASKS) | CHANNEL_BIT(CHANNEL_OWN));

	net_fake_take(slow.wire, SIZE_MAX);
	for (uint64_t i = 0; i + 1 < SOCKET_QUEUE_MAX; i++)
		client_expect_number(&slow, i);
	client_expect(&slow, "{\"action\":\"pong\"}");
	client_expect(&slow, "{\"action\":\"dropped\",\"count\":2}");
	live_tell_number(&l, 5);
	client_expect_number(&slow, 5);
	live_fini(&l);
}

/* The bound in bytes comes before that of events. */
static void
test_bytes_that_wait_are_bounded(void **state)
{
	char *text = payload_of(EVENT_PAYLOAD_MAX - 1000);
	struct live_rig l;
	struct client slow;

	(void)state;
	live_init(&l, (const char *const[]){ "event_stream.slow_durable=drop",
			  "api.ws_queue_bytes_max=65536", NULL });
	slow = client_on_tasks(&l);
	net_fake_take(slow.wire, 0);
	for (int i = 0; i < 3; i++)
		live_tell(&l, "tasks", text);
	assert_int_equal(client_socket(&slow)->dropped, 0);
	live_tell_number(&l, 4);
	live_tell(&l, "tasks", text);
	assert_int_equal(client_socket(&slow)->dropped, 2);
	assert_int_equal(client_socket(&slow)->backlog->count, 3);
	live_fini(&l);
	free(text);
}

/* The default for what the journal has: it comes back and recovers. */
static void
test_client_too_slow_for_a_durable_event_is_sent_away(void **state)
{
	struct live_rig l;
	struct client slow, fast;

	(void)state;
	live_init(&l, NULL);
	slow = client_on_tasks(&l);
	fast = client_on_tasks(&l);
	net_fake_take(slow.wire, 0);
	for (uint64_t i = 0; i < SOCKET_QUEUE_MAX + 2; i++) {
		live_tell_number(&l, i);
		client_expect_number(&fast, i);
	}
	net_fake_take(slow.wire, SIZE_MAX);
	for (uint64_t i = 0; i < SOCKET_QUEUE_MAX; i++)
		client_expect_number(&slow, i);
	client_expect_close(&slow, WEBSOCKET_POLICY, SOCKET_SLOW_REASON);
	client_answer_close(&slow);
	live_fini(&l);
}

static void
live_tell_ephemeral(struct live_rig *l, uint64_t n)
{
	char payload[64];

	snprintf(payload, sizeof(payload), "{\"n\":%u}", (unsigned)n);
	RIG_SEND(&l->rig, event_hub, gateway, hub_event,
	    .event = { .event_type = "it.happened",
		.channel = "tasks",
		.timestamp = RIG_WALL_US,
		.event_id = { .octets = { 1, (uint8_t)n } },
		.payload = payload });
}

/* The default for what nobody keeps: it is lost, and that is said. */
static void
test_client_too_slow_for_an_ephemeral_event_hears_how_many_it_lost(void **state)
{
	struct live_rig l;
	struct client slow;

	(void)state;
	live_init(&l, NULL);
	slow = client_on_tasks(&l);
	net_fake_take(slow.wire, 0);
	for (uint64_t i = 0; i < SOCKET_QUEUE_MAX + 3; i++)
		live_tell_ephemeral(&l, i);
	net_fake_take(slow.wire, SIZE_MAX);
	for (uint64_t i = 0; i < SOCKET_QUEUE_MAX; i++)
		client_expect_number(&slow, i);
	client_expect(&slow, "{\"action\":\"dropped\",\"count\":3}");
	live_tell_ephemeral(&l, 99);
	client_expect_number(&slow, 99);
	live_fini(&l);
}

/* EH-10: the three that nobody took are told to the hub, by their ids. */
static void
test_event_that_no_socket_took_is_said_to_the_hub(void **state)
{
	struct heard *h;
	struct live_rig l;
	struct client slow;

	(void)state;
	live_init(&l, NULL);
	slow = client_on_tasks(&l);
	net_fake_take(slow.wire, 0);
	for (uint64_t i = 0; i < SOCKET_QUEUE_MAX + 1; i++)
		live_tell_ephemeral(&l, i);
	h = RIG_TAKE(&l.rig, event_hub, hub_unheard);
	assert_string_equal(RIG_BODY(h, hub_unheard)->channel, "tasks");
	assert_int_equal(
	    RIG_BODY(h, hub_unheard)->event_id.octets[1], SOCKET_QUEUE_MAX);
	assert_null(rig_peek(&l.rig, ACTOR_NUMBER(event_hub), MSG_hub_unheard));
	live_fini(&l);
}

static void
test_slow_clients_share_their_bytes(void **state)
{
	struct live_rig l;
	struct client c[8];

	(void)state;
	live_init(&l, NULL);
	for (size_t i = 0; i < 8; i++) {
		c[i] = client_on_tasks(&l);
		net_fake_take(c[i].wire, 0);
	}
	live_tell_number(&l, 1);
	assert_int_equal(l.net->copies.used, 0);
	assert_int_equal(l.net->refs.used, 8);
	for (size_t i = 0; i < 8; i++) {
		net_fake_take(c[i].wire, SIZE_MAX);
		client_expect_number(&c[i], 1);
	}
	live_fini(&l);
}

static void
test_without_shared_bytes_fast_clients_still_hear(void **state)
{
	struct live_rig l;
	static const char *const users[] = { "b", "c", "m", "p", "u2" };
	struct client slow[5], fast;
	char *payload = payload_of(20000);

	(void)state;
	live_init(
	    &l, (const char *const[]){ "api.server.owed_bytes_max=4194304",
		    "api.ws_queue_bytes_max=4194304", NULL });
	for (size_t i = 0; i < 5; i++) {
		char channel[16];

		slow[i] = client_of(&l, users[i]);
		net_fake_take(slow[i].wire, 0);
		snprintf(channel, sizeof(channel), "user:%s", users[i]);
		for (int n = 0; n < SOCKET_QUEUE_MAX; n++)
			live_tell(&l, channel, payload);
	}
	fast = client_on_tasks(&l);
	live_tell(&l, "tasks", payload);
	client_expect_event(&fast, "tasks", payload);
	assert_int_equal(client_socket(&slow[0])->dropped, 0);
	assert_true(client_socket(&slow[4])->dropped == 0);
	free(payload);
	live_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_54_slow_client_loses_the_newest),
		RUN(test_54_room_comes_back_frame_by_frame),
		RUN(test_54_replies_wait_in_the_same_queue),
		RUN(test_client_too_slow_for_a_durable_event_is_sent_away),
		RUN(test_client_too_slow_for_an_ephemeral_event_hears_how_many_it_lost),
		RUN(test_event_that_no_socket_took_is_said_to_the_hub),
		RUN(test_bytes_that_wait_are_bounded),
		RUN(test_slow_clients_share_their_bytes),
		RUN(test_without_shared_bytes_fast_clients_still_hear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
