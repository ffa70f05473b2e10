#include "actors/event_hub.h"

#include "tests/actors/hub_rig.h"

#define PRIVATE "user:u1"
#define WEEK_US (INT64_C(7) * 24 * 3600 * 1000000)
#define MONTH_US (INT64_C(30) * 24 * 3600 * 1000000)

static uint64_t
run(struct rig *r)
{
	return RIG_ASK(r, session_registry, event_hub, service_run,
	    .service = "journal-prune", .generation = 3);
}

/* A run finds that this channel is silent. */
static void
find_silent(struct rig *r, const char *channel)
{
	uint64_t tag = run(r);

	RIG_ANSWER(r, RIG_TAKE(r, store, store_journal_sweep),
	    store_journal_swept, .silent = &channel, .silent_count = 1,
	    .after = channel, .channels = 9);
	assert_int_equal(
	    RIG_REPLIED(r, session_registry, tag, service_ran)->generation, 3);
}

static void
forgotten(struct rig *r, const char *channel)
{
	struct heard *h = RIG_TAKE(r, store, store_channels_forget);

	assert_int_equal(RIG_BODY(h, store_channels_forget)->channels_count, 1);
	assert_string_equal(
	    RIG_BODY(h, store_channels_forget)->channels[0], channel);
	RIG_ANSWER(r, h, store_channels_forgotten, .channels = &channel,
	    .channels_count = 1);
}

/* The first event of the history after one that was forgotten. */
static void
begin_anew(struct rig *r)
{
	struct event e = event_at(1);

	e.epoch = EPOCH + 1;
	RIG_SEND(r, store, event_hub, hub_committed, .events = &e,
	    .events_count = 1);
}

static void
assert_nothing_is_forgotten(struct rig *r)
{
	assert_null(
	    rig_peek(r, ACTOR_NUMBER(store), MSG_store_channels_forget));
}

static void
test_run_goes_through_all_channels(void **state)
{
	const struct store_journal_sweep *ask;
	struct heard *h;
	uint64_t tag;
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	tag = run(&r);
	h = RIG_TAKE(&r, store, store_journal_sweep);
	ask = RIG_BODY(h, store_journal_sweep);
	assert_string_equal(ask->after, "");
	assert_int_equal(ask->before, RIG_WALL_US - WEEK_US);
	assert_int_equal(ask->silent, RIG_WALL_US - MONTH_US);
	assert_int_equal(ask->events_max, 65536);
	RIG_ANSWER(&r, h, store_journal_swept, .events = 7, .after = "tasks",
	    .more = true);
	h = RIG_TAKE(&r, store, store_journal_sweep);
	assert_string_equal(RIG_BODY(h, store_journal_sweep)->after, "tasks");
	RIG_ANSWER(&r, h, store_journal_swept, .events = 2, .after = "user:x");
	assert_int_equal(
	    RIG_REPLIED(&r, session_registry, tag, service_ran)->count, 9);
	assert_int_equal(rig_logged(&r, EV_EVENT_STREAM_PRUNED), 1);
	assert_nothing_is_forgotten(&r);
	rig_fini(&r);
}

/* Else the last channels would never have their turn. */
static void
test_run_that_was_cut_short_is_gone_on_with(void **state)
{
	struct heard *h;
	struct rig r;

	(void)state;
	hub_rig(&r, 0);
	(void)run(&r);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_journal_sweep),
	    store_journal_swept, .after = "tasks", .more = true, .unread = 1);
	assert_int_equal(rig_logged(&r, EV_EVENT_STREAM_UNREAD), 1);
	rig_refuse(&r, RIG_TAKE(&r, store, store_journal_sweep), ST_TIMEOUT,
	    PROBLEM_TIMEOUT, "");
	(void)run(&r);
	h = RIG_TAKE(&r, store, store_journal_sweep);
	assert_string_equal(RIG_BODY(h, store_journal_sweep)->after, "tasks");
	RIG_ANSWER(&r, h, store_journal_swept, .after = "user:x");
	(void)run(&r);
	h = RIG_TAKE(&r, store, store_journal_sweep);
	assert_string_equal(RIG_BODY(h, store_journal_sweep)->after, "");
	rig_fini(&r);
}

