/* Who starts again with whom: three actors in a row, the middle one fails. */
#include "runtime/node_inside.h"
#include "tests/rig.h"

enum { FIRST, MIDDLE, LAST, ACTORS };

static unsigned starts[ACTORS];
static unsigned stops[ACTORS];
static size_t many_done, heard_after; /* calls, before a ping */

static unsigned
place_of(const struct actor *self)
{
	switch (actor_number_of(actor_address(self))) {
	case ACTOR_NUMBER_settings:
		return FIRST;
	case ACTOR_NUMBER_ticket_store:
		return MIDDLE;
	default:
		return LAST;
	}
}

static enum status
member_start(struct actor *self)
{
	starts[place_of(self)]++;
	return ST_OK;
}

static void
member_stop(struct actor *self)
{
	stops[place_of(self)]++;
}

static enum status
member_on_ping(struct actor *self, const struct msg *in)
{
	const struct ping *p = in->body;

	heard_after = many_done;

	if (p->number == 666)
		return ST_BUG;
	return REPLY(self, in, pong, .number = p->number);
}

static const struct handler member_on[] = { ON(ping, member_on_ping), { 0 } };

static const struct actor_class member_class = {
	.name = "member",
	.start = member_start,
	.stop = member_stop,
	.on = member_on,
};

static const struct actor_class mortal_class = {
	.name = "mortal",
	.restart = RESTART_NEVER,
	.start = member_start,
	.stop = member_stop,
	.on = member_on,
};

static void
row_of_three(
    struct rig *r, enum strategy strategy, const struct actor_class *middle)
{
	struct supervisor_config c = supervisor_default;

	c.strategy = strategy;
	for (int i = 0; i < ACTORS; i++)
		starts[i] = stops[i] = 0;
	rig_init(r);
	node_supervise(r->node, &c);
	rig_spawn(r, &member_class, ACTOR_NUMBER(settings));
	rig_spawn(r, middle, ACTOR_NUMBER(ticket_store));
	rig_spawn(r, &member_class, ACTOR_NUMBER(event_hub));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
	RIG_SEND(r, gateway, ticket_store, ping, .number = 666);
	rig_advance_ms(r, 1000);
}

static void
test_one_for_one_restarts_it_alone(void **state)
{
	struct rig r;

	(void)state;
	row_of_three(&r, ONE_FOR_ONE, &member_class);
	assert_int_equal(starts[FIRST], 1);
	assert_int_equal(starts[MIDDLE], 2);
	assert_int_equal(starts[LAST], 1);
	assert_int_equal(stops[MIDDLE], 1);
	rig_fini(&r);
}

static void
test_one_for_all_restarts_everybody(void **state)
{
	struct rig r;

	(void)state;
	row_of_three(&r, ONE_FOR_ALL, &member_class);
	for (int i = 0; i < ACTORS; i++) {
		assert_int_equal(starts[i], 2);
		assert_int_equal(stops[i], 1);
	}
	rig_fini(&r);
}

static void
test_rest_for_one_restarts_those_after_it(void **state)
{
	struct rig r;

	(void)state;
	row_of_three(&r, REST_FOR_ONE, &member_class);
	assert_int_equal(starts[FIRST], 1);
	assert_int_equal(starts[MIDDLE], 2);
	assert_int_equal(starts[LAST], 2);
	rig_fini(&r);
}

static void
test_restarted_company_still_answers(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	row_of_three(&r, ONE_FOR_ALL, &member_class);
	tag = RIG_ASK(&r, gateway, event_hub, ping, .number = 3);
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, pong)->number, 3);
	rig_fini(&r);
}

static unsigned starts_when_called;

static void
on_call(struct actor *self, struct actor_call *c)
{
	(void)c;
	starts_when_called = starts[place_of(self)];
}

