/* What the log of transactions keeps, and when it is given up. */
#include "store/redo_log.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGED(test_past_its_bound_the_log_is_given_up),
		LOGGED(test_an_ended_log_leaves_no_rows),
		LOGGED(test_a_cut_log_goes_on_above_a_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
