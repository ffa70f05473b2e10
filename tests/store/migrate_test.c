#include "store/migrate.h"

#include <sys/wait.h>

#include "protocols/catalogue.h"
#include "runtime/base/log.h"
#include "store/cost.h"
#include "store/meta.h"
#include "store/row.h"
#include "tests/store/fixture.h"

static const struct migrate_world world = { .now_us = 7, .epoch = 42 };

static void
version_is(struct fixture *f, uint32_t expected)
{
	uint32_t version = UINT32_MAX;

	OK(migrate_version(f->b, &version));
	assert_int_equal(version, expected);
}

static uint64_t
meta_of(struct fixture *f, const char *name)
{
	struct txn_room *room = txn_room_create();
	struct backend_txn *inner;
	uint64_t number;
	struct txn t;

	OK(backend_read(f->b, &inner));
	txn_init(&t, inner, room);
	number = meta_get(&t, name);
	OK(txn_status(&t));
	backend_abort(inner);
	txn_room_destroy(room);
	return number;
}

/* P-09 */
static void
test_fresh_database_is_migrated_once(void **state)
{
	struct migrate_world later = { .now_us = 8, .epoch = 43 };
	struct fixture *f = *state;
	struct migrate_result r;
	struct backend_txn *txn;
	uint32_t commits;
	uint64_t count;

	version_is(f, 0);
	OK(migrate_run(f->b, &migrate_plan, &world, &r));
	assert_int_equal(r.from, 0);
	assert_int_equal(r.to, 2);
	version_is(f, 2);
	OK(backend_read(f->b, &txn));
	for (enum table t = 0; t < TABLE_COUNT; t++)
		OK(backend_count(txn, t, &count));
	backend_abort(txn);

	commits = faults_seen(&f->faults, FAULT_COMMIT);
	OK(migrate_run(f->b, &migrate_plan, &later, &r));
	assert_int_equal(r.from, 2);
	assert_int_equal(faults_seen(&f->faults, FAULT_COMMIT), commits);
	assert_int_equal(meta_of(f, META_EPOCH), 42);
	assert_int_equal(meta_of(f, META_CREATED_AT), 7);
}

static enum status
step_good(struct txn *t, const struct migrate_world *w)
{
	(void)w;
	if (backend_create(t->inner, TABLE_META) != ST_OK ||
	    backend_create(t->inner, TABLE_USERS) != ST_OK)
		return txn_fail(t, ST_IO, "create");
	return ST_OK;
}

static enum status
step_bad(struct txn *t, const struct migrate_world *w)
{
	(void)w;
	return txn_fail(t, ST_CONFLICT, "cannot");
}

/* P-11, P-13: the step's own error comes out, and nothing of step 1 stays. */
static void
test_failing_step_leaves_nothing(void **state)
{
	static const struct migrate_step steps[] = {
		{ 1, "good", step_good },
		{ 2, "bad", step_bad },
	};
	const struct migrate_plan plan = { steps, 2 };
	const struct migrate_plan half = { steps, 1 };
	struct fixture *f = *state;
	struct migrate_result r;
	struct backend_txn *txn;
	uint64_t count;

	IS(CONFLICT, migrate_run(f->b, &plan, &world, &r));
	version_is(f, 0);
	OK(backend_read(f->b, &txn));
	IS(UNAVAILABLE, backend_count(txn, TABLE_USERS, &count));
	backend_abort(txn);

	/* Only what is pending runs: step 1 once, then step 2. */
	OK(migrate_run(f->b, &half, &world, &r));
	IS(CONFLICT, migrate_run(f->b, &plan, &world, &r));
	version_is(f, 1);
}

static enum status
step_fails_twice(struct txn *t, const struct migrate_world *w)
{
	(void)w;
	(void)txn_fail(t, ST_CONFLICT, "cannot");
	return txn_fail(t, ST_IO, "and what follows fails as well");
}

