/*
 * The runtime itself: delivery, bounds, answers, deadlines, restarts.  The
 * actor under test stands at the tasks' place, a probe at the gateway's.
 */
#include <string.h>

#include "tests/rig.h"

struct echo_state {
	uint64_t heard;
	struct op *kept;
	struct timer timer;
	uint64_t fired;
};

static struct echo_state *seen;

static enum status
echo_start(struct actor *self)
{
	seen = actor_state(self);
	return ST_OK;
}

static enum status
echo_on_pong(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	return op_pass(op, reply);
}

/* Fails by name, as a callback deep below would, and answers all the same. */
static enum status
echo_on_pong_fail(struct actor *self, struct op *op, const struct msg *reply)
{
	actor_fail(self, ST_IO, "it could not");
	return op_pass(op, reply);
}

static enum status
echo_on_pong_give_up(struct actor *self, struct op *op, const struct msg *reply)
{
	actor_give_up(self, "no hope");
	return op_pass(op, reply);
}

static enum status
echo_on_kept(struct actor *self, struct op *op, const struct msg *why)
{
	struct echo_state *s = actor_state(self);

	s->kept = NULL;
	return op_pass(op, why);
}

static enum status
echo_on_timer(struct actor *self, struct timer *t)
{
	struct echo_state *s = actor_state(self);

	(void)t;
	s->fired++;
	return ST_OK;
}

static void
slow_square(void *data)
{
	uint64_t *n = data;

	*n *= *n;
}

static enum status
echo_on_square(struct actor *self, struct op *op, const struct msg *reply)
{
	const uint64_t *n = op_data(op);

	(void)self;
	if (reply->id == MSG_refused)
		return op_pass(op, reply);
	return OP_REPLY(op, pong, .number = *n);
}

static enum status
echo_work(struct actor *self, const struct msg *in)
{
	struct op *op = op_open(self, in);
	uint64_t *n = op_data(op);

	*n = 12;
	return op_work(op, WORK_CPU, slow_square, echo_on_square);
}

/* What to do is in the number. */
enum {
	ECHO,
	RELAY,
	HAND_ON,
	RELAY_FAIL,
	RELAY_GIVE_UP,
	KEEP,
	FORGET,
	FAIL,
	TIMER,
	WORK,
	TOO_BIG,
	LONGER
};

static enum status
echo_on_ping(struct actor *self, const struct msg *in)
{
	struct echo_state *s = actor_state(self);
	const struct ping *ask = in->body;
	static char big[REFUSED_DETAIL_MAX + 64];

	s->heard++;
	switch (ask->number) {
	case RELAY:
		return ASK(self, in, actor_find(self, ACTOR_NUMBER(store), 0),
		    ping, echo_on_pong, .number = 7);
	case HAND_ON:
		return ASK(self, in, actor_find(self, ACTOR_NUMBER(store), 0),
		    ping, op_on_pass, .number = 7);
	case RELAY_FAIL:
		return ASK(self, in, actor_find(self, ACTOR_NUMBER(store), 0),
		    ping, echo_on_pong_fail, .number = 7);
	case RELAY_GIVE_UP:
		return ASK(self, in, actor_find(self, ACTOR_NUMBER(store), 0),
		    ping, echo_on_pong_give_up, .number = 7);
	case KEEP:
		s->kept = op_open(self, in);
		return op_keep(s->kept, echo_on_kept);
	case FORGET:
		return ST_OK;
	case FAIL:
		return ST_BUG;
	case TIMER:
		timer_start(self, &s->timer, 5000, echo_on_timer);
		return REPLY(self, in, pong, .number = TIMER);
	case WORK:
		return echo_work(self, in);
	case LONGER:
		return REPLY(
		    self, in, pong, .number = UINT64_MAX, .load = ask->load);
	case TOO_BIG:
		memset(big, 'x', sizeof(big) - 1);
		return REFUSE(self, in, CONFLICT, big);
	default:
		return REPLY(
		    self, in, pong, .number = ask->number, .load = ask->load);
	}
}

static const struct handler echo_on[] = {
	ON(ping, echo_on_ping),
	{ 0 },
};

