/* One event to many sockets.  Numbers are those of the scenarios. */
#include "gateway/fanout.h"
#include "tests/gateway/live.h"

#include "protocols/cursor.h"

#define MANY 300
#define SUBSCRIBED                    \
	"{\"action\":\"subscribed\"," \
	"\"channels\":[\"tasks\",\"user:u1\"]}"

static const char *const live_many[] = { "api.ws_max_connections_total=1000",
	"api.ws_max_connections_per_user=0", NULL };

static const char *const live_drops[] = { "event_stream.slow_durable=drop",
	NULL };

static struct client
client_on_tasks(struct live *l)
{
	struct client c = client_of(l, "u1");

	client_subscribe(&c, "\"tasks\"", "");
	client_expect(&c, SUBSCRIBED);
	return c;
}

static void
live_tell_number(struct live *l, uint64_t n)
{
	char payload[64];

	snprintf(payload, sizeof(payload), "{\"n\":%u}", (unsigned)n);
	live_tell(l, "tasks", payload);
}

static void
client_expect_number(struct client *c, uint64_t n)
{
	char payload[64];

	snprintf(payload, sizeof(payload), "{\"n\":%u}", (unsigned)n);
	client_expect_event(c, "tasks", payload);
}

/* A JSON object of exactly that many bytes. */
static char *
payload_of(size_t size)
{
	char *text = malloc(size + 1);

	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text, "{\"k\":\"", 6);
	text[size - 2] = '"';
	text[size - 1] = '}';
	text[size] = '\0';
	return text;
}

static void
test_54_slow_client_loses_the_newest(void **state)
{
	struct live l;
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
	struct live l;
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
	struct live l;
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

/* The default for what the journal has: it comes back and recovers. */
static void
test_client_too_slow_for_a_durable_event_is_sent_away(void **state)
{
	struct live l;
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
live_tell_ephemeral(struct live *l, uint64_t n)
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
	struct live l;
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
	struct live l;
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
	struct live l;
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
test_55_large_event_is_told_to_nobody(void **state)
{
	char *large = payload_of(EVENT_PAYLOAD_MAX);
	struct live l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_on_tasks(&l);
	live_tell(&l, "tasks", large);
	client_expect_nothing(&c);
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_EVENT_DROPPED), 1);
	live_tell_number(&l, 1);
	client_expect_number(&c, 1);
	free(large);
	live_fini(&l);
}

static void
test_55_largest_event_is_told(void **state)
{
	struct live l;
	struct client c;
	struct said s = { 0 };
	size_t around;
	char *payload;

	(void)state;
	live_init(&l, NULL);
	c = client_on_tasks(&l);
	live_tell(&l, "tasks", "{}");
	assert_true(client_hear(&c, &s));
	around = s.payload.size - 2;
	payload = payload_of(32768 - around);
	live_tell(&l, "tasks", payload);
	assert_true(client_hear(&c, &s));
	assert_int_equal(s.payload.size, 32768);
	free(payload);
	payload = payload_of(32768 - around + 1);
	live_tell(&l, "tasks", payload);
	client_expect_nothing(&c);
	free(payload);
	live_fini(&l);
}

static void
test_payload_that_is_no_object_is_told_to_nobody(void **state)
{
	static const char *const bad[] = { "", "[]", "7", "{", "{}x",
		"{\"a\":01}" };
	struct live l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_on_tasks(&l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		live_tell(&l, "tasks", bad[i]);
	client_expect_nothing(&c);
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_INVALID_MESSAGE),
	    sizeof(bad) / sizeof(bad[0]));
	live_fini(&l);
}

static size_t
clients_that_heard(struct client *c, size_t count)
{
	struct said s;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += client_hear(&c[i], &s);
	return n;
}

/* As live_tell_number, without a turn of the node. */
static void
live_put_number(struct live *l, uint64_t n)
{
	struct probe *p = l->rig.probes;
	char payload[64];

	while (p->number != ACTOR_NUMBER(event_hub))
		p++;
	snprintf(payload, sizeof(payload), "{\"n\":%u}", (unsigned)n);
	assert_int_equal(
	    SEND(p->actor, actor_find(p->actor, ACTOR_NUMBER(gateway), 0),
		hub_event,
		.event = { .event_type = "it.happened",
		    .channel = "tasks",
		    .timestamp = RIG_WALL_US,
		    .epoch = 7,
		    .offset = live_next_offset(l, "tasks"),
		    .payload = payload }),
	    ST_OK);
}

