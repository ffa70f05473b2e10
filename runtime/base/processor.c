#include "runtime/base/processor.h"
#include "runtime/base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MICROSECOND_NS 1000u

/* Of sched_setattr(2), as the kernel has had it first; libc has neither. */
struct turns {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

struct background {
	void (*fn)(void *);
	void *arg;
	bool soon;
};

void
processor_take_short_turns(void)
{
	struct turns t = { .size = sizeof(t),
		.policy = SCHED_OTHER,
		.nice = getpriority(PRIO_PROCESS, (id_t)gettid()),
		.runtime_ns = PROCESSOR_TURN_US * MICROSECOND_NS };

	if (sched_getscheduler(0) == SCHED_OTHER)
		(void)syscall(SYS_sched_setattr, 0, &t, 0u);
}

void
processor_give_way(void)
{
	(void)sched_yield();
}

static void
leave_one_processor(void)
{
	cpu_set_t set;
	size_t first = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) < 2)
		return;
	while (!CPU_ISSET(first, &set))
		first++;
	CPU_CLR(first, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void *
background_main(void *arg)
{
	const struct background *b = arg;

	id_t self = (id_t)gettid();

	thread_name("background");
	/* Of this thread alone, on Linux; those it makes inherit it. */
	(void)setpriority(PRIO_PROCESS, self,
	    getpriority(PRIO_PROCESS, self) + BACKGROUND_NICE);
	if (!b->soon)
		leave_one_processor();
	b->fn(b->arg);
	return NULL;
}

void
background_run(void (*fn)(void *), void *arg, bool soon)
{
	struct background b = { fn, arg, soon };
	pthread_t thread;

	if (pthread_create(&thread, NULL, background_main, &b) == 0)
		pthread_join(thread, NULL);
	else
		fn(arg);
}
