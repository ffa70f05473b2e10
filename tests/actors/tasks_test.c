/* The task board, with a probe in the place of the store. */
#include "actors/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "tests/actors/people.h"
#include "tests/rig.h"

static void
tasks_rig(struct rig *r)
{
	rig_init(r);
	rig_probe(r, ACTOR_NUMBER(store));
	rig_spawn(r, &tasks_class, ACTOR_NUMBER(tasks));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
}

static struct task_create
small_task(void)
{
	return (struct task_create){ .caller = MANAGER,
		.title = "Paint \"it\"",
		.description = "All of it.",
		.project = "house",
		.type = TASK_DESIGN };
}

static uint64_t
create(struct rig *r, const struct task_create *ask)
{
	return rig_ask(r, ACTOR_NUMBER(gateway), ACTOR_NUMBER(tasks),
	    MSG_task_create, ask, RIG_WITHIN_US);
}

static const struct refused *
refused_of(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, refused);
}

static const struct store_task_create *
stored(struct rig *r)
{
	return RIG_BODY(
	    RIG_TAKE(r, store, store_task_create), store_task_create);
}

static void
test_created_task_is_stored_with_its_event(void **state)
{
	const struct store_task_create *ask;
	struct task_create small = small_task();
	struct heard *h;
	uint64_t tag;
	struct rig r;

	(void)state;
	tasks_rig(&r);
	tag = create(&r, &small);
	h = RIG_TAKE(&r, store, store_task_create);
	ask = RIG_BODY(h, store_task_create);
	assert_int_equal(strlen(ask->task.id), 32);
	assert_int_equal(strspn(ask->task.id, "0123456789abcdef"), 32);
	assert_string_equal(ask->task.title, small.title);
	assert_string_equal(ask->task.created_by, "manager");
	assert_int_equal(ask->task.status, TASK_CREATED);
	assert_int_equal(ask->task.priority, PRIORITY_MEDIUM);
	assert_int_equal(ask->task.coordination_topology, TOPOLOGY_AUTO);
	assert_int_equal(ask->task.created_at, RIG_WALL_US);
	assert_int_equal(ask->task.updated_at, RIG_WALL_US);
	assert_int_equal(ask->task.version, 1);
	assert_string_equal(ask->principal, "manager");
	assert_null(ask->once.key);

	assert_string_equal(ask->event.event_type, "task.created");
	assert_string_equal(ask->event.channel, "tasks");
	assert_int_equal(ask->event.timestamp, RIG_WALL_US);
	assert_int_equal(ask->event.offset, 0);
	assert_int_equal(ask->event.event_id.octets[6] >> 4, 4);
	assert_non_null(strstr(ask->event.payload, ask->task.id));
	assert_non_null(strstr(ask->event.payload, "\"Paint \\\"it\\\"\""));
	assert_null(strstr(ask->event.payload, "caller"));

	assert_null(rig_answer_to(&r, ACTOR_NUMBER(gateway), tag));
	RIG_ANSWER(&r, h, store_task_made, .task = ask->task);
	assert_string_equal(
	    RIG_REPLIED(&r, gateway, tag, task_made)->task.id, ask->task.id);
	rig_fini(&r);
}

static void
test_two_tasks_have_two_ids(void **state)
{
	struct task_create small = small_task();
	char first[33];
	struct rig r;

	(void)state;
	tasks_rig(&r);
	(void)create(&r, &small);
	memcpy(first, stored(&r)->task.id, sizeof(first));
	(void)create(&r, &small);
	assert_string_not_equal(stored(&r)->task.id, first);
	rig_fini(&r);
}

/* Persistence 1.2: somebody must have what is assigned. */
static void
test_task_with_an_assignee_starts_as_assigned(void **state)
{
	struct task_create ask = small_task();
	const struct store_task_create *s;
	struct rig r;

	(void)state;
	tasks_rig(&r);
	ask.assigned_to = "ada";
	ask.has_priority = true;
	ask.priority = PRIORITY_CRITICAL;
	ask.has_budget_limit = true;
	ask.budget_limit = 1;
	(void)create(&r, &ask);
	s = stored(&r);
	assert_int_equal(s->task.status, TASK_ASSIGNED);
	assert_string_equal(s->task.assigned_to, "ada");
	assert_int_equal(s->task.priority, PRIORITY_CRITICAL);
	assert_true(s->task.budget_limit == 1);
	rig_fini(&r);
}

