/*
 * lockout - counts failed log-ins, and says who must wait.
 *
 * A name that failed `threshold` times within `window_us` is locked for
 * `duration_us`, whether there is such an account or not.  Names are kept as
 * keyed digests, in sets of LOCKOUT_WAYS: who fills the table with made-up
 * names cannot choose whom he pushes out, and the locked go last.
 *
 * Bounds:  LOCKOUT_SETS * LOCKOUT_WAYS names
 * Threads: one
 */
#ifndef ACTORS_LOCKOUT_H
#define ACTORS_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#define LOCKOUT_SETS 512
#define LOCKOUT_WAYS 8
#define LOCKOUT_KEY_SIZE 32
#define LOCKOUT_DIGEST_SIZE 16

struct lockout_entry {
	uint8_t digest[LOCKOUT_DIGEST_SIZE];
	uint64_t until_us; /* end of the window, or of the lock */
	uint32_t failures; /* 0: vacant */
	bool locked;
};

struct lockout {
	uint8_t key[LOCKOUT_KEY_SIZE];
	uint32_t threshold;
	uint64_t window_us;
	uint64_t duration_us;
	struct lockout_entry entries[LOCKOUT_SETS][LOCKOUT_WAYS];
};

/* How long name must wait, 0 if it need not. */
uint64_t lockout_wait_us(
    const struct lockout *l, const char *name, uint64_t now_us);

/* True if this failure locked it. */
bool lockout_fail(struct lockout *l, const char *name, uint64_t now_us);

/* A good log-in: what was counted is forgotten. */
void lockout_forget(struct lockout *l, const char *name);

#endif
