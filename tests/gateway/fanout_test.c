/* One event to many sockets.  Numbers are those of the scenarios. */
#include "tests/gateway/fanout_rig.h"

#include "protocols/cursor.h"

static void
test_55_large_event_is_told_to_nobody(void **state)
{
	char *large = payload_of(EVENT_PAYLOAD_MAX);
	struct live_rig l;
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
	struct live_rig l;
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
	struct live_rig l;
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

/* As live_tell, without a turn of the node. */
static void
live_put(struct live_rig *l, const char *channel, const char *payload)
{
	struct probe *p = l->rig.probes;

	while (p->number != ACTOR_NUMBER(event_hub))
		p++;
	assert_int_equal(
	    SEND(p->actor, actor_find(p->actor, ACTOR_NUMBER(gateway), 0),
		hub_event,
		.event = { .event_type = "it.happened",
		    .channel = channel,
		    .timestamp = RIG_WALL_US,
		    .epoch = 7,
		    .offset = live_next_offset(l, channel),
		    .payload = payload }),
	    ST_OK);
}

static void
live_put_number(struct live_rig *l, uint64_t n)
{
	char payload[64];

	snprintf(payload, sizeof(payload), "{\"n\":%u}", (unsigned)n);
	live_put(l, "tasks", payload);
}

static void
test_events_are_told_in_slices_and_in_order(void **state)
{
	static struct client c[MANY];
	struct live_rig l;
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

/* As client_on_tasks, of those events only whose few is y. */
static struct client
client_on_few(struct live_rig *l)
{
	struct client c = client_of(l, "u1");

	client_subscribe(&c, "\"tasks\"", ",\"filters\":{\"few\":\"y\"}");
	client_expect(&c, SUBSCRIBED);
	return c;
}

#define ROUND_EVENTS 70u

/*
 * Each event joins the round where it stands, the last ones wait for room:
 * every client hears all of them once, and the older ones first.
 */
static void
test_events_join_a_round_under_way(void **state)
{
	static struct client c[MANY];
	struct live_rig l;
	struct client few;

	(void)state;
	live_init(&l, live_many);
	for (size_t i = 0; i < MANY; i++)
		c[i] = client_on_tasks(&l);
	few = client_on_few(&l);
	for (uint64_t n = 1; n <= ROUND_EVENTS; n++) {
		live_put_number(&l, n);
		for (uint64_t turns = n % 4; turns > 0; turns--)
			(void)node_turn(l.rig.node);
	}
	rig_settle(&l.rig);
	for (size_t i = 0; i < MANY; i++) {
		for (uint64_t n = 1; n <= ROUND_EVENTS; n++)
			client_expect_number(&c[i], n);
		client_expect_nothing(&c[i]);
	}
	client_expect_nothing(&few);
	live_tell(&l, "tasks", "{\"few\":\"y\"}");
	client_expect_event(&few, "tasks", "{\"few\":\"y\"}");
	live_fini(&l);
}

/* A channel that is never done does not keep another one waiting. */
static void
test_events_of_another_channel_end_the_joining(void **state)
{
	static struct client c[MANY];
	struct live_rig l;
	struct client other;
	uint64_t told = 0;
	struct said s;

	(void)state;
	live_init(&l, live_many);
	for (size_t i = 0; i < MANY; i++)
		c[i] = client_on_tasks(&l);
	other = client_of(&l, "u1");
	client_subscribe(&other, "\"agents\"", "");
	client_expect(&other, "{\"action\":\"subscribed\","
			      "\"channels\":[\"agents\",\"user:u1\"]}");
	live_put_number(&l, ++told);
	(void)node_turn(l.rig.node);
	(void)node_turn(l.rig.node);
	live_put(&l, "agents", "{\"n\":0}");
	while (!client_hear(&other, &s)) {
		live_put_number(&l, ++told);
		(void)node_turn(l.rig.node);
		assert_true(told < 4 * MANY / SOCKET_SLICE);
	}
	rig_settle(&l.rig);
	for (uint64_t n = 1; n <= told; n++)
		client_expect_number(&c[0], n);
	live_fini(&l);
}

static void
test_sockets_may_end_between_slices(void **state)
{
	static struct client c[MANY];
	struct live_rig l;

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
	struct live_rig l;
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
	struct live_rig l;
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
	struct live_rig l;
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
	struct live_rig l;
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
		RUN(test_55_large_event_is_told_to_nobody),
		RUN(test_55_largest_event_is_told),
		RUN(test_payload_that_is_no_object_is_told_to_nobody),
		RUN(test_events_are_told_in_slices_and_in_order),
		RUN(test_events_join_a_round_under_way),
		RUN(test_events_of_another_channel_end_the_joining),
		RUN(test_sockets_may_end_between_slices),
		RUN(test_more_events_than_jobs_are_all_told),
		RUN(test_msgpack_is_the_same_map),
		RUN(test_bad_msgpack_is_answered),
		RUN(test_filters_see_msgpack_sockets_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
