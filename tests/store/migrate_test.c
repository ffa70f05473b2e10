#include "store/migrate.h"

#include <sys/wait.h>

#include "runtime/base/log.h"
#include "store/meta.h"
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
	assert_int_equal(r.to, 1);
	version_is(f, 1);
	OK(backend_read(f->b, &txn));
	for (enum table t = 0; t < TABLE_COUNT; t++)
		OK(backend_count(txn, t, &count));
	backend_abort(txn);

	commits = faults_seen(&f->faults, FAULT_COMMIT);
	OK(migrate_run(f->b, &migrate_plan, &later, &r));
	assert_int_equal(r.from, 1);
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
	version_is(f, 1);
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
	meta_put(&t, META_SCHEMA_VERSION, 2);
	OK(backend_commit(inner));
	IS(NEWER, migrate_run(f->b, &migrate_plan, &world, &r));
	version_is(f, 2);

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
	version_is(f, 1);
	assert_int_equal(meta_of(f, META_EPOCH), 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_fresh_database_is_migrated_once, fixture_bare),
		ON_BOTH(test_failing_step_leaves_nothing, fixture_bare),
		ON_BOTH(test_any_failing_operation_rolls_back, fixture_bare),
		ON_BOTH(test_newer_database_is_refused, fixture_bare),
		ON_LMDB(test_kill_in_any_step_changes_nothing, fixture_bare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
