/* One suite that every backend must pass (P-33). */
#include "tests/store/fixture.h"

static void
test_what_is_put_is_got(void **state)
{
	struct fixture *f = *state;
	struct backend_txn *txn;
	uint64_t count;

	OK(backend_write(f->b, &txn));
	OK(backend_put(txn, TABLE_TASKS, B("a"), B("1")));
	txn_has(txn, TABLE_TASKS, "a", "1");
	OK(backend_put(txn, TABLE_TASKS, B("a"), B("22")));
	OK(backend_put(txn, TABLE_TASKS, B("empty"), B("")));
	OK(backend_commit(txn));
	fixture_has(f, TABLE_TASKS, "a", "22");
	fixture_has(f, TABLE_TASKS, "empty", "");
	fixture_has(f, TABLE_TASKS, "b", NULL);
	fixture_has(f, TABLE_USERS, "a", NULL);

	OK(backend_write(f->b, &txn));
	OK(backend_count(txn, TABLE_TASKS, &count));
	assert_int_equal(count, 2);
	OK(backend_delete(txn, TABLE_TASKS, B("a")));
	IS(NOT_FOUND, backend_delete(txn, TABLE_TASKS, B("a")));
	OK(backend_count(txn, TABLE_TASKS, &count));
	assert_int_equal(count, 1);
	OK(backend_commit(txn));
	fixture_has(f, TABLE_TASKS, "a", NULL);
}

static void
test_put_new_leaves_the_old_value(void **state)
{
	struct fixture *f = *state;
	struct backend_txn *txn;

	OK(backend_write(f->b, &txn));
	OK(backend_put_new(txn, TABLE_TASKS, B("a"), B("1")));
	IS(EXISTS, backend_put_new(txn, TABLE_TASKS, B("a"), B("2")));
	OK(backend_commit(txn));
	fixture_has(f, TABLE_TASKS, "a", "1");
}

static void
test_append_takes_only_the_greatest_key(void **state)
{
	struct fixture *f = *state;
	struct backend_txn *txn;

	OK(backend_write(f->b, &txn));
	OK(backend_append(txn, TABLE_JOURNAL, B("b"), B("1")));
	IS(EXISTS, backend_append(txn, TABLE_JOURNAL, B("a"), B("2")));
	IS(EXISTS, backend_append(txn, TABLE_JOURNAL, B("b"), B("2")));
	OK(backend_append(txn, TABLE_JOURNAL, B("ba"), B("3")));
	OK(backend_commit(txn));
	fixture_has(f, TABLE_JOURNAL, "a", NULL);
	fixture_has(f, TABLE_JOURNAL, "b", "1");
	fixture_has(f, TABLE_JOURNAL, "ba", "3");
}

static void
test_keys_have_bounds(void **state)
{
	struct fixture *f = *state;
	char key[BACKEND_KEY_MAX + 2];
	struct backend_txn *txn;
	struct bytes got;

	memset(key, 'x', sizeof(key));
	key[BACKEND_KEY_MAX + 1] = '\0';
	OK(backend_write(f->b, &txn));
	IS(INVALID, backend_put(txn, TABLE_TASKS, B(""), B("1")));
	IS(INVALID, backend_put(txn, TABLE_TASKS, B(key), B("1")));
	IS(INVALID, backend_delete(txn, TABLE_TASKS, B(key)));
	IS(INVALID, backend_get(txn, TABLE_TASKS, B(""), &got));
	key[BACKEND_KEY_MAX] = '\0';
	OK(backend_put(txn, TABLE_TASKS, B(key), B("1")));
	OK(backend_commit(txn));
	fixture_has(f, TABLE_TASKS, key, "1");
}

/* Connect makes no table; an aborted migration leaves none (P-11). */
static void
test_tables_are_made_by_a_commit_only(void **state)
{
	struct fixture *f = *state;
	struct backend_txn *txn;
	struct bytes got;

	OK(backend_write(f->b, &txn));
	IS(UNAVAILABLE, backend_get(txn, TABLE_TASKS, B("a"), &got));
	IS(UNAVAILABLE, backend_put(txn, TABLE_TASKS, B("a"), B("1")));
	OK(backend_create(txn, TABLE_TASKS));
	OK(backend_put(txn, TABLE_TASKS, B("a"), B("1")));
	backend_abort(txn);

	OK(backend_read(f->b, &txn));
	IS(UNAVAILABLE, backend_get(txn, TABLE_TASKS, B("a"), &got));
	backend_abort(txn);

	OK(backend_write(f->b, &txn));
	OK(backend_create(txn, TABLE_TASKS));
	OK(backend_create(txn, TABLE_TASKS));
	txn_has(txn, TABLE_TASKS, "a", NULL);
	OK(backend_commit(txn));
	fixture_has(f, TABLE_TASKS, "a", NULL);
	fixture_reopen(f);
	fixture_has(f, TABLE_TASKS, "a", NULL);
	fixture_put(f, TABLE_TASKS, "a", "1");
}

