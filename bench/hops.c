/*
 * hops - what a message costs between two actors of one process.
 *
 * Through the real codec, envelope and mailboxes, 64 bytes of load:
 *
 *   trip    request and reply, one in flight or many
 *   count   signals one way, as fast as the receiver's credit allows
 *
 * each on one loop and between two.  Beside them what the machine can do:
 * the codec called in a row with no mailbox, and a bare ring of pointers
 * between two threads (bench/ring.h).
 *
 *   bench_hops [rounds [part]]     part: a name from the table, alone
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/finish.h"
#include "bench/ring.h"
#include "runtime/base/arena.h"
#include "runtime/node.h"

#define ROUNDS 7
#define ROUNDS_MAX 99
#define LOAD_SIZE 64
#define BOX_MAX 65536
#define COUNT_WINDOW 1024u /* signals without credit */
#define COUNT_CREDIT 256u  /* signals that the receiver grants at once */
#define ARENA_SIZE 65536

struct part {
	const char *name;
	const char *what;
	const char *unit; /* us: less is better; million/s: more is */
	double goal;      /* 0: a peer, or nothing promised */
	double (*run)(const struct part *p, double *ret_cpu_us);
	uint64_t wanted;
	uint32_t loops;
	uint32_t window;
};

/* Of each part, by round; CPU is of all threads, in us. */
struct taken {
	double walls[ROUNDS_MAX];
	double cpus[ROUNDS_MAX];
};

struct side {
	uint64_t left;
	uint64_t in_flight;
	uint64_t seen;
	uint64_t other;
};

static uint8_t load[LOAD_SIZE];
static const struct part *current;
static uint64_t receiver_at;

/* ---- trip: an asker and an echo ---- */

static enum status
echo_on_ping(struct actor *self, const struct msg *in)
{
	const struct ping *p = in->body;

	return REPLY(self, in, pong, .number = p->number, .load = p->load);
}

static const struct handler echo_on[] = { ON(ping, echo_on_ping), { 0 } };
static const struct actor_class echo_class = {
	.name = "echo",
	.mailbox_max = BOX_MAX,
	.on = echo_on,
};

static enum status asker_next(struct actor *self);

static enum status
asker_on_pong(struct actor *self, struct op *op, const struct msg *reply)
{
	struct side *s = actor_state(self);

	(void)reply;
	s->in_flight--;
	(void)op_refuse(op, PROBLEM_INTERNAL, "");
	return asker_next(self);
}

static enum status
asker_next(struct actor *self)
{
	struct side *s = actor_state(self);

	while (s->left > 0 && s->in_flight < current->window) {
		struct op *op = op_open(self, NULL);

		s->left--;
		s->in_flight++;
		(void)OP_ASK(op, receiver_at, ping, asker_on_pong,
		    .number = s->left, .load = { load, sizeof(load) });
	}
	if (s->left == 0 && s->in_flight == 0)
		run_end();
	return ST_OK;
}

static enum status
asker_on_ping(struct actor *self, const struct msg *in)
{
	struct side *s = actor_state(self);

	(void)in;
	s->left = current->wanted;
	return asker_next(self);
}

static const struct handler asker_on[] = { ON(ping, asker_on_ping), { 0 } };
static const struct actor_class asker_class = {
	.name = "asker",
	.state_size = sizeof(struct side),
	.mailbox_max = BOX_MAX,
	.ops_max = 8192,
	.on = asker_on,
};

/* ---- count: a producer, and a consumer that grants credit ---- */

static enum status
consumer_on_ping(struct actor *self, const struct msg *in)
{
	struct side *s = actor_state(self);

	s->seen++;
	if (s->seen % COUNT_CREDIT == 0)
		(void)SEND(self, in->from, pong, .number = COUNT_CREDIT);
	if (s->seen == current->wanted)
		run_end();
	return ST_OK;
}

static const struct handler consumer_on[] = { ON(ping, consumer_on_ping),
	{ 0 } };
static const struct actor_class consumer_class = {
	.name = "consumer",
	.state_size = sizeof(struct side),
	.mailbox_max = BOX_MAX,
	.mailbox_bytes_max = 64u << 20,
	.on = consumer_on,
};

