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

static struct rig late;
static size_t run_count;
static size_t late_count;

static void
job_long(void *data)
{
	(void)data;
	run_count++;
	late.now_us += 5000;
}

static void
job_count(void *data)
{
	(void)data;
	run_count++;
}

static enum status
job_on_late(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct refused *why = reply->body;

	(void)self;
	assert_int_equal(reply->id, MSG_refused);
	assert_int_equal(why->status, ST_TIMEOUT);
	late_count++;
	return op_close(op);
}

/* While the first is at work, the time of the second is over. */
static enum status
late_on_ping(struct actor *self, const struct msg *in)
{
	struct op *op = op_open(self, NULL);

	(void)op_work(op, WORK_CPU, job_long, job_on_done);
	op = op_open(self, NULL);
	op_within(op, 1000);
	(void)op_work(op, WORK_CPU, job_count, job_on_late);
	return REPLY(self, in, pong, .number = 0);
}

static const struct handler late_on[] = {
	ON(ping, late_on_ping),
	{ 0 },
};

static const struct actor_class late_class = {
	.name = "late",
	.state_size = 1,
	.on = late_on,
};

static void
test_work_that_nobody_waits_for_is_skipped(void **state)
{
	(void)state;
	done_count = 0;
	rig_init(&late);
	rig_spawn(&late, &late_class, ACTOR_NUMBER(tasks));
	rig_probe(&late, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(&late), ST_OK);
	(void)RIG_ASK(&late, gateway, tasks, ping, .number = 0);
	rig_advance_ms(&late, 1);
	assert_int_equal(late_count, 1);
	assert_int_equal(done_count, 1);
	assert_int_equal(run_count, 1);
	rig_fini(&late);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_work_past_the_pools_bound_is_refused_through_on_done),
		cmocka_unit_test(test_work_that_nobody_waits_for_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