static void
test_aborted_writes_vanish(void **state)
{
	struct fixture *f = *state;
	struct backend_txn *txn;

	fixture_put(f, TABLE_TASKS, "a", "1");
	OK(backend_write(f->b, &txn));
	OK(backend_put(txn, TABLE_TASKS, B("a"), B("2")));
	OK(backend_put(txn, TABLE_TASKS, B("b"), B("2")));
	backend_abort(txn);
	fixture_has(f, TABLE_TASKS, "a", "1");
	fixture_has(f, TABLE_TASKS, "b", NULL);
}

static void
test_reader_keeps_its_snapshot(void **state)
{
	struct fixture *f = *state;
	struct backend_txn *reader, *writer;
	struct bytes got;

	fixture_put(f, TABLE_TASKS, "a", "1");
	OK(backend_read(f->b, &reader));
	OK(backend_get(reader, TABLE_TASKS, B("a"), &got));
	OK(backend_write(f->b, &writer));
	OK(backend_put(writer, TABLE_TASKS, B("a"), B("2")));
	txn_has(reader, TABLE_TASKS, "a", "1");
	OK(backend_commit(writer));
	txn_has(reader, TABLE_TASKS, "a", "1");
	bytes_are(got, "1");

	backend_reset(reader);
	OK(backend_renew(reader));
	txn_has(reader, TABLE_TASKS, "a", "2");
	backend_reset(reader);
	backend_abort(reader);
}

static void
cursor_gives(struct backend_cursor *c, enum move how, const char *key,
    const char *expected)
{
	struct backend_entry e;

	if (expected == NULL) {
		IS(NOT_FOUND, backend_move(c, how, B(key), &e));
		return;
	}
	OK(backend_move(c, how, B(key), &e));
	bytes_are(e.key, expected);
	bytes_are(e.value, expected);
}

static void
fixture_fill(struct fixture *f, const char *letters)
{
	for (; *letters != '\0'; letters++)
		fixture_put(f, TABLE_TASKS, (char[2]){ *letters },
		    (char[2]){ *letters });
}

static void
test_cursor_walks_both_ways(void **state)
{
	struct fixture *f = *state;
	struct backend_cursor *c;
	struct backend_txn *txn;

	fixture_fill(f, "fbd");
	OK(backend_read(f->b, &txn));
	OK(backend_cursor_open(txn, TABLE_TASKS, &c));
	cursor_gives(c, MOVE_NEXT, "", "b");
	cursor_gives(c, MOVE_NEXT, "", "d");
	cursor_gives(c, MOVE_NEXT, "", "f");
	cursor_gives(c, MOVE_NEXT, "", NULL);
	cursor_gives(c, MOVE_PREV, "", "f");
	cursor_gives(c, MOVE_PREV, "", "d");
	cursor_gives(c, MOVE_FIRST, "", "b");
	cursor_gives(c, MOVE_PREV, "", NULL);
	cursor_gives(c, MOVE_LAST, "", "f");
	cursor_gives(c, MOVE_SEEK, "d", "d");
	cursor_gives(c, MOVE_SEEK, "da", "f");
	cursor_gives(c, MOVE_SEEK, "g", NULL);
	cursor_gives(c, MOVE_BEFORE, "d", "b");
	cursor_gives(c, MOVE_BEFORE, "z", "f");
	cursor_gives(c, MOVE_NEXT, "", NULL);
	cursor_gives(c, MOVE_BEFORE, "b", NULL);
	cursor_gives(c, MOVE_BEFORE, "a", NULL);
	backend_cursor_close(c);
	OK(backend_cursor_open(txn, TABLE_USERS, &c));
	cursor_gives(c, MOVE_FIRST, "", NULL);
	cursor_gives(c, MOVE_LAST, "", NULL);
	cursor_gives(c, MOVE_BEFORE, "x", NULL);
	backend_abort(txn); /* takes its cursor with it */
}

