/* The event hub between a store and a gateway that are probes. */
#include "actors/event_hub.h"

#include <stdio.h>
#include <string.h>

#include "tests/actors/people.h"
#include "tests/rig.h"

#define EPOCH 7
#define TASKS "tasks"

static void
hub_rig_cold(struct rig *r)
{
	rig_init(r);
	rig_probe(r, ACTOR_NUMBER(store));
	rig_probe(r, ACTOR_NUMBER(session_registry));
	rig_probe(r, ACTOR_NUMBER(gateway));
	rig_spawn(r, &event_hub_class, ACTOR_NUMBER(event_hub));
	assert_int_equal(rig_start(r), ST_OK);
}

/* Its store has a history of tasks that stands at head. */
static void
hub_rig(struct rig *r, uint64_t head)
{
	struct channel_head known = { TASKS, EPOCH, head };

	hub_rig_cold(r);
	RIG_ANSWER(r, RIG_TAKE(r, store, store_journal_channels),
	    store_channels, .channels = &known, .channels_count = 1);
	(void)RIG_TAKE(r, gateway, hub_restarted);
}

static struct event
event_at(uint64_t offset)
{
	struct event e = { .event_type = "task.created",
		.channel = TASKS,
		.epoch = EPOCH,
		.offset = offset,
		.payload = "{}" };

	memcpy(e.event_id.octets, &offset, sizeof(offset));
	return e;
}

static void
commit(struct rig *r, uint64_t first, uint64_t last)
{
	struct event events[HUB_BATCH_MAX];
	uint32_t count = 0;

	for (uint64_t i = first; i <= last; i++)
		events[count++] = event_at(i);
	RIG_SEND(r, store, event_hub, hub_committed, .events = events,
	    .events_count = count);
}

/* Answers a question to the journal with these events. */
static void
page(struct rig *r, struct heard *h, uint64_t first, uint64_t last,
    uint64_t head)
{
	struct event events[HUB_BATCH_MAX];
	uint32_t count = 0;

	for (uint64_t i = first; i <= last; i++)
		events[count++] = event_at(i);
	RIG_ANSWER(r, h, store_journal_page, .events = events,
	    .events_count = count, .epoch = EPOCH, .head = head,
	    .more = last < head);
}

static uint64_t
ask_listen(struct rig *r, const char *channel, uint64_t seen)
{
	return RIG_ASK(r, gateway, event_hub, hub_listen, .channel = channel,
	    .incarnation = 1, .epoch = seen == 0 ? 0 : EPOCH, .offset = seen);
}

static uint64_t
listening_at(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, hub_listening)->offset;
}

/* The gateway has heard exactly first to last, in order, and no more. */
static void
assert_heard(struct rig *r, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++) {
		struct heard *h = RIG_TAKE(r, gateway, hub_event);

		assert_int_equal(RIG_BODY(h, hub_event)->event.offset, i);
	}
	assert_null(rig_peek(r, ACTOR_NUMBER(gateway), MSG_hub_event));
}

static void
assert_journal_is_left_alone(struct rig *r)
{
	assert_null(rig_peek(r, ACTOR_NUMBER(store), MSG_store_journal_read));
}

static void
test_start_reads_all_heads_then_asks_gateways_to_listen(void **state)
{
	struct channel_head first = { "budget", EPOCH, 3 };
	struct channel_head second = { TASKS, EPOCH, 5 };
	struct heard *h;
	struct rig r;

	(void)state;
	hub_rig_cold(&r);
	rig_refuse(&r, RIG_TAKE(&r, store, store_journal_channels),
	    ST_UNAVAILABLE, PROBLEM_UNAVAILABLE, "");
	rig_advance_ms(&r, 1000);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_journal_channels),
	    store_channels, .channels = &first, .channels_count = 1,
	    .more = true);
	assert_null(rig_peek(&r, ACTOR_NUMBER(gateway), MSG_hub_restarted));
	h = RIG_TAKE(&r, store, store_journal_channels);
	assert_string_equal(
	    RIG_BODY(h, store_journal_channels)->after, "budget");
	RIG_ANSWER(
	    &r, h, store_channels, .channels = &second, .channels_count = 1);
	(void)RIG_TAKE(&r, gateway, hub_restarted);
	assert_int_equal(listening_at(&r, ask_listen(&r, "budget", 0)), 3);
	assert_int_equal(listening_at(&r, ask_listen(&r, TASKS, 0)), 5);
	assert_journal_is_left_alone(&r);
	rig_fini(&r);
}