static void
test_key_is_scoped_by_its_principal(void **state)
{
	static const uint8_t hash[32] = { 1, 2, 3 };
	struct task_create ask = small_task();
	const struct store_task_create *s;
	struct heard *h;
	uint64_t tag;
	struct rig r;

	(void)state;
	tasks_rig(&r);
	ask.once = (struct once){ "key-1", { hash, sizeof(hash) } };
	tag = create(&r, &ask);
	h = RIG_TAKE(&r, store, store_task_create);
	s = RIG_BODY(h, store_task_create);
	assert_string_equal(s->principal, "manager");
	assert_string_equal(s->once.key, "key-1");
	assert_memory_equal(s->once.body_hash.at, hash, sizeof(hash));
	rig_refuse(&r, h, ST_CONFLICT, PROBLEM_IDEMPOTENCY_REUSE, "other body");
	assert_int_equal(
	    refused_of(&r, tag)->problem, PROBLEM_IDEMPOTENCY_REUSE);
	ask.once.key = "  ";
	tag = create(&r, &ask);
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_BAD_REQUEST);
	rig_fini(&r);
}

/* A repeated request is answered with what the first one made. */
static void
test_replayed_task_is_the_first_one(void **state)
{
	struct task_create ask = small_task();
	struct task first;
	struct heard *h;
	uint64_t tag;
	struct rig r;

	(void)state;
	tasks_rig(&r);
	ask.once.key = "key-1";
	tag = create(&r, &ask);
	h = RIG_TAKE(&r, store, store_task_create);
	first = RIG_BODY(h, store_task_create)->task;
	first.id = "the-first";
	RIG_ANSWER(&r, h, store_task_made, .task = first, .replayed = true);
	assert_string_equal(
	    RIG_REPLIED(&r, gateway, tag, task_made)->task.id, "the-first");
	rig_fini(&r);
}

/* The task that ask would create, in place of another. */
static uint64_t
replace(struct rig *r, const struct task_create *ask)
{
	const struct task_replace whole = { .caller = ask->caller,
		.id = "a-task",
		.title = ask->title,
		.description = ask->description,
		.project = ask->project,
		.assigned_to = ask->assigned_to,
		.parent_task_id = ask->parent_task_id,
		.reviewers = ask->reviewers,
		.reviewers_count = ask->reviewers_count,
		.dependencies = ask->dependencies,
		.dependencies_count = ask->dependencies_count,
		.artifacts_expected = ask->artifacts_expected,
		.artifacts_expected_count = ask->artifacts_expected_count,
		.acceptance_criteria = ask->acceptance_criteria,
		.acceptance_criteria_count = ask->acceptance_criteria_count,
		.budget_limit = ask->budget_limit,
		.has_budget_limit = ask->has_budget_limit };

	return rig_ask(r, ACTOR_NUMBER(gateway), ACTOR_NUMBER(tasks),
	    MSG_task_replace, &whole, RIG_WITHIN_US);
}

static void
assert_invalid(struct rig *r, uint64_t tag, const char *field)
{
	assert_int_equal(refused_of(r, tag)->problem, PROBLEM_VALIDATION);
	assert_non_null(strstr(refused_of(r, tag)->detail, field));
	assert_int_equal(rig_waiting(r, ACTOR_NUMBER(store)), 0);
}

