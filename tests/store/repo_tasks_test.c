#include "protocols/problem.h"
#include "store/idem.h"
#include "store/journal.h"
#include "tests/store/asker.h"

#define NOW INT64_C(1775210400000000)

static struct task
task_of(const char *id, enum task_status status, const char *assignee,
    const char *project)
{
	return (struct task){ .id = id,
		.title = "title",
		.description = "text",
		.status = status,
		.assigned_to = assignee,
		.project = project,
		.created_by = "u",
		.created_at = NOW,
		.updated_at = NOW,
		.version = 1 };
}

static enum status
save(const char *id, enum task_status status, const char *assignee,
    const char *project)
{
	return ASK(
	    store_task_save, .task = task_of(id, status, assignee, project));
}

static const struct task *
get(const char *id)
{
	OK(ASK(store_task_get, .id = id));
	return REPLY_IS(store_task_found)->task;
}

/* The ids of the last page, joined. */
static const char *
listed(void)
{
	const struct task_page *page = REPLY_IS(task_page);
	static char text[4096];

	text[0] = '\0';
	for (uint32_t i = 0; i < page->tasks_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s ", page->tasks[i].id);
	return text;
}

static struct store_task_create
creation(const char *id, const char *key, const char *hash)
{
	return (struct store_task_create){
		.task = task_of(id, TASK_CREATED, NULL, "p"),
		.principal = "u",
		.once = { .key = key, .body_hash = B(hash) },
		.event = { .event_type = "task.created",
		    .channel = "tasks",
		    .timestamp = NOW,
		    .payload = "{}" },
	};
}

static enum status
create(const char *id, const char *key, const char *hash)
{
	struct store_task_create ask = creation(id, key, hash);

	return asker_ask(MSG_store_task_create, &ask);
}

/* P-46: the index moves with the task, a list of none replaces one of three. */
static void
test_save_replaces_all_of_a_task(void **state)
{
	static const char *const three[] = { "a", "b", "c" };
	struct task task = task_of("x", TASK_CREATED, NULL, "p");

	(void)state;
	task.reviewers = three;
	task.reviewers_count = 3;
	OK(ASK(store_task_save, .task = task));
	assert_int_equal(get("x")->reviewers_count, 3);
	assert_string_equal(get("x")->reviewers[2], "c");
	OK(save("x", TASK_ASSIGNED, "ada", "p"));
	assert_int_equal(get("x")->reviewers_count, 0);
	assert_string_equal(get("x")->assigned_to, "ada");
	OK(ASK(store_task_list, .status = TASK_CREATED, .has_status = true,
	    .limit = 9));
	assert_string_equal(listed(), "");
	OK(ASK(store_task_list, .status = TASK_ASSIGNED, .has_status = true,
	    .limit = 9));
	assert_string_equal(listed(), "x ");
	assert_int_equal(asker_count(TABLE_TASKS_BY_STATUS), 1);
	assert_int_equal(asker_count(TABLE_TASKS_BY_PROJECT), 1);
	assert_int_equal(asker_count(TABLE_TASKS_BY_ASSIGNEE), 1);
}

static uint32_t
list_count(int filters)
{
	const struct task_page *page;

	OK(ASK(store_task_list, .has_status = (filters & 1) != 0,
	    .status = TASK_IN_REVIEW,
	    .assigned_to = (filters & 2) != 0 ? "b" : NULL,
	    .project = (filters & 4) != 0 ? "q" : NULL,
	    .limit = TASKS_PAGE_MAX));
	page = REPLY_IS(task_page);
	for (uint32_t i = 1; i < page->tasks_count; i++)
		assert_true(
		    strcmp(page->tasks[i - 1].id, page->tasks[i].id) < 0);
	assert_null(page->next);
	return page->tasks_count;
}

/* P-47: each of the eight combinations of filters. */
static void
test_filters_combine(void **state)
{
	static const enum task_status statuses[] = { TASK_ASSIGNED,
		TASK_IN_REVIEW, TASK_COMPLETED };
	static const char *const names[] = { "a", "b", "c" };
	static const char *const projects[] = { "p", "pq", "q" };
	static const uint32_t counts[] = { 27, 9, 9, 3, 9, 3, 3, 1 };
	char id[8];

	(void)state;
	for (int i = 0; i < 27; i++) {
		snprintf(id, sizeof(id), "t%02d", (i * 11) % 27);
		OK(save(
		    id, statuses[i % 3], names[i / 3 % 3], projects[i / 9]));
	}
	for (int filters = 0; filters < 8; filters++)
		assert_int_equal(list_count(filters), counts[filters]);
}

/* P-48 */
static void
test_delete_tells_whether_it_was_there(void **state)
{
	(void)state;
	OK(save("x", TASK_ASSIGNED, "ada", "p"));
	OK(ASK(store_task_delete, .id = "x"));
	assert_true(REPLY_IS(store_task_deleted)->deleted);
	OK(ASK(store_task_delete, .id = "x"));
	assert_false(REPLY_IS(store_task_deleted)->deleted);
	assert_null(get("x"));
	for (enum table t = TABLE_TASKS; t <= TABLE_TASKS_BY_PROJECT; t++)
		assert_int_equal(asker_count(t), 0);
}

/* P-27: refused on save, and corrupt if it got there otherwise. */
static void
test_working_status_needs_an_assignee(void **state)
{
	struct task task = task_of("x", TASK_ASSIGNED, NULL, "p");
	struct txn_room *room = txn_room_create();
	struct backend_txn *inner;
	struct key k;
	struct txn t;

	(void)state;
	for (int s = TASK_ASSIGNED; s <= TASK_COMPLETED; s++)
		IS(INVALID, save("x", (enum task_status)s, NULL, "p"));
	IS(INVALID, save("x", TASK_CREATED, " ", "p"));
	OK(save("x", TASK_BLOCKED, NULL, "p"));

	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, room);
	key_init(&k);
	key_tail(&k, "x");
	row_put(&t, TABLE_TASKS, &k, CATALOGUE_TYPE(task), &task);
	OK(txn_status(&t));
	OK(backend_commit(inner));
	txn_room_destroy(room);
	IS(CORRUPT, ASK(store_task_get, .id = "x"));
	assert_string_equal(asker.why, "tasks/x");
}

