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

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presence_counts_real_transitions_only),
		cmocka_unit_test(test_new_incarnation_replaces_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
