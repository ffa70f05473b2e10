/*
 * pace - long work at a bounded rate, on a thread that yields to others.
 *
 * Whoever copies or reads much tells pace_took what it did.  It waits there
 * when it was too fast, counts what is done, and hears when to give up.
 * background_run does such work on a niced thread of its own, and waits.
 *
 * One thread at work; any other may read done and set cancelled.
 */
#ifndef RUNTIME_BASE_PACE_H
#define RUNTIME_BASE_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PACE_WAIT_MAX_MS 200 /* so that a cancel is heard soon */
#define BACKGROUND_NICE 10

struct pace {
	uint64_t bytes_per_second; /* 0: unbounded */
	uint64_t since_us;
	uint64_t since_bytes;
	_Atomic uint64_t done;
	atomic_bool cancelled;
};

/* Begins to count anew; a cancel stays. */
void pace_init(struct pace *p, uint64_t bytes_per_second);

/* Waits if need be.  False: give up.  NULL paces nothing. */
bool pace_took(struct pace *p, uint64_t bytes);

/* Runs fn on a thread of low priority; here, if there is no thread to have. */
void background_run(void (*fn)(void *), void *arg);

#endif
