/*
 * The life of the database as its actor leads it, with a disk that fails when
 * it is told to; and that each event of money is told (C-34).
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "actors/cost_aggregator.h"
#include "store/backend_class.h"
#include "store/faults.h"
#include "store/memory.h"
#include "store/store.h"
#include "store/store_inside.h"
#include "tests/actors/people.h"
#include "tests/rig.h"

#define UNIT ((money)1000000000000)
#define CLIENTS 8
#define TURNS 1000

static struct backend_faults faults;
static struct actor *the_store;

/* The store, whose disk is ours to break. */
static enum status
faulty_start(struct actor *self)
{
	struct store_state *s = actor_state(self);
	enum status st = store_class.start(self);

	the_store = self;
	s->backend->faults = &faults;
	return st;
}

static void
life_rig(struct rig *r)
{
	static struct actor_class class;

	class = store_class;
	class.start = faulty_start;
	memset(&faults, 0, sizeof(faults));
	log_set_level(LOG_DEBUG);
	rig_init(r);
	rig_spawn(r, &class, ACTOR_NUMBER(store));
	rig_probe(r, ACTOR_NUMBER(tasks));
	rig_probe(r, ACTOR_NUMBER(event_hub));
	rig_probe(r, ACTOR_NUMBER(scheduler));
	rig_spawn(r, &cost_aggregator_class, ACTOR_NUMBER(cost_aggregator));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
	rig_advance_ms(r, 5);
}

static bool
is_connected(void)
{
	return ((struct store_state *)actor_state(the_store))->backend != NULL;
}

/* P-44: nothing is opened, nothing made, and it is told. */
static void
test_p44_an_unknown_backend_is_refused(void **state)
{
	const struct backend_options o = { .path = "/tmp/troupe-p44" };
	struct backend *b;
	struct stat s;

	(void)state;
	assert_null(backend_find("nonesuch"));
	assert_int_equal(
	    backend_open(backend_find("nonesuch"), &o, &b), ST_INVALID);
	assert_non_null(strstr(backend_why(), "no such backend"));
	assert_int_not_equal(stat(o.path, &s), 0);
}

/* C-33: one that lacks a function is refused before its first use. */
static void
test_c33_a_backend_that_lacks_something_is_refused(void **state)
{
	const struct backend_options o = { .path = ":memory:" };
	struct backend_class stub = backend_memory;
	struct backend *b;

	(void)state;
	assert_int_equal(backend_open(&stub, &o, &b), ST_OK);
	assert_int_equal(backend_close(b), ST_OK);
	stub.put = NULL;
	assert_int_equal(backend_open(&stub, &o, &b), ST_INVALID);
	assert_non_null(strstr(backend_why(), "lacks put"));
}

/* P-04: eight at once, in any order; then it is what it says, and works. */
static void
test_p04_any_mix_of_connects_and_disconnects(void **state)
{
	uint64_t seed = 88172645463325252u, tags[CLIENTS];
	struct rig r;
	uint64_t tag;

	(void)state;
	life_rig(&r);
	log_set_level(LOG_ERROR);
	for (int turn = 0; turn < TURNS / CLIENTS; turn++) {
		for (int i = 0; i < CLIENTS; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			tags[i] = (seed & 1) != 0
				      ? RIG_ASK(&r, tasks, store, store_connect,
					    .nothing = 0)
				      : RIG_ASK(&r, tasks, store,
					    store_disconnect, .nothing = 0);
		}
		rig_advance_ms(&r, 2);
		for (int i = 0; i < CLIENTS; i++)
			assert_non_null(
			    rig_answer_to(&r, ACTOR_NUMBER(tasks), tags[i]));
	}
	tag = RIG_ASK(&r, tasks, store, store_health, .nothing = 0);
	assert_int_equal(RIG_REPLIED(&r, tasks, tag, store_healthy)->healthy,
	    is_connected());
	tag = RIG_ASK(&r, tasks, store, store_connect, .nothing = 0);
	(void)RIG_REPLIED(&r, tasks, tag, done);
	tag = RIG_ASK(&r, tasks, store, store_migrate, .nothing = 0);
	(void)RIG_REPLIED(&r, tasks, tag, store_migrated);
	tag = RIG_ASK(&r, tasks, store, store_task_get, .id = "none");
	rig_advance_ms(&r, 2);
	(void)rig_answer_to(&r, ACTOR_NUMBER(tasks), tag);
	rig_fini(&r);
}

