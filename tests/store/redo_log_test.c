/* What the log of transactions keeps, and when it is given up. */
#include "store/redo_log.h"

#include "store/inspect.h"
#include "tests/store/log_scene.h"

/* The log ends before a commit would wait for it; the commits go on. */
static void
test_past_its_bound_the_log_is_given_up(void **state)
{
	struct commit_stats stats;
	struct redo_stand stand;

	(void)state;
	stand = log_begin(TIMELINE, 20000);
	while (stand.timeline != 0) {
		write_group();
		OK(redo_place_of(scene.f->b, &scene.place));
		stand.timeline = scene.place.timeline;
		assert_true(scene.place.tail_bytes <= 20000);
	}
	commit_stats(scene.commit, &stats);
	assert_int_equal(stats.log_given_up, 1);
	for (int i = 0; i < 40; i++)
		write_group();
	/* And what waited is forgotten once somebody begins anew. */
	stand = log_begin(TIMELINE + 1, 20000);
	assert_int_equal(stand.tail_bytes, 0);
	assert_int_equal(stand.timeline, TIMELINE + 1);
	assert_true(stand.txid >= scene.place.txid);
}

/* Nothing of it stays behind when nobody wants it any more. */
static void
test_an_ended_log_leaves_no_rows(void **state)
{
	struct backend_txn *txn;
	uint64_t rows;

	(void)state;
	for (int i = 0; i < 20; i++)
		write_group();
	(void)ask_write(MSG_store_redo_end, &(struct store_redo_end){ 0 });
	write_group();
	OK(backend_read(scene.f->b, &txn));
	OK(backend_count(txn, TABLE_REDO, &rows));
	backend_abort(txn);
	assert_int_equal(rows, 1);
}

/* What another database took over has numbers that nothing had before. */
static void
test_a_cut_log_goes_on_above_a_floor(void **state)
{
	struct backend_txn *txn;

	(void)state;
	OK(backend_write(scene.f->b, &txn));
	OK(redo_log_cut(txn, 5000));
	OK(backend_commit(txn));
	OK(redo_place_of(scene.f->b, &scene.place));
	assert_int_equal(scene.place.timeline, 0);
	assert_int_equal(log_begin(3, REDO_TAIL_MAX).txid, 5001);
}

/* ---- what `troupe doctor store` finds in it ---- */

static char told[1024];

static void
tell(void *ctx, const char *table, const char *key, const char *what)
{
	(void)ctx;
	(void)key;
	if (told[0] == '\0')
		snprintf(told, sizeof(told), "%s: %s", table, what);
}

static enum status
look(struct inspection *i)
{
	struct backend_txn *inner;
	struct txn t;

	told[0] = '\0';
	OK(backend_read(scene.f->b, &inner));
	txn_init(&t, inner, scene.room);
	inspect_redo(&t, i);
	backend_abort(inner);
	return txn_status(&t);
}

static uint64_t
inspect_log(void)
{
	struct inspection i = { .tell = tell };

	OK(look(&i));
	return i.wrong;
}

static struct key
number_key(uint64_t txid)
{
	struct key k;

	key_init(&k);
	key_number(&k, txid);
	return k;
}

/* The record of txid with this byte turned, or gone; said of it: words. */
static void
damage(uint64_t txid, size_t at, const char *words)
{
	static uint8_t bytes[LOG_SIZE / 64], was[LOG_SIZE / 64];
	struct key k = number_key(txid);
	struct backend_txn *txn;
	struct bytes value;

	OK(backend_write(scene.f->b, &txn));
	OK(backend_get(txn, TABLE_REDO, key_bytes(&k), &value));
	assert_true(value.size <= sizeof(bytes));
	memcpy(bytes, value.at, value.size);
	memcpy(was, value.at, value.size);
	value.at = bytes;
	if (at >= value.size) {
		OK(backend_delete(txn, TABLE_REDO, key_bytes(&k)));
	} else {
		bytes[at] ^= 1;
		OK(backend_put(txn, TABLE_REDO, key_bytes(&k), value));
	}
	OK(backend_commit(txn));
	assert_true(inspect_log() > 0);
	if (strstr(told, words) == NULL)
		fail_msg("expected \"%s\": %s", words, told);
	value.at = was;
	OK(backend_write(scene.f->b, &txn));
	OK(backend_put(txn, TABLE_REDO, key_bytes(&k), value));
	OK(backend_commit(txn));
	assert_int_equal(inspect_log(), 0);
}

static void
test_damage_of_the_log_is_found(void **state)
{
	uint64_t from, last;

	(void)state;
	for (int i = 0; i < 30; i++)
		write_group();
	OK(redo_place_of(scene.f->b, &scene.place));
	assert_int_equal(inspect_log(), 0);
	from = scene.place.from;
	last = scene.place.txid;
	assert_true(last - from > 5);
	damage(from + 2, 50, "its sum");
	damage(from + 2, SIZE_MAX, "are missing");
	damage(last, SIZE_MAX, "transactions, the last record is");
	damage(0, 31, "sum");
	damage(0, 55, "bytes, it says");
	/* Half of it shipped, and partly forgotten: still whole. */
	(void)log_shipped(from + 3);
	write_group();
	assert_int_equal(inspect_log(), 0);
}

static void
test_a_look_at_the_log_hears_a_cancel(void **state)
{
	struct pace pace = { .cancelled = true };
	struct inspection i = { .tell = tell, .pace = &pace };

	(void)state;
	write_group();
	IS(CANCELLED, look(&i));
	assert_int_equal(i.wrong, 0);
}

/* What was not committed counts for nothing. */
static void
test_what_is_counted_was_committed(void **state)
{
	struct commit_stats before, after;
	uint64_t records = 0;

	(void)state;
	commit_stats(scene.commit, &before);
	OK(redo_place_of(scene.f->b, &scene.place));
	records = scene.place.txid;
	for (int i = 0; i < 20; i++) {
		if (i % 4 == 0)
			faults_fail(&scene.f->faults, FAULT_COMMIT, 1, ST_IO);
		write_group();
	}
	OK(redo_place_of(scene.f->b, &scene.place));
	commit_stats(scene.commit, &after);
	assert_int_equal(
	    after.logged - before.logged, scene.place.txid - records);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGED(test_past_its_bound_the_log_is_given_up),
		LOGGED(test_an_ended_log_leaves_no_rows),
		LOGGED(test_a_cut_log_goes_on_above_a_floor),
		LOGGED(test_damage_of_the_log_is_found),
		LOGGED(test_a_look_at_the_log_hears_a_cancel),
		LOGGED(test_what_is_counted_was_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
