/*
 * Channels that are forgotten, and what a place of before is worth then.
 *
 * The model: random channels are told events, pruned and forgotten; requests
 * fail, and processes are killed, at random operations of their transactions.
 * Everybody who was ever told where a channel stands keeps that place, and
 * what had been told by then.  Whatever happens: if a place is of the history
 * that there is, then what follows it is exactly what that reader missed.
 *
 *   TROUPE_MODEL_OPS   operations, instead of OPS_DEFAULT
 *   TROUPE_MODEL_SEED  instead of 1
 */

#include "protocols/problem.h"
#include "store/journal.h"
#include "store/meta.h"
#include "tests/store/asker.h"

#define OPS_DEFAULT 4000
#define CHANNELS 6
#define PLACES 4000
#define TOLD_MAX 100000
#define KILL_EVERY 40
#define LIMIT 5

static const char *const names[CHANNELS] = { "project:a", "project:b",
	"session:c", "tasks", "user:d", "user:e" };

static enum status
tell(const char *channel, int64_t at, uint64_t number)
{
	struct event e = { .event_type = "e",
		.channel = channel,
		.timestamp = at,
		.payload = "{}" };

	memcpy(e.event_id.octets, &number, sizeof(number));
	return ASK(store_event_append, .event = e, .now = at);
}

static const struct store_journal_page *
page_of(const char *channel, uint64_t after)
{
	OK(ASK(store_journal_read, .channel = channel, .after = after,
	    .limit = HISTORY_PAGE_MAX));
	return REPLY_IS(store_journal_page);
}

static const struct store_journal_swept *
sweep(uint64_t events_max, int64_t silent, uint32_t limit)
{
	OK(ASK(store_journal_sweep, .after = "", .events_max = events_max,
	    .bytes_max = UINT64_MAX, .before = INT64_MIN, .silent = silent,
	    .limit = limit));
	return REPLY_IS(store_journal_swept);
}

static uint32_t
forget(const char *channel, int64_t silent)
{
	OK(ASK(store_channels_forget, .channels = &channel, .channels_count = 1,
	    .silent = silent));
	return REPLY_IS(store_channels_forgotten)->channels_count;
}

static void
test_sweep_keeps_the_newest_and_names_who_is_silent(void **state)
{
	const struct store_journal_swept *s;

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		OK(tell("project:a", 1, i));
		OK(tell("tasks", 1, i));
		OK(tell("user:d", 9, i));
	}
	s = sweep(1, 9, 3);
	assert_int_equal(s->events, 3);
	assert_int_equal(s->channels, 3);
	assert_true(s->more);
	assert_string_equal(s->after, "project:a");
	assert_int_equal(s->silent_count, 1); /* a shared one never is */
	assert_string_equal(s->silent[0], "project:a");
	s = sweep(1, 9, 1000);
	assert_int_equal(s->events, 3);
	assert_false(s->more);
	assert_string_equal(s->after, "user:d");
	assert_int_equal(page_of("tasks", 0)->first, 3);
	assert_int_equal(asker_count(TABLE_JOURNAL), 3);
	s = sweep(1, 10, 1000);
	assert_int_equal(s->silent_count, 2);
}

static void
test_sweep_goes_on_from_a_channel_to_the_next(void **state)
{
	const struct store_journal_swept *s;
	char name[CHANNEL_MAX + 1];

	(void)state;
	for (int i = 0; i <= HUB_BATCH_MAX; i++) {
		snprintf(name, sizeof(name), "user:%03d", i);
		OK(tell(name, 1, 1));
	}
	s = sweep(1, 2, 1000);
	assert_int_equal(s->silent_count, HUB_BATCH_MAX);
	assert_true(s->more);
	snprintf(name, sizeof(name), "%s", s->after);
	OK(ASK(store_journal_sweep, .after = name, .events_max = 1,
	    .bytes_max = UINT64_MAX, .silent = 2, .limit = 1));
	s = REPLY_IS(store_journal_swept);
	assert_int_equal(s->silent_count, 1);
	assert_false(s->more);
	IS(INVALID, ASK(store_journal_sweep, .after = "", .limit = 0));
}

