/* Live sockets: bounds of addresses and time, and a hub that is full. */
#include "tests/gateway/live.h"

static void
test_sockets_of_one_address_are_few(void **state)
{
	struct live_rig l;
	struct client a, c;

	(void)state;
	live_init(&l, (const char *const[]){
			  "api.ws_max_connections_per_address=2", NULL });
	a = client_of(&l, "u1");
	(void)client_of(&l, "u2");
	c = client_ask(&l, "", "troupe.json.v1");
	client_expect_status(&c, "503");
	net_fake_end(a.wire, ST_IO);
	rig_settle(&l.rig);
	c = client_ask(&l, "", "troupe.json.v1");
	client_expect_status(&c, "101");
	live_fini(&l);
}

/* Nobody says who may still be here, look after look: 2.5.7. */
static void
test_failed_revalidations_end_with_4011(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(
	    &l, (const char *const[]){ "api.ws_revalidation_window_seconds=5",
		    "api.ws_revalidation_max_failures=5",
		    "api.server.ws_ping_interval=0", NULL });
	c = client_of(&l, "u1");
	rig_advance_ms(&l.rig, REPLICA_LEASE_MS + 3500); /* few looks */
	client_expect_nothing(&c);
	live_join(&l); /* somebody says so: all failures are forgotten */
	live_advance(&l, 1500);
	rig_advance_ms(&l.rig, REPLICA_LEASE_MS + 3500);
	client_expect_nothing(&c);
	rig_advance_ms(&l.rig, 2500);
	client_expect_close(&c, 4011, "Revalidation unavailable");
	live_fini(&l);
}

/* The hub reads nothing for a while; so many more fit into its mailbox. */
static void
live_fill_hub(struct live_rig *l, int room)
{
	struct actor *hub = l->rig.probes[2].actor;

	assert_int_equal(l->rig.probes[2].number, ACTOR_NUMBER(event_hub));
	actor_fail(hub, ST_BUG, "injected");
	for (int i = 0; i < RIG_WAITING_MAX - room; i++)
		(void)actor_send(l->rig.probes[0].actor, actor_address(hub),
		    MSG_ping, &(struct ping){ 0 });
}

/* Until it has read all that; a probe keeps no more than its mailbox. */
static void
live_empty_hub(struct live_rig *l)
{
	struct probe *hub = &l->rig.probes[2];

	hub->heard_count = 0;
	for (int i = 0; i < 1000 && hub->heard_count == 0; i++)
		rig_advance_ms(&l->rig, 10);
	assert_true(hub->heard_count >= RIG_WAITING_MAX - 1);
	memmove(&hub->heard[0], &hub->heard[hub->heard_count - 1],
	    sizeof(hub->heard[0]));
	hub->heard_count = 1; /* the newest */
	live_advance(l, 5000);
}

/* The hub hears that the socket is down, and cannot be told to unlisten. */
static void
test_58_unsubscribe_that_fails_at_the_end(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	live_fill_hub(&l, 1);
	net_fake_end(c.wire, ST_IO);
	rig_settle(&l.rig);
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_TRANSPORT_ERROR), 1);
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_DISCONNECTED), 1);
	live_empty_hub(&l);
	(void)RIG_TAKE(&l.rig, event_hub, hub_socket_down);
	(void)RIG_TAKE(&l.rig, event_hub, hub_unlisten);
	assert_int_equal(rig_logged(&l.rig, EV_API_WS_TRANSPORT_ERROR), 1);
	live_fini(&l);
}

/* Nothing gets through: both are told again when there is room. */
static void
test_full_hub_hears_of_the_end_later(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	live_fill_hub(&l, 0);
	net_fake_end(c.wire, ST_IO);
	rig_settle(&l.rig);
	assert_null(
	    rig_peek(&l.rig, ACTOR_NUMBER(event_hub), MSG_hub_socket_down));
	live_empty_hub(&l);
	(void)RIG_TAKE(&l.rig, event_hub, hub_socket_down);
	(void)RIG_TAKE(&l.rig, event_hub, hub_unlisten);
	live_fini(&l);
}

static void
assert_hub_hears_of(struct live_rig *l, const char *channel)
{
	const struct hub_socket_channels *news =
	    RIG_BODY(RIG_TAKE(&l->rig, event_hub, hub_socket_channels),
		hub_socket_channels);

	assert_string_equal(news->user_id, "u1");
	assert_int_equal(news->channels_count, 1);
	assert_string_equal(news->channels[0], channel);
}

/* One word makes good what another could not say. */
static void
test_full_hub_hears_of_channels_later(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "u1");
	client_subscribe(&c, "\"tasks\"", "");
	assert_hub_hears_of(&l, "tasks");
	live_fill_hub(&l, 0);
	client_send(&c, "{\"action\":\"unsubscribe\","
			"\"channels\":[\"tasks\"]}");
	client_subscribe(&c, "\"tasks\"", "");
	assert_null(
	    rig_peek(&l.rig, ACTOR_NUMBER(event_hub), MSG_hub_socket_channels));
	live_empty_hub(&l);
	assert_hub_hears_of(&l, "tasks");
	assert_null(
	    rig_peek(&l.rig, ACTOR_NUMBER(event_hub), MSG_hub_socket_channels));
	live_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_sockets_of_one_address_are_few),
		RUN(test_failed_revalidations_end_with_4011),
		RUN(test_58_unsubscribe_that_fails_at_the_end),
		RUN(test_full_hub_hears_of_the_end_later),
		RUN(test_full_hub_hears_of_channels_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