/* P-24 */
static void
test_damaged_row_fails_the_list_but_no_other_row(void **state)
{
	char id[8];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		OK(save(id, TASK_CREATED, NULL, "p"));
	}
	asker_damage(TABLE_TASKS, "t4");
	IS(CORRUPT, ASK(store_task_list, .limit = 99));
	assert_string_equal(asker.why, "tasks/t4");
	IS(CORRUPT, ASK(store_task_list, .project = "p", .limit = 99));
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		assert_int_equal(
		    ASK(store_task_get, .id = id), i == 4 ? ST_CORRUPT : ST_OK);
	}
}

static void
test_index_entry_to_nowhere_is_not_skipped(void **state)
{
	struct backend_txn *inner;
	struct key k;

	(void)state;
	OK(save("t1", TASK_CREATED, NULL, "p"));
	key_init(&k);
	key_short(&k, "p");
	key_tail(&k, "t0");
	OK(backend_write(asker.f->b, &inner));
	OK(backend_put(inner, TABLE_TASKS_BY_PROJECT, key_bytes(&k), ANY));
	OK(backend_commit(inner));
	IS(CORRUPT, ASK(store_task_list, .project = "p", .limit = 9));
	assert_string_equal(asker.why, "tasks_by_project/p.t0");
	OK(ASK(store_task_list, .limit = 9));
}

/* P-29, P-50 */
static void
test_ids_have_their_bounds(void **state)
{
	char longest[ID_MAX + 1];

	(void)state;
	memset(longest, 'x', ID_MAX);
	longest[ID_MAX] = '\0';
	OK(save("a", TASK_CREATED, NULL, "p"));
	OK(save("a\x01", TASK_CREATED, NULL, "p"));
	OK(save("a/", TASK_CREATED, NULL, "p"));
	OK(save(longest, TASK_ASSIGNED, longest, longest));
	assert_string_equal(get(longest)->id, longest);
	OK(ASK(store_task_list, .project = longest, .assigned_to = longest,
	    .limit = 9));
	assert_int_equal(REPLY_IS(task_page)->tasks_count, 1);
	OK(ASK(store_task_list, .project = "p", .limit = 9));
	assert_string_equal(listed(), "a a\x01 a/ ");
	IS(INVALID, save("", TASK_CREATED, NULL, "p"));
	IS(INVALID, save(" \t", TASK_CREATED, NULL, "p"));
	IS(INVALID, save("y", TASK_CREATED, NULL, " "));
	IS(INVALID, ASK(store_task_get, .id = ""));
	IS(INVALID, ASK(store_task_delete, .id = " "));
	IS(INVALID, ASK(store_task_list, .project = "", .limit = 1));
	IS(INVALID, ASK(store_task_list, .assigned_to = " ", .limit = 1));
	IS(INVALID, ASK(store_task_list, .after = "", .limit = 1));
	IS(INVALID, ASK(store_task_list, .limit = 0));
}

