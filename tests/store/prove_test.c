/* A copy is opened and looked at; the first finding is told by its row. */
#include "store/prove.h"

#include "store/copy.h"
#include "store/folder.h"
#include "store/meta.h"
#include "tests/store/money_rig.h"

static char folder[200], file[240];

static int
setup(void **state)
{
	struct cost_record r = a_record(1, "p", CENT);
	const struct audit_note note = { .action = "x.y" };
	struct budget b =
	    a_budget("b", LEVEL_PROJECT, "p", WINDOW_LIFETIME, 100 * UNIT);

	asker_setup(state);
	make_budget(&b);
	OK(add(&r, NOW));
	for (int i = 0; i < 3; i++)
		OK(ASK(store_budget_change, .id = "b", .has_hard = true,
		    .now = NOW, .audit = &note));
	snprintf(folder, sizeof(folder), "%s/copy", asker.f->folder);
	snprintf(file, sizeof(file), "%s/data.mdb", folder);
	OK(folder_make(folder));
	return 0;
}

static void
copy_it(void)
{
	uint64_t bytes;

	(void)unlink(file);
	OK(copy_live(asker.f->b, file, NULL, &bytes));
}

static enum status
prove(struct proven *p)
{
	copy_it();
	return prove_file(file, false, NULL, p);
}

static void
finds(const char *words)
{
	struct proven p;

	IS(CORRUPT, prove(&p));
	if (strstr(p.why, words) == NULL ||
	    strstr(backend_why(), words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, p.why);
}

/* Whatever change does to a row, it decodes and its sum is right. */
#define REWRITE(table, k, record, change)                               \
	do {                                                            \
		struct backend_txn *inner;                              \
		struct txn t;                                           \
		struct record row;                                      \
                                                                        \
		OK(backend_write(asker.f->b, &inner));                  \
		txn_init(&t, inner, asker.room);                        \
		row = *ROW_GET(&t, table, &(k), record);                \
		change;                                                 \
		row_put(&t, table, &(k), CATALOGUE_TYPE(record), &row); \
		OK(txn_status(&t));                                     \
		OK(backend_commit(inner));                              \
	} while (0)

static void
test_a_good_copy_is_proven_and_left_as_it_is(void **state)
{
	char lock[256];
	struct proven p;

	(void)state;
	OK(prove(&p));
	assert_true(p.verified.rows > 5 && p.entries > 3);
	assert_int_equal(p.wrong, 0);
	assert_string_equal(p.why, "");
	snprintf(lock, sizeof(lock), "%s/lock.mdb", folder);
	assert_int_equal(access(lock, F_OK), -1);
	snprintf(lock, sizeof(lock), "%s/troupe.lock", folder);
	assert_int_equal(access(lock, F_OK), -1);
}

static void
test_a_row_that_does_not_decode(void **state)
{
	(void)state;
	asker_damage(TABLE_BUDGETS, "b");
	finds("budgets/b: does not decode");
}

static void
test_a_broken_chain(void **state)
{
	struct key k;

	(void)state;
	key_init(&k);
	key_number(&k, 2);
	REWRITE(TABLE_AUDIT, k, audit_entry, row.at++);
	finds("audit/\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02: ");
}

static void
test_a_sum_that_does_not_add_up(void **state)
{
	struct key k;

	(void)state;
	key_init(&k);
	key_tail(&k, "p");
	REWRITE(TABLE_PROJECT_COSTS, k, project_cost, row.total_cost += UNIT);
	finds("project_cost_agg/p: total_cost is 1.01, but adds up to 0.01");
}

static void
set_schema(uint64_t version)
{
	struct backend_txn *inner;
	struct txn t;

	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	meta_put(&t, META_SCHEMA_VERSION, version);
	OK(txn_status(&t));
	OK(backend_commit(inner));
}

static void
test_an_older_schema_is_migrated_where_it_may_be(void **state)
{
	char lock[256];
	struct proven p;

	(void)state;
	set_schema(migrate_newest() - 1);
	IS(UNSUPPORTED, prove(&p));
	OK(prove_file(file, true, NULL, &p));
	assert_true(p.verified.rows > 5 && p.wrong == 0);
	snprintf(lock, sizeof(lock), "%s/lock.mdb", folder);
	assert_int_equal(access(lock, F_OK), -1);
	set_schema(migrate_newest() + 1);
	IS(NEWER, prove(&p));
}

static void
test_a_cancel_is_heard(void **state)
{
	struct pace pace = { 0 };
	struct proven p;

	(void)state;
	copy_it();
	pace_init(&pace, 0);
	pace_bound_cpu(&pace, 50);
	OK(prove_file(file, false, &pace, &p));
	assert_true(atomic_load(&pace.done) > 0);
	atomic_store(&pace.cancelled, true);
	IS(CANCELLED, prove_file(file, false, &pace, &p));
	(void)unlink(file);
	IS(NOT_FOUND, prove_file(file, false, NULL, &p));
}

#define PROVEN(test)                                 \
	{                                            \
#test, test, setup, asker_teardown,  \
		    (void *)(uintptr_t)&backend_lmdb \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PROVEN(test_a_good_copy_is_proven_and_left_as_it_is),
		PROVEN(test_a_row_that_does_not_decode),
		PROVEN(test_a_broken_chain),
		PROVEN(test_a_sum_that_does_not_add_up),
		PROVEN(test_an_older_schema_is_migrated_where_it_may_be),
		PROVEN(test_a_cancel_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