/* What cannot be read is not forgotten, and holds nobody else up. */
static void
test_damage_holds_no_other_channel_up(void **state)
{
	const struct store_journal_swept *s;
	struct backend_txn *inner;
	struct key k;

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		OK(tell("project:a", 1, i));
		OK(tell("project:b", 1, i));
	}
	OK(tell("user:d", 1, 1));
	asker_damage(TABLE_CHANNELS, "user:d");
	key_init(&k);
	key_text(&k, "project:a");
	key_number(&k, 2);
	OK(backend_write(asker.f->b, &inner));
	OK(backend_put(inner, TABLE_JOURNAL, key_bytes(&k), B("bad")));
	OK(backend_commit(inner));
	s = sweep(1, 2, 1000);
	assert_int_equal(s->unread, 2);
	assert_int_equal(s->events, 1 + 2);
	assert_int_equal(s->silent_count, 1);
	assert_string_equal(s->silent[0], "project:b");
	assert_false(s->more);
	assert_int_equal(forget("project:a", 2), 0);
}

static void
test_only_a_silent_channel_is_forgotten(void **state)
{
	(void)state;
	OK(tell("project:a", 1, 1));
	OK(tell("tasks", 1, 1));
	assert_int_equal(forget("project:a", 1), 0);
	assert_int_equal(forget("tasks", 2), 0);
	assert_int_equal(forget("user:none", 2), 0);
	OK(tell("project:a", 1, 2));
	assert_int_equal(forget("project:a", 2), 0); /* it has two */
	(void)sweep(1, 2, 1000);
	assert_int_equal(forget("project:a", 2), 1);
	assert_int_equal(forget("project:a", 2), 0);
	assert_int_equal(asker_count(TABLE_CHANNELS), 1);
	assert_int_equal(asker_count(TABLE_JOURNAL), 1);
}

static void
test_what_comes_back_has_another_epoch(void **state)
{
	const struct store_journal_page *page;

	(void)state;
	assert_int_equal(page_of("user:d", 0)->epoch, EPOCH);
	OK(tell("project:a", 1, 1));
	OK(tell("user:d", 1, 1));
	assert_int_equal(forget("user:d", 2), 1);
	page = page_of("user:d", 0);
	assert_int_equal(page->epoch, EPOCH + 1);
	assert_int_equal(page->head, 0);
	assert_int_equal(page->first, 1);
	fixture_reopen(asker.f);
	OK(tell("user:d", 3, 2));
	page = page_of("user:d", 0);
	assert_int_equal(page->epoch, EPOCH + 1);
	assert_int_equal(page->events[0].offset, 1);
	/* Of an epoch that has passed: the next is another anyway. */
	assert_int_equal(forget("project:a", 2), 1);
	assert_int_equal(page_of("project:a", 0)->epoch, EPOCH + 1);
	OK(tell("project:b", 3, 3)); /* others go on in theirs */
	assert_int_equal(page_of("project:b", 0)->epoch, EPOCH + 1);
}

/* An epoch fits a client's double, so it comes round: never to 0. */
static void
test_epochs_come_round(void **state)
{
	const uint64_t last = UINT64_MAX >> JOURNAL_EPOCH_SHIFT;
	struct backend_txn *inner;
	struct txn t;

	(void)state;
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	meta_put(&t, META_EPOCH, last);
	OK(txn_status(&t));
	OK(backend_commit(inner));
	OK(tell("user:d", 1, 1));
	assert_int_equal(page_of("user:d", 0)->epoch, last);
	assert_int_equal(forget("user:d", 2), 1);
	assert_int_equal(page_of("user:d", 0)->epoch, 1);
}