static void
test_list_goes_page_by_page(void **state)
{
	(void)state;
	OK(save("a", TASK_CREATED, NULL, "p"));
	OK(save("ab", TASK_CREATED, NULL, "q"));
	OK(save("b", TASK_CREATED, NULL, "p"));
	OK(save("c", TASK_CREATED, NULL, "p"));
	OK(ASK(store_task_list, .limit = 2));
	assert_string_equal(listed(), "a ab ");
	assert_string_equal(REPLY_IS(task_page)->next, "ab");
	OK(ASK(store_task_list, .after = "ab", .limit = 2));
	assert_string_equal(listed(), "b c ");
	assert_null(REPLY_IS(task_page)->next);
	OK(ASK(store_task_list, .project = "p", .after = "a", .limit = 1));
	assert_string_equal(listed(), "b ");
	assert_string_equal(REPLY_IS(task_page)->next, "b");
}

/* A page ends in time, and what its filter left out is not read again. */
static void
test_large_tasks_make_small_pages(void **state)
{
	static char text[TASK_TEXT_MAX + 1];
	struct task task = task_of("", TASK_CREATED, NULL, "p");
	uint32_t pages = 0, total = 0;
	char id[8], after[ID_MAX + 1] = "";

	(void)state;
	for (int i = 0; i < 4; i++)
		OK(backend_grow(asker.f->b));
	memset(text, 'x', TASK_TEXT_MAX);
	task.description = text;
	for (int i = 0; i < 60; i++) {
		snprintf(id, sizeof(id), "t%02d", i);
		task.id = id;
		task.status = i < 59 ? TASK_CREATED : TASK_BLOCKED;
		OK(ASK(store_task_save, .task = task));
	}
	do {
		const struct task_page *page;

		OK(ASK(store_task_list, .project = "p", .has_status = true,
		    .status = TASK_BLOCKED,
		    .after = after[0] == '\0' ? NULL : after, .limit = 99));
		page = REPLY_IS(task_page);
		total += page->tasks_count;
		pages++;
		snprintf(after, sizeof(after), "%s",
		    page->next == NULL ? "" : page->next);
	} while (after[0] != '\0');
	assert_int_equal(total, 1);
	assert_true(pages > 2 && pages < 10);
}

/* A task, its event and its mark are one thing. */
static void
test_create_writes_task_and_event(void **state)
{
	const struct store_journal_page *page;

	(void)state;
	OK(create("x", NULL, ""));
	assert_false(REPLY_IS(store_task_made)->replayed);
	assert_string_equal(REPLY_IS(store_task_made)->task.id, "x");
	assert_int_equal(asker.reply.event->epoch, EPOCH);
	assert_int_equal(asker.reply.event->offset, 1);
	IS(EXISTS, create("x", NULL, ""));
	OK(create("y", NULL, ""));
	assert_int_equal(asker.reply.event->offset, 2);
	OK(ASK(store_journal_read, .channel = "tasks", .after = 0, .limit = 9));
	page = REPLY_IS(store_journal_page);
	assert_int_equal(page->events_count, 2);
	assert_string_equal(page->events[1].event_type, "task.created");
	assert_int_equal(asker_count(TABLE_IDEM), 0);
	assert_string_equal(get("y")->project, "p");
}