static enum status
producer_send(struct actor *self, uint64_t count)
{
	struct side *s = actor_state(self);

	for (; count > 0 && s->left > 0; count--, s->left--)
		if (SEND(self, receiver_at, ping, .number = s->left,
			.load = { load, sizeof(load) }) != ST_OK)
			abort();
	return ST_OK;
}

static enum status
producer_on_ping(struct actor *self, const struct msg *in)
{
	struct side *s = actor_state(self);

	(void)in;
	s->left = current->wanted;
	return producer_send(self, COUNT_WINDOW);
}

static enum status
producer_on_pong(struct actor *self, const struct msg *in)
{
	return producer_send(self, ((const struct pong *)in->body)->number);
}

static const struct handler producer_on[] = { ON(ping, producer_on_ping),
	ON(pong, producer_on_pong), { 0 } };
static const struct actor_class producer_class = {
	.name = "producer",
	.state_size = sizeof(struct side),
	.mailbox_max = BOX_MAX,
	.on = producer_on,
};

/* ---- a node with two actors, from its start signal to the last message ----
 */

static double
run_pair(const struct part *p, const struct actor_class *sender,
    const struct actor_class *receiver, double *ret_cpu_us)
{
	struct node_config c = {
		.name = "bench", .loops = p->loops, .threaded = true
	};
	struct ping go = { .number = 1 };
	struct node *n;
	uint64_t sender_at;
	double start_s, cpu_s;

	current = p;
	if (node_create(&c, &n) != ST_OK ||
	    node_spawn(n, receiver, 0, 0, p->loops - 1, &receiver_at) !=
		ST_OK ||
	    node_spawn(n, sender, 0, 0, 0, &sender_at) != ST_OK ||
	    node_start(n) != ST_OK)
		abort();
	start_s = bench_now_s();
	cpu_s = bench_cpu_s();
	if (node_signal(n, sender_at, MSG_ping, &go) != ST_OK)
		abort();
	start_s = run_wait() - start_s;
	cpu_s = bench_cpu_s() - cpu_s;
	node_stop(n);
	node_destroy(n);
	*ret_cpu_us = cpu_s * 1e6 / (double)p->wanted;
	return start_s * 1e6 / (double)p->wanted;
}

static double
run_trip(const struct part *p, double *ret_cpu_us)
{
	return run_pair(p, &asker_class, &echo_class, ret_cpu_us);
}

static double
run_count(const struct part *p, double *ret_cpu_us)
{
	double us = run_pair(p, &producer_class, &consumer_class, ret_cpu_us);

	return 1 / us;
}

/* ---- peers ---- */

/* A round trip is two messages: encode and decode, twice. */
static double
run_codec(const struct part *p, double *ret_cpu_us)
{
	static alignas(64) unsigned char memory[ARENA_SIZE];
	struct arena arena = { memory, sizeof(memory), 0 };
	const struct wire_type *t = catalogue_find(MSG_ping);
	struct ping ping = { .load = { load, sizeof(load) } };
	unsigned char bytes[2 * LOAD_SIZE];
	const void *body = &ping;
	double start_s = bench_now_s(), cpu_s = bench_cpu_s();

	for (uint64_t i = 0; i < 2 * p->wanted; i++) {
		struct wire_out out = { bytes, sizeof(bytes), 0 };

		ping.number = i;
		arena_reset(&arena);
		if (wire_encode(t, &ping, &out) != ST_OK ||
		    wire_decode(t, &arena, bytes, out.used, &body) != ST_OK ||
		    ((const struct ping *)body)->number != i)
			abort();
	}
	*ret_cpu_us = (bench_cpu_s() - cpu_s) * 1e6 / (double)p->wanted;
	return (bench_now_s() - start_s) * 1e6 / (double)p->wanted;
}

static struct ring there, back;

static void
ring_put(struct ring *r, void *item)
{
	while (!ring_push(r, item))
		__builtin_ia32_pause();
}

static void *
ring_get(struct ring *r)
{
	void *item;

	while ((item = ring_pop(r)) == NULL)
		__builtin_ia32_pause();
	return item;
}