static const struct actor_class echo_class = {
	.name = "echo",
	.state_size = sizeof(struct echo_state),
	.mailbox_max = 8,
	.ops_max = 2,
	.start = echo_start,
	.on = echo_on,
};

static void
echo_rig(struct rig *r)
{
	rig_init(r);
	rig_spawn(r, &echo_class, ACTOR_NUMBER(tasks));
	rig_probe(r, ACTOR_NUMBER(gateway));
	rig_probe(r, ACTOR_NUMBER(store));
	rig_probe(r, ACTOR_NUMBER(scheduler));
	assert_int_equal(rig_start(r), ST_OK);
}

static const struct refused *
refused_of(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, refused);
}

static void
test_request_gets_its_reply(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = 1000,
	    .load = { (const uint8_t *)"abc", 3 });
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, pong)->number, 1000);
	assert_memory_equal(
	    RIG_REPLIED(&r, gateway, tag, pong)->load.at, "abc", 3);
	rig_fini(&r);
}

/* It goes in the request's mail, behind a head that is eight bytes longer. */
static void
test_reply_may_repeat_bytes_of_its_request(void **state)
{
	static const uint8_t load[] = "of these every byte is another: 0123456";
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = LONGER,
	    .load = { load, sizeof(load) });
	assert_memory_equal(
	    RIG_REPLIED(&r, gateway, tag, pong)->load.at, load, sizeof(load));
	rig_fini(&r);
}

static void
test_relayed_request_is_answered_through_the_op(void **state)
{
	struct heard *h;
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = RELAY);
	h = RIG_TAKE(&r, store, ping);
	assert_int_equal(RIG_BODY(h, ping)->number, 7);
	assert_null(rig_answer_to(&r, ACTOR_NUMBER(gateway), tag));
	RIG_ANSWER(&r, h, pong, .number = 8);
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, pong)->number, 8);
	rig_fini(&r);
}

static void
test_failing_in_an_op_ends_the_actor_after_its_turn(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = RELAY_FAIL);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, ping), pong, .number = 8);
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, pong)->number, 8);
	assert_int_equal(rig_logged(&r, EV_ACTOR_FAILED), 1);
	assert_non_null(strstr(rig_line(&r, EV_ACTOR_FAILED, 0), "could not"));
	rig_advance_ms(&r, 1000);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = 1000);
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, pong)->number, 1000);
	rig_fini(&r);
}

static void
test_giving_up_in_an_op_ends_the_node_after_its_turn(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = RELAY_GIVE_UP);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, ping), pong, .number = 8);
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, pong)->number, 8);
	assert_string_equal(node_failure(r.node), "echo: no hope");
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = ECHO);
	assert_int_equal(refused_of(&r, tag)->status, ST_UNAVAILABLE);
	rig_fini(&r);
}

static void
test_refusal_is_passed_on(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = RELAY);
	rig_refuse(&r, RIG_TAKE(&r, store, ping), ST_CONFLICT,
	    PROBLEM_VERSION_CONFLICT, "changed");
	assert_int_equal(
	    refused_of(&r, tag)->problem, PROBLEM_VERSION_CONFLICT);
	assert_string_equal(refused_of(&r, tag)->detail, "changed");
	rig_fini(&r);
}

/* More often than it has ops: each is given back. */
static void
test_an_answer_is_handed_on_unread(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	for (uint64_t n = 0; n < 5; n++) {
		tag = RIG_ASK(&r, gateway, tasks, ping, .number = HAND_ON);
		RIG_ANSWER(&r, RIG_TAKE(&r, store, ping), pong, .number = n,
		    .load = { (const uint8_t *)"load", 4 });
		assert_int_equal(
		    RIG_REPLIED(&r, gateway, tag, pong)->number, n);
		assert_memory_equal(
		    RIG_REPLIED(&r, gateway, tag, pong)->load.at, "load", 4);
	}
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = HAND_ON);
	rig_refuse(&r, RIG_TAKE(&r, store, ping), ST_CONFLICT,
	    PROBLEM_VERSION_CONFLICT, "changed");
	assert_string_equal(refused_of(&r, tag)->detail, "changed");
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = HAND_ON);
	rig_advance_ms(&r, RIG_WITHIN_US / 1000 + 1);
	assert_int_equal(refused_of(&r, tag)->status, ST_TIMEOUT);
	assert_int_equal(rig_waiting(&r, ACTOR_NUMBER(gateway)), 0);
	rig_fini(&r);
}

