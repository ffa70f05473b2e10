#include "runtime/base/pace.h"

#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/base/processor.h"

#define SECOND_US 1000000u

void
pace_init(struct pace *p, uint64_t bytes_per_second)
{
	p->bytes_per_second = bytes_per_second;
	p->since_us = clock_mono_us(&clock_system);
	p->since_bytes = 0;
	p->cpu_percent = 0;
	p->calls = p->bytes = 0;
	atomic_store(&p->done, 0);
}

void
pace_bound_cpu(struct pace *p, uint32_t percent)
{
	p->cpu_percent = percent;
	p->cpu_from_us = 0;
}

/* Never for longer than a cancel may take to be heard. */
static void
pace_wait(uint64_t us)
{
	uint64_t ms = us / 1000;

	(void)poll(NULL, 0, ms < PACE_WAIT_MAX_MS ? (int)ms : PACE_WAIT_MAX_MS);
}

static uint64_t
thread_cpu_us(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SECOND_US + (uint64_t)t.tv_nsec / 1000;
}

/* Rows cost more than their bytes: so it is the core that is counted. */
static void
pace_cool(struct pace *p)
{
	uint64_t due_us, now_us, cpu_us;

	cpu_us = thread_cpu_us();
	now_us = clock_mono_us(&clock_system);
	if (p->cpu_from_us == 0) {
		p->cpu_from_us = now_us;
		p->cpu_since_us = cpu_us;
	}
	due_us =
	    p->cpu_from_us + (cpu_us - p->cpu_since_us) * 100 / p->cpu_percent;
	while (due_us >= now_us + 1000 && !atomic_load(&p->cancelled)) {
		pace_wait(due_us - now_us);
		now_us = clock_mono_us(&clock_system);
	}
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

static bool
pace_ends_step(struct pace *p, uint64_t bytes)
{
	p->bytes += bytes < BACKGROUND_STEP ? (uint32_t)bytes : BACKGROUND_STEP;
	if (++p->calls < PACE_STEP_CALLS && p->bytes < BACKGROUND_STEP)
		return false;
	p->calls = p->bytes = 0;
	return true;
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
		pace_wait(ahead_us);
	}
	if (pace_ends_step(p, bytes)) {
		processor_give_way();
		if (p->cpu_percent > 0)
			pace_cool(p);
	}
	/* No credit for a slow time: the next burst is bounded too. */
	if (p->since_bytes > p->bytes_per_second) {
		p->since_us = clock_mono_us(&clock_system);
		p->since_bytes = 0;
	}
	return !atomic_load(&p->cancelled);
}
