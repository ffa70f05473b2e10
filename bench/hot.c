/*
 * hot - the path of a message inside one loop, with nothing around it.
 *
 * One thread turns a node by hand, so a run is the same instructions each
 * time: this is what `valgrind --tool=callgrind` counts, and what the gate of
 * `ops/check --full` compares.  Everything is on: codec, bounds, deadlines,
 * books, flight recorder.
 *
 *   count   empty signals one way, 256 in flight
 *   load    signals with 64 bytes, 256 in flight
 *   signal  ping and pong as signals, one in flight; a round trip
 *   ask     ping asked, pong replied, one in flight; a round trip
 *   big     64 actors, each to one after another, 1 in flight each
 *
 * malloc counts what the path takes from the heap once it is warm: nothing.
 *
 *   bench_hot [part [messages]]
 */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "runtime/node.h"

#define MESSAGES 2000000u
#define WINDOW 256u
#define LOAD_SIZE 64
#define BIG_ACTORS 64u

static uint64_t heap_calls;

/* glibc's own, under the names it keeps for those who stand in front. */
void *__libc_malloc(size_t size);
void *__libc_memalign(size_t align, size_t size);

void *
malloc(size_t size)
{
	heap_calls++;
	return __libc_malloc(size);
}

void *
aligned_alloc(size_t align, size_t size)
{
	heap_calls++;
	return __libc_memalign(align, size);
}

struct side {
	uint64_t left;
	uint64_t other;
};

static uint64_t left; /* messages of this part */
static struct bytes load;
static uint64_t addresses[BIG_ACTORS];

/* ---- one way ---- */

static enum status
sink_on_ping(struct actor *self, const struct msg *in)
{
	if (--left % (WINDOW / 2) == 0)
		return SEND(self, in->from, pong, .number = WINDOW / 2);
	return ST_OK;
}

static enum status
source_send(struct actor *self, uint64_t count)
{
	for (; count > 0; count--)
		(void)SEND(
		    self, addresses[0], ping, .number = count, .load = load);
	return ST_OK;
}

static enum status
source_on_ping(struct actor *self, const struct msg *in)
{
	(void)in;
	return source_send(self, WINDOW);
}

static enum status
source_on_pong(struct actor *self, const struct msg *in)
{
	return left < WINDOW
		   ? ST_OK
		   : source_send(self, ((const struct pong *)in->body)->number);
}

/* ---- there and back ---- */

static enum status
echo_on_ping(struct actor *self, const struct msg *in)
{
	const struct ping *p = in->body;

	if (in->ref != 0)
		return REPLY(self, in, pong, .number = p->number);
	return SEND(self, in->from, pong, .number = p->number);
}

static enum status
player_on_pong(struct actor *self, const struct msg *in)
{
	(void)in;
	return --left == 0 ? ST_OK
			   : SEND(self, addresses[0], ping, .number = left);
}

static enum status
player_on_ping(struct actor *self, const struct msg *in)
{
	(void)in;
	return SEND(self, addresses[0], ping, .number = left);
}

static enum status asker_ask(struct actor *self);

static enum status
asker_on_reply(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)reply;
	(void)op_close(op);
	return --left == 0 ? ST_OK : asker_ask(self);
}

static enum status
asker_ask(struct actor *self)
{
	return OP_ASK(op_open(self, NULL), addresses[0], ping, asker_on_reply,
	    .number = left);
}

static enum status
asker_on_ping(struct actor *self, const struct msg *in)
{
	(void)in;
	return asker_ask(self);
}

/* ---- everybody with everybody ---- */

static enum status
big_on_ping(struct actor *self, const struct msg *in)
{
	struct side *s = actor_state(self);

	(void)in;
	if (left == 0)
		return ST_OK;
	left--;
	s->other = (s->other * 5 + 3) % BIG_ACTORS;
	return SEND(self, addresses[s->other], ping, .number = left);
}

#define CLASS(n, ...)                                                  \
	static const struct handler n##_on[] = { __VA_ARGS__, { 0 } }; \
	static const struct actor_class n##_class = { .name = #n,      \
		.state_size = sizeof(struct side),                     \
		.mailbox_max = 4096,                                   \
		.on = n##_on };

CLASS(sink, ON(ping, sink_on_ping))
CLASS(source, ON(ping, source_on_ping), ON(pong, source_on_pong))
CLASS(echo, ON(ping, echo_on_ping))
CLASS(player, ON(ping, player_on_ping), ON(pong, player_on_pong))
CLASS(asker, ON(ping, asker_on_ping))
CLASS(big, ON(ping, big_on_ping))

struct part {
	const char *name;
	const struct actor_class *receiver;
	const struct actor_class *sender; /* NULL: receivers alone */
	size_t load;
};

static const struct part parts[] = {
	{ "count", &sink_class, &source_class, 0 },
	{ "load", &sink_class, &source_class, LOAD_SIZE },
	{ "signal", &echo_class, &player_class, 0 },
	{ "ask", &echo_class, &asker_class, 0 },
	{ "big", &big_class, NULL, 0 },
};

static struct node *
part_node(const struct part *p)
{
	struct node_config c = { .name = "hot" };
	struct node *n;
	uint32_t receivers = p->sender == NULL ? BIG_ACTORS : 1;

	if (node_create(&c, &n) != ST_OK)
		abort();
	for (uint32_t i = 0; i < receivers; i++)
		if (node_spawn(n, p->receiver, 0, 0, 0, &addresses[i]) != ST_OK)
			abort();
	if (p->sender != NULL &&
	    node_spawn(n, p->sender, 0, 0, 0, &addresses[1]) != ST_OK)
		abort();
	if (node_start(n) != ST_OK)
		abort();
	return n;
}

static void
part_go(struct node *n, const struct part *p, uint64_t messages)
{
	struct ping go = { 0 };

	left = messages;
	for (uint32_t i = p->sender == NULL ? 0 : 1;
	     i < (p->sender == NULL ? BIG_ACTORS : 2); i++)
		if (node_signal(n, addresses[i], MSG_ping, &go) != ST_OK)
			abort();
	node_settle(n);
}

static void
part_run(const struct part *p, uint64_t messages)
{
	static uint8_t bytes[LOAD_SIZE];
	struct node *n = part_node(p);
	uint64_t heap;
	double cpu_s;

	load = (struct bytes){ bytes, p->load };
	part_go(n, p, 64 * WINDOW); /* warm */
	heap = heap_calls;
	cpu_s = bench_cpu_s();
	part_go(n, p, messages);
	cpu_s = bench_cpu_s() - cpu_s;
	heap = heap_calls - heap;
	fprintf(stderr, "%-8s %8.2f ns  %8.1f million/s  %llu from the heap\n",
	    p->name, cpu_s * 1e9 / (double)messages,
	    (double)messages / cpu_s * 1e-6, (unsigned long long)heap);
	printf("{\"bench\":\"hot\",\"part\":\"%s\",\"cpu_ns\":%.2f,"
	       "\"messages\":%llu,\"heap\":%llu}\n",
	    p->name, cpu_s * 1e9 / (double)messages,
	    (unsigned long long)messages, (unsigned long long)heap);
	node_stop(n);
	node_destroy(n);
}

int
main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	uint64_t messages = argc > 2 ? strtoull(argv[2], NULL, 10) : MESSAGES;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (only == NULL || strcmp(only, parts[i].name) == 0)
			part_run(&parts[i], messages);
	return 0;
}