static void
test_deadline_answers_once_and_late_reply_is_dropped(void **state)
{
	struct book_row rows[8];
	struct heard *h;
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = RELAY);
	h = RIG_TAKE(&r, store, ping);
	rig_advance_ms(&r, RIG_WITHIN_US / 1000 + 1);
	assert_int_equal(refused_of(&r, tag)->status, ST_TIMEOUT);
	assert_null(h->op);
	assert_int_equal(rig_waiting(&r, ACTOR_NUMBER(gateway)), 0);
	assert_true(node_books(r.node, rows, 8) == 4);
	rig_fini(&r);
}

static void
test_kept_request_is_refused_at_its_deadline(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = KEEP);
	rig_advance_ms(&r, RIG_WITHIN_US / 1000 - 1);
	assert_non_null(seen->kept);
	rig_advance_ms(&r, 2);
	assert_null(seen->kept);
	assert_int_equal(refused_of(&r, tag)->status, ST_TIMEOUT);
	rig_fini(&r);
}

static void
test_forgotten_request_is_refused_and_logged(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = FORGET);
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_INTERNAL);
	assert_int_equal(rig_logged(&r, EV_OP_UNANSWERED), 1);
	rig_fini(&r);
}

static void
test_too_many_ops_are_refused(void **state)
{
	struct rig r;
	uint64_t tags[3];

	(void)state;
	echo_rig(&r);
	for (int i = 0; i < 3; i++)
		tags[i] = RIG_ASK(&r, gateway, tasks, ping, .number = RELAY);
	assert_null(rig_answer_to(&r, ACTOR_NUMBER(gateway), tags[1]));
	assert_int_equal(refused_of(&r, tags[2])->problem, PROBLEM_OVERLOADED);
	rig_fini(&r);
}

static void
test_work_comes_back_as_a_turn(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = WORK);
	assert_int_equal(RIG_REPLIED(&r, gateway, tag, pong)->number, 144);
	rig_fini(&r);
}

static void
test_timer_fires_when_due_not_before(void **state)
{
	struct rig r;

	(void)state;
	echo_rig(&r);
	RIG_ASK(&r, gateway, tasks, ping, .number = TIMER);
	rig_advance_ms(&r, 4);
	assert_int_equal(seen->fired, 0);
	rig_advance_ms(&r, 1);
	assert_int_equal(seen->fired, 1);
	rig_advance_ms(&r, 100);
	assert_int_equal(seen->fired, 1);
	rig_fini(&r);
}

static void
test_overlong_refusal_is_cut_not_lost(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = TOO_BIG);
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_CONFLICT);
	assert_int_equal(
	    strlen(refused_of(&r, tag)->detail), REFUSED_DETAIL_MAX);
	rig_fini(&r);
}

static void
test_stranger_is_denied(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, scheduler, tasks, ping, .number = ECHO);
	assert_int_equal(
	    RIG_REPLIED(&r, scheduler, tag, refused)->status, ST_DENIED);
	assert_int_equal(seen->heard, 0);
	rig_fini(&r);
}

static void
test_unknown_message_is_refused(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	tag = RIG_ASK(&r, gateway, tasks, store_health, .nothing = 0);
	assert_int_equal(refused_of(&r, tag)->status, ST_UNSUPPORTED);
	assert_int_equal(rig_logged(&r, EV_OP_UNANSWERED), 0);
	rig_fini(&r);
}

