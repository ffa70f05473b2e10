/*
 * bare - Savina's rows on bare libuv loops and rings, with no runtime between:
 * the limit of the machine, not an actor system.
 *
 *	savina_bare ROW LOOPS MESSAGES     prints "messages seconds"
 *
 * Rows, credit and placing are those of ../savina.c, whose comments explain
 * them.  An actor is a cell and its row's function; a message is a number, 56
 * bytes of load and two indexes, copied into a ring.  There is no codec, no
 * deadline, no books, no supervisor.  A loop that finds its rings empty watches
 * them for POLL_US and then sleeps in uv_run until a uv_async wakes it.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>

#include "../finish.h"

#define LOOPS_MAX 2u
#define CELLS_MAX 128u
#define SLOTS 4096u /* more than the credit of any row */
#define RING_CELLS 100u
#define FAN 16u
#define BIG_CELLS 50u
#define WINDOW 1024u
#define CREDIT (WINDOW / 4)
#define BURST 64u       /* notes of one ring before the next is looked at */
#define ALONE_US 5      /* of watching without giving way to others */
#define POLL_US 50      /* of watching before sleep */
#define LOOK_TURNS 256u /* between looks at sockets, if busy */

struct note {
	uint32_t to, from; /* indexes of cells */
	uint64_t number;
	uint8_t load[56];
};

struct pipe {
	alignas(64) _Atomic uint64_t written;
	uint64_t read_seen;
	alignas(64) _Atomic uint64_t read;
	uint64_t written_seen;
	alignas(64) struct note slots[SLOTS];
};

struct loop {
	alignas(64) atomic_bool asleep;
	alignas(64) uv_loop_t uv;
	uv_async_t wake;
	pthread_t thread;
	uint32_t index;
	bool told[LOOPS_MAX]; /* whom we wrote to in this turn */
};

struct cell {
	alignas(64) uint32_t loop;
	uint64_t left, seen, dice;
};

static struct pipe pipes[LOOPS_MAX][LOOPS_MAX]; /* [to][from] */
static struct loop loops[LOOPS_MAX];
static struct cell cells[CELLS_MAX];
static uint32_t nloops, senders;
static uint64_t wanted, grant;
static _Atomic uint32_t finished;
static atomic_bool stopping;

/* Only the loop of cell `from` calls it. */
static void
say(uint32_t from, uint32_t to, uint64_t number)
{
	struct loop *l = &loops[cells[from].loop];
	struct pipe *p = &pipes[cells[to].loop][l->index];
	uint64_t at = atomic_load_explicit(&p->written, memory_order_relaxed);
	struct note *n = &p->slots[at % SLOTS];

	if (at - p->read_seen == SLOTS) {
		p->read_seen =
		    atomic_load_explicit(&p->read, memory_order_acquire);
		CHECK(at - p->read_seen < SLOTS);
	}
	n->to = to;
	n->from = from;
	n->number = number;
	memset(n->load, 1, sizeof(n->load));
	atomic_store_explicit(&p->written, at + 1, memory_order_release);
	l->told[cells[to].loop] = true;
}

/* ---- rows ---- */

static void
token_on_note(const struct note *n, uint32_t members)
{
	if (n->number == 0)
		run_end();
	else
		say(n->to, (n->to + 1) % members, n->number - 1);
}

static void
pinger_on_note(const struct note *n)
{
	token_on_note(n, 2);
}

static void
ring_on_note(const struct note *n)
{
	token_on_note(n, RING_CELLS);
}

static void
sender_send(uint32_t me, uint64_t count)
{
	struct cell *c = &cells[me];

	for (; count > 0 && c->left > 0; count--)
		say(me, 0, --c->left);
}

/* The sink is the first; the others hear their start, then credit. */
static void
sink_on_note(const struct note *n)
{
	struct cell *c = &cells[n->to];

	if (n->to != 0) {
		if (c->seen++ == 0)
			c->left = wanted / senders;
		sender_send(n->to, (c->seen == 1 ? WINDOW : CREDIT) / senders);
		return;
	}
	if ((n->number & (grant - 1)) == 0)
		say(0, n->from, n->number);
	if (++c->seen == wanted)
		run_end();
}

static void
source_send(struct cell *c)
{
	for (; c->seen > 0 && c->left > 0; c->seen--, c->left--)
		say(0, 1 + (uint32_t)(c->left % FAN), c->left);
}

static void
source_on_note(const struct note *n)
{
	struct cell *c = &cells[n->to];

	if (n->to == 0) {
		c->seen += n->from == 0 ? WINDOW : CREDIT / FAN;
		c->left = n->from == 0 ? wanted : c->left;
		source_send(c);
		return;
	}
	if (++c->seen % (CREDIT / FAN) == 0)
		say(n->to, 0, c->seen);
	if (c->seen == wanted / FAN &&
	    atomic_fetch_add(&finished, 1) + 1 == FAN)
		run_end();
}

static void
big_next(uint32_t me)
{
	struct cell *c = &cells[me];

	if (c->left == 0) {
		if (atomic_fetch_add(&finished, 1) + 1 == BIG_CELLS)
			run_end();
		return;
	}
	c->left--;
	c->dice = c->dice * 6364136223846793005u + 1442695040888963407u;
	say(me, (uint32_t)((c->dice >> 33) % BIG_CELLS), 1);
}

