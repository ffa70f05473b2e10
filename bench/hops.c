/*
 * hops - what a message costs between two actors.
 *
 * Request and reply through the real codec and mailboxes: on one loop, and
 * between two loops with one in flight and with many.  The limit beside it:
 * bare function calls through the same codec, no mailbox, no envelope.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/node.h"

#define ROUNDS 5

static uint8_t load[64];

struct hop_state {
	uint64_t left;
	uint64_t in_flight;
	uint64_t to;
};

static atomic_uint_fast64_t finished;
static uint64_t hops_wanted;
static uint64_t hops_window;
static uint64_t echo_at;

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static enum status
echo_on_ping(struct actor *self, const struct msg *in)
{
	const struct ping *p = in->body;

	return REPLY(self, in, pong, .number = p->number, .load = p->load);
}

static const struct handler echo_on[] = { ON(ping, echo_on_ping), { 0 } };
static const struct actor_class echo_class = {
	.name = "echo",
	.mailbox_max = 65536,
	.on = echo_on,
};

static enum status asker_next(struct actor *self);

static enum status
asker_on_pong(struct actor *self, struct op *op, const struct msg *reply)
{
	struct hop_state *s = actor_state(self);

	(void)reply;
	s->in_flight--;
	(void)op_refuse(op, PROBLEM_INTERNAL, "");
	return asker_next(self);
}

static enum status
asker_next(struct actor *self)
{
	struct hop_state *s = actor_state(self);

	while (s->left > 0 && s->in_flight < hops_window) {
		struct op *op = op_open(self, NULL);

		s->left--;
		s->in_flight++;
		(void)OP_ASK(op, s->to, ping, asker_on_pong, .number = s->left,
		    .load = { load, sizeof(load) });
	}
	if (s->left == 0 && s->in_flight == 0)
		atomic_store(&finished, 1);
	return ST_OK;
}

static enum status
asker_on_ping(struct actor *self, const struct msg *in)
{
	struct hop_state *s = actor_state(self);

	(void)in;
	s->left = hops_wanted;
	s->to = echo_at;
	return asker_next(self);
}

static const struct handler asker_on[] = { ON(ping, asker_on_ping), { 0 } };
static const struct actor_class asker_class = {
	.name = "asker",
	.state_size = sizeof(struct hop_state),
	.mailbox_max = 65536,
	.ops_max = 8192,
	.on = asker_on,
};

static double
run(uint32_t loops, uint64_t wanted, uint64_t window)
{
	struct node_config c = {
		.name = "bench", .loops = loops, .threaded = true
	};
	struct node *n;
	uint64_t asker;
	double start;

	hops_wanted = wanted;
	hops_window = window;
	atomic_store(&finished, 0);
	if (node_create(&c, &n) != ST_OK ||
	    node_spawn(n, &echo_class, 0, 0, loops - 1, &echo_at) != ST_OK ||
	    node_spawn(n, &asker_class, 0, 0, 0, &asker) != ST_OK ||
	    node_start(n) != ST_OK)
		abort();
	start = now_s();
	if (node_signal(n, asker, MSG_ping, &(struct ping){ .number = 1 }) !=
	    ST_OK)
		abort();
	while (!atomic_load(&finished)) {
		struct timespec ts = { 0, 200000 };

		nanosleep(&ts, NULL);
	}
	start = now_s() - start;
	node_stop(n);
	node_destroy(n);
	return start * 1e6 / (double)wanted;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
median(uint32_t loops, uint64_t wanted, uint64_t window)
{
	double us[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		us[i] = run(loops, wanted, window);
	qsort(us, ROUNDS, sizeof(us[0]), by_value);
	return us[ROUNDS / 2];
}

int
main(void)
{
	double one = median(1, 3000000, 1);
	double many = median(1, 3000000, 512);
	double two = median(2, 500000, 1);
	double batch = median(2, 3000000, 1024);

	printf("{\"bench\":\"hops\",\"one_loop_rtt_us\":%.3f,"
	       "\"one_loop_512_rtt_us\":%.3f,\"two_loops_rtt_us\":%.3f,"
	       "\"two_loops_1024_rtt_us\":%.3f}\n",
	    one, many, two, batch);
	return 0;
}
