/*
 * savina - Savina's message benchmarks through the runtime as it is shipped:
 * codec, bounds, deadlines, books and flight recorder on.
 *
 * The definitions are those of S. Imam and V. Sarkar, "Savina - An Actor
 * Benchmark Suite", AGERE 2014: ping-pong, counting, thread ring, fork-join
 * (here fan-out, and its mirror fan-in), big.  A message has 64 bytes: a
 * number and 56 bytes of load.  Where a sender could outrun a mailbox, the
 * receiver grants credit, since mailboxes here are bounded; the peers of
 * bench/savina/ send without, but for Go, whose channels are bounded too.
 *
 *   bench_savina ROW LOOPS MESSAGES     prints "messages seconds cpu_seconds"
 *
 * bench/savina.py runs it beside its peers.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/finish.h"
#include "runtime/address.h"
#include "runtime/base/log.h"
#include "runtime/node.h"

#define LOAD_SIZE 56
#define BOX_MAX 65536u
#define BOX_BYTES_MAX (64u << 20)
#define ACTORS_MAX 128u
#define RING_ACTORS 100u
#define FAN 16u
#define BIG_ACTORS 50u
#define WINDOW 1024u /* messages without credit, of all senders together */
#define CREDIT (WINDOW / 4)

struct worker {
	uint64_t left;
	uint64_t seen;
	uint64_t dice;
};

static const uint8_t load[LOAD_SIZE];
static uint64_t at[ACTORS_MAX];
static uint64_t wanted; /* messages of the run */
static _Atomic uint32_t finished;

/* Spawned one after the other, so their numbers follow. */
static uint32_t
index_of(const struct actor *self)
{
	return address_number(actor_address(self)) - address_number(at[0]);
}

static void
say(struct actor *self, uint64_t to, uint64_t number)
{
	if (SEND(self, to, ping, .number = number,
		.load = { load, sizeof(load) }) != ST_OK)
		abort();
}

static uint64_t
number_of(const struct msg *in)
{
	return ((const struct ping *)in->body)->number;
}

/* ---- ping-pong: both sides count down, the answer is a message ---- */

static enum status
pinger_on_ping(struct actor *self, const struct msg *in)
{
	uint64_t left = number_of(in);
	uint64_t to = index_of(self) == 0 ? at[1] : at[0];

	if (left == 0)
		run_end();
	else
		say(self, to, left - 1);
	return ST_OK;
}

/* ---- thread ring ---- */

static enum status
ring_on_ping(struct actor *self, const struct msg *in)
{
	uint64_t left = number_of(in);

	if (left == 0)
		run_end();
	else
		say(self, at[(index_of(self) + 1) % RING_ACTORS], left - 1);
	return ST_OK;
}

/* ---- counting and fan-in: numbers go down; some grant credit ---- */

static uint32_t senders;
static uint64_t grant; /* messages of one sender per credit; a power of 2 */

static enum status
sink_on_ping(struct actor *self, const struct msg *in)
{
	struct worker *w = actor_state(self);
	uint64_t number = number_of(in);

	if ((number & (grant - 1)) == 0)
		(void)SEND(self, in->from, pong, .number = number);
	if (++w->seen == wanted)
		run_end();
	return ST_OK;
}

static enum status
sender_send(struct actor *self, uint64_t count)
{
	struct worker *w = actor_state(self);

	for (; count > 0 && w->left > 0; count--)
		say(self, at[0], --w->left);
	return ST_OK;
}

static enum status
sender_on_ping(struct actor *self, const struct msg *in)
{
	struct worker *w = actor_state(self);

	(void)in;
	w->left = wanted / senders;
	return sender_send(self, WINDOW / senders);
}

static enum status
sender_on_pong(struct actor *self, const struct msg *in)
{
	(void)in;
	return sender_send(self, CREDIT / senders);
}

/* ---- fan-out: one source, FAN workers in turn ---- */

static enum status
leaf_on_ping(struct actor *self, const struct msg *in)
{
	struct worker *w = actor_state(self);

	if (++w->seen % (CREDIT / FAN) == 0)
		(void)SEND(self, in->from, pong, .number = w->seen);
	if (w->seen == wanted / FAN &&
	    atomic_fetch_add(&finished, 1) + 1 == FAN)
		run_end();
	return ST_OK;
}

/* left counts what has been sent, seen the credit of all workers. */
static enum status
source_send(struct actor *self)
{
	struct worker *w = actor_state(self);

	for (; w->seen > 0 && w->left > 0; w->seen--, w->left--)
		say(self, at[1 + w->left % FAN], w->left);
	return ST_OK;
}

static enum status
source_on_ping(struct actor *self, const struct msg *in)
{
	struct worker *w = actor_state(self);

	(void)in;
	w->left = wanted;
	w->seen = WINDOW;
	return source_send(self);
}

static enum status
source_on_pong(struct actor *self, const struct msg *in)
{
	struct worker *w = actor_state(self);

	(void)in;
	w->seen += CREDIT / FAN;
	return source_send(self);
}

/* ---- big: each asks random others, one at a time, and answers all ---- */

