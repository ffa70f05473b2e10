/* Live sockets of a whole gateway.  Numbers are those of the scenarios. */
#include "tests/gateway/live.h"

static void
test_42_auth_ok_comes_first(void **state)
{
	struct live l;
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
	struct live l;
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
	struct live l;
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_42_auth_ok_comes_first),
		RUN(test_45_own_channel_needs_no_subscription),
		RUN(test_subscribed_is_said_once_the_hub_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