static void
test_committed_events_go_once_and_in_order(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	(void)ask_listen(&r, TASKS, 0);
	(void)ask_listen(&r, TASKS, 0); /* listening twice is once */
	commit(&r, 6, 8);
	assert_heard(&r, 6, 8);
	commit(&r, 7, 9); /* told again */
	assert_heard(&r, 9, 9);
	RIG_SEND(&r, gateway, event_hub, hub_unlisten, .channel = TASKS);
	commit(&r, 10, 10);
	assert_heard(&r, 1, 0);
	assert_int_equal(listening_at(&r, ask_listen(&r, TASKS, 0)), 10);
	assert_journal_is_left_alone(&r);
	rig_fini(&r);
}

static void
test_gap_is_filled_from_the_journal_before_anything_newer(void **state)
{
	struct heard *h;
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	(void)ask_listen(&r, TASKS, 0);
	commit(&r, 9, 9);
	commit(&r, 10, 10);
	assert_heard(&r, 1, 0);
	assert_int_equal(rig_logged(&r, EV_EVENT_STREAM_HUB_GAP), 1);
	h = RIG_TAKE(&r, store, store_journal_read);
	assert_int_equal(RIG_BODY(h, store_journal_read)->after, 5);
	page(&r, h, 6, 7, 10);
	assert_heard(&r, 6, 7);
	h = RIG_TAKE(&r, store, store_journal_read);
	assert_int_equal(RIG_BODY(h, store_journal_read)->after, 7);
	page(&r, h, 8, 10, 10);
	assert_heard(&r, 8, 10);
	commit(&r, 11, 11);
	assert_heard(&r, 11, 11);
	assert_journal_is_left_alone(&r);
	rig_fini(&r);
}

static void
test_journal_that_does_not_answer_is_asked_again(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	(void)ask_listen(&r, TASKS, 0);
	commit(&r, 7, 7);
	rig_refuse(&r, RIG_TAKE(&r, store, store_journal_read), ST_IO,
	    PROBLEM_STORE_FAILED, "");
	assert_journal_is_left_alone(&r);
	rig_advance_ms(&r, 1000);
	page(&r, RIG_TAKE(&r, store, store_journal_read), 6, 7, 7);
	assert_heard(&r, 6, 7);
	rig_fini(&r);
}

static void
test_what_the_journal_has_lost_is_named_and_passed(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	(void)ask_listen(&r, TASKS, 0);
	commit(&r, 9, 9);
	page(&r, RIG_TAKE(&r, store, store_journal_read), 8, 9, 9);
	assert_heard(&r, 8, 9);
	assert_int_equal(rig_logged(&r, EV_EVENT_STREAM_HUB_LOST), 1);
	commit(&r, 12, 12);
	page(&r, RIG_TAKE(&r, store, store_journal_read), 1, 0, 12);
	assert_int_equal(rig_logged(&r, EV_EVENT_STREAM_HUB_LOST), 2);
	assert_journal_is_left_alone(&r); /* it does not ask for ever */
	commit(&r, 13, 13);
	assert_heard(&r, 13, 13);
	rig_fini(&r);
}

static void
test_new_history_begins_at_its_first_event(void **state)
{
	struct event e = event_at(1);
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	(void)ask_listen(&r, TASKS, 0);
	e.epoch = EPOCH + 1;
	RIG_SEND(&r, store, event_hub, hub_committed, .events = &e,
	    .events_count = 1);
	assert_heard(&r, 1, 1);
	e.offset = 2;
	RIG_SEND(&r, store, event_hub, hub_committed, .events = &e,
	    .events_count = 1);
	assert_heard(&r, 2, 2);
	rig_fini(&r);
}

static void
test_unknown_channel_is_looked_up_before_the_answer(void **state)
{
	struct event e = event_at(1);
	struct heard *h;
	uint64_t tag;
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	tag = ask_listen(&r, "user:u1", 0);
	assert_null(rig_answer_to(&r, ACTOR_NUMBER(gateway), tag));
	h = RIG_TAKE(&r, store, store_journal_read);
	assert_int_equal(RIG_BODY(h, store_journal_read)->limit, 0);
	/* One is committed after the journal was read, told before. */
	e.channel = "user:u1";
	RIG_SEND(&r, store, event_hub, hub_committed, .events = &e,
	    .events_count = 1);
	RIG_ANSWER(&r, h, store_journal_page, .epoch = 0, .head = 0);
	assert_int_equal(listening_at(&r, tag), 0);
	h = RIG_TAKE(&r, store, store_journal_read);
	RIG_ANSWER(&r, h, store_journal_page, .events = &e, .events_count = 1,
	    .epoch = EPOCH, .head = 1);
	h = rig_peek(&r, ACTOR_NUMBER(store), MSG_store_journal_read);
	if (h != NULL) /* the history is new: read from its beginning */
		RIG_ANSWER(&r, h, store_journal_page, .events = &e,
		    .events_count = 1, .epoch = EPOCH, .head = 1);
	assert_heard(&r, 1, 1);
	rig_fini(&r);
}