static void
test_channel_that_is_listened_to_is_not_forgotten(void **state)
{
	uint64_t tag;
	struct heard *h;
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	(void)listening_at(&r, ask_listen(&r, TASKS, 0));
	find_silent(&r, TASKS);
	assert_nothing_is_forgotten(&r);
	/* Nor one that is just being asked for. */
	tag = ask_listen(&r, PRIVATE, 0);
	h = RIG_TAKE(&r, store, store_journal_read);
	find_silent(&r, PRIVATE);
	assert_nothing_is_forgotten(&r);
	RIG_ANSWER(&r, h, store_journal_page, .epoch = EPOCH);
	(void)listening_at(&r, tag);
	RIG_SEND(&r, gateway, event_hub, hub_unlisten, .channel = PRIVATE);
	find_silent(&r, PRIVATE);
	forgotten(&r, PRIVATE);
	assert_int_equal(rig_logged(&r, EV_EVENT_STREAM_FORGOTTEN), 1);
	rig_fini(&r);
}

/* What is known of a history that has ended is not told to anybody. */
static void
test_place_of_a_forgotten_channel_is_asked_anew(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	hub_rig(&r, 5);
	find_silent(&r, TASKS);
	forgotten(&r, TASKS);
	tag = ask_listen(&r, TASKS, 0);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_journal_read),
	    store_journal_page, .epoch = EPOCH + 1);
	assert_int_equal(
	    RIG_REPLIED(&r, gateway, tag, hub_listening)->epoch, EPOCH + 1);
	assert_journal_is_left_alone(&r);
	begin_anew(&r);
	assert_heard(&r, 1, 1);
	rig_fini(&r);
}

/* It may be done although nobody says so. */
static void
test_place_is_asked_anew_after_an_answer_that_is_none(void **state)
{
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	find_silent(&r, TASKS);
	rig_refuse(&r, RIG_TAKE(&r, store, store_channels_forget), ST_TIMEOUT,
	    PROBLEM_TIMEOUT, "");
	(void)ask_listen(&r, TASKS, 0);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_journal_read),
	    store_journal_page, .epoch = EPOCH + 1);
	assert_journal_is_left_alone(&r);
	begin_anew(&r);
	assert_heard(&r, 1, 1);
	rig_fini(&r);
}

/* Who came while it was forgotten was told the old place: it is read again. */
static void
test_who_comes_meanwhile_is_told_the_new_history(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	hub_rig(&r, 5);
	find_silent(&r, TASKS);
	tag = ask_listen(&r, TASKS, 0);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_journal_read),
	    store_journal_page, .epoch = EPOCH, .head = 5, .first = 5);
	assert_int_equal(listening_at(&r, tag), 5);
	forgotten(&r, TASKS);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_journal_read),
	    store_journal_page, .epoch = EPOCH + 1);
	begin_anew(&r);
	assert_heard(&r, 1, 1);
	rig_fini(&r);
}

static void
test_only_the_hub_says_who_is_silent(void **state)
{
	const char *channel = TASKS;
	struct rig r;

	(void)state;
	hub_rig(&r, 5);
	RIG_SEND(&r, gateway, event_hub, hub_silent, .channels = &channel,
	    .channels_count = 1, .silent = INT64_MAX);
	assert_nothing_is_forgotten(&r);
	assert_int_equal(rig_logged(&r, EV_EVENT_STREAM_HUB_REFUSED), 1);
	rig_fini(&r);
}

static void
test_channel_too_many_is_counted(void **state)
{
	const struct event_publish ask = { .caller = { .user_id = "c",
					       .role = ROLE_CEO },
		.channel = PRIVATE,
		.event_type = "e",
		.payload = "{}" };
	struct heard *h;
	struct rig r;
	uint64_t tag;

	(void)state;
	hub_rig(&r, 0);
	tag = rig_ask(&r, ACTOR_NUMBER(gateway), ACTOR_NUMBER(event_hub),
	    MSG_event_publish, &ask, RIG_WITHIN_US);
	h = RIG_TAKE(&r, store, store_event_append);
	assert_int_equal(
	    RIG_BODY(h, store_event_append)->channels_max, 1000000);
	rig_refuse(&r, h, ST_FULL, PROBLEM_CHANNELS_MAX, "");
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, refused)->problem,
	    PROBLEM_CHANNELS_MAX);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_goes_through_all_channels),
		cmocka_unit_test(test_run_that_was_cut_short_is_gone_on_with),
		cmocka_unit_test(
		    test_channel_that_is_listened_to_is_not_forgotten),
		cmocka_unit_test(
		    test_place_of_a_forgotten_channel_is_asked_anew),
		cmocka_unit_test(
		    test_place_is_asked_anew_after_an_answer_that_is_none),
		cmocka_unit_test(
		    test_who_comes_meanwhile_is_told_the_new_history),
		cmocka_unit_test(test_only_the_hub_says_who_is_silent),
		cmocka_unit_test(test_channel_too_many_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