static void
test_what_is_blank_or_negative_is_refused(void **state)
{
	static const char *const blanks[] = { "ada", " \t" };
	static const struct artifact artifact = { ARTIFACT_CODE, " " };
	static const struct criterion criterion = { "", false };
	const struct {
		const char *field;
		struct task_create change;
	} lies[] = {
		{ "title",
		    { .title = " ", .description = "d", .project = "p" } },
		{ "description",
		    { .title = "t", .description = "\n", .project = "p" } },
		{ "project", { .title = "t", .description = "d" } },
		{ "assigned_to", { .title = "t",
				     .description = "d",
				     .project = "p",
				     .assigned_to = "" } },
		{ "parent_task_id", { .title = "t",
					.description = "d",
					.project = "p",
					.parent_task_id = " " } },
		{ "reviewers", { .title = "t",
				   .description = "d",
				   .project = "p",
				   .reviewers = blanks,
				   .reviewers_count = 2 } },
		{ "dependencies", { .title = "t",
				      .description = "d",
				      .project = "p",
				      .dependencies = blanks,
				      .dependencies_count = 2 } },
		{ "artifacts_expected", { .title = "t",
					    .description = "d",
					    .project = "p",
					    .artifacts_expected = &artifact,
					    .artifacts_expected_count = 1 } },
		{ "acceptance_criteria", { .title = "t",
					     .description = "d",
					     .project = "p",
					     .acceptance_criteria = &criterion,
					     .acceptance_criteria_count = 1 } },
		{ "budget_limit", { .title = "t",
				      .description = "d",
				      .project = "p",
				      .has_budget_limit = true,
				      .budget_limit = -1 } },
	};
	struct rig r;

	(void)state;
	tasks_rig(&r);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct task_create ask = lies[i].change;

		ask.caller = CEO;
		assert_invalid(&r, create(&r, &ask), lies[i].field);
		assert_invalid(&r, replace(&r, &ask), lies[i].field);
	}
	rig_fini(&r);
}

static void
test_roles_that_write_and_roles_that_do_not(void **state)
{
	const struct principal writers[] = { CEO, MANAGER, PAIR };
	const struct principal others[] = { BOARD, OBSERVER, MACHINE };
	struct task_create ask = small_task();
	uint64_t tag;
	struct rig r;

	(void)state;
	tasks_rig(&r);
	for (size_t i = 0; i < 3; i++) {
		ask.caller = writers[i];
		(void)create(&r, &ask);
		(void)stored(&r);
		ask.caller = others[i];
		tag = create(&r, &ask);
		assert_int_equal(
		    refused_of(&r, tag)->problem, PROBLEM_FORBIDDEN);
	}
	tag =
	    RIG_ASK(&r, gateway, tasks, task_get, .caller = MACHINE, .id = "1");
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_FORBIDDEN);
	tag = RIG_ASK(&r, gateway, tasks, task_list, .caller = NOBODY);
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_UNAUTHORIZED);
	assert_int_equal(rig_waiting(&r, ACTOR_NUMBER(store)), 0);
	rig_fini(&r);
}

/* A payload has its bound; beyond it the event says where to look. */
static void
test_event_of_a_huge_task_names_it_only(void **state)
{
	struct task_create ask = small_task();
	const struct store_task_create *s;
	char *huge = malloc(TASK_TEXT_MAX + 1);
	struct rig r;

	(void)state;
	memset(huge, 'x', TASK_TEXT_MAX);
	huge[TASK_TEXT_MAX] = '\0';
	tasks_rig(&r);
	ask.description = huge;
	(void)create(&r, &ask);
	s = stored(&r);
	assert_int_equal(
	    strlen(s->event.payload), strlen("{\"id\":\"\"}") + 32);
	assert_non_null(strstr(s->event.payload, s->task.id));
	assert_int_equal(strlen(s->task.description), TASK_TEXT_MAX);
	rig_fini(&r);
	free(huge);
}

static void
test_get_shows_the_task_or_that_there_is_none(void **state)
{
	struct task task = { .id = "1", .title = "t" };
	struct heard *h;
	uint64_t tag;
	struct rig r;

	(void)state;
	tasks_rig(&r);
	tag = RIG_ASK(
	    &r, gateway, tasks, task_get, .caller = OBSERVER, .id = "1");
	h = RIG_TAKE(&r, store, store_task_get);
	assert_string_equal(RIG_BODY(h, store_task_get)->id, "1");
	RIG_ANSWER(&r, h, store_task_found, .task = &task);
	assert_string_equal(
	    RIG_REPLIED(&r, gateway, tag, task_made)->task.title, "t");
	tag = RIG_ASK(
	    &r, gateway, tasks, task_get, .caller = OBSERVER, .id = "2");
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_task_get), store_task_found,
	    .task = NULL);
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_NOT_FOUND);
	tag = RIG_ASK(
	    &r, gateway, tasks, task_get, .caller = OBSERVER, .id = " ");
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_NOT_FOUND);
	rig_fini(&r);
}