static void
test_events_are_told_in_slices_and_in_order(void **state)
{
	static struct client c[MANY];
	struct live l;
	int turns = 0;

	(void)state;
	live_init(&l, live_many);
	for (size_t i = 0; i < MANY; i++)
		c[i] = client_on_tasks(&l);
	for (uint64_t n = 1; n <= 3; n++)
		live_put_number(&l, n);
	while (clients_that_heard(c, MANY) == 0 && turns++ < 10)
		(void)node_turn(l.rig.node);
	for (size_t i = 0; i < MANY; i++)
		client_expect_status(&c[i], "101");
	for (size_t i = 0; i < MANY; i++) {
		struct said s;

		assert_true(client_hear(&c[i], &s) && client_hear(&c[i], &s));
	}
	assert_int_equal(clients_that_heard(c, MANY), SOCKET_SLICE);
	rig_settle(&l.rig);
	for (size_t i = 0; i < MANY; i++) {
		bool early = i < SOCKET_SLICE;

		for (uint64_t n = early ? 2 : 1; n <= 3; n++)
			client_expect_number(&c[i], n);
		client_expect_nothing(&c[i]);
	}
	live_fini(&l);
}

static void
test_sockets_may_end_between_slices(void **state)
{
	static struct client c[MANY];
	struct live l;

	(void)state;
	live_init(&l, live_many);
	for (size_t i = 0; i < MANY; i++)
		c[i] = client_on_tasks(&l);
	live_tell_number(&l, 1);
	for (size_t i = 0; i < MANY; i += 2)
		net_fake_end(c[i].wire, ST_IO);
	live_advance(&l, 20);
	for (size_t i = 1; i < MANY; i += 2)
		client_expect_number(&c[i], 1);
	live_tell_number(&l, 2);
	for (size_t i = 0; i < MANY; i++)
		net_fake_hang_up(c[i].wire);
	l.wires_count = 0;
	live_advance(&l, 20);
	live_fini(&l);
}

static void
test_more_events_than_jobs_are_all_told(void **state)
{
	static struct client c[MANY];
	struct live l;
	uint64_t told = FANOUT_JOBS_MAX + 20;

	(void)state;
	live_init(&l, live_many);
	for (size_t i = 0; i < SOCKET_SLICE + 2; i++)
		c[i] = client_on_tasks(&l);
	for (uint64_t i = 0; i < told; i++)
		live_tell_number(&l, i);
	live_advance(&l, 3000);
	for (uint64_t i = 0; i < told; i++)
		client_expect_number(&c[SOCKET_SLICE + 1], i);
	live_fini(&l);
}