/* P-12: the first error comes out; giving a transaction up cannot fail. */
static void
test_p12_the_first_error_is_the_one_that_is_told(void **state)
{
	static const struct migrate_step steps[] = {
		{ 1, "good", step_good },
		{ 2, "bad", step_fails_twice },
	};
	const struct migrate_plan plan = { steps, 2 };
	struct fixture *f = *state;
	struct migrate_result r;

	faults_fail(&f->faults, FAULT_COMMIT, 1, ST_IO);
	IS(CONFLICT, migrate_run(f->b, &plan, &world, &r));
	version_is(f, 0);
	assert_int_equal(faults_seen(&f->faults, FAULT_COMMIT), 0);
}

static void
version_put(struct fixture *f, uint64_t version)
{
	struct txn_room *room = txn_room_create();
	struct backend_txn *inner;
	struct txn t;

	OK(backend_write(f->b, &inner));
	OK(backend_create(inner, TABLE_META));
	txn_init(&t, inner, room);
	meta_put(&t, META_SCHEMA_VERSION, version);
	OK(txn_status(&t));
	OK(backend_commit(inner));
	txn_room_destroy(room);
}

/* P-14: 7 reads back 7; what no version is, is no version. */
static void
test_p14_a_version_is_a_whole_number(void **state)
{
	struct fixture *f = *state;
	struct migrate_result r;
	uint32_t version = 99;

	version_put(f, 7);
	version_is(f, 7);
	version_put(f, UINT64_C(1) << 32);
	IS(CORRUPT, migrate_version(f->b, &version));
	assert_int_equal(version, 99);
	fixture_put(f, TABLE_META, META_SCHEMA_VERSION, "1.5");
	IS(CORRUPT, migrate_version(f->b, &version));
	IS(CORRUPT, migrate_run(f->b, &migrate_plan, &world, &r));
	fixture_has(f, TABLE_META, META_SCHEMA_VERSION, "1.5");
}

/* Every call to the disk fails once; each time all or nothing (P-11). */
static void
test_any_failing_operation_rolls_back(void **state)
{
	struct fixture *f = *state;
	struct migrate_result r;
	static const enum fault_op ops[] = { FAULT_BEGIN, FAULT_CREATE,
		FAULT_PUT, FAULT_COMMIT };

	for (size_t i = 0; i < 4; i++) {
		faults_fail(&f->faults, ops[i], i == 0 ? 2 : 1, ST_IO);
		IS(IO, migrate_run(f->b, &migrate_plan, &world, &r));
		version_is(f, 0);
	}
	faults_fail(&f->faults, FAULT_CREATE, TABLE_COUNT, ST_IO);
	IS(IO, migrate_run(f->b, &migrate_plan, &world, &r));
	OK(migrate_run(f->b, &migrate_plan, &world, &r));
	version_is(f, 2);
}

/* P-15 */
static void
test_newer_database_is_refused(void **state)
{
	struct fixture *f = *state;
	struct txn_room *room = txn_room_create();
	struct migrate_result r;
	struct backend_txn *inner;
	struct txn t;

	OK(migrate_run(f->b, &migrate_plan, &world, &r));
	OK(backend_write(f->b, &inner));
	txn_init(&t, inner, room);
	meta_put(&t, META_SCHEMA_VERSION, 3);
	OK(backend_commit(inner));
	IS(NEWER, migrate_run(f->b, &migrate_plan, &world, &r));
	version_is(f, 3);

	OK(backend_write(f->b, &inner));
	txn_init(&t, inner, room);
	meta_put(&t, META_SCHEMA_VERSION, UINT64_MAX);
	OK(backend_commit(inner));
	IS(CORRUPT, migrate_run(f->b, &migrate_plan, &world, &r));
	txn_room_destroy(room);
}