static void
test_cursor_survives_writes(void **state)
{
	struct fixture *f = *state;
	struct backend_cursor *c;
	struct backend_txn *txn;

	fixture_fill(f, "abcdef");
	OK(backend_write(f->b, &txn));
	OK(backend_cursor_open(txn, TABLE_TASKS, &c));
	cursor_gives(c, MOVE_SEEK, "b", "b");
	OK(backend_delete(txn, TABLE_TASKS, B("b")));
	cursor_gives(c, MOVE_NEXT, "", "c");
	OK(backend_delete(txn, TABLE_TASKS, B("d")));
	cursor_gives(c, MOVE_NEXT, "", "e");
	OK(backend_put(txn, TABLE_TASKS, B("dd"), B("dd")));
	cursor_gives(c, MOVE_PREV, "", "dd");
	OK(backend_put(txn, TABLE_TASKS, B("dd"), B("dd")));
	cursor_gives(c, MOVE_NEXT, "", "e");
	OK(backend_delete(txn, TABLE_TASKS, B("e")));
	OK(backend_delete(txn, TABLE_TASKS, B("f")));
	cursor_gives(c, MOVE_NEXT, "", NULL);
	OK(backend_commit(txn));
}

static void
test_data_survives_a_reopen(void **state)
{
	struct fixture *f = *state;

	fixture_put(f, TABLE_TASKS, "a", "1");
	fixture_reopen(f);
	fixture_has(f, TABLE_TASKS, "a", "1");
}

/* P-43 */
static void
test_second_open_is_refused(void **state)
{
	struct fixture *f = *state;
	struct backend *second;

	IS(EXISTS, backend_open(f->class, &f->options, &second));
	assert_non_null(strstr(backend_why(), "already open"));
	fixture_put(f, TABLE_TASKS, "a", "1");
	fixture_reopen(f);
	fixture_has(f, TABLE_TASKS, "a", "1");
}

/* Fills the map; returns how many values of 1 KiB it took. */
static uint32_t
fixture_fill_map(struct fixture *f, uint32_t from)
{
	static const uint8_t load[1024];
	struct backend_txn *txn;
	enum status st = ST_OK;
	uint32_t n = from;

	while (st == ST_OK) {
		char key[16];

		snprintf(key, sizeof(key), "%08u", n);
		OK(backend_write(f->b, &txn));
		st = backend_put(txn, TABLE_TASKS, B(key),
		    (struct bytes){ load, sizeof(load) });
		if (st == ST_OK)
			st = backend_commit(txn);
		else
			backend_abort(txn);
		n += st == ST_OK ? 1 : 0;
	}
	IS(FULL, st);
	return n - from;
}

/* P-53: nothing is lost at the bound, and growing goes on. */
static void
test_full_map_grows_up_to_its_limit(void **state)
{
	struct fixture *f = *state;
	struct backend_usage before, after;
	struct backend_txn *txn;
	uint64_t count;
	uint32_t first, second;

	f->options.map_bytes_max = BACKEND_MAP_MIN * 3 / 2;
	fixture_reopen(f);
	first = fixture_fill_map(f, 0);
	backend_usage(f->b, &before);
	assert_true(first > 100);
	OK(backend_grow(f->b));
	backend_usage(f->b, &after);
	assert_int_equal(before.map_bytes, BACKEND_MAP_MIN);
	assert_int_equal(after.map_bytes, BACKEND_MAP_MIN * 3 / 2);
	assert_true(before.used_bytes * 4 > before.map_bytes * 3);

	second = fixture_fill_map(f, first);
	assert_true(second > 0);
	IS(FULL, backend_grow(f->b));
	OK(backend_read(f->b, &txn));
	OK(backend_count(txn, TABLE_TASKS, &count));
	backend_abort(txn);
	assert_int_equal(count, first + second);
}

static void
test_readers_have_a_bound(void **state)
{
	struct fixture *f = *state;
	struct backend_txn *readers[8], *late;
	struct backend_usage u;

	for (int i = 0; i < 8; i++)
		OK(backend_read(f->b, &readers[i]));
	IS(FULL, backend_read(f->b, &late));
	backend_usage(f->b, &u);
	assert_int_equal(u.readers, 8);
	assert_int_equal(u.readers_max, 8);
	assert_int_equal(backend_check_readers(f->b), 0);
	backend_abort(readers[3]);
	OK(backend_read(f->b, &readers[3]));
	for (int i = 0; i < 8; i++)
		backend_abort(readers[i]);
}

static void
test_copy_is_the_last_commit(void **state)
{
	struct fixture *f = *state;
	struct fixture copy = { .class = f->class };
	char path[96];

	snprintf(path, sizeof(path), "%s/copy/of", f->folder);
	fixture_put(f, TABLE_TASKS, "a", "1");
	OK(backend_copy(f->b, path));
	IS(EXISTS, backend_copy(f->b, path));
	fixture_put(f, TABLE_TASKS, "a", "2");

	copy.options = f->options;
	copy.options.path = path;
	fixture_open(&copy);
	fixture_has(&copy, TABLE_TASKS, "a", "1");
	fixture_has(f, TABLE_TASKS, "a", "2");
	OK(backend_close(copy.b));
	memory_forget(path);
}

