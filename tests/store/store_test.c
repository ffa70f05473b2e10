/*
 * The store as an actor: answers after the commit, events after that, one
 * life cycle.  The database is the memory backend; the two backends are held
 * to one behaviour by backend_test.
 */
#include <stdio.h>
#include <string.h>

#include "store/memory.h"
#include "store/requests.h"
#include "store/store.h"
#include "tests/rig.h"

static void
store_rig(struct rig *r)
{
	rig_init(r);
	rig_spawn(r, &store_class, ACTOR_NUMBER(store));
	rig_probe(r, ACTOR_NUMBER(tasks));
	rig_probe(r, ACTOR_NUMBER(event_hub));
	assert_int_equal(rig_start(r), ST_OK);
}

static struct task
task_named(const char *id)
{
	return (struct task){ .id = id,
		.title = "t",
		.description = "d",
		.project = "p",
		.created_by = "u",
		.version = 1 };
}

static uint64_t
ask_create(struct rig *r, const char *id)
{
	return RIG_ASK(r, tasks, store, store_task_create,
	    .task = task_named(id), .principal = "u",
	    .event = { .event_type = "task.created",
		.channel = "tasks",
		.payload = "{}" });
}

static void
settle(struct rig *r)
{
	rig_advance_ms(r, 2);
}

static void
test_write_is_answered_and_then_told(void **state)
{
	const struct hub_committed *told;
	struct rig r;
	uint64_t tag;

	(void)state;
	store_rig(&r);
	tag = ask_create(&r, "a");
	settle(&r);
	assert_string_equal(
	    RIG_REPLIED(&r, tasks, tag, store_task_made)->task.id, "a");
	told = RIG_BODY(RIG_TAKE(&r, event_hub, hub_committed), hub_committed);
	assert_int_equal(told->events_count, 1);
	assert_int_equal(told->events[0].offset, 1);
	assert_int_not_equal(told->events[0].epoch, 0);
	rig_fini(&r);
}

static void
test_refused_write_tells_nothing(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	store_rig(&r);
	(void)ask_create(&r, "a");
	settle(&r);
	(void)RIG_TAKE(&r, event_hub, hub_committed);
	tag = ask_create(&r, "a");
	settle(&r);
	assert_int_equal(
	    RIG_REPLIED(&r, tasks, tag, refused)->status, ST_EXISTS);
	assert_int_equal(rig_waiting(&r, ACTOR_NUMBER(event_hub)), 0);
	rig_fini(&r);
}

/* P-51: what was asked before is served, what comes after is refused. */
static void
test_p51_disconnect_waits_for_what_was_asked(void **state)
{
	uint64_t before[50], after[10], closed;
	struct rig r;
	char id[8];

	(void)state;
	store_rig(&r);
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "t%02d", i);
		before[i] = ask_create(&r, id);
	}
	closed = RIG_ASK(&r, tasks, store, store_disconnect, .nothing = 0);
	for (int i = 0; i < 10; i++)
		after[i] = ask_create(&r, "late");
	settle(&r);
	for (int i = 0; i < 50; i++)
		(void)RIG_REPLIED(&r, tasks, before[i], store_task_made);
	assert_true(RIG_REPLIED(&r, tasks, closed, store_disconnected)->clean);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    RIG_REPLIED(&r, tasks, after[i], refused)->status,
		    ST_UNAVAILABLE);
	rig_fini(&r);
}

/* P-07: not connected is its own event, connecting again works. */
static void
test_p07_closed_store_refuses_and_opens_again(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	store_rig(&r);
	tag = RIG_ASK(&r, tasks, store, store_disconnect, .nothing = 0);
	settle(&r);
	(void)RIG_REPLIED(&r, tasks, tag, store_disconnected);
	tag = RIG_ASK(&r, tasks, store, store_task_get, .id = "a");
	assert_int_equal(
	    RIG_REPLIED(&r, tasks, tag, refused)->status, ST_UNAVAILABLE);
	assert_int_equal(
	    rig_logged(&r, EV_PERSISTENCE_BACKEND_NOT_CONNECTED), 1);
	assert_int_equal(
	    rig_logged(&r, EV_PERSISTENCE_BACKEND_CONNECTION_FAILED), 0);
	tag = RIG_ASK(&r, tasks, store, store_connect, .nothing = 0);
	(void)RIG_REPLIED(&r, tasks, tag, done);
	rig_fini(&r);
}

/* The idempotent half of P-03; asks reach the actor one at a time anyway. */
static void
test_connect_is_idempotent(void **state)
{
	struct rig r;

	(void)state;
	store_rig(&r);
	for (int i = 0; i < 16; i++) {
		uint64_t tag =
		    RIG_ASK(&r, tasks, store, store_connect, .nothing = 0);

		(void)RIG_REPLIED(&r, tasks, tag, done);
	}
	assert_int_equal(rig_logged(&r, EV_PERSISTENCE_BACKEND_CONNECTED), 1);
	rig_fini(&r);
}

/* P-52 */
static void
test_p52_health_never_fails(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	store_rig(&r);
	tag = RIG_ASK(&r, tasks, store, store_health, .nothing = 0);
	assert_true(RIG_REPLIED(&r, tasks, tag, store_healthy)->healthy);
	tag = RIG_ASK(&r, tasks, store, store_disconnect, .nothing = 0);
	settle(&r);
	tag = RIG_ASK(&r, tasks, store, store_health, .nothing = 0);
	assert_false(RIG_REPLIED(&r, tasks, tag, store_healthy)->healthy);
	rig_fini(&r);
}

static void
test_every_request_of_the_store_has_a_handler(void **state)
{
	const struct request *q;

	(void)state;
	for (size_t n = 0; (q = request_nth(n)) != NULL && q->id != 0; n++) {
		const struct handler *h = store_class.on;

		while (h->id != 0 && h->id != q->id)
			h++;
		assert_int_equal(h->id, q->id);
	}
	assert_true(q == NULL || q->id == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_is_answered_and_then_told),
		cmocka_unit_test(test_refused_write_tells_nothing),
		cmocka_unit_test(test_p51_disconnect_waits_for_what_was_asked),
		cmocka_unit_test(test_p07_closed_store_refuses_and_opens_again),
		cmocka_unit_test(test_connect_is_idempotent),
		cmocka_unit_test(test_p52_health_never_fails),
		cmocka_unit_test(test_every_request_of_the_store_has_a_handler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