static void
test_listener_that_names_what_it_saw_misses_nothing(void **state)
{
	struct heard *h;
	uint64_t tag;
	struct rig r;

	(void)state;
	hub_rig(&r, 8);
	tag = ask_listen(&r, TASKS, 5);
	h = RIG_TAKE(&r, store, store_journal_read);
	assert_int_equal(RIG_BODY(h, store_journal_read)->after, 5);
	commit(&r, 9, 9); /* meanwhile */
	page(&r, h, 6, 7, 8);
	assert_null(rig_answer_to(&r, ACTOR_NUMBER(gateway), tag));
	h = RIG_TAKE(&r, store, store_journal_read);
	page(&r, h, 8, 10, 10); /* 10 is committed, and not told yet */
	assert_heard(&r, 6, 9);
	assert_int_equal(listening_at(&r, tag), 9);
	commit(&r, 10, 10);
	assert_heard(&r, 10, 10);
	rig_fini(&r);
}

/* It may have died between the commit and the telling. */
static void
test_new_store_is_asked_for_what_it_did_not_tell(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	(void)ask_listen(&r, TASKS, 0);
	RIG_SEND(
	    &r, store, event_hub, node_changed, .up = true, .incarnation = 7);
	page(&r, RIG_TAKE(&r, store, store_journal_read), 6, 7, 7);
	assert_heard(&r, 6, 7);
	RIG_SEND(
	    &r, store, event_hub, node_changed, .up = false, .incarnation = 7);
	RIG_SEND(&r, store, event_hub, node_changed, .up = true,
	    .incarnation = 7); /* only the link was away */
	assert_journal_is_left_alone(&r);
	commit(&r, 8, 8);
	assert_heard(&r, 8, 8);
	rig_fini(&r);
}

static void
test_listener_of_another_history_starts_at_the_head(void **state)
{
	uint64_t tag;
	struct rig r;

	(void)state;
	hub_rig(&r, 8);
	tag = RIG_ASK(&r, gateway, event_hub, hub_listen, .channel = TASKS,
	    .epoch = EPOCH - 1, .offset = 5);
	assert_int_equal(listening_at(&r, tag), 8);
	assert_heard(&r, 1, 0);
	rig_fini(&r);
}

/* Scenario 51; D-46 */
static void
test_blank_and_unknown_channels_are_refused(void **state)
{
	const char *const names[] = { "", "user:", "user: ", "nonsense",
		"Tasks" };
	uint64_t tag;
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct event e = event_at(0);

		tag = ask_listen(&r, names[i], 0);
		assert_int_equal(
		    RIG_REPLIED(&r, gateway, tag, refused)->problem,
		    PROBLEM_VALIDATION);
		e.channel = names[i];
		e.event_id.octets[0] = 1;
		tag = RIG_ASK(
		    &r, session_registry, event_hub, hub_publish, .event = e);
		assert_int_equal(
		    RIG_REPLIED(&r, session_registry, tag, refused)->problem,
		    PROBLEM_VALIDATION);
	}
	tag = RIG_ASK(
	    &r, session_registry, event_hub, hub_listen, .channel = TASKS);
	assert_int_equal(
	    RIG_REPLIED(&r, session_registry, tag, refused)->problem,
	    PROBLEM_FORBIDDEN);
	rig_fini(&r);
}

/* ---- ephemeral events ---- */

static const struct hub_published *
publish(struct rig *r, const char *channel, uint8_t id)
{
	struct event e = event_at(77); /* its place is no place of a history */
	uint64_t tag;

	e.channel = channel;
	memset(&e.event_id, id, sizeof(e.event_id));
	tag = RIG_ASK(r, session_registry, event_hub, hub_publish, .event = e);
	return RIG_REPLIED(r, session_registry, tag, hub_published);
}

/* Listens, answering for a journal that has no history of it. */
static void
listen_fresh(struct rig *r, const char *channel)
{
	uint64_t tag = ask_listen(r, channel, 0);
	struct heard *h =
	    rig_peek(r, ACTOR_NUMBER(store), MSG_store_journal_read);

	if (h != NULL)
		RIG_ANSWER(r, h, store_journal_page, .epoch = 0);
	(void)listening_at(r, tag);
}

/* Scenario 45, the hub's part; EH-03 */
static void
test_private_event_reaches_its_listener_once(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	listen_fresh(&r, "user:u1");
	assert_int_equal(publish(&r, "user:u1", 1)->gateways, 1);
	assert_heard(&r, 0, 0);
	assert_int_equal(publish(&r, "user:u2", 2)->gateways, 0);
	assert_int_equal(publish(&r, TASKS, 3)->gateways, 0);
	assert_heard(&r, 1, 0);
	rig_fini(&r);
}