static void
test_one_channel_too_many_does_not_begin(void **state)
{
	struct event e = {
		.event_type = "e", .channel = "user:d", .payload = "{}"
	};

	(void)state;
	OK(tell("project:a", 1, 1));
	OK(tell("project:b", 1, 1));
	IS(FULL, ASK(store_event_append, .event = e, .channels_max = 2));
	assert_int_equal(asker.reply.problem, PROBLEM_CHANNELS_MAX);
	IS(FULL, ASK(store_events_append, .events = &e, .events_count = 1,
		     .channels_max = 2));
	assert_int_equal(asker.reply.problem, PROBLEM_CHANNELS_MAX);
	OK(ASK(store_event_append, .event = e, .channels_max = 3));
	OK(ASK(store_event_append, .event = e, .channels_max = 2));
	e.channel = "tasks";
	OK(ASK(store_event_append, .event = e, .channels_max = 2));
	assert_int_equal(asker_count(TABLE_CHANNELS), 4);
}

/* ---- the model ---- */

struct place {
	int channel;
	uint64_t epoch, offset;
	uint64_t seen; /* events of the channel that had been told by then */
};

struct model {
	uint64_t seed;
	int64_t now;
	uint64_t next_id;
	uint64_t told[CHANNELS]; /* so many, ever */
	uint64_t ids[CHANNELS][TOLD_MAX / CHANNELS];
	struct place places[PLACES];
	uint32_t places_count;
	uint64_t forgotten, failed, killed, good, gone;
};

static struct model m;

static uint64_t
dice(uint64_t sides)
{
	m.seed = m.seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (m.seed >> 33) % sides;
}

/* As the gateway judges it: gateway/socket_change.c. */
static bool
place_is_good(const struct place *p, const struct store_journal_page *page)
{
	return p->epoch == page->epoch && p->offset <= page->head &&
	       p->offset + 1 >= page->first;
}

static void
place_check(const struct place *p)
{
	const struct store_journal_page *page =
	    page_of(names[p->channel], p->offset);
	uint64_t missed = m.told[p->channel] - p->seen;

	if (!place_is_good(p, page)) {
		m.gone++;
		return;
	}
	m.good++;
	if (page->events_count != missed)
		fail_msg("%s: %u events, %u missed", names[p->channel],
		    page->events_count, (unsigned)missed);
	for (uint64_t i = 0; i < missed; i++)
		assert_memory_equal(page->events[i].event_id.octets,
		    &m.ids[p->channel][p->seen + i], sizeof(uint64_t));
}

/* Somebody is told where it stands; a place that is old makes room. */
static void
place_take(int channel)
{
	const struct store_journal_page *page =
	    page_of(names[channel], UINT64_MAX);
	struct place p = { channel, page->epoch, page->head, m.told[channel] };

	m.places[m.places_count < PLACES ? m.places_count++ : dice(PLACES)] = p;
}

struct step {
	int channel; /* -1: a sweep */
	bool forgets;
};

static struct step
a_step(void)
{
	uint64_t what = dice(10);

	return (struct step){ what < 2 ? -1 : (int)dice(CHANNELS), what > 7 };
}

static enum status
step_ask(const struct step *s)
{
	const char *name = s->channel < 0 ? "" : names[s->channel];

	if (s->channel < 0)
		return ASK(store_journal_sweep, .after = "", .events_max = 2,
		    .bytes_max = UINT64_MAX, .before = m.now - 3,
		    .silent = m.now - 5, .limit = LIMIT);
	if (s->forgets)
		return ASK(store_channels_forget, .channels = &name,
		    .channels_count = 1, .silent = m.now - 5);
	return tell(name, m.now, m.next_id);
}