/* Sends everything back if one is in flight, else only the last. */
static void *
ring_other(void *arg)
{
	const struct part *p = arg;

	for (uint64_t i = 1; i <= p->wanted; i++) {
		void *item = ring_get(&there);

		if (p->window == 1 || i == p->wanted)
			ring_put(&back, item);
	}
	return NULL;
}

static double
run_ring(const struct part *p, double *ret_cpu_us)
{
	double start_s, cpu_s = bench_cpu_s();
	pthread_t other;

	current = p;
	if (pthread_create(&other, NULL, ring_other, (void *)(uintptr_t)p) != 0)
		abort();
	start_s = bench_now_s();
	for (uint64_t i = 1; i <= p->wanted; i++) {
		ring_put(&there, load);
		if (p->window == 1 || i == p->wanted)
			(void)ring_get(&back);
	}
	start_s = (bench_now_s() - start_s) * 1e6 / (double)p->wanted;
	pthread_join(other, NULL);
	*ret_cpu_us = (bench_cpu_s() - cpu_s) * 1e6 / (double)p->wanted;
	return p->window == 1 ? start_s : 1 / start_s;
}

static const struct part parts[] = {
	{ "one_loop_trip", "one loop, round trip, 1 in flight", "us", 0.2,
	    run_trip, 2000000, 1, 1 },
	{ "codec_trip", "  peer: the codec alone, twice", "us", 0, run_codec,
	    2000000, 0, 1 },
	{ "one_loop_trip_512", "one loop, round trip, 512 in flight", "us", 0,
	    run_trip, 2000000, 1, 512 },
	{ "two_loops_trip", "two loops, round trip, 1 in flight", "us", 1.5,
	    run_trip, 300000, 2, 1 },
	{ "ring_trip", "  peer: two bare rings, 1 in flight", "us", 0, run_ring,
	    1000000, 0, 1 },
	{ "two_loops_trip_1024", "two loops, round trip, 1024 in flight", "us",
	    0, run_trip, 1500000, 2, 1024 },
	{ "one_loop_count", "one loop, counting", "million/s", 0, run_count,
	    5000000, 1, 0 },
	{ "two_loops_count", "two loops, counting", "million/s", 20, run_count,
	    8000000, 2, 0 },
	{ "ring_count", "  peer: a bare ring, counting", "million/s", 0,
	    run_ring, 20000000, 0, 0 },
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

static struct taken taken[PARTS];

static void
part_print(const struct part *p, struct taken *t, size_t rounds)
{
	double median = bench_median(t->walls, rounds);
	bool less = p->unit[0] == 'u';
	double best = less ? t->walls[0] : t->walls[rounds - 1];
	double cpu_us = bench_median(t->cpus, rounds);
	char goal[16] = "";

	if (p->goal > 0)
		snprintf(
		    goal, sizeof(goal), "%s %g", less ? "<=" : ">=", p->goal);
	fprintf(stderr, "%-40s %9.3f %9.3f %-10s %-7s %9.3f\n", p->what, median,
	    best, p->unit, goal, cpu_us);
	printf(",\"%s\":%.4f,\"%s_best\":%.4f,\"%s_cpu_us\":%.4f", p->name,
	    median, p->name, best, p->name, cpu_us);
}

int
main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS;
	const char *only = argc > 2 ? argv[2] : NULL;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		rounds = ROUNDS;
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < PARTS; i++)
			if (only == NULL || strcmp(only, parts[i].name) == 0)
				taken[i].walls[r] =
				    parts[i].run(&parts[i], &taken[i].cpus[r]);
	fprintf(stderr, "%-40s %9s %9s %-10s %-7s %9s\n",
	    "64 bytes, through codec and mailbox", "median", "best", "", "goal",
	    "CPU us");
	printf("{\"bench\":\"hops\",\"rounds\":%zu,\"load\":%.2f", rounds,
	    bench_load());
	for (size_t i = 0; i < PARTS; i++)
		if (only == NULL || strcmp(only, parts[i].name) == 0)
			part_print(&parts[i], &taken[i], rounds);
	printf("}\n");
	return 0;
}
