/* The event hub: who is online. */
#include "tests/actors/hub_rig.h"

static void
socket_up(struct rig *r, const char *user_id, uint64_t socket, uint64_t life)
{
	RIG_SEND(r, gateway, event_hub, hub_socket_up, .user_id = user_id,
	    .socket = socket, .incarnation = life);
}

static void
socket_down(struct rig *r, const char *user_id, uint64_t socket)
{
	RIG_SEND(r, gateway, event_hub, hub_socket_down, .user_id = user_id,
	    .socket = socket);
}

static void
assert_last(struct rig *r, enum event_id event, size_t count, const char *says)
{
	assert_int_equal(rig_logged(r, event), count);
	assert_non_null(strstr(rig_line(r, event, count - 1), says));
}

/* Scenarios 56 and 57; D-43 */
static void
test_presence_counts_real_transitions_only(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	socket_up(&r, "u1", 1, 1);
	assert_last(&r, EV_USER_PRESENCE_CONNECT, 1, "count=1");
	socket_up(&r, "u1", 2, 1);
	assert_last(&r, EV_USER_PRESENCE_CONNECT, 2, "count=2");
	socket_up(&r, "u1", 2, 1); /* told twice */
	assert_last(&r, EV_USER_PRESENCE_CONNECT, 2, "count=2");
	socket_down(&r, "u1", 1);
	assert_last(&r, EV_USER_PRESENCE_DISCONNECT, 1, "count=1");
	socket_down(&r, "u1", 1);
	socket_down(&r, "u2", 2); /* not theirs */
	socket_down(&r, "never", 9);
	assert_int_equal(rig_logged(&r, EV_USER_PRESENCE_DISCONNECT), 1);
	socket_down(&r, "u1", 2);
	assert_last(&r, EV_USER_PRESENCE_DISCONNECT, 2, "count=0");
	socket_up(&r, " ", 3, 1);
	assert_int_equal(rig_logged(&r, EV_USER_PRESENCE_CONNECT), 2);
	assert_int_equal(rig_logged(&r, EV_EVENT_STREAM_HUB_REFUSED), 1);
	rig_fini(&r);
}

/* A gateway that begins anew replaces what it was, and doubles nothing. */
static void
test_new_incarnation_replaces_the_old_one(void **state)
{
	uint64_t tag;
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	(void)ask_listen(&r, TASKS, 0);
	socket_up(&r, "u1", 1, 1);
	socket_up(&r, "u1", 2, 1);
	socket_up(&r, "u1", 1, 2);
	assert_int_equal(
	    rig_logged(&r, EV_EVENT_STREAM_HUB_GATEWAY_FORGOTTEN), 1);
	assert_last(&r, EV_USER_PRESENCE_DISCONNECT, 2, "count=0");
	assert_last(&r, EV_USER_PRESENCE_CONNECT, 3, "count=1");
	commit(&r, 6, 6);
	assert_heard(&r, 1, 0);
	tag = RIG_ASK(&r, gateway, event_hub, hub_listen, .channel = TASKS,
	    .incarnation = 2);
	assert_int_equal(listening_at(&r, tag), 6);
	commit(&r, 7, 7);
	assert_heard(&r, 7, 7);
	rig_fini(&r);
}

static const struct presence_page *
online(struct rig *r)
{
	uint64_t tag =
	    RIG_ASK(r, gateway, event_hub, presence_list, .caller = OBSERVER);

	return RIG_REPLIED(r, gateway, tag, presence_page);
}

/* The lease: killed, or cut off; one that comes back tells all again. */
static void
test_silent_gateway_is_forgotten_and_called_back(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	RIG_SEND(&r, gateway, event_hub, hub_beat, .incarnation = 1);
	socket_up(&r, "u1", 1, 1);
	socket_up(&r, "u1", 2, 1);
	assert_int_equal(online(&r)->online, 1);
	assert_int_equal(online(&r)->users[0].sockets, 2);
	rig_advance_ms(&r, 5000);
	RIG_SEND(&r, gateway, event_hub, hub_beat, .incarnation = 1);
	rig_advance_ms(&r, 5000);
	assert_int_equal(online(&r)->online, 1);
	rig_advance_ms(&r, 2000);
	assert_int_equal(online(&r)->online, 0);
	assert_int_equal(online(&r)->users_count, 0);
	assert_null(rig_peek(&r, ACTOR_NUMBER(gateway), MSG_hub_restarted));
	RIG_SEND(&r, gateway, event_hub, hub_beat, .incarnation = 1);
	rig_advance_ms(&r, 100);
	(void)RIG_TAKE(&r, gateway, hub_restarted);
	rig_fini(&r);
}

static void
test_joins_and_leaves_are_told_on_system(void **state)
{
	const struct event *e;
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	(void)RIG_ASK(&r, gateway, event_hub, hub_listen, .channel = "system",
	    .incarnation = 1);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_journal_read),
	    store_journal_page, .first = 1);
	socket_up(&r, "u1", 1, 1);
	e = &RIG_BODY(RIG_TAKE(&r, gateway, hub_event), hub_event)->event;
	assert_string_equal(e->event_type, "presence.joined");
	assert_string_equal(e->payload, "{\"user_id\":\"u1\"}");
	assert_int_equal(e->offset, 0);
	socket_up(&r, "u1", 2, 1);
	socket_down(&r, "u1", 2);
	assert_null(rig_peek(&r, ACTOR_NUMBER(gateway), MSG_hub_event));
	socket_down(&r, "u1", 1);
	e = &RIG_BODY(RIG_TAKE(&r, gateway, hub_event), hub_event)->event;
	assert_string_equal(e->event_type, "presence.left");
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presence_counts_real_transitions_only),
		cmocka_unit_test(test_new_incarnation_replaces_the_old_one),
		cmocka_unit_test(
		    test_silent_gateway_is_forgotten_and_called_back),
		cmocka_unit_test(test_joins_and_leaves_are_told_on_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