static void
step_settle(const struct step *s)
{
	if (s->channel >= 0 && !s->forgets) {
		m.ids[s->channel][m.told[s->channel]++] = m.next_id;
		assert_true(m.told[s->channel] < TOLD_MAX / CHANNELS);
	} else if (s->channel >= 0) {
		m.forgotten +=
		    REPLY_IS(store_channels_forgotten)->channels_count;
	}
}

static const enum fault_op fault_ops[] = { FAULT_GET, FAULT_PUT, FAULT_DELETE,
	FAULT_COMMIT };

static void
step_with_fault(const struct step *s)
{
	enum fault_op op = fault_ops[dice(4)];
	enum status st;

	faults_fail(&asker.f->faults, op,
	    op == FAULT_COMMIT ? 1 : 1 + (uint32_t)dice(6), ST_IO);
	st = step_ask(s);
	faults_fail(&asker.f->faults, op, 0, ST_IO);
	if (st == ST_OK)
		step_settle(s);
	else
		m.failed++;
}

static int
step_said(const void *step)
{
	return step_ask(step) == ST_OK ? 0 : 2;
}

/* It is done as a whole, or not at all. */
static void
step_with_kill(const struct step *s)
{
	enum fault_op op = fault_ops[dice(4)];
	uint32_t nth = op == FAULT_COMMIT ? 1 : 1 + (uint32_t)dice(6);
	int said;

	if (!fixture_outlives(asker.f, op, nth, step_said, s, &said)) {
		m.killed++;
		return;
	}
	assert_int_equal(said, 0);
	if (s->channel >= 0 && !s->forgets)
		step_settle(s);
}

/* The books of the journal, as `troupe doctor store` has them. */
static void
heads_have_events(void)
{
	const struct store_channels *c;

	OK(ASK(store_journal_channels, .after = ""));
	c = REPLY_IS(store_channels);
	assert_int_equal(c->channels_count, asker_count(TABLE_CHANNELS));
	for (uint32_t i = 0; i < c->channels_count; i++)
		assert_true(c->channels[i].head > 0);
}

static void
run(bool can_die)
{
	const char *given = getenv("TROUPE_MODEL_OPS");
	const char *seed = getenv("TROUPE_MODEL_SEED");
	long ops = given == NULL ? OPS_DEFAULT : strtol(given, NULL, 10);

	memset(&m, 0, sizeof(m));
	m.seed = seed == NULL ? 1 : strtoull(seed, NULL, 10);
	asker_make_room();
	for (long n = 1; n <= ops; n++) {
		struct step s = a_step();

		m.now += (int64_t)dice(3);
		m.next_id++;
		if (can_die && n % KILL_EVERY == 0)
			step_with_kill(&s);
		else if (dice(20) == 0)
			step_with_fault(&s);
		else if (step_ask(&s) == ST_OK)
			step_settle(&s);
		else
			fail_msg("refused: %s", asker.why);
		place_take((int)dice(CHANNELS));
		for (int i = 0; i < 4; i++)
			place_check(&m.places[dice(m.places_count)]);
	}
	for (uint32_t i = 0; i < m.places_count; i++)
		place_check(&m.places[i]);
	heads_have_events();
	assert_true(m.forgotten > 20 && m.failed > 20);
	assert_true(m.good > 100 && m.gone > 100);
	assert_true(!can_die || m.killed > 5);
}

static void
test_a_place_is_good_exactly_if_nothing_is_gone(void **state)
{
	(void)state;
	run(asker.f->class == &backend_lmdb); /* the other has no file */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_sweep_keeps_the_newest_and_names_who_is_silent),
		ASKED(test_sweep_goes_on_from_a_channel_to_the_next),
		ASKED(test_damage_holds_no_other_channel_up),
		ASKED(test_only_a_silent_channel_is_forgotten),
		ASKED(test_what_comes_back_has_another_epoch),
		ASKED(test_epochs_come_round),
		ASKED(test_one_channel_too_many_does_not_begin),
		ASKED(test_a_place_is_good_exactly_if_nothing_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
