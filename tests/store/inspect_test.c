/* B9: damage of every kind is found, and named by table and key. */
#include "store/inspect.h"

#include "store/cost.h"
#include "store/journal.h"
#include "store/meta.h"
#include "tests/store/money_rig.h"

#define ROW_SIZE 4096

static char told[8192];

static void
tell(void *ctx, const char *table, const char *key, const char *what)
{
	size_t used = strlen(told);

	(void)ctx;
	snprintf(
	    told + used, sizeof(told) - used, "%s/%s: %s\n", table, key, what);
}

/* How much is wrong; the words are in told. */
static uint64_t
inspect(void)
{
	struct inspection i = { .tell = tell };
	struct backend_txn *inner;
	struct txn t;

	told[0] = '\0';
	OK(backend_read(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	OK(inspect_all(&t, &i));
	backend_abort(inner);
	assert_true(i.rows > 0);
	return i.wrong;
}

static void
found(uint64_t wrong, const char *words)
{
	uint64_t is = inspect();

	if (is != wrong || strstr(told, words) == NULL)
		fail_msg("%u wrong, expected %u with \"%s\":\n%s", (unsigned)is,
		    (unsigned)wrong, words, told);
}

/* ---- a database with something in every part ---- */

static void
make_task(const char *id, enum task_status status)
{
	struct task task = { .id = id,
		.title = "t",
		.description = "d",
		.status = status,
		.project = "p",
		.created_by = "u",
		.assigned_to = status == TASK_CREATED ? NULL : "a" };

	OK(ASK(store_task_create, .task = task, .principal = "u",
	    .once = { .key = id },
	    .event = { .event_type = "task.created",
		.channel = "tasks",
		.payload = "{}" }));
}

static int
setup(void **state)
{
	struct budget b =
	    a_budget("b", LEVEL_PROJECT, "p", WINDOW_LIFETIME, 100 * UNIT);
	struct cost_record r;

	asker_setup(state);
	make_task("t1", TASK_CREATED);
	make_task("t2", TASK_ASSIGNED);
	make_budget(&b);
	b = a_budget("roll", LEVEL_AGENT, "agent", WINDOW_ROLLING, UNIT);
	b.hard = false;
	make_budget(&b);
	for (uint64_t n = 1; n <= 3; n++) {
		r = a_record(n, "p", CENT);
		r.timestamp = NOW + (int64_t)n * HOUR;
		OK(add(&r, NOW));
	}
	OK(ask_hold("open", UNIT / 10, NOW, HOUR));
	OK(ask_hold("done", UNIT / 10, NOW, HOUR));
	assert_int_equal(settle("done", 9, CENT, NOW), 0);
	return 0;
}

/* ---- what damages it ---- */

static struct key
text_key(const char *text)
{
	struct key k;

	key_init(&k);
	key_tail(&k, text);
	return k;
}

static struct key
seq_key(uint64_t seq)
{
	struct key k;

	key_init(&k);
	key_number(&k, seq);
	return k;
}

static void
put(enum table table, struct key k, struct bytes value)
{
	struct backend_txn *txn;

	OK(backend_write(asker.f->b, &txn));
	OK(backend_put(txn, table, key_bytes(&k), value));
	OK(backend_commit(txn));
}

static void
drop(enum table table, struct key k)
{
	struct backend_txn *txn;

	OK(backend_write(asker.f->b, &txn));
	OK(backend_delete(txn, table, key_bytes(&k)));
	OK(backend_commit(txn));
}

static size_t
get(enum table table, struct key k, uint8_t ret_row[ROW_SIZE])
{
	struct backend_txn *txn;
	struct bytes value;

	OK(backend_read(asker.f->b, &txn));
	OK(backend_get(txn, table, key_bytes(&k), &value));
	assert_true(value.size <= ROW_SIZE);
	memcpy(ret_row, value.at, value.size);
	backend_abort(txn);
	return value.size;
}

/* Rewrites a row as a program with a fault would: it decodes. */
#define REWRITE(table, k, record, change)                              \
	do {                                                           \
		struct backend_txn *inner;                             \
		struct txn t;                                          \
		struct key at = (k);                                   \
		struct record row;                                     \
                                                                       \
		OK(backend_write(asker.f->b, &inner));                 \
		txn_init(&t, inner, asker.room);                       \
		row = *ROW_GET(&t, table, &at, record);                \
		change;                                                \
		row_put(&t, table, &at, CATALOGUE_TYPE(record), &row); \
		OK(txn_status(&t));                                    \
		OK(backend_commit(inner));                             \
	} while (0)

static struct key
first_key(enum table table)
{
	struct backend_cursor *c;
	struct backend_entry entry;
	struct backend_txn *txn;
	struct key k;

	OK(backend_read(asker.f->b, &txn));
	OK(backend_cursor_open(txn, table, &c));
	OK(backend_move(c, MOVE_FIRST, ANY, &entry));
	key_init(&k);
	key_raw(&k, entry.key);
	backend_cursor_close(c);
	backend_abort(txn);
	return k;
}

/* ---- tests ---- */

static void
test_what_requests_write_is_whole(void **state)
{
	(void)state;
	if (inspect() != 0)
		fail_msg("%s", told);
	assert_int_equal(void_hold("open", NOW), 0);
	assert_int_equal(inspect(), 0);
	OK(ASK(store_task_delete, .id = "t1"));
	OK(ASK(store_budget_delete, .id = "b"));
	assert_int_equal(inspect(), 0);
}

static void
test_a_flipped_bit_of_a_row(void **state)
{
	uint8_t row[ROW_SIZE];
	size_t size = get(TABLE_TASKS, text_key("t1"), row);

	(void)state;
	row[size / 2] ^= 1;
	put(TABLE_TASKS, text_key("t1"), (struct bytes){ row, size });
	found(1, "tasks/t1: does not decode");
	put(TABLE_TASKS, text_key("t1"), (struct bytes){ row, 3 });
	found(1, "tasks/t1: does not decode");
}

static void
test_a_row_under_another_key(void **state)
{
	uint8_t row[ROW_SIZE];
	size_t size = get(TABLE_TASKS, text_key("t1"), row);

	(void)state;
	put(TABLE_TASKS, text_key("t9"), (struct bytes){ row, size });
	(void)inspect();
	assert_non_null(strstr(told, "tasks/t9: its content belongs under"));
}

static void
test_a_row_that_breaks_its_rules(void **state)
{
	(void)state;
	REWRITE(TABLE_TASKS, text_key("t1"), task, row.title = " ");
	found(1, "tasks/t1: a task's id, project, title");
}

static void
test_a_lost_entry(void **state)
{
	(void)state;
	drop(TABLE_TASKS_BY_PROJECT, first_key(TABLE_TASKS_BY_PROJECT));
	found(1, "tasks_by_project/p\\x00t1: the entry of a row is missing");
	drop(TABLE_HOLDS_BY_EXPIRY, first_key(TABLE_HOLDS_BY_EXPIRY));
	found(2, "holds_by_expiry/");
}

static void
test_an_entry_without_a_row(void **state)
{
	struct key k = text_key("p");

	(void)state;
	key_init(&k);
	key_text(&k, "p");
	key_tail(&k, "nobody");
	put(TABLE_TASKS_BY_PROJECT, k, ANY);
	found(1, "tasks_by_project/p\\x00nobody: leads to no row");
	put(TABLE_TASKS_BY_PROJECT, text_key("no-end"), ANY);
	found(2, "tasks_by_project/no-end: is no key of this index");
}

static void
test_an_entry_that_its_row_denies(void **state)
{
	struct key k;

	(void)state;
	key_init(&k);
	key_text(&k, "completed");
	key_tail(&k, "t1");
	put(TABLE_TASKS_BY_STATUS, k, ANY);
	found(1, "tasks_by_status/completed\\x00t1: its row says otherwise");
}

static void
test_an_entry_with_another_value(void **state)
{
	(void)state;
	put(TABLE_COST_BY_AGENT, first_key(TABLE_COST_BY_AGENT), B("12345678"));
	found(1, "the entry of a row holds another value");
}

/* Every index there is: its first entry gone. */
static void
test_every_index_is_looked_at(void **state)
{
	static const enum table indexes[] = { TABLE_TASKS_BY_STATUS,
		TABLE_TASKS_BY_ASSIGNEE, TABLE_TASKS_BY_PROJECT,
		TABLE_IDEM_BY_EXPIRY, TABLE_COST_BY_AGENT, TABLE_COST_BY_TASK,
		TABLE_COST_BY_PROJECT, TABLE_BUDGETS_BY_SUBJECT,
		TABLE_HOLDS_BY_EXPIRY, TABLE_HOLDS_BY_END };
	uint64_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		drop(indexes[i], first_key(indexes[i]));
		found(++wrong, table_name(indexes[i]));
	}
}

static void
test_sums_that_do_not_add_up(void **state)
{
	(void)state;
	REWRITE(TABLE_PROJECT_COSTS, text_key("p"), project_cost,
	    row.total_cost += 1);
	found(1, "project_cost_agg/p: total_cost is 0.040000000001, but adds "
		 "up to 0.04");
	REWRITE(TABLE_COST_SLOTS, first_key(TABLE_COST_SLOTS), cost_slot,
	    row.records--);
	found(2, "records is 0, but adds up to 1");
	REWRITE(TABLE_BUDGET_METERS, first_key(TABLE_BUDGET_METERS),
	    budget_meter, row.held = 0);
	found(3, "held is 0, but adds up to 0.1");
	REWRITE(TABLE_BUDGET_METERS, first_key(TABLE_BUDGET_METERS),
	    budget_meter, row.spent = 0);
	found(3, "spent is 0, but adds up to 0.04");
	drop(TABLE_PROJECT_COSTS, text_key("p"));
	found(3, "project_cost_agg/p: it is missing");
}

static void
test_a_lost_record(void **state)
{
	(void)state;
	drop(TABLE_COST_RECORDS, seq_key(2));
	(void)inspect();
	assert_non_null(strstr(told, "cost_records/\\x00\\x00\\x00\\x00\\x00"
				     "\\x00\\x00\\x03: the record before it"));
	assert_non_null(strstr(told,
	    "cost_by_agent/\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00agent"));
	assert_non_null(strstr(told, "leads to no row"));
	drop(TABLE_COST_RECORDS, seq_key(4));
	(void)inspect();
	assert_non_null(strstr(told, "meta/cost_seq: is not the number"));
}

/* One that cannot be read is one finding, not one of every sum. */
static void
test_an_unreadable_record_is_told_once(void **state)
{
	uint8_t row[ROW_SIZE];
	size_t size = get(TABLE_COST_RECORDS, seq_key(2), row);
	struct key k;

	(void)state;
	row[size - 1] ^= 1;
	put(TABLE_COST_RECORDS, seq_key(2), (struct bytes){ row, size });
	found(1, "\\x02: does not decode");
	key_init(&k);
	key_text(&k, "tasks");
	key_number(&k, 1);
	put(TABLE_JOURNAL, k, B("not a record"));
	found(2, "journal/tasks");
}

static void
test_gaps_of_the_journal(void **state)
{
	struct key k;

	(void)state;
	key_init(&k);
	key_text(&k, "tasks");
	key_number(&k, 2);
	drop(TABLE_JOURNAL, k);
	found(2, "channels/tasks: its newest event is missing");
	assert_non_null(strstr(told, "its newest event is 1, it says 2"));
	make_task("t3", TASK_CREATED);
	(void)inspect();
	assert_non_null(strstr(told, "journal/tasks\\x00\\x00\\x00\\x00\\x00"
				     "\\x00\\x00\\x00\\x03: the event before"));
}

static void
test_the_audit_chain(void **state)
{
	const struct audit_note note = { .action = "x.y" };

	(void)state;
	for (int i = 0; i < 3; i++)
		OK(ASK(store_budget_change, .id = "b", .has_hard = true,
		    .now = NOW, .audit = &note));
	assert_int_equal(inspect(), 0);
	REWRITE(TABLE_AUDIT, seq_key(2), audit_entry, row.at++);
	found(1, "audit/\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02: ");
}

static void
test_a_number_that_is_none(void **state)
{
	(void)state;
	put(TABLE_META, text_key("created_at"), B("x"));
	found(1, "meta/created_at: is no number");
}

#define INSPECTED(test)                                         \
	{ #test " (lmdb)", test, setup, asker_teardown,         \
		(void *)(uintptr_t)&backend_lmdb },             \
	{                                                       \
#test " (memory)", test, setup, asker_teardown, \
		    (void *)(uintptr_t)&backend_memory          \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		INSPECTED(test_what_requests_write_is_whole),
		INSPECTED(test_a_flipped_bit_of_a_row),
		INSPECTED(test_a_row_under_another_key),
		INSPECTED(test_a_row_that_breaks_its_rules),
		INSPECTED(test_a_lost_entry),
		INSPECTED(test_an_entry_without_a_row),
		INSPECTED(test_an_entry_that_its_row_denies),
		INSPECTED(test_an_entry_with_another_value),
		INSPECTED(test_every_index_is_looked_at),
		INSPECTED(test_sums_that_do_not_add_up),
		INSPECTED(test_a_lost_record),
		INSPECTED(test_an_unreadable_record_is_told_once),
		INSPECTED(test_gaps_of_the_journal),
		INSPECTED(test_the_audit_chain),
		INSPECTED(test_a_number_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