/* P-05: not clean, and not called clean; gone all the same, and back again. */
static void
test_p05_a_failing_close_is_told_and_closed(void **state)
{
	struct rig r;
	uint64_t tag;
	const char *line;

	(void)state;
	life_rig(&r);
	faults_fail(&faults, FAULT_CLOSE, 1, ST_IO);
	tag = RIG_ASK(&r, tasks, store, store_disconnect, .nothing = 0);
	rig_advance_ms(&r, 2);
	assert_false(RIG_REPLIED(&r, tasks, tag, store_disconnected)->clean);
	assert_false(is_connected());
	assert_int_equal(
	    rig_logged(&r, EV_PERSISTENCE_BACKEND_DISCONNECTED), 0);
	assert_int_equal(
	    rig_logged(&r, EV_PERSISTENCE_BACKEND_DISCONNECT_ERROR), 1);
	line = rig_line(&r, EV_PERSISTENCE_BACKEND_DISCONNECT_ERROR, 0);
	assert_non_null(strstr(line, "path="));
	assert_non_null(strstr(line, "error="));
	assert_non_null(strstr(line, "error_type=IO"));
	tag = RIG_ASK(&r, tasks, store, store_connect, .nothing = 0);
	(void)RIG_REPLIED(&r, tasks, tag, done);
	assert_true(is_connected());
	rig_fini(&r);
}

/* P-08 */
static void
test_p08_migrating_what_is_closed_is_not_connected(void **state)
{
	const struct refused *why;
	struct rig r;
	uint64_t tag;

	(void)state;
	life_rig(&r);
	tag = RIG_ASK(&r, tasks, store, store_disconnect, .nothing = 0);
	rig_advance_ms(&r, 2);
	(void)RIG_REPLIED(&r, tasks, tag, store_disconnected);
	tag = RIG_ASK(&r, tasks, store, store_migrate, .nothing = 0);
	why = RIG_REPLIED(&r, tasks, tag, refused);
	assert_int_equal(why->status, ST_UNAVAILABLE);
	assert_non_null(strstr(why->detail, "not_connected"));
	assert_int_equal(
	    rig_logged(&r, EV_PERSISTENCE_BACKEND_NOT_CONNECTED), 1);
	assert_int_equal(rig_logged(&r, EV_PERSISTENCE_MIGRATION_FAILED), 0);
	rig_fini(&r);
}

/* P-18: a failing sum is told once, with whose and of what. */
static void
test_p18_a_failing_sum_is_told_with_its_filters(void **state)
{
	const char *line;
	struct rig r;
	uint64_t tag;

	(void)state;
	life_rig(&r);
	faults_fail(&faults, FAULT_MOVE, 1, ST_IO);
	tag = RIG_ASK(&r, gateway, cost_aggregator, cost_sum, .caller = MANAGER,
	    .agent_id = "a", .task_id = "t");
	rig_advance_ms(&r, 2);
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, refused)->status, ST_IO);
	assert_int_equal(
	    rig_logged(&r, EV_PERSISTENCE_COST_RECORD_AGGREGATE_FAILED), 1);
	line = rig_line(&r, EV_PERSISTENCE_COST_RECORD_AGGREGATE_FAILED, 0);
	assert_non_null(strstr(line, "agent_id=a"));
	assert_non_null(strstr(line, "task_id=t"));
	rig_fini(&r);
}

/* ---- C-34 ---- */