static void
test_list_passes_filters_cursor_and_limit(void **state)
{
	struct task task = { .id = "b" };
	const struct store_task_list *ask;
	struct heard *h;
	uint64_t tag;
	struct rig r;

	(void)state;
	tasks_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, task_list, .caller = BOARD,
	    .status = TASK_BLOCKED, .has_status = true, .project = "house",
	    .cursor = "a", .limit = 1, .has_limit = true);
	h = RIG_TAKE(&r, store, store_task_list);
	ask = RIG_BODY(h, store_task_list);
	assert_true(ask->has_status);
	assert_int_equal(ask->status, TASK_BLOCKED);
	assert_string_equal(ask->project, "house");
	assert_null(ask->assigned_to);
	assert_string_equal(ask->after, "a");
	assert_int_equal(ask->limit, 1);
	RIG_ANSWER(
	    &r, h, task_page, .tasks = &task, .tasks_count = 1, .next = "b");
	assert_string_equal(
	    RIG_REPLIED(&r, gateway, tag, task_page)->next, "b");
	(void)RIG_ASK(&r, gateway, tasks, task_list, .caller = BOARD);
	h = RIG_TAKE(&r, store, store_task_list);
	assert_int_equal(RIG_BODY(h, store_task_list)->limit, 50);
	rig_fini(&r);
}

static void
test_bad_cursor_and_limit_are_refused(void **state)
{
	char cursor[CURSOR_MAX + 1];
	uint64_t tags[3];
	struct rig r;

	(void)state;
	memset(cursor, 'c', CURSOR_MAX);
	cursor[CURSOR_MAX] = '\0';
	tasks_rig(&r);
	tags[0] = RIG_ASK(&r, gateway, tasks, task_list, .caller = CEO,
	    .limit = 0, .has_limit = true);
	tags[1] = RIG_ASK(
	    &r, gateway, tasks, task_list, .caller = CEO, .cursor = cursor);
	tags[2] =
	    RIG_ASK(&r, gateway, tasks, task_list, .caller = CEO, .cursor = "");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    refused_of(&r, tags[i])->problem, PROBLEM_VALIDATION);
	cursor[ID_MAX] = '\0';
	(void)RIG_ASK(
	    &r, gateway, tasks, task_list, .caller = CEO, .cursor = cursor);
	(void)RIG_TAKE(&r, store, store_task_list);
	rig_fini(&r);
}

static void
test_failing_store_is_told_as_it_is(void **state)
{
	struct task_create small = small_task();
	uint64_t tag;
	struct rig r;

	(void)state;
	tasks_rig(&r);
	tag = create(&r, &small);
	rig_refuse(&r, RIG_TAKE(&r, store, store_task_create), ST_IO,
	    PROBLEM_STORE_FAILED, "disk");
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_STORE_FAILED);
	rig_fini(&r);
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_created_task_is_stored_with_its_event),
		RUN(test_two_tasks_have_two_ids),
		RUN(test_task_with_an_assignee_starts_as_assigned),
		RUN(test_key_is_scoped_by_its_principal),
		RUN(test_replayed_task_is_the_first_one),
		RUN(test_what_is_blank_or_negative_is_refused),
		RUN(test_roles_that_write_and_roles_that_do_not),
		RUN(test_event_of_a_huge_task_names_it_only),
		RUN(test_get_shows_the_task_or_that_there_is_none),
		RUN(test_list_passes_filters_cursor_and_limit),
		RUN(test_bad_cursor_and_limit_are_refused),
		RUN(test_failing_store_is_told_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
