#include "runtime/base/pace.h"

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/clock.h"

#define SECOND_US 1000000u

struct background {
	void (*fn)(void *);
	void *arg;
};

void
pace_init(struct pace *p, uint64_t bytes_per_second)
{
	p->bytes_per_second = bytes_per_second;
	p->since_us = clock_mono_us(&clock_system);
	p->since_bytes = 0;
	atomic_store(&p->done, 0);
}

/* How long until what was done since then is no faster than it may be. */
static uint64_t
pace_ahead_us(const struct pace *p, uint64_t now_us)
{
	uint64_t due_us = (uint64_t)((double)p->since_bytes * SECOND_US /
				     (double)p->bytes_per_second);

	return due_us > now_us - p->since_us ? due_us - (now_us - p->since_us)
					     : 0;
}

bool
pace_took(struct pace *p, uint64_t bytes)
{
	uint64_t now_us, ahead_us;

	if (p == NULL)
		return true;
	atomic_fetch_add(&p->done, bytes);
	p->since_bytes += bytes;
	while (p->bytes_per_second > 0 && !atomic_load(&p->cancelled)) {
		now_us = clock_mono_us(&clock_system);
		ahead_us = pace_ahead_us(p, now_us);
		if (ahead_us < 1000)
			break;
		(void)poll(NULL, 0,
		    ahead_us / 1000 < PACE_WAIT_MAX_MS ? (int)(ahead_us / 1000)
						       : PACE_WAIT_MAX_MS);
	}
	/* No credit for a slow time: the next burst is bounded too. */
	if (p->since_bytes > p->bytes_per_second) {
		p->since_us = clock_mono_us(&clock_system);
		p->since_bytes = 0;
	}
	return !atomic_load(&p->cancelled);
}

static void *
background_main(void *arg)
{
	const struct background *b = arg;

	/* Of this thread alone, on Linux; those it makes inherit it. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), BACKGROUND_NICE);
	b->fn(b->arg);
	return NULL;
}

void
background_run(void (*fn)(void *), void *arg)
{
	struct background b = { fn, arg };
	pthread_t thread;

	if (pthread_create(&thread, NULL, background_main, &b) == 0)
		pthread_join(thread, NULL);
	else
		fn(arg);
}