static uint64_t
ask_cost(struct rig *r, const char *project)
{
	return RIG_ASK(r, gateway, cost_aggregator, cost_add, .caller = MANAGER,
	    .agent_id = "agent", .task_id = "task", .project_id = project,
	    .provider = "provider", .model = "model", .cost = UNIT,
	    .has_cost = true, .currency = "EUR");
}

static void
ask_check(struct rig *r, const char *project)
{
	(void)RIG_ASK(r, gateway, cost_aggregator, budget_check,
	    .caller = MANAGER, .project_id = project,
	    .project_budget = UNIT / 2, .has_project_budget = true);
	rig_advance_ms(r, 5);
}

static void
damage_project(const char *project)
{
	struct store_state *s = actor_state(the_store);
	struct backend_txn *txn;
	struct bytes key = { (const uint8_t *)project, strlen(project) };

	assert_int_equal(backend_write(s->backend, &txn), ST_OK);
	assert_int_equal(
	    backend_put(txn, TABLE_PROJECT_COSTS, key, key), ST_OK);
	assert_int_equal(backend_commit(txn), ST_OK);
}

static void
live_through_all(struct rig *r)
{
	(void)ask_cost(r, "p");
	rig_advance_ms(r, 5);
	ask_check(r, "p"); /* exceeded */
	faults_fail(&faults, FAULT_COMMIT, 1, ST_IO);
	(void)ask_cost(r, "p"); /* the aggregation fails */
	rig_advance_ms(r, 5);
	faults_fail(&faults, FAULT_GET, 1, ST_IO);
	ask_check(r, "p"); /* fetch and pre-flight fail; memory answers */
	damage_project("q");
	ask_check(r, "q");
	faults_fail(&faults, FAULT_GET, 1, ST_IO);
	(void)RIG_ASK(r, gateway, cost_aggregator, budget_baseline,
	    .caller = MANAGER, .project_id = "p", .project_budget = UNIT);
	rig_advance_ms(r, 5);
	(void)RIG_ASK(r, gateway, cost_aggregator, cost_project_records,
	    .project_id = "p");
	rig_advance_ms(r, 5);
}

static void
test_c34_each_event_of_money_is_told(void **state)
{
	static const enum event_id events[] = {
		EV_BUDGET_PROJECT_COST_AGGREGATED,
		EV_BUDGET_PROJECT_COST_AGGREGATION_FAILED,
		EV_BUDGET_PROJECT_BASELINE_SOURCE,
		EV_BUDGET_PROJECT_COST_QUERIED,
		EV_BUDGET_PROJECT_RECORDS_QUERIED,
		EV_BUDGET_PROJECT_ENFORCEMENT_CHECK,
		EV_BUDGET_PROJECT_BUDGET_EXCEEDED,
		EV_BUDGET_PREFLIGHT_ERROR,
		EV_BUDGET_BASELINE_ERROR,
		EV_BUDGET_RECORD_ADDED,
		EV_PERSISTENCE_PROJECT_COST_AGG_INCREMENTED,
		EV_PERSISTENCE_PROJECT_COST_AGG_INCREMENT_FAILED,
		EV_PERSISTENCE_PROJECT_COST_AGG_FETCHED,
		EV_PERSISTENCE_PROJECT_COST_AGG_FETCH_FAILED,
		EV_PERSISTENCE_PROJECT_COST_AGG_DESERIALIZE_FAILED,
	};
	struct rig r;

	(void)state;
	life_rig(&r);
	live_through_all(&r);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (rig_logged(&r, events[i]) == 0)
			fail_msg("event %zu of the list was not told", i);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_p44_an_unknown_backend_is_refused),
		cmocka_unit_test(
		    test_c33_a_backend_that_lacks_something_is_refused),
		cmocka_unit_test(test_p04_any_mix_of_connects_and_disconnects),
		cmocka_unit_test(test_p05_a_failing_close_is_told_and_closed),
		cmocka_unit_test(
		    test_p08_migrating_what_is_closed_is_not_connected),
		cmocka_unit_test(
		    test_p18_a_failing_sum_is_told_with_its_filters),
		cmocka_unit_test(test_c34_each_event_of_money_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
