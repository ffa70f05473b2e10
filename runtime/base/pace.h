/*
 * pace - long work at a bounded rate, on a thread that yields to others.
 *
 * Whoever copies or reads much tells pace_took what it did, a step at a time.
 * There it gives way to others, waits when it was too fast, or took more of a
 * core than it may, counts what is done, and hears when to give up.
 *
 * One thread at work; any other may read done and set cancelled.
 */
#ifndef RUNTIME_BASE_PACE_H
#define RUNTIME_BASE_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PACE_WAIT_MAX_MS 200 /* so that a cancel is heard soon */
/* A step is BACKGROUND_STEP bytes, or so many calls. */
#define PACE_STEP_CALLS 64u

struct pace {
	uint64_t bytes_per_second; /* 0: unbounded */
	bool soon; /* somebody waits for it: the disk is not spared */
	uint64_t since_us;
	uint64_t since_bytes;
	uint32_t cpu_percent;  /* of one core; 0: unbounded */
	uint64_t cpu_since_us; /* what the thread had taken ... */
	uint64_t cpu_from_us;  /* ... then */
	uint32_t calls, bytes; /* of this step */
	_Atomic uint64_t done;
	atomic_bool cancelled;
};

/* Begins to count anew; a cancel stays, and so does soon. */
void pace_init(struct pace *p, uint64_t bytes_per_second);

/* At most so much of one core, of the thread that calls pace_took. */
void pace_bound_cpu(struct pace *p, uint32_t percent);

/* Waits if need be.  False: give up.  NULL paces nothing. */
bool pace_took(struct pace *p, uint64_t bytes);

#endif
