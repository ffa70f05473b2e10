/*
 * A node with real threads: what is asked across loops is answered exactly
 * once and in order, work comes back, and a node can be stopped with messages
 * on their way.  Run under ThreadSanitizer too.
 */
#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "runtime/base/log.h"
#include "runtime/node.h"

#define LOOPS 3
#define ASKERS 4
#define ASKS 20000u
#define WINDOW 64u
#define PATIENCE_S 25

struct asker_state {
	uint64_t to;
	uint64_t asked;
	uint64_t answered;
};

static sem_t finished;
static uint64_t echo_at[ASKERS];
static atomic_uint_fast64_t out_of_order;
static atomic_uint_fast64_t refused;
static atomic_uint_fast64_t worked;

static enum status
echo_on_ping(struct actor *self, const struct msg *in)
{
	const struct ping *p = in->body;

	return REPLY(self, in, pong, .number = p->number);
}

static const struct handler echo_on[] = { ON(ping, echo_on_ping), { 0 } };

static const struct actor_class echo_class = {
	.name = "echo",
	.mailbox_max = WINDOW * ASKERS,
	.on = echo_on,
};

static enum status asker_ask(struct actor *self);

static enum status
asker_on_pong(struct actor *self, struct op *op, const struct msg *reply)
{
	struct asker_state *s = actor_state(self);

	if (reply->id != MSG_pong)
		atomic_fetch_add(&refused, 1);
	else if (((const struct pong *)reply->body)->number != s->answered)
		atomic_fetch_add(&out_of_order, 1);
	s->answered++;
	(void)op_close(op);
	if (s->answered == ASKS)
		sem_post(&finished);
	return asker_ask(self);
}

static enum status
asker_ask(struct actor *self)
{
	struct asker_state *s = actor_state(self);

	while (s->asked < ASKS && s->asked - s->answered < WINDOW)
		(void)OP_ASK(op_open(self, NULL), s->to, ping, asker_on_pong,
		    .number = s->asked++);
	return ST_OK;
}

/* The number says which echo to ask. */
static enum status
asker_on_ping(struct actor *self, const struct msg *in)
{
	struct asker_state *s = actor_state(self);

	s->to = echo_at[((const struct ping *)in->body)->number];
	return asker_ask(self);
}

static const struct handler asker_on[] = { ON(ping, asker_on_ping), { 0 } };

static const struct actor_class asker_class = {
	.name = "asker",
	.state_size = sizeof(struct asker_state),
	.ops_max = 2 * WINDOW,
	.on = asker_on,
};

static void
worker_square(void *data)
{
	uint64_t *n = data;

	*n *= *n;
}

static enum status
worker_on_done(struct actor *self, struct op *op, const struct msg *reply)
{
	const uint64_t *n = op_data(op);

	(void)self;
	if (reply->id == MSG_done && *n == 49)
		atomic_fetch_add(&worked, 1);
	sem_post(&finished);
	return op_close(op);
}

static enum status
worker_on_ping(struct actor *self, const struct msg *in)
{
	struct op *op = op_open(self, NULL);
	uint64_t *n = op_data(op);

	(void)in;
	*n = 7;
	return op_work(op, WORK_CPU, worker_square, worker_on_done);
}

static const struct handler worker_on[] = { ON(ping, worker_on_ping), { 0 } };

static const struct actor_class worker_class = {
	.name = "worker",
	.on = worker_on,
};

static struct node *
node_of(uint32_t loops)
{
	struct node_config c = { .name = "test",
		.loops = loops,
		.threaded = true,
		.work_threads = { 2, 1 } };
	struct node *n = NULL;

	log_set_level(LOG_WARN);
	atomic_store(&out_of_order, 0);
	atomic_store(&refused, 0);
	atomic_store(&worked, 0);
	assert_int_equal(sem_init(&finished, 0, 0), 0);
	assert_int_equal(node_create(&c, &n), ST_OK);
	return n;
}

static void
kick(struct node *n, uint64_t actor, uint64_t number)
{
	assert_int_equal(
	    node_signal(n, actor, MSG_ping, &(struct ping){ .number = number }),
	    ST_OK);
}

static void
await(unsigned times)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	while (times-- > 0)
		assert_int_equal(sem_timedwait(&finished, &until), 0);
}

