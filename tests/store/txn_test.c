/* The sticky transaction, and rows of records in it. */
#include "protocols/record.h"
#include "tests/store/asker.h"

static struct txn t;

static void
begin(bool writes)
{
	struct backend_txn *inner;

	OK(writes ? backend_write(asker.f->b, &inner)
		  : backend_read(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
}

static struct key
key_of(const char *text)
{
	struct key k;

	key_init(&k);
	key_tail(&k, text);
	return k;
}

static void
test_it_sticks_at_the_first_failure(void **state)
{
	const struct key good = key_of("k"), bad = key_of("");
	struct backend_entry entry;
	struct bytes got;
	struct scan s;

	(void)state;
	begin(true);
	txn_put(&t, TABLE_TASKS, &good, B("1"));
	txn_put(&t, TABLE_TASKS, &bad, B("1"));
	IS(INVALID, txn_status(&t));
	assert_string_equal(t.why, "tasks");
	assert_false(txn_get(&t, TABLE_TASKS, &good, &got));
	assert_false(txn_put_new(&t, TABLE_TASKS, &good, B("2")));
	assert_false(txn_delete(&t, TABLE_TASKS, &good));
	assert_null(txn_take(&t, 1));
	assert_int_equal(txn_count(&t, TABLE_TASKS), 0);
	scan_open(&s, &t, TABLE_TASKS, NULL);
	assert_false(scan_first(&s, &entry));
	scan_close(&s);
	IS(INVALID, txn_fail(&t, ST_IO, "later"));
	backend_abort(t.inner);
}

static void
test_it_knows_whether_it_has_written(void **state)
{
	const struct key k = key_of("k");
	struct bytes got;

	(void)state;
	begin(true);
	assert_false(txn_get(&t, TABLE_TASKS, &k, &got));
	assert_false(txn_delete(&t, TABLE_TASKS, &k));
	assert_false(t.dirty);
	assert_true(txn_put_new(&t, TABLE_TASKS, &k, B("1")));
	assert_true(t.dirty);
	OK(backend_commit(t.inner));
	begin(true);
	assert_false(txn_put_new(&t, TABLE_TASKS, &k, B("2")));
	assert_false(t.dirty);
	OK(txn_status(&t));
	/* Even an attempt that failed may have changed pages. */
	faults_fail(&asker.f->faults, FAULT_PUT, 1, ST_FULL);
	txn_put(&t, TABLE_TASKS, &k, B("3"));
	assert_true(t.dirty && t.map_full);
	backend_abort(t.inner);
}

static void
test_scans_stay_within_their_prefix(void **state)
{
	static const char *const keys[] = { "a", "b", "b1", "b2", "c" };
	const struct key prefix = key_of("b"), from = key_of("b11");
	struct backend_entry e;
	struct scan s;

	(void)state;
	begin(true);
	for (int i = 0; i < 5; i++) {
		struct key k = key_of(keys[i]);

		txn_put(&t, TABLE_TASKS, &k, B("1"));
	}
	scan_open(&s, &t, TABLE_TASKS, &prefix);
	assert_true(scan_first(&s, &e));
	bytes_are(e.key, "b");
	assert_true(scan_last(&s, &e));
	bytes_are(e.key, "b2");
	assert_false(scan_next(&s, &e));
	assert_true(scan_seek(&s, &from, &e));
	bytes_are(e.key, "b2");
	assert_true(scan_before(&s, &from, &e));
	bytes_are(e.key, "b1");
	assert_true(scan_prev(&s, &e));
	bytes_are(e.key, "b");
	assert_false(scan_prev(&s, &e));
	scan_close(&s);
	OK(txn_status(&t));
	backend_abort(t.inner);
}

static void
test_arena_has_a_bound(void **state)
{
	size_t mark;

	(void)state;
	begin(false);
	mark = txn_mark(&t);
	assert_non_null(txn_take(&t, TXN_ARENA_BYTES / 2 + 1));
	txn_release(&t, mark);
	assert_non_null(txn_take(&t, TXN_ARENA_BYTES / 2 + 1));
	OK(txn_status(&t));
	assert_null(txn_take(&t, TXN_ARENA_BYTES / 2));
	IS(FULL, txn_status(&t));
	assert_false(t.map_full);
	backend_abort(t.inner);
}

/* A later program's row is refused, not read half (D22 for rows). */
static void
test_newer_row_is_refused(void **state)
{
	const struct setting_row row = {
		.namespace = "n", .key = "k", .value = "v", .updated_at = "u"
	};
	struct wire_out out = { .bytes = asker.room->row, .size = TXN_ROW_MAX };
	const struct key k = key_of("x");

	(void)state;
	begin(true);
	OK(record_encode(
	    CATALOGUE_TYPE(setting_row), ROW_VERSION + 1, &row, &out));
	txn_put(&t, TABLE_SETTINGS, &k, (struct bytes){ out.bytes, out.used });
	assert_null(ROW_GET(&t, TABLE_SETTINGS, &k, setting_row));
	IS(NEWER, txn_status(&t));
	assert_string_equal(t.why, "settings/x");
	backend_abort(t.inner);
}

/* P-26: fields are found by name; one that is missing is empty. */
static void
test_rows_are_read_by_name(void **state)
{
	const struct revocation old = {
		.session_id = "s", .user_id = "u", .expires_at = INT64_MIN
	};
	const struct key k = key_of("x");
	const struct session *s;

	(void)state;
	begin(true);
	row_put(&t, TABLE_SESSIONS, &k, CATALOGUE_TYPE(revocation), &old);
	s = ROW_GET(&t, TABLE_SESSIONS, &k, session);
	assert_non_null(s);
	assert_string_equal(s->user_id, "u");
	assert_string_equal(s->session_id, "s");
	assert_string_equal(s->username, "");
	assert_true(s->expires_at == INT64_MIN);
	backend_abort(t.inner);
}

static void
test_row_past_a_bound_is_not_written(void **state)
{
	struct setting_row row = {
		.namespace = "n", .key = "k", .value = "v", .updated_at = "u"
	};
	char name[SETTING_NAMESPACE_MAX + 2];
	const struct key k = key_of("x");

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	row.namespace = name;
	begin(true);
	row_put(&t, TABLE_SETTINGS, &k, CATALOGUE_TYPE(setting_row), &row);
	IS(FULL, txn_status(&t));
	assert_false(t.dirty || t.map_full);
	backend_abort(t.inner);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_it_sticks_at_the_first_failure),
		ASKED(test_it_knows_whether_it_has_written),
		ASKED(test_scans_stay_within_their_prefix),
		ASKED(test_arena_has_a_bound),
		ASKED(test_newer_row_is_refused),
		ASKED(test_rows_are_read_by_name),
		ASKED(test_row_past_a_bound_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
