/* Work beyond the bound of its pool comes back to the op's function. */
#include <string.h>

#include "tests/rig.h"

#define JOBS (WORK_QUEUE_MAX + 1)

static size_t done_count;
static size_t refused_count;

static void
job_run(void *data)
{
	(void)data;
}

static enum status
job_on_done(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct refused *why = reply->body;

	(void)self;
	if (reply->id == MSG_done) {
		done_count++;
	} else {
		refused_count++;
		assert_int_equal(why->problem, PROBLEM_OVERLOADED);
	}
	return OP_REPLY(op, done, .nothing = 0);
}

static enum status
worker_on_ping(struct actor *self, const struct msg *in)
{
	for (size_t i = 0; i < JOBS; i++)
		(void)op_work(
		    op_open(self, NULL), WORK_CPU, job_run, job_on_done);
	return REPLY(self, in, pong, .number = 0);
}

static const struct handler worker_on[] = {
	ON(ping, worker_on_ping),
	{ 0 },
};

static const struct actor_class worker_class = {
	.name = "worker",
	.state_size = 1,
	.ops_max = 2 * JOBS,
	.on = worker_on,
};

static void
test_work_past_the_pools_bound_is_refused_through_on_done(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	rig_spawn(&r, &worker_class, ACTOR_NUMBER(tasks));
	rig_probe(&r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(&r), ST_OK);
	(void)RIG_ASK(&r, gateway, tasks, ping, .number = 0);
	rig_advance_ms(&r, 1);
	assert_int_equal(done_count, WORK_QUEUE_MAX);
	assert_int_equal(refused_count, 1);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_work_past_the_pools_bound_is_refused_through_on_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