static void
test_a_call_waits_for_the_restart(void **state)
{
	struct actor_call calls[2] = { 0 };
	struct rig r;
	struct actor *a;

	(void)state;
	starts_when_called = 0;
	row_of_three(&r, ONE_FOR_ONE, &member_class);
	a = r.node->listed[ACTOR_NUMBER_ticket_store]->actor;
	RIG_SEND(&r, gateway, ticket_store, ping, .number = 666);
	assert_int_equal(stops[MIDDLE], 2);
	actor_call(a, &calls[0], on_call);
	rig_settle(&r);
	assert_int_equal(starts_when_called, 0);
	rig_advance_ms(&r, 5000);
	assert_int_equal(starts_when_called, 3);
	/* One that comes back to an actor that has ended is not kept. */
	RIG_SEND(&r, gateway, ticket_store, ping, .number = 666);
	starts_when_called = 0;
	actor_call(a, &calls[1], on_call);
	rig_settle(&r);
	assert_int_equal(starts_when_called, 0);
	rig_fini(&r);
	assert_int_equal(starts_when_called, 3);
}

static struct actor_call many[3 * LOOP_ACTOR_CALLS];
/* The first one tells another actor; all of them take their time. */
static void
on_one_of_many(struct actor *self, struct actor_call *c)
{
	struct rig *r = self->loop->node->config.clock->ctx;
	struct actor *other = r->node->listed[ACTOR_NUMBER_gateway]->actor;

	assert_ptr_equal(c, &many[many_done]);
	if (many_done++ == 0)
		assert_int_equal(
		    SEND(other, actor_find(other, ACTOR_NUMBER(event_hub), 0),
			ping, .number = 1),
		    ST_OK);
	r->now_us += LOOP_TURN_CALLS_US / 2;
}

static void
call_often(struct rig *r)
{
	struct actor *a;

	row_of_three(r, ONE_FOR_ONE, &member_class);
	many_done = heard_after = 0;
	a = r->node->listed[ACTOR_NUMBER_ticket_store]->actor;
	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		actor_call(a, &many[i], on_one_of_many);
}

static void
test_many_calls_take_turns_with_others(void **state)
{
	struct rig r;

	(void)state;
	call_often(&r);
	(void)node_turn(r.node);
	assert_int_equal(many_done, LOOP_ACTOR_CALLS);
	rig_settle(&r);
	assert_int_equal(heard_after, LOOP_ACTOR_CALLS);
	assert_int_equal(many_done, sizeof(many) / sizeof(many[0]));
	rig_fini(&r);
}

static void
test_no_call_is_lost_with_its_actor(void **state)
{
	struct rig r;

	(void)state;
	call_often(&r);
	(void)node_turn(r.node);
	rig_fini(&r);
	assert_int_equal(many_done, sizeof(many) / sizeof(many[0]));
}

static void
test_mortal_actor_stays_away(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	row_of_three(&r, ONE_FOR_ALL, &mortal_class);
	assert_int_equal(starts[MIDDLE], 1);
	assert_int_equal(starts[LAST], 1);
	tag = RIG_ASK(&r, gateway, ticket_store, ping, .number = 1);
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, refused)->problem,
	    PROBLEM_UNAVAILABLE);
	rig_fini(&r);
}

/* The pause doubles, give or take a quarter, so the second is longer. */
static void
test_pause_grows_with_failures(void **state)
{
	struct rig r;

	(void)state;
	row_of_three(&r, ONE_FOR_ONE, &member_class);
	RIG_SEND(&r, gateway, ticket_store, ping, .number = 666);
	rig_advance_ms(&r, SUPERVISOR_PAUSE_US / 1000 + 4);
	assert_int_equal(starts[MIDDLE], 2);
	rig_advance_ms(&r, 2 * SUPERVISOR_PAUSE_US / 1000);
	assert_int_equal(starts[MIDDLE], 3);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_for_one_restarts_it_alone),
		cmocka_unit_test(test_one_for_all_restarts_everybody),
		cmocka_unit_test(test_rest_for_one_restarts_those_after_it),
		cmocka_unit_test(test_restarted_company_still_answers),
		cmocka_unit_test(test_a_call_waits_for_the_restart),
		cmocka_unit_test(test_many_calls_take_turns_with_others),
		cmocka_unit_test(test_no_call_is_lost_with_its_actor),
		cmocka_unit_test(test_mortal_actor_stays_away),
		cmocka_unit_test(test_pause_grows_with_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
