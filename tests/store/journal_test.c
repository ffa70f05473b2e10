#include "store/journal.h"

#include "tests/store/asker.h"

static uint64_t
append(const char *channel, const char *type)
{
	struct event event = { .event_type = type,
		.channel = channel,
		.timestamp = 5,
		.payload = "{}" };
	const struct event *placed;
	struct backend_txn *inner;
	uint64_t offset;
	struct txn t;

	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	placed = journal_append(&t, &event);
	OK(txn_status(&t));
	assert_int_equal(placed->epoch, EPOCH);
	offset = placed->offset;
	OK(backend_commit(inner));
	return offset;
}

static const struct store_journal_page *
page_of(const char *channel, uint64_t after, uint32_t limit)
{
	OK(ASK(store_journal_read, .channel = channel, .after = after,
	    .limit = limit));
	return REPLY_IS(store_journal_page);
}

static void
test_offsets_count_up_per_channel(void **state)
{
	(void)state;
	assert_int_equal(append("tasks", "a"), 1);
	assert_int_equal(append("tasks2", "b"), 1);
	assert_int_equal(append("tasks", "c"), 2);
	fixture_reopen(asker.f);
	assert_int_equal(append("tasks", "d"), 3);
}

static void
test_reading_goes_on_after_an_offset(void **state)
{
	const struct store_journal_page *page;

	(void)state;
	for (int i = 0; i < 5; i++)
		append("tasks", "e");
	append("tasks!", "x");
	page = page_of("tasks", 1, 3);
	assert_int_equal(page->events_count, 3);
	assert_int_equal(page->events[0].offset, 2);
	assert_int_equal(page->events[2].offset, 4);
	assert_int_equal(page->epoch, EPOCH);
	assert_int_equal(page->head, 5);
	assert_true(page->more);
	page = page_of("tasks", 4, 3);
	assert_int_equal(page->events_count, 1);
	assert_false(page->more);
	assert_int_equal(page_of("tasks", 5, 3)->events_count, 0);
	assert_int_equal(page_of("tasks", UINT64_MAX, 3)->events_count, 0);
}

static void
test_limit_of_none_tells_where_it_stands(void **state)
{
	const struct store_journal_page *page;

	(void)state;
	append("tasks", "e");
	page = page_of("tasks", 0, 0);
	assert_int_equal(page->head, 1);
	assert_int_equal(page->events_count, 0);
	assert_true(page->more);
	page = page_of("none", 0, 9);
	assert_int_equal(page->epoch, EPOCH);
	assert_int_equal(page->head, 0);
	assert_false(page->more);
	IS(INVALID, ASK(store_journal_read, .channel = " ", .limit = 1));
}

/* An event is there exactly if what it tells is. */
static void
test_aborted_event_leaves_no_gap(void **state)
{
	struct event event = {
		.event_type = "e", .channel = "tasks", .payload = "{}"
	};
	struct backend_txn *inner;
	struct txn t;

	(void)state;
	append("tasks", "a");
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	assert_int_equal(journal_append(&t, &event)->offset, 2);
	assert_int_equal(journal_append(&t, &event)->offset, 3);
	event.channel = " ";
	assert_null(journal_append(&t, &event));
	IS(INVALID, txn_status(&t));
	backend_abort(inner);
	assert_int_equal(append("tasks", "b"), 2);
}

static void
test_channels_are_listed_by_name(void **state)
{
	const struct store_channels *c;
	char name[16];

	(void)state;
	for (int i = 0; i < STORE_PAGE_MAX + 1; i++) {
		snprintf(name, sizeof(name), "c%03d", i);
		append(name, "e");
	}
	append("c000", "e");
	OK(ASK(store_journal_channels, .after = ""));
	c = REPLY_IS(store_channels);
	assert_int_equal(c->channels_count, STORE_PAGE_MAX);
	assert_string_equal(c->channels[0].channel, "c000");
	assert_int_equal(c->channels[0].head, 2);
	assert_int_equal(c->channels[0].epoch, EPOCH);
	assert_true(c->more);
	OK(ASK(store_journal_channels, .after = "c255"));
	c = REPLY_IS(store_channels);
	assert_int_equal(c->channels_count, 1);
	assert_false(c->more);
}

/* Many appends in one transaction: the oldest fall out past the bound. */
static void
test_journal_keeps_the_newest(void **state)
{
	struct event event = {
		.event_type = "e", .channel = "tasks", .payload = "{}"
	};
	const struct channel_head near = {
		.channel = "tasks", .epoch = EPOCH, .head = JOURNAL_KEEP_MAX - 1
	};
	struct backend_txn *inner;
	struct key k;
	struct txn t;

	(void)state;
	for (int i = 0; i < 3; i++)
		append("tasks", "old");
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	key_init(&k);
	key_tail(&k, "tasks");
	row_put(&t, TABLE_CHANNELS, &k, CATALOGUE_TYPE(channel_head), &near);
	for (int i = 0; i < 3; i++)
		assert_non_null(journal_append(&t, &event));
	OK(backend_commit(inner));
	assert_int_equal(asker_count(TABLE_JOURNAL), 4);
	assert_int_equal(page_of("tasks", 0, 1)->events[0].offset, 3);
}