/* The child migrates and is killed before its nth operation of a kind. */
static void
child_is_killed(struct fixture *f, enum fault_op op, uint32_t nth)
{
	struct migrate_result r;
	struct backend *b;
	int how;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		faults_kill(&f->faults, op, nth);
		if (backend_open(f->class, &f->options, &b) == ST_OK &&
		    migrate_run(b, &migrate_plan, &world, &r) == ST_OK)
			_exit(0);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

/* P-10 */
static void
test_kill_in_any_step_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct migrate_result r;

	OK(backend_close(f->b));
	for (uint32_t n = 1; n <= TABLE_COUNT; n += 6) {
		child_is_killed(f, FAULT_CREATE, n);
		fixture_open(f);
		version_is(f, 0);
		OK(backend_close(f->b));
	}
	child_is_killed(f, FAULT_PUT, 2);
	child_is_killed(f, FAULT_PUT, 3);
	child_is_killed(f, FAULT_COMMIT, 1);
	fixture_open(f);
	version_is(f, 0);
	OK(migrate_run(f->b, &migrate_plan, &world, &r));
	version_is(f, 2);
	assert_int_equal(meta_of(f, META_EPOCH), 42);
}

/* ---- from version 1 ---- */

/*
 * The tables of the first release, by their names on disk: if the step to
 * version 1 changes, this does not.
 */
static const char *const first_names[] = { "meta", "users", "users_by_name",
	"sessions", "sessions_by_user", "sessions_by_created",
	"sessions_by_expiry", "tombstones", "tombstones_by_expiry", "settings",
	"tasks", "tasks_by_status", "tasks_by_assignee", "tasks_by_project",
	"journal", "channels", "idem", "idem_by_expiry" };

enum { FIRST_NAMES = sizeof(first_names) / sizeof(first_names[0]) };

static bool
is_first(enum table t)
{
	for (size_t i = 0; i < FIRST_NAMES; i++)
		if (strcmp(first_names[i], table_name(t)) == 0)
			return true;
	return false;
}

/* A database as the first release left it, with a user and a setting. */
static void
make_first(struct fixture *f)
{
	struct txn_room *room = txn_room_create();
	struct backend_txn *inner;
	size_t made = 0;
	struct txn t;

	OK(backend_write(f->b, &inner));
	for (enum table table = 0; table < TABLE_COUNT; table++) {
		if (!is_first(table))
			continue;
		OK(backend_create(inner, table));
		made++;
	}
	assert_int_equal(made, FIRST_NAMES);
	txn_init(&t, inner, room);
	meta_put(&t, META_SCHEMA_VERSION, 1);
	meta_put(&t, META_CREATED_AT, 5);
	meta_put(&t, META_EPOCH, 40);
	OK(txn_status(&t));
	OK(backend_put(inner, TABLE_USERS, B("ada"), B("as she was")));
	OK(backend_put(inner, TABLE_SETTINGS, B("k"), B("v")));
	OK(backend_commit(inner));
	txn_room_destroy(room);
}

static void
first_is_untouched(struct fixture *f)
{
	fixture_has(f, TABLE_USERS, "ada", "as she was");
	fixture_has(f, TABLE_SETTINGS, "k", "v");
	assert_int_equal(meta_of(f, META_EPOCH), 40);
	assert_int_equal(meta_of(f, META_CREATED_AT), 5);
}

static void
later_tables_are(struct fixture *f, enum status expected)
{
	struct backend_txn *txn;
	uint64_t count = 0;

	OK(backend_read(f->b, &txn));
	for (enum table t = 0; t < TABLE_COUNT; t++)
		if (!is_first(t))
			assert_int_equal(
			    backend_count(txn, t, &count), expected);
	backend_abort(txn);
}

/* C-39: what was there is as it was, what is new is there, the version 2. */
static void
test_first_release_becomes_second(void **state)
{
	struct fixture *f = *state;
	struct migrate_result r;

	make_first(f);
	later_tables_are(f, ST_UNAVAILABLE);
	OK(migrate_run(f->b, &migrate_plan, &world, &r));
	assert_int_equal(r.from, 1);
	assert_int_equal(r.to, 2);
	version_is(f, 2);
	later_tables_are(f, ST_OK);
	first_is_untouched(f);

	OK(migrate_run(f->b, &migrate_plan, &world, &r));
	assert_int_equal(r.from, 2);
	first_is_untouched(f);
}

