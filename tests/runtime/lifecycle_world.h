/* lifecycle_world - a service of plain data, on a clock a test turns. */
#ifndef TESTS_RUNTIME_LIFECYCLE_WORLD_H
#define TESTS_RUNTIME_LIFECYCLE_WORLD_H

#include "runtime/lifecycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DRAIN_US 50000
#define INTERVAL_US UINT64_C(3600000000)
#define RIVALS_MAX 100
#define HISTORY_MAX 64

struct caller {
	struct lifecycle_wish wish; /* first, so that an answer finds us */
	int answers;
	enum status st;
	bool already;
	uint64_t at_us;
};

struct world {
	struct lifecycle lc;
	uint64_t now_us;
	uint64_t drain_at_us; /* 0: not armed */
	uint64_t tick_at_us;  /* 0: the loop does not wait */
	uint64_t drain_us;
	uint64_t loop; /* generation of the loop that lives */
	bool works_at_once;
	bool spawns_slowly;
	bool ignores_cancel;
	bool working;
	bool told_to_stop;
	int live;
	int live_most;
	int spawns;
	int cycles_begun;
	int cycles_done;
	int cycles_cut;
	int cancels;
	int news[LIFECYCLE_REFUSED + 1];
	enum status last_news;
	char history[HISTORY_MAX + 1]; /* s: start ok, p: stop ok, ... */
};

static inline void
world_note(struct world *w, char what)
{
	size_t n = strlen(w->history);

	if (n < HISTORY_MAX)
		w->history[n] = what;
}

static inline void
world_end_loop(struct world *w, enum status st)
{
	w->live--;
	w->working = false;
	w->tick_at_us = 0;
	(void)lifecycle_ended(&w->lc, w->loop, st);
}

static inline void
world_work(struct world *w)
{
	w->tick_at_us = 0;
	if (!lifecycle_tick(&w->lc, w->loop))
		return;
	w->working = true;
	w->cycles_begun++;
}

/* The cycle at hand is through. */
static inline void
world_release(struct world *w)
{
	assert_true(w->working);
	w->working = false;
	w->cycles_done++;
	if (w->told_to_stop)
		world_end_loop(w, ST_OK);
	else
		w->tick_at_us = w->now_us + INTERVAL_US;
}

static inline void
world_spawned(struct world *w)
{
	uint64_t loop = w->loop;

	(void)lifecycle_started(&w->lc, loop);
	if (w->live == 0 || w->told_to_stop || w->loop != loop)
		return;
	if (w->works_at_once)
		world_work(w);
	else
		w->tick_at_us = w->now_us + INTERVAL_US;
}

static inline void
on_spawn(void *ctx, uint64_t generation)
{
	struct world *w = ctx;

	w->spawns++;
	w->live++;
	if (w->live > w->live_most)
		w->live_most = w->live;
	w->loop = generation;
	w->told_to_stop = false;
	if (!w->spawns_slowly)
		world_spawned(w);
}

static inline void
on_signal(void *ctx, uint64_t generation)
{
	struct world *w = ctx;

	assert_int_equal(generation, w->loop);
	w->told_to_stop = true;
	if (!w->working)
		world_end_loop(w, ST_OK);
}

static inline void
on_cancel(void *ctx, uint64_t generation)
{
	struct world *w = ctx;

	assert_int_equal(generation, w->loop);
	w->cancels++;
	if (w->ignores_cancel)
		return;
	w->cycles_cut++;
	world_end_loop(w, ST_CANCELLED);
}

static inline void
on_arm(void *ctx, uint64_t generation)
{
	struct world *w = ctx;

	(void)generation;
	assert_int_equal(w->drain_at_us, 0);
	w->drain_at_us = w->now_us + w->drain_us;
}

static inline void
on_disarm(void *ctx)
{
	((struct world *)ctx)->drain_at_us = 0;
}

static inline void
on_answer(void *ctx, struct lifecycle_wish *wish, enum status st, bool already)
{
	struct caller *c = (struct caller *)wish;
	struct world *w = ctx;

	c->answers++;
	c->st = st;
	c->already = already;
	c->at_us = w->now_us;
	world_note(w, st == ST_OK ? (wish->wants_start ? 's' : 'p') : 'x');
}

static inline void
on_tell(void *ctx, enum lifecycle_news news, enum status st)
{
	struct world *w = ctx;

	w->news[news]++;
	w->last_news = st;
	world_note(w, "DSTR"[news]);
}

static inline void
on_changed(void *ctx, enum lifecycle_state was, enum lifecycle_state now,
    const char *why)
{
	struct world *w = ctx;

	assert_true(was != now);
	assert_non_null(why);
	assert_int_equal(w->lc.state, now);
}

static const struct lifecycle_calls calls = { on_spawn, on_signal, on_cancel,
	on_arm, on_disarm, on_answer, on_tell, on_changed };

static inline void
world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->now_us = 1;
	w->drain_us = DRAIN_US;
	lifecycle_init(&w->lc, &calls, w);
}

/* Whatever falls due within us, in its order. */
static inline void
world_advance(struct world *w, uint64_t us)
{
	uint64_t until = w->now_us + us;

	for (;;) {
		uint64_t next = until;

		if (w->drain_at_us != 0 && w->drain_at_us < next)
			next = w->drain_at_us;
		if (w->tick_at_us != 0 && w->tick_at_us < next)
			next = w->tick_at_us;
		w->now_us = next;
		if (w->drain_at_us != 0 && w->drain_at_us <= next) {
			w->drain_at_us = 0;
			(void)lifecycle_deadline(&w->lc, w->loop);
		} else if (w->tick_at_us != 0 && w->tick_at_us <= next) {
			world_work(w);
		} else {
			return;
		}
	}
}

static inline struct caller
world_start(struct world *w)
{
	struct caller c = { 0 };

	lifecycle_start(&w->lc, &c.wish);
	assert_int_equal(c.answers, 1);
	return c;
}

static inline struct caller
world_stop(struct world *w)
{
	struct caller c = { 0 };

	lifecycle_stop(&w->lc, &c.wish);
	assert_int_equal(c.answers, 1);
	return c;
}

static inline void
assert_answer(const struct caller *c, enum status st)
{
	assert_int_equal(c->answers, 1);
	assert_int_equal(c->st, st);
}

#endif
