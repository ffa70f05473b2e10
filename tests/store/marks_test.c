/* Marks: every id that counts is found, whatever was given up or swept. */
#include "store/marks.h"

#include "tests/store/asker.h"

#define NOW INT64_C(1775210400000000)
#define MANY 20000 /* so that the table in memory grows several times */

static struct uuid
an_id(uint64_t n)
{
	struct uuid id = { { 0 } };

	memcpy(id.octets, &n, sizeof(n)); /* of low entropy, as clients' are */
	return id;
}

static void
begin(struct txn *t)
{
	struct backend_txn *inner;

	OK(backend_write(asker.f->b, &inner));
	txn_init(t, inner, asker.room);
}

static void
put(struct txn *t, uint64_t n, uint64_t seq, int64_t until)
{
	const struct cost_applied mark = { .seq = seq, .at = NOW + (int64_t)n };
	struct uuid id = an_id(n);
	size_t room = txn_mark(t);

	marks_put(t, &id, &mark, until);
	OK(txn_status(t));
	txn_release(t, room);
}

static uint64_t
place_of(struct txn *t, uint64_t n)
{
	size_t room = txn_mark(t);
	struct uuid id = an_id(n);
	const struct cost_applied *mark = marks_find(t, &id);
	uint64_t seq = mark == NULL ? 0 : mark->seq;

	OK(txn_status(t));
	txn_release(t, room);
	return seq;
}

static void
put_many(uint64_t from, uint64_t to)
{
	struct txn t;

	begin(&t);
	for (uint64_t n = from; n < to; n++)
		put(&t, n, n, 0);
	OK(backend_commit(t.inner));
}

static void
test_each_is_found_and_no_other(void **state)
{
	struct txn t;

	(void)state;
	asker_make_room();
	put_many(1, MANY);
	begin(&t);
	for (uint64_t n = 1; n < MANY; n++)
		assert_int_equal(place_of(&t, n), n);
	for (uint64_t n = MANY; n < 2 * MANY; n++)
		assert_int_equal(place_of(&t, n), 0);
	backend_abort(t.inner);
}

/* What is read again is what the rows say. */
static void
test_another_life_finds_them_too(void **state)
{
	struct txn t;

	(void)state;
	asker_make_room();
	put_many(100, 3000);
	fixture_reopen(asker.f);
	begin(&t);
	for (uint64_t n = 100; n < 3000; n++)
		assert_int_equal(place_of(&t, n), n);
	assert_int_equal(place_of(&t, 99), 0);
	put(&t, 3000, 3000, 0);
	assert_int_equal(place_of(&t, 3000), 3000);
	backend_abort(t.inner);
}

/* Given up: it was never there, and its place may be another's. */
static void
test_a_given_up_mark_is_none(void **state)
{
	struct txn t;

	(void)state;
	put_many(1, 10);
	begin(&t);
	put(&t, 500, 10, 0);
	assert_int_equal(place_of(&t, 500), 10);
	backend_abort(t.inner);
	begin(&t);
	assert_int_equal(place_of(&t, 500), 0);
	put(&t, 501, 10, 0);
	assert_int_equal(place_of(&t, 501), 10);
	assert_int_equal(place_of(&t, 500), 0);
	OK(backend_commit(t.inner));
	begin(&t);
	assert_int_equal(place_of(&t, 501), 10);
	assert_int_equal(place_of(&t, 9), 9);
	backend_abort(t.inner);
}

/* A sweep that is given up takes nobody's mark away. */
static void
test_a_sweep_counts_once_it_is_committed(void **state)
{
	struct txn t;

	(void)state;
	put_many(1, 100);
	begin(&t);
	for (uint64_t n = 100; n < 120; n++)
		put(&t, n, n, NOW + 50);
	assert_int_equal(place_of(&t, 1), 0);
	backend_abort(t.inner);
	begin(&t);
	assert_int_equal(place_of(&t, 1), 1);
	for (uint64_t n = 100; n < 200; n++)
		put(&t, n, n, NOW + 50);
	OK(backend_commit(t.inner));
	begin(&t);
	for (uint64_t n = 1; n < 200; n++)
		assert_int_equal(place_of(&t, n), n <= 50 ? 0 : n);
	backend_abort(t.inner);
	assert_int_equal(asker_count(TABLE_COST_APPLIED), 149);
}

/* One row that cannot be read keeps no sweep up, and is as old as the next. */
static void
test_a_corrupt_mark_is_swept_with_its_neighbours(void **state)
{
	struct uuid id = an_id(1);
	struct txn t;
	struct key k;

	(void)state;
	put_many(1, 40);
	begin(&t);
	key_init(&k);
	key_number(&k, 1);
	key_raw(&k, (struct bytes){ id.octets, sizeof(id.octets) });
	txn_put(&t, TABLE_COST_APPLIED, &k, B("junk"));
	for (uint64_t n = 40; n < 60; n++)
		put(&t, n, n, NOW + 1);
	OK(txn_status(&t));
	assert_int_equal(t.swept, 0); /* the next is not due */
	for (uint64_t n = 60; n < 80; n++)
		put(&t, n, n, NOW + 10);
	assert_int_equal(t.swept, 10);
	for (uint64_t n = 1; n < 80; n++)
		assert_int_equal(place_of(&t, n), n <= 10 ? 0 : n);
	OK(backend_commit(t.inner));
	assert_int_equal(asker_count(TABLE_COST_APPLIED), 69);
}

/* A place that memory cannot say beside the first one is refused; alone it is
 * like any other. */
static void
test_places_may_be_far_apart(void **state)
{
	const struct cost_applied mark = { .seq = UINT64_C(1) << 33 };
	struct uuid id = an_id(77);
	struct txn t;

	(void)state;
	put_many(1, 10);
	begin(&t);
	marks_put(&t, &id, &mark, 0);
	IS(FULL, txn_status(&t));
	backend_abort(t.inner);
	begin(&t);
	assert_int_equal(place_of(&t, 9), 9);
	for (uint64_t seq = 1; seq < 10; seq++) {
		struct key k;

		key_init(&k);
		key_number(&k, seq);
		id = an_id(seq);
		key_raw(&k, (struct bytes){ id.octets, sizeof(id.octets) });
		assert_true(txn_delete(&t, TABLE_COST_APPLIED, &k));
	}
	put(&t, 77, mark.seq, 0);
	assert_int_equal(place_of(&t, 77), mark.seq);
	backend_abort(t.inner);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_each_is_found_and_no_other),
		ASKED(test_another_life_finds_them_too),
		ASKED(test_a_given_up_mark_is_none),
		ASKED(test_a_sweep_counts_once_it_is_committed),
		ASKED(test_a_corrupt_mark_is_swept_with_its_neighbours),
		ASKED(test_places_may_be_far_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