static void
test_same_key_makes_one_task(void **state)
{
	(void)state;
	OK(create("x", "key", "hash"));
	OK(create("other", "key", "hash"));
	assert_true(REPLY_IS(store_task_made)->replayed);
	assert_string_equal(REPLY_IS(store_task_made)->task.id, "x");
	assert_null(asker.reply.event);
	assert_null(get("other"));
	IS(CONFLICT, create("other", "key", "hush"));
	assert_int_equal(asker.reply.problem, PROBLEM_IDEMPOTENCY_REUSE);
	IS(CONFLICT, create("other", "key", "hash and more"));
	IS(INVALID, create("other", " ", "hash"));
	OK(create("z", "key2", "hash"));
	assert_int_equal(asker_count(TABLE_TASKS), 2);
	assert_int_equal(asker_count(TABLE_JOURNAL), 2);
}

static void
test_keys_belong_to_their_principal(void **state)
{
	struct store_task_create ask = creation("y", "key", "other hash");

	(void)state;
	OK(create("x", "key", "hash"));
	ask.principal = "v";
	OK(asker_ask(MSG_store_task_create, &ask));
	assert_false(REPLY_IS(store_task_made)->replayed);
	assert_int_equal(asker_count(TABLE_IDEM), 2);
}

/* A mark lapses after a day, and those that lapse are forgotten by others. */
static void
test_marks_expire(void **state)
{
	struct store_task_create ask = creation("later", "key", "hush");

	(void)state;
	OK(create("x", "key", "hash"));
	OK(create("y", "key2", "hash"));
	ask.task.created_at = NOW + IDEM_KEEP_US - 1;
	IS(CONFLICT, asker_ask(MSG_store_task_create, &ask));
	ask.task.created_at++;
	OK(asker_ask(MSG_store_task_create, &ask));
	assert_int_equal(asker_count(TABLE_IDEM), 1);
	assert_int_equal(asker_count(TABLE_IDEM_BY_EXPIRY), 1);
}

static void
test_longest_keys_fit(void **state)
{
	char principal[ID_MAX + 1], key[IDEMPOTENCY_MAX + 1];
	struct store_task_create ask;

	(void)state;
	memset(principal, 'p', ID_MAX);
	memset(key, 'k', IDEMPOTENCY_MAX);
	principal[ID_MAX] = key[IDEMPOTENCY_MAX] = '\0';
	ask = creation("x", key, "hash");
	ask.principal = principal;
	OK(asker_ask(MSG_store_task_create, &ask));
	OK(asker_ask(MSG_store_task_create, &ask));
	assert_true(REPLY_IS(store_task_made)->replayed);
}

/* P-23: wherever the disk fails, there is all of it or nothing. */
static void
test_any_failing_write_leaves_nothing(void **state)
{
	uint32_t before, writes;

	(void)state;
	before = faults_seen(&asker.f->faults, FAULT_PUT);
	OK(create("first", "key0", "hash"));
	writes = faults_seen(&asker.f->faults, FAULT_PUT) - before;
	assert_true(writes >= 7);
	for (uint32_t n = 1; n <= writes; n++) {
		faults_fail(&asker.f->faults, FAULT_PUT, n, ST_IO);
		IS(IO, create("x", "key", "hash"));
	}
	faults_fail(&asker.f->faults, FAULT_COMMIT, 1, ST_IO);
	IS(IO, create("x", "key", "hash"));
	assert_null(get("x"));
	assert_int_equal(asker_count(TABLE_JOURNAL), 1);
	assert_int_equal(asker_count(TABLE_IDEM), 1);
	assert_int_equal(asker_count(TABLE_TASKS_BY_STATUS), 1);
	OK(create("x", "key", "hash"));
	assert_int_equal(asker.reply.event->offset, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_save_replaces_all_of_a_task),
		ASKED(test_filters_combine),
		ASKED(test_delete_tells_whether_it_was_there),
		ASKED(test_working_status_needs_an_assignee),
		ASKED(test_damaged_row_fails_the_list_but_no_other_row),
		ASKED(test_index_entry_to_nowhere_is_not_skipped),
		ASKED(test_ids_have_their_bounds),
		ASKED(test_list_goes_page_by_page),
		ASKED(test_large_tasks_make_small_pages),
		ASKED(test_create_writes_task_and_event),
		ASKED(test_same_key_makes_one_task),
		ASKED(test_keys_belong_to_their_principal),
		ASKED(test_marks_expire),
		ASKED(test_longest_keys_fit),
		ASKED(test_any_failing_write_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