static void
test_open_checks_its_options(void **state)
{
	struct fixture *f = *state;
	struct backend_options o = f->options;
	struct backend *b;

	o.path = "";
	IS(INVALID, backend_open(f->class, &o, &b));
	o.path = "/tmp/never-made";
	o.map_bytes = BACKEND_MAP_MIN - 1;
	IS(INVALID, backend_open(f->class, &o, &b));
	o.map_bytes = o.map_bytes_max + 1;
	IS(INVALID, backend_open(f->class, &o, &b));
	assert_ptr_equal(backend_find(backend_name(f->b)), f->class);
	assert_null(backend_find("sqlite"));
	OK(backend_sync(f->b));
}

/* P-06, P-23: each fault is told, changes nothing, and passes. */
static void
test_faults_leave_no_trace(void **state)
{
	struct fixture *f = *state;
	struct backend_cursor *c;
	struct backend_entry e;
	struct backend_txn *txn;
	struct bytes got;

	fixture_put(f, TABLE_TASKS, "a", "1");
	faults_fail(&f->faults, FAULT_BEGIN, 1, ST_IO);
	IS(IO, backend_write(f->b, &txn));
	faults_fail(&f->faults, FAULT_COMMIT, 1, ST_IO);
	faults_fail(&f->faults, FAULT_PUT, 2, ST_FULL);
	faults_fail(&f->faults, FAULT_GET, 1, ST_CORRUPT);
	faults_fail(&f->faults, FAULT_DELETE, 1, ST_IO);
	faults_fail(&f->faults, FAULT_MOVE, 1, ST_IO);
	OK(backend_write(f->b, &txn));
	OK(backend_put(txn, TABLE_TASKS, B("a"), B("2")));
	IS(FULL, backend_put(txn, TABLE_TASKS, B("b"), B("2")));
	IS(CORRUPT, backend_get(txn, TABLE_TASKS, B("a"), &got));
	IS(IO, backend_delete(txn, TABLE_TASKS, B("a")));
	OK(backend_cursor_open(txn, TABLE_TASKS, &c));
	IS(IO, backend_move(c, MOVE_FIRST, ANY, &e));
	OK(backend_move(c, MOVE_FIRST, ANY, &e));
	IS(IO, backend_commit(txn));
	fixture_has(f, TABLE_TASKS, "a", "1");

	faults_fail(&f->faults, FAULT_OPEN, 1, ST_IO);
	OK(backend_close(f->b));
	IS(IO, backend_open(f->class, &f->options, &f->b));
	fixture_open(f);
	faults_fail(&f->faults, FAULT_CLOSE, 1, ST_IO);
	IS(IO, backend_close(f->b));
	fixture_open(f); /* gone all the same: nothing holds it */
	fixture_has(f, TABLE_TASKS, "a", "1");
}

/* P-42: private ones share nothing and leave nothing. */
static void
test_private_memory_is_private(void **state)
{
	struct backend_options o = { .path = MEMORY_PATH };
	struct fixture one = { .class = &backend_memory, .options = o };
	struct fixture two = one;

	(void)state;
	fixture_open(&one);
	fixture_open(&two);
	fixture_create_tables(&one);
	fixture_create_tables(&two);
	fixture_put(&one, TABLE_TASKS, "a", "1");
	fixture_has(&two, TABLE_TASKS, "a", NULL);
	OK(backend_close(one.b));
	OK(backend_close(two.b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_what_is_put_is_got, fixture_setup),
		ON_BOTH(test_put_new_leaves_the_old_value, fixture_setup),
		ON_BOTH(test_append_takes_only_the_greatest_key, fixture_setup),
		ON_BOTH(test_keys_have_bounds, fixture_setup),
		ON_BOTH(test_tables_are_made_by_a_commit_only, fixture_bare),
		ON_BOTH(test_aborted_writes_vanish, fixture_setup),
		ON_BOTH(test_reader_keeps_its_snapshot, fixture_setup),
		ON_BOTH(test_cursor_walks_both_ways, fixture_setup),
		ON_BOTH(test_cursor_survives_writes, fixture_setup),
		ON_BOTH(test_data_survives_a_reopen, fixture_setup),
		ON_BOTH(test_second_open_is_refused, fixture_setup),
		ON_BOTH(test_full_map_grows_up_to_its_limit, fixture_setup),
		ON_BOTH(test_readers_have_a_bound, fixture_setup),
		ON_BOTH(test_copy_is_the_last_commit, fixture_setup),
		ON_BOTH(test_open_checks_its_options, fixture_setup),
		ON_BOTH(test_faults_leave_no_trace, fixture_setup),
		cmocka_unit_test(test_private_memory_is_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