/* 0 is the start, 1 a question, 2 an answer. */
static void
big_on_note(const struct note *n)
{
	if (n->number == 1) {
		say(n->to, n->from, 2);
		return;
	}
	if (n->number == 0) {
		cells[n->to].left = wanted / 2 / BIG_CELLS;
		cells[n->to].dice = n->to + 1;
	}
	big_next(n->to);
}

/* ---- loops ---- */

static void (*on_note)(const struct note *n);

static bool
pipe_drain(struct pipe *p)
{
	uint64_t at = atomic_load_explicit(&p->read, memory_order_relaxed);
	uint32_t count = 0;

	for (; count < BURST; count++, at++) {
		if (at == p->written_seen)
			p->written_seen = atomic_load_explicit(
			    &p->written, memory_order_acquire);
		if (at == p->written_seen)
			break;
		on_note(&p->slots[at % SLOTS]);
	}
	if (count > 0)
		atomic_store_explicit(&p->read, at, memory_order_release);
	return count > 0;
}

static bool
loop_turn(struct loop *l)
{
	bool any = false;

	for (uint32_t i = 0; i < nloops; i++)
		any |= pipe_drain(&pipes[l->index][i]);
	for (uint32_t i = 0; i < nloops; i++) {
		if (!l->told[i] || i == l->index)
			continue;
		l->told[i] = false;
		atomic_thread_fence(memory_order_seq_cst);
		if (atomic_load_explicit(
			&loops[i].asleep, memory_order_relaxed) &&
		    atomic_exchange(&loops[i].asleep, false))
			uv_async_send(&loops[i].wake);
	}
	return any;
}

/* As the runtime does: after a while others may have our processor. */
static bool
loop_poll(struct loop *l)
{
	double start_us = bench_now_us(), waited_us;

	do {
		for (int i = 0; i < 64; i++) {
			if (loop_turn(l))
				return true;
			__builtin_ia32_pause();
		}
		waited_us = bench_now_us() - start_us;
		if (waited_us >= ALONE_US)
			(void)sched_yield();
	} while (waited_us < POLL_US);
	return false;
}

static void *
loop_thread(void *arg)
{
	struct loop *l = arg;
	uint32_t turns = 0;

	while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
		if (loop_turn(l) || loop_poll(l)) {
			if (++turns % LOOK_TURNS == 0)
				uv_run(&l->uv, UV_RUN_NOWAIT);
			continue;
		}
		atomic_store(&l->asleep, true);
		if (!loop_turn(l) && !atomic_load(&stopping))
			uv_run(&l->uv, UV_RUN_ONCE);
		atomic_store(&l->asleep, false);
	}
	return NULL;
}

static void
on_wake(uv_async_t *wake)
{
	(void)wake;
}

static const struct row {
	const char *name;
	void (*on_note)(const struct note *n);
	uint32_t others, unit;
	bool halves, wakes_all, wakes_first;
	uint64_t per_message;
} rows[] = {
	{ "ping-pong", pinger_on_note, 1, 2, true, false, true, 2 },
	{ "counting", sink_on_note, 1, 1, false, true, false, 1 },
	{ "thread-ring", ring_on_note, RING_CELLS - 1, 1, true, false, true,
	    1 },
	{ "fan-in", sink_on_note, FAN, FAN, false, true, false, 1 },
	{ "fan-out", source_on_note, FAN, FAN, false, false, true, 1 },
	{ "big", big_on_note, BIG_CELLS - 1, 2 * BIG_CELLS, true, true, true,
	    1 },
};

/* Before the loops run: what starts them lies in their own rings. */
static void
row_place(const struct row *r)
{
	bool is_token =
	    r->on_note == pinger_on_note || r->on_note == ring_on_note;
	uint32_t all = r->others + 1;

	for (uint32_t i = 0; i < all; i++)
		cells[i].loop = (r->halves ? i * nloops / all : i > 0) % nloops;
	for (uint32_t i = 0; i < all; i++)
		if (i == 0 ? r->wakes_first : r->wakes_all)
			say(i, i, is_token ? wanted - 1 : 0);
}

static void
row_run(const struct row *r)
{
	double start_s, end_s;

	wanted -= wanted % r->unit;
	senders = r->others;
	grant = CREDIT / senders;
	on_note = r->on_note;
	for (uint32_t i = 0; i < nloops; i++) {
		loops[i].index = i;
		CHECK(uv_loop_init(&loops[i].uv) == 0);
		CHECK(
		    uv_async_init(&loops[i].uv, &loops[i].wake, on_wake) == 0);
	}
	row_place(r);
	start_s = bench_now_s();
	for (uint32_t i = 0; i < nloops; i++)
		CHECK(pthread_create(
			  &loops[i].thread, NULL, loop_thread, &loops[i]) == 0);
	end_s = run_wait();
	atomic_store(&stopping, true);
	for (uint32_t i = 0; i < nloops; i++) {
		uv_async_send(&loops[i].wake);
		pthread_join(loops[i].thread, NULL);
	}
	printf("%" PRIu64 " %.9f\n", wanted / r->per_message, end_s - start_s);
}

int
main(int argc, char **argv)
{
	nloops = argc == 4 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	if (nloops > 0 && nloops <= LOOPS_MAX)
		wanted = strtoull(argv[3], NULL, 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (wanted > 0 && strcmp(rows[i].name, argv[1]) == 0) {
			row_run(&rows[i]);
			return 0;
		}
	fputs("usage: savina_bare ROW LOOPS MESSAGES\n", stderr);
	return 2;
}