static void
test_failure_closes_ops_and_restarts_with_mailbox_kept(void **state)
{
	struct rig r;
	uint64_t relayed, after;

	(void)state;
	echo_rig(&r);
	relayed = RIG_ASK(&r, gateway, tasks, ping, .number = RELAY);
	RIG_SEND(&r, gateway, tasks, ping, .number = FAIL);
	assert_int_equal(refused_of(&r, relayed)->status, ST_CLOSED);
	after = RIG_ASK(&r, gateway, tasks, ping, .number = 55);
	assert_null(rig_answer_to(&r, ACTOR_NUMBER(gateway), after));
	rig_advance_ms(&r, 2 * SUPERVISOR_PAUSE_US / 1000);
	assert_int_equal(RIG_REPLIED(&r, gateway, after, pong)->number, 55);
	assert_int_equal(rig_logged(&r, EV_ACTOR_RESTART), 1);
	rig_fini(&r);
}

static void
test_full_mailbox_refuses_one_past_its_bound(void **state)
{
	struct rig r;
	uint64_t tags[9];

	(void)state;
	echo_rig(&r);
	RIG_SEND(&r, gateway, tasks, ping, .number = FAIL);
	for (int i = 0; i < 9; i++)
		tags[i] = RIG_ASK(&r, gateway, tasks, ping, .number = 100);
	assert_int_equal(refused_of(&r, tags[8])->status, ST_FULL);
	assert_int_equal(refused_of(&r, tags[8])->problem, PROBLEM_OVERLOADED);
	rig_advance_ms(&r, 2 * SUPERVISOR_PAUSE_US / 1000);
	for (int i = 0; i < 8; i++)
		assert_int_equal(
		    RIG_REPLIED(&r, gateway, tags[i], pong)->number, 100);
	rig_fini(&r);
}

static void
test_too_many_failures_are_quarantined(void **state)
{
	struct rig r;
	uint64_t tag;

	(void)state;
	echo_rig(&r);
	for (unsigned i = 0; i <= SUPERVISOR_INTENSITY; i++) {
		RIG_SEND(&r, gateway, tasks, ping, .number = FAIL);
		rig_advance_ms(&r, 1000);
	}
	assert_int_equal(rig_logged(&r, EV_ACTOR_QUARANTINE), 1);
	tag = RIG_ASK(&r, gateway, tasks, ping, .number = ECHO);
	assert_int_equal(refused_of(&r, tag)->status, ST_UNAVAILABLE);
	rig_fini(&r);
}

static void
test_failures_far_apart_are_forgiven(void **state)
{
	struct rig r;

	(void)state;
	echo_rig(&r);
	for (unsigned i = 0; i < 3 * SUPERVISOR_INTENSITY; i++) {
		RIG_SEND(&r, gateway, tasks, ping, .number = FAIL);
		rig_advance_ms(&r, SUPERVISOR_WINDOW_US / 1000 + 1);
	}
	assert_int_equal(rig_logged(&r, EV_ACTOR_QUARANTINE), 0);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_gets_its_reply),
		cmocka_unit_test(test_reply_may_repeat_bytes_of_its_request),
		cmocka_unit_test(
		    test_relayed_request_is_answered_through_the_op),
		cmocka_unit_test(
		    test_failing_in_an_op_ends_the_actor_after_its_turn),
		cmocka_unit_test(
		    test_giving_up_in_an_op_ends_the_node_after_its_turn),
		cmocka_unit_test(test_refusal_is_passed_on),
		cmocka_unit_test(test_an_answer_is_handed_on_unread),
		cmocka_unit_test(
		    test_deadline_answers_once_and_late_reply_is_dropped),
		cmocka_unit_test(test_kept_request_is_refused_at_its_deadline),
		cmocka_unit_test(test_forgotten_request_is_refused_and_logged),
		cmocka_unit_test(test_too_many_ops_are_refused),
		cmocka_unit_test(test_work_comes_back_as_a_turn),
		cmocka_unit_test(test_timer_fires_when_due_not_before),
		cmocka_unit_test(test_overlong_refusal_is_cut_not_lost),
		cmocka_unit_test(test_stranger_is_denied),
		cmocka_unit_test(test_unknown_message_is_refused),
		cmocka_unit_test(
		    test_failure_closes_ops_and_restarts_with_mailbox_kept),
		cmocka_unit_test(test_full_mailbox_refuses_one_past_its_bound),
		cmocka_unit_test(test_too_many_failures_are_quarantined),
		cmocka_unit_test(test_failures_far_apart_are_forgiven),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