/* EH-03, EH-04, EH-07 */
static void
test_duplicate_is_suppressed_for_a_minute(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	(void)ask_listen(&r, TASKS, 0);
	assert_false(publish(&r, TASKS, 1)->duplicate);
	rig_advance_ms(&r, 59000);
	assert_true(publish(&r, TASKS, 1)->duplicate); /* no refresh */
	assert_int_equal(
	    rig_logged(&r, EV_EVENT_STREAM_HUB_PUBLISH_DEDUPED), 1);
	assert_heard(&r, 0, 0);
	rig_advance_ms(&r, 1000);
	assert_true(publish(&r, TASKS, 1)->duplicate);
	rig_advance_ms(&r, 1);
	assert_false(publish(&r, TASKS, 1)->duplicate);
	assert_heard(&r, 0, 0);
	rig_fini(&r);
}

/* EH-06 */
static void
test_same_id_on_two_channels_is_two_events(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	(void)ask_listen(&r, TASKS, 0);
	listen_fresh(&r, "system");
	assert_false(publish(&r, TASKS, 1)->duplicate);
	assert_false(publish(&r, "system", 1)->duplicate);
	rig_fini(&r);
}

/* EH-02, EH-03 step 1, EH-10; decision 13 */
static void
test_id_that_nobody_took_is_not_remembered(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	assert_int_equal(publish(&r, TASKS, 1)->gateways, 0);
	(void)ask_listen(&r, TASKS, 0);
	assert_int_equal(publish(&r, TASKS, 1)->gateways, 1);
	RIG_SEND(&r, gateway, event_hub, hub_unlisten, .channel = TASKS);
	(void)ask_listen(&r, TASKS, 0);
	assert_int_equal(publish(&r, TASKS, 1)->gateways, 1);
	assert_int_equal(
	    rig_logged(&r, EV_EVENT_STREAM_HUB_PUBLISH_DEDUPED), 0);
	rig_fini(&r);
}

/* EH-08, EH-10: a gateway that takes nothing more. */
static void
test_id_of_an_event_that_did_not_fit_is_not_remembered(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	(void)ask_listen(&r, TASKS, 0);
	actor_fail(r.probes[2].actor, ST_BUG, "injected");
	for (int i = 0; i < RIG_HEARD_MAX; i++)
		(void)actor_send(r.probes[1].actor,
		    actor_address(r.probes[2].actor), MSG_ping,
		    &(struct ping){ 0 });
	assert_int_equal(publish(&r, TASKS, 1)->gateways, 0);
	assert_int_equal(
	    rig_logged(&r, EV_EVENT_STREAM_HUB_DELIVERY_FAILED), 1);
	assert_false(publish(&r, TASKS, 1)->duplicate);
	rig_fini(&r);
}

static void
test_event_without_an_id_is_refused(void **state)
{
	uint64_t tag;
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	tag = RIG_ASK(
	    &r, session_registry, event_hub, hub_publish, .event = event_at(0));
	assert_int_equal(
	    RIG_REPLIED(&r, session_registry, tag, refused)->problem,
	    PROBLEM_VALIDATION);
	rig_fini(&r);
}

/* ---- presence ---- */

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
		RUN(test_start_reads_all_heads_then_asks_gateways_to_listen),
		RUN(test_committed_events_go_once_and_in_order),
		RUN(test_gap_is_filled_from_the_journal_before_anything_newer),
		RUN(test_journal_that_does_not_answer_is_asked_again),
		RUN(test_what_the_journal_has_lost_is_named_and_passed),
		RUN(test_new_history_begins_at_its_first_event),
		RUN(test_unknown_channel_is_looked_up_before_the_answer),
		RUN(test_listener_that_names_what_it_saw_misses_nothing),
		cmocka_unit_test(
		    test_new_store_is_asked_for_what_it_did_not_tell),
		RUN(test_listener_of_another_history_starts_at_the_head),
		RUN(test_blank_and_unknown_channels_are_refused),
		RUN(test_private_event_reaches_its_listener_once),
		RUN(test_duplicate_is_suppressed_for_a_minute),
		RUN(test_same_id_on_two_channels_is_two_events),
		RUN(test_id_that_nobody_took_is_not_remembered),
		RUN(test_id_of_an_event_that_did_not_fit_is_not_remembered),
		RUN(test_event_without_an_id_is_refused),
		RUN(test_presence_counts_real_transitions_only),
		RUN(test_new_incarnation_replaces_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
