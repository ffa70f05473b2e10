#include <sched.h>
#include <stdlib.h>
#include <uv.h>

#include "runtime/base/processor.h"
#include "runtime/base/thread.h"
#include "runtime/net_uv.h"
#include "runtime/node_inside.h"

/*
 * Each loop's thread: turn while there is work, look at the sockets now and
 * then, and before sleeping watch the inbox for a while.  Waking a sleeping
 * thread costs both sides far more than a message does, so a loop that another
 * loop has spoken to a moment ago polls for DRIVER_POLL_US; one that nobody
 * speaks to sleeps at once, and an idle process uses no CPU.  After the first
 * DRIVER_ALONE_US it gives way each time it looks: where others want our
 * processors, the loop we wait for may be next in line for this one.  What
 * comes over a link does not count: its threads need the processor more.
 *
 * A loop in talk with another one is answered in less time than a look at the
 * sockets takes, so it looks at the inbox for DRIVER_GLANCE_US before that.
 */
#define DRIVER_POLL_US 50u
#define DRIVER_GLANCE_US 2u
#define DRIVER_ALONE_US 5u          /* of it, without giving way to others */
#define DRIVER_RECENT_US 1000u      /* "a moment ago" */
#define DRIVER_SOCKETS_TURNS 16u    /* busy turns between looks at sockets */
#define DRIVER_SOCKETS_LEAST_US 50u /* and these take so long at least */
#define DRIVER_SOCKETS_US 200u      /* or so long, however few they are */

struct driver {
	struct loop *loop;
	uv_loop_t uv;
	uv_async_t wake;
	uv_timer_t timer;
	pthread_t thread;
	atomic_bool stopping;
	bool started;
	uint64_t looked_us; /* at the sockets, last */
	uint32_t turns;     /* busy ones since then */
};

struct drivers {
	uint32_t count;
	struct driver each[];
};

/* Only wakes; the turn that follows does the work. */
static void
driver_on_wake(uv_async_t *wake)
{
	(void)wake;
}

/*
 * libuv fires what is due before it polls, and would then wait for sockets
 * with no timer left: for ever.  Stopped, it only looks at them.
 */