static void
test_damaged_event_is_named(void **state)
{
	struct backend_txn *inner;
	struct key k;

	(void)state;
	append("tasks", "a");
	append("other", "b");
	key_init(&k);
	key_text(&k, "tasks");
	key_number(&k, 1);
	OK(backend_write(asker.f->b, &inner));
	OK(backend_put(inner, TABLE_JOURNAL, key_bytes(&k), B("bad")));
	OK(backend_commit(inner));
	IS(CORRUPT, ASK(store_journal_read, .channel = "tasks", .limit = 9));
	assert_string_equal(asker.why, "journal/tasks.........");
	assert_int_equal(page_of("other", 0, 9)->events_count, 1);
}

/* ---- batches ---- */

#define BATCH 3

static struct event
batched(uint64_t n)
{
	struct event e = { .event_type = "e",
		.channel = "tasks",
		.timestamp = 5,
		.payload = "{}" };

	memcpy(e.event_id.octets, &n, sizeof(n));
	e.event_id.octets[15] = 1;
	return e;
}

/* The events of these numbers, with ids of their own, under one key. */
static const struct event_place *
publish(const uint64_t numbers[BATCH], const char *key)
{
	struct event events[BATCH];
	struct once once = { .key = key };

	for (int i = 0; i < BATCH; i++)
		events[i] = batched(numbers[i]);
	OK(ASK(store_events_append, .events = events, .events_count = BATCH,
	    .given = (1 << BATCH) - 1, .scope = "s", .principal = "u",
	    .once = once, .now = 5));
	assert_int_equal(REPLY_IS(store_events_appended)->events_count, BATCH);
	return REPLY_IS(store_events_appended)->events;
}

static void
places_are(const struct event_place *p, const uint64_t offsets[BATCH],
    const bool replayed[BATCH])
{
	for (int i = 0; i < BATCH; i++) {
		assert_int_equal(p[i].epoch, EPOCH);
		assert_int_equal(p[i].offset, offsets[i]);
		assert_int_equal(p[i].duplicate, replayed[i]);
	}
}

static void
test_repeated_batch_has_the_places_of_the_first(void **state)
{
	const uint64_t numbers[] = { 1, 2, 3 }, offsets[] = { 1, 2, 3 };

	(void)state;
	places_are(publish(numbers, "k"), offsets, (bool[BATCH]){ 0 });
	places_are(publish(numbers, "k"), offsets, (bool[]){ 1, 1, 1 });
	assert_int_equal(asker_count(TABLE_JOURNAL), 3);
}

/* Its places are not in a row, so that its key cannot tell them. */
static void
test_batch_that_was_there_in_part_is_repeated_rightly(void **state)
{
	const uint64_t before[] = { 1, 2, 3 }, between[] = { 7, 8, 9 };
	const uint64_t mixed[] = { 2, 10, 11 }, all_old[] = { 3, 1, 8 };

	(void)state;
	(void)publish(before, "a");
	(void)publish(between, "b");
	for (int n = 0; n < 3; n++)
		places_are(publish(mixed, "c"), (uint64_t[]){ 2, 7, 8 },
		    (bool[]){ true, n > 0, n > 0 });
	for (int n = 0; n < 2; n++)
		places_are(publish(all_old, "d"), (uint64_t[]){ 3, 1, 5 },
		    (bool[]){ true, true, true });
	assert_int_equal(asker_count(TABLE_JOURNAL), 8);
}

/* The self-check of P-34: every store request has its function, once. */
static void
test_every_request_is_served_once(void **state)
{
	const struct request *r;
	size_t n = 0;

	(void)state;
	for (; (r = request_nth(n)) != NULL; n++) {
		assert_ptr_equal(request_find(r->id), r);
		assert_non_null(r->run);
		assert_non_null(catalogue_find(r->id));
	}
	assert_true(n > 20);
	assert_null(request_find(MSG_done));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_offsets_count_up_per_channel),
		ASKED(test_reading_goes_on_after_an_offset),
		ASKED(test_limit_of_none_tells_where_it_stands),
		ASKED(test_aborted_event_leaves_no_gap),
		ASKED(test_channels_are_listed_by_name),
		ASKED(test_journal_keeps_the_newest),
		ASKED(test_damaged_event_is_named),
		ASKED(test_repeated_batch_has_the_places_of_the_first),
		ASKED(test_batch_that_was_there_in_part_is_repeated_rightly),
		ASKED(test_every_request_is_served_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