/* Each asker on one loop, its echo on the next. */
static void
spawn_pairs(struct node *n, uint64_t askers[ASKERS])
{
	for (uint32_t i = 0; i < ASKERS; i++) {
		assert_int_equal(node_spawn(n, &echo_class, 0, 0,
				     (i + 1) % LOOPS, &echo_at[i]),
		    ST_OK);
		assert_int_equal(
		    node_spawn(n, &asker_class, 0, 0, i % LOOPS, &askers[i]),
		    ST_OK);
	}
}

static void
test_every_ask_between_loops_is_answered_in_order(void **state)
{
	struct node *n = node_of(LOOPS);
	uint64_t askers[ASKERS];

	(void)state;
	spawn_pairs(n, askers);
	assert_int_equal(node_start(n), ST_OK);
	for (uint32_t i = 0; i < ASKERS; i++)
		kick(n, askers[i], i);
	await(ASKERS);
	assert_int_equal(atomic_load(&out_of_order), 0);
	assert_int_equal(atomic_load(&refused), 0);
	node_stop(n);
	node_destroy(n);
}

static void
test_node_stops_with_messages_on_their_way(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		struct node *n = node_of(LOOPS);
		uint64_t askers[ASKERS];

		spawn_pairs(n, askers);
		assert_int_equal(node_start(n), ST_OK);
		for (uint32_t i = 0; i < ASKERS; i++)
			kick(n, askers[i], i);
		node_stop(n);
		node_destroy(n);
	}
}

static void
test_work_comes_back_to_its_loop(void **state)
{
	struct node *n = node_of(LOOPS);
	uint64_t worker;

	(void)state;
	assert_int_equal(node_spawn(n, &worker_class, 0, 0, 1, &worker), ST_OK);
	assert_int_equal(node_start(n), ST_OK);
	for (unsigned i = 0; i < 100; i++)
		kick(n, worker, i);
	await(100);
	assert_int_equal(atomic_load(&worked), 100);
	node_stop(n);
	node_destroy(n);
}

static void
test_node_stops_with_work_under_way(void **state)
{
	struct node *n = node_of(1);
	uint64_t worker;

	(void)state;
	assert_int_equal(node_spawn(n, &worker_class, 0, 0, 0, &worker), ST_OK);
	assert_int_equal(node_start(n), ST_OK);
	for (unsigned i = 0; i < 100; i++)
		kick(n, worker, i);
	node_stop(n);
	node_destroy(n);
}

static enum status
waiter_start(struct actor *self)
{
	(void)self;
	return ST_OK;
}

static const struct actor_class waiter_class = {
	.name = "waiter",
	.starts_slowly = true,
	.start = waiter_start,
	.on = (const struct handler[]){ { 0 } },
};

static bool
nobody_wants_it(void *ctx)
{
	unsigned *asked = ctx;

	return ++*asked < 2;
}

static void
test_start_that_nobody_wants_any_more_ends(void **state)
{
	unsigned asked = 0;
	struct node_config c = { .number = 0,
		.name = "here",
		.loops = 1,
		.threaded = true,
		.is_wanted = nobody_wants_it,
		.calls_ctx = &asked };
	struct node *n;

	(void)state;
	assert_int_equal(node_create(&c, &n), ST_OK);
	assert_int_equal(node_spawn(n, &waiter_class, 0, 0, 0, NULL), ST_OK);
	assert_int_equal(node_start(n), ST_CLOSED);
	assert_int_equal(asked, 2);
	node_stop(n);
	node_destroy(n);
}

static unsigned threads_left;

static int
thread_create_some(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	return threads_left-- == 0 ? EAGAIN
				   : pthread_create(thread, NULL, run, arg);
}

static void
test_a_node_that_gets_too_few_threads_stops_at_once(void **state)
{
	struct node_config c = { .name = "test",
		.loops = LOOPS,
		.threaded = true,
		.thread_create = thread_create_some };
	struct node *n;

	(void)state;
	threads_left = LOOPS - 1;
	assert_int_equal(node_create(&c, &n), ST_OK);
	for (uint32_t i = 0; i < LOOPS; i++)
		assert_int_equal(
		    node_spawn(n, &echo_class, 0, 0, i, NULL), ST_OK);
	assert_int_equal(node_start(n), ST_IO);
	node_stop(n);
	node_destroy(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_node_that_gets_too_few_threads_stops_at_once),
		cmocka_unit_test(
		    test_every_ask_between_loops_is_answered_in_order),
		cmocka_unit_test(test_node_stops_with_messages_on_their_way),
		cmocka_unit_test(test_work_comes_back_to_its_loop),
		cmocka_unit_test(test_node_stops_with_work_under_way),
		cmocka_unit_test(test_start_that_nobody_wants_any_more_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
