/* The event hub: events, their order, their history, duplicates. */
#include "tests/actors/hub_rig.h"

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
	for (int i = 0; i < RIG_WAITING_MAX; i++)
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_committed_events_go_once_and_in_order),
		cmocka_unit_test(
		    test_gap_is_filled_from_the_journal_before_anything_newer),
		cmocka_unit_test(
		    test_journal_that_does_not_answer_is_asked_again),
		cmocka_unit_test(
		    test_what_the_journal_has_lost_is_named_and_passed),
		cmocka_unit_test(test_new_history_begins_at_its_first_event),
		cmocka_unit_test(
		    test_unknown_channel_is_looked_up_before_the_answer),
		cmocka_unit_test(
		    test_listener_that_names_what_it_saw_misses_nothing),
		cmocka_unit_test(
		    test_new_store_is_asked_for_what_it_did_not_tell),
		cmocka_unit_test(
		    test_listener_of_another_history_starts_at_the_head),
		cmocka_unit_test(test_blank_and_unknown_channels_are_refused),
		cmocka_unit_test(test_private_event_reaches_its_listener_once),
		cmocka_unit_test(test_duplicate_is_suppressed_for_a_minute),
		cmocka_unit_test(test_same_id_on_two_channels_is_two_events),
		cmocka_unit_test(test_id_that_nobody_took_is_not_remembered),
		cmocka_unit_test(
		    test_id_of_an_event_that_did_not_fit_is_not_remembered),
		cmocka_unit_test(test_event_without_an_id_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