static void
driver_on_timer(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static struct driver *
driver_of(struct loop *l)
{
	return LIST_OF(l->uv, struct driver, uv);
}

/* asleep is taken down first: one wake per sleep is enough. */
static void
driver_wake(struct loop *l)
{
	if (atomic_exchange_explicit(
		&l->shared->asleep, false, memory_order_seq_cst))
		uv_async_send(&driver_of(l)->wake);
}

/*
 * It repeats: uv_run looks at timers first and then waits, so one that is due
 * by then must fall due once more, or nothing ends the wait.
 */
static void
driver_arm(struct driver *d, uint64_t next_us)
{
	uint64_t now_us = clock_mono_us(d->loop->node->config.clock);
	uint64_t ms = next_us <= now_us ? 0 : (next_us - now_us + 999) / 1000;

	uv_update_time(&d->uv);
	uv_timer_start(&d->timer, driver_on_timer, ms, 1);
}

/* True: something came while we watched. */
static bool
driver_poll(struct driver *d, uint64_t for_us)
{
	const struct clock *clock = d->loop->node->config.clock;
	uint64_t start_us = clock_mono_us(clock), waited_us;

	if (start_us - d->loop->far_traffic_us > DRIVER_RECENT_US)
		return false;
	do {
		for (int i = 0; i < 64; i++) {
			if (!inbox_is_empty(&d->loop->shared->inbox))
				return true;
			__builtin_ia32_pause();
		}
		waited_us = clock_mono_us(clock) - start_us;
		/* The one we wait for may want this very processor. */
		if (waited_us >= DRIVER_ALONE_US)
			(void)sched_yield();
	} while (waited_us < for_us);
	return false;
}

/* At the sockets; what came is for the turn that follows. */
static void
driver_look(struct driver *d, uv_run_mode mode)
{
	uv_run(&d->uv, mode);
	d->looked_us = clock_mono_us(d->loop->node->config.clock);
	d->turns = 0;
}

static void
driver_sleep(struct driver *d)
{
	struct loop *l = d->loop;
	uint64_t next_us = loop_next_us(l);

	if (next_us > l->now_us && driver_poll(d, DRIVER_POLL_US))
		return;
	if (next_us != UINT64_MAX)
		driver_arm(d, next_us);
	atomic_store_explicit(&l->shared->asleep, true, memory_order_seq_cst);
	if (inbox_is_empty(&l->shared->inbox) && !atomic_load(&d->stopping))
		driver_look(d, UV_RUN_ONCE);
	atomic_store_explicit(&l->shared->asleep, false, memory_order_seq_cst);
	if (next_us != UINT64_MAX)
		uv_timer_stop(&d->timer);
}

static bool
driver_must_look(struct driver *d)
{
	uint64_t us = d->loop->now_us - d->looked_us;

	return us >= DRIVER_SOCKETS_US || (++d->turns >= DRIVER_SOCKETS_TURNS &&
					      us >= DRIVER_SOCKETS_LEAST_US);
}

static void *
driver_thread(void *arg)
{
	struct driver *d = arg;

	thread_name("loop-%u", (unsigned)d->loop->index);
	processor_take_short_turns();
	while (!atomic_load_explicit(&d->stopping, memory_order_relaxed)) {
		bool busy =
		    loop_turn(d->loop) || driver_poll(d, DRIVER_GLANCE_US);

		if (!busy) {
			driver_look(d, UV_RUN_NOWAIT);
			if (!loop_turn(d->loop))
				driver_sleep(d);
		} else if (driver_must_look(d)) {
			driver_look(d, UV_RUN_NOWAIT);
		}
	}
	return NULL;
}

static void
drivers_join(struct drivers *all)
{
	for (uint32_t i = 0; i < all->count; i++) {
		struct driver *d = &all->each[i];

		if (!d->started)
			continue;
		atomic_store(&d->stopping, true);
		uv_async_send(&d->wake);
		pthread_join(d->thread, NULL);
		d->started = false;
	}
}

static enum status
driver_init(struct driver *d, struct loop *l)
{
	d->loop = l;
	if (uv_loop_init(&d->uv) != 0)
		return ST_IO;
	if (uv_async_init(&d->uv, &d->wake, driver_on_wake) != 0 ||
	    uv_timer_init(&d->uv, &d->timer) != 0)
		return ST_IO;
	l->uv = &d->uv;
	l->wake = driver_wake;
	l->net = net_uv_create(&d->uv);
	return l->net == NULL ? ST_NO_MEMORY : ST_OK;
}

enum status
drivers_create(struct node *n)
{
	n->drivers = calloc(
	    1, sizeof(*n->drivers) + n->config.loops * sizeof(struct driver));
	if (n->drivers == NULL)
		return ST_NO_MEMORY;
	n->drivers->count = n->config.loops;
	for (uint32_t i = 0; i < n->config.loops; i++) {
		enum status st =
		    driver_init(&n->drivers->each[i], &n->loops[i]);

		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

enum status
drivers_start(struct node *n)
{
	for (uint32_t i = 0; i < n->config.loops; i++) {
		struct driver *d = &n->drivers->each[i];

		if (n->config.thread_create(&d->thread, driver_thread, d) !=
		    0) {
			drivers_join(n->drivers);
			return ST_IO;
		}
		d->started = true;
	}
	n->driven = true;
	return ST_OK;
}

static void
driver_close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

/* Sockets first: their owners have ended, what is left is closing. */
static void
driver_fini_net(struct driver *d)
{
	struct net *net = d->loop->net;

	if (net == NULL)
		return;
	net_stop(net);
	while (!net_idle(net))
		uv_run(&d->uv, UV_RUN_ONCE);
	net_destroy(net);
	d->loop->net = NULL;
}

static void
driver_fini(struct driver *d)
{
	uv_walk(&d->uv, driver_close_handle, NULL);
	while (uv_run(&d->uv, UV_RUN_NOWAIT) != 0)
		;
	uv_loop_close(&d->uv);
	d->loop->uv = NULL;
	d->loop->wake = NULL;
}

void
drivers_stop(struct node *n)
{
	drivers_join(n->drivers);
	n->driven = false;
	for (uint32_t i = 0; i < n->drivers->count; i++)
		if (n->drivers->each[i].loop != NULL)
			driver_fini_net(&n->drivers->each[i]);
}

void
drivers_destroy(struct node *n)
{
	if (n->drivers == NULL)
		return;
	for (uint32_t i = 0; i < n->drivers->count; i++) {
		struct driver *d = &n->drivers->each[i];

		if (d->loop == NULL)
			continue;
		driver_fini_net(d);
		driver_fini(d);
	}
	free(n->drivers);
	n->drivers = NULL;
}