static void
test_without_shared_bytes_fast_clients_still_hear(void **state)
{
	struct live l;
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

/* The text under a key of the map that the frame holds. */
static struct cursor
map_find(struct bytes frame, const char *key)
{
	struct cursor c = cursor_of(frame.at, frame.size);
	uint64_t pairs = cursor_want(&c, CURSOR_MAP);

	for (; pairs > 0; pairs--) {
		uint64_t size = cursor_want(&c, CURSOR_TEXT);
		const uint8_t *at = cursor_take(&c, size);

		if (at != NULL && size == strlen(key) &&
		    memcmp(at, key, size) == 0)
			return c;
		cursor_skip(&c);
	}
	fail_msg("no %s in the map", key);
	return c;
}

static void
client_expect_packed(struct client *c, const char *key, const char *text)
{
	struct said s = { 0 };
	struct cursor at;

	assert_true(client_hear(c, &s));
	assert_int_equal(s.opcode, WEBSOCKET_BINARY);
	at = map_find(s.payload, key);
	assert_int_equal(cursor_want(&at, CURSOR_TEXT), strlen(text));
	assert_memory_equal(at.at, text, strlen(text));
}

static void
client_send_packed(struct client *c, const char *bytes, size_t size)
{
	client_send_bytes(c, WEBSOCKET_BINARY,
	    (struct bytes){ (const uint8_t *)bytes, size });
	live_listen(c->live);
}

#define PACKED(c, text) client_send_packed((c), (text), sizeof(text) - 1)

static void
test_msgpack_is_the_same_map(void **state)
{
	struct live l;
	struct client c, json;
	struct said s = { 0 };
	struct cursor at;

	(void)state;
	live_init(&l, NULL);
	json = client_on_tasks(&l);
	c = client_open_as(&l, "troupe.msgpack.v1");
	PACKED(&c, "\x82\xa6"
		   "action\xa4"
		   "auth\xa6"
		   "ticket\xa1"
		   "t");
	live_hold(&l, "u1", "s");
	client_expect_packed(&c, "action", "auth_ok");
	PACKED(&c, "\x82\xa6"
		   "action\xa9"
		   "subscribe\xa8"
		   "channels\x91\xa5"
		   "tasks");
	client_expect_packed(&c, "action", "subscribed");
	live_tell(&l, "tasks", "{\"n\":[1,-2,0.5,null,\"\\u00e9\"]}");
	client_expect_event(
	    &json, "tasks", "{\"n\":[1,-2,0.5,null,\"\\u00e9\"]}");
	assert_true(client_hear(&c, &s));
	at = map_find(s.payload, "payload");
	assert_memory_equal(
	    at.at, "\x81\xa1n\x95\x01\xfe\xca\x3f\0\0\0\xc0\xa2\xc3\xa9", 15);
	at = map_find(s.payload, "offset");
	assert_int_equal(cursor_want(&at, CURSOR_UINT), 1);
	at = map_find(s.payload, "event_id");
	assert_int_equal(cursor_want(&at, CURSOR_TEXT), 36);
	PACKED(&c, "\x81\xa6"
		   "action\xa4"
		   "ping");
	client_expect_packed(&c, "action", "pong");
	live_fini(&l);
}

static void
test_bad_msgpack_is_answered(void **state)
{
	struct live l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_open_as(&l, "troupe.msgpack.v1");
	PACKED(&c, "\x82\xa6"
		   "action\xa4"
		   "auth\xa6"
		   "ticket\xa1"
		   "t");
	live_hold(&l, "u1", "s");
	live_listen(&l);
	client_expect_packed(&c, "action", "auth_ok");
	PACKED(&c, "\xc1");
	client_expect_packed(&c, "error", "Invalid MessagePack");
	PACKED(&c, "");
	client_expect_packed(&c, "error", "Invalid MessagePack");
	PACKED(&c, "\xdf\xff\xff\xff\xff");
	client_expect_packed(&c, "error", "Invalid MessagePack");
	PACKED(&c, "\x91\x01");
	client_expect_packed(&c, "error", "Expected map");
	PACKED(&c, "\x81\x01\x02");
	client_expect_packed(&c, "error", "Invalid control message");
	PACKED(&c, "\x81\xa6"
		   "action\xa2\xff\xff");
	client_expect_packed(&c, "error", "Invalid control message");
	PACKED(&c, "\x81\xa6"
		   "action\xa4"
		   "ping");
	client_expect_packed(&c, "action", "pong");
	live_fini(&l);
}

static void
test_filters_see_msgpack_sockets_too(void **state)
{
	struct live l;
	struct client c;
	struct said s = { 0 };

	(void)state;
	live_init(&l, NULL);
	c = client_open_as(&l, "troupe.msgpack.v1");
	PACKED(&c, "\x82\xa6"
		   "action\xa4"
		   "auth\xa6"
		   "ticket\xa1"
		   "t");
	live_hold(&l, "u1", "s");
	live_listen(&l);
	client_expect_packed(&c, "action", "auth_ok");
	PACKED(&c, "\x83\xa6"
		   "action\xa9"
		   "subscribe\xa8"
		   "channels\x91\xa5"
		   "tasks\xa7"
		   "filters\x81\xa1k\xa1v");
	client_expect_packed(&c, "action", "subscribed");
	live_tell(&l, "tasks", "{\"k\":\"w\"}");
	client_expect_nothing(&c);
	live_tell(&l, "tasks", "{\"k\":\"v\"}");
	assert_true(client_hear(&c, &s));
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
		RUN(test_slow_clients_share_their_bytes),
		RUN(test_55_large_event_is_told_to_nobody),
		RUN(test_55_largest_event_is_told),
		RUN(test_payload_that_is_no_object_is_told_to_nobody),
		RUN(test_events_are_told_in_slices_and_in_order),
		RUN(test_sockets_may_end_between_slices),
		RUN(test_more_events_than_jobs_are_all_told),
		RUN(test_without_shared_bytes_fast_clients_still_hear),
		RUN(test_msgpack_is_the_same_map),
		RUN(test_bad_msgpack_is_answered),
		RUN(test_filters_see_msgpack_sockets_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