static enum status
big_next(struct actor *self)
{
	struct worker *w = actor_state(self);
	uint64_t other;

	if (w->left == 0) {
		if (atomic_fetch_add(&finished, 1) + 1 == BIG_ACTORS)
			run_end();
		return ST_OK;
	}
	w->left--;
	w->dice = w->dice * 6364136223846793005u + 1442695040888963407u;
	other = (w->dice >> 33) % BIG_ACTORS;
	say(self, at[other], 1);
	return ST_OK;
}

static enum status
big_on_ping(struct actor *self, const struct msg *in)
{
	struct worker *w = actor_state(self);
	const struct ping *p = in->body;

	if (p->number == 0) {
		w->left = wanted / 2 / BIG_ACTORS;
		w->dice = index_of(self) + 1;
		return big_next(self);
	}
	return SEND(self, in->from, pong, .number = 1, .load = p->load);
}

static enum status
big_on_pong(struct actor *self, const struct msg *in)
{
	(void)in;
	return big_next(self);
}

/* ---- classes ---- */

#define CLASS(id, ...)                                       \
	static const struct handler id##_on[] = __VA_ARGS__; \
	static const struct actor_class id##_class = {       \
		.name = #id,                                 \
		.state_size = sizeof(struct worker),         \
		.mailbox_max = BOX_MAX,                      \
		.mailbox_bytes_max = BOX_BYTES_MAX,          \
		.on = id##_on,                               \
	}

CLASS(pinger, { ON(ping, pinger_on_ping), { 0 } });
CLASS(ring, { ON(ping, ring_on_ping), { 0 } });
CLASS(sink, { ON(ping, sink_on_ping), { 0 } });
CLASS(sender, { ON(ping, sender_on_ping), ON(pong, sender_on_pong), { 0 } });
CLASS(leaf, { ON(ping, leaf_on_ping), { 0 } });
CLASS(source, { ON(ping, source_on_ping), ON(pong, source_on_pong), { 0 } });
CLASS(big, { ON(ping, big_on_ping), ON(pong, big_on_pong), { 0 } });

/* first is at[0], alone on loop 0; the others are behind it. */
struct row {
	const char *name;
	const struct actor_class *first;
	const struct actor_class *other;
	uint32_t others;
	uint32_t unit; /* messages are a multiple of it */
	bool halves;   /* half of all on each loop; else the others on 1 */
	bool wakes_all;
	bool wakes_first;
	uint64_t per_message; /* round trips count once */
};

static const struct row rows[] = {
	{ "ping-pong", &pinger_class, &pinger_class, 1, 2, true, false, true,
	    2 },
	{ "counting", &sink_class, &sender_class, 1, 1, false, true, false, 1 },
	{ "thread-ring", &ring_class, &ring_class, RING_ACTORS - 1, 1, true,
	    false, true, 1 },
	{ "fan-in", &sink_class, &sender_class, FAN, FAN, false, true, false,
	    1 },
	{ "fan-out", &source_class, &leaf_class, FAN, FAN, false, false, true,
	    1 },
	{ "big", &big_class, &big_class, BIG_ACTORS - 1, 2 * BIG_ACTORS, true,
	    true, true, 1 },
};

static void
row_spawn(const struct row *r, struct node *n, uint32_t loops)
{
	uint32_t all = r->others + 1;

	for (uint32_t i = 0; i < all; i++) {
		uint32_t loop = r->halves ? i * loops / all : i > 0;

		if (node_spawn(n, i == 0 ? r->first : r->other, 0, i,
			loop % loops, &at[i]) != ST_OK)
			abort();
	}
}

/* A go has the number that the row's actors understand as one. */
static void
row_wake(const struct row *r, struct node *n)
{
	bool is_token = r->other == &pinger_class || r->other == &ring_class;
	struct ping go = { .number = is_token ? wanted - 1 : 0 };

	for (uint32_t i = 0; i <= r->others; i++)
		if (i == 0 ? r->wakes_first : r->wakes_all)
			if (node_signal(n, at[i], MSG_ping, &go) != ST_OK)
				abort();
}

static int
row_run(const struct row *r, uint32_t loops)
{
	struct node_config c = {
		.name = "bench", .loops = loops, .threaded = true
	};
	struct node *n;
	double start_s, cpu_s;

	wanted -= wanted % r->unit;
	senders = r->others;
	grant = CREDIT / senders;
	if (node_create(&c, &n) != ST_OK)
		abort();
	row_spawn(r, n, loops);
	if (node_start(n) != ST_OK)
		abort();
	start_s = bench_now_s();
	cpu_s = bench_cpu_s();
	row_wake(r, n);
	start_s = run_wait() - start_s;
	cpu_s = bench_cpu_s() - cpu_s;
	node_stop(n);
	node_destroy(n);
	printf(
	    "%" PRIu64 " %.9f %.9f\n", wanted / r->per_message, start_s, cpu_s);
	return 0;
}

int
main(int argc, char **argv)
{
	uint32_t loops = argc == 4 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;

	log_set_level(LOG_ERROR);
	if (loops > 0)
		wanted = strtoull(argv[3], NULL, 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (wanted > 0 && strcmp(rows[i].name, argv[1]) == 0)
			return row_run(&rows[i], loops);
	fputs("usage: bench_savina ROW LOOPS MESSAGES\n", stderr);
	return 2;
}