/* P-11 for a database with data: any failure leaves version 1 as it was. */
static void
test_failing_upgrade_leaves_first_release(void **state)
{
	static const enum fault_op ops[] = { FAULT_CREATE, FAULT_PUT,
		FAULT_COMMIT };
	struct fixture *f = *state;
	struct migrate_result r;

	make_first(f);
	for (size_t i = 0; i < 3; i++) {
		faults_fail(&f->faults, ops[i], 1, ST_FULL);
		IS(FULL, migrate_run(f->b, &migrate_plan, &world, &r));
		version_is(f, 1);
		later_tables_are(f, ST_UNAVAILABLE);
		first_is_untouched(f);
	}
	OK(migrate_run(f->b, &migrate_plan, &world, &r));
	later_tables_are(f, ST_OK);
}

/* P-10 for a database with data. */
static void
test_kill_in_upgrade_leaves_first_release(void **state)
{
	struct fixture *f = *state;
	struct migrate_result r;

	make_first(f);
	OK(backend_close(f->b));
	for (uint32_t n = 1; n <= TABLE_COUNT; n += 5) {
		child_is_killed(f, FAULT_CREATE, n);
		fixture_open(f);
		version_is(f, 1);
		OK(backend_close(f->b));
	}
	child_is_killed(f, FAULT_PUT, 1);
	child_is_killed(f, FAULT_COMMIT, 1);
	fixture_open(f);
	version_is(f, 1);
	later_tables_are(f, ST_UNAVAILABLE);
	OK(migrate_run(f->b, &migrate_plan, &world, &r));
	version_is(f, 2);
	later_tables_are(f, ST_OK);
	first_is_untouched(f);
}

/* C-38: totals of the records that version 1 has; twice is once. */
static void
test_c38_totals_are_filled_from_records(void **state)
{
	static const char *const projects[] = { "p", "q", "p", NULL };
	struct txn_room *room = txn_room_create();
	struct fixture *f = *state;
	const struct project_cost *p;
	struct backend_txn *inner;
	struct migrate_result r;
	struct txn t;
	struct key k;

	make_first(f);
	OK(backend_write(f->b, &inner));
	OK(backend_create(inner, TABLE_COST_RECORDS));
	txn_init(&t, inner, room);
	for (uint64_t n = 1; n <= 4; n++) {
		struct cost_record c = { .seq = n,
			.agent_id = "a",
			.task_id = "t",
			.project_id = projects[n - 1],
			.provider = "x",
			.model = "y",
			.cost = (money)n,
			.currency = "EUR",
			.input_tokens = n,
			.timestamp = (int64_t)n };

		key_init(&k);
		key_number(&k, n);
		row_put(&t, TABLE_COST_RECORDS, &k, CATALOGUE_TYPE(cost_record),
		    &c);
	}
	OK(txn_status(&t));
	OK(backend_commit(inner));
	OK(migrate_run(f->b, &migrate_plan, &world, &r));
	OK(migrate_run(f->b, &migrate_plan, &world, &r));

	OK(backend_read(f->b, &inner));
	txn_init(&t, inner, room);
	p = project_cost_row(&t, "p");
	assert_true(p->total_cost == 4);
	assert_int_equal(p->record_count, 2);
	assert_int_equal(p->total_input_tokens, 4);
	assert_true(project_cost_row(&t, "q")->total_cost == 2);
	backend_abort(inner);
	txn_room_destroy(room);
	assert_int_equal(meta_of(f, META_COST_SEQ), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_fresh_database_is_migrated_once, fixture_bare),
		ON_BOTH(test_failing_step_leaves_nothing, fixture_bare),
		ON_BOTH(test_p12_the_first_error_is_the_one_that_is_told,
		    fixture_bare),
		ON_BOTH(test_p14_a_version_is_a_whole_number, fixture_bare),
		ON_BOTH(test_any_failing_operation_rolls_back, fixture_bare),
		ON_BOTH(test_newer_database_is_refused, fixture_bare),
		ON_LMDB(test_kill_in_any_step_changes_nothing, fixture_bare),
		ON_BOTH(test_first_release_becomes_second, fixture_bare),
		ON_BOTH(test_c38_totals_are_filled_from_records, fixture_bare),
		ON_BOTH(
		    test_failing_upgrade_leaves_first_release, fixture_bare),
		ON_LMDB(
		    test_kill_in_upgrade_leaves_first_release, fixture_bare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
