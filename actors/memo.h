/*
 * memo - a number for each of many texts, as many as fit.
 *
 * Texts are kept as keyed digests, in sets of MEMO_WAYS; a new one takes the
 * place of the least number in its set.  Who makes texts up cannot choose
 * whom he pushes out, and nobody reads the texts from memory.
 *
 * Bounds:  MEMO_SETS * MEMO_WAYS texts
 * Threads: one
 */
#ifndef ACTORS_MEMO_H
#define ACTORS_MEMO_H

#include <stdint.h>

#define MEMO_SETS 512
#define MEMO_WAYS 8
#define MEMO_KEY_SIZE 32
#define MEMO_DIGEST_SIZE 16

struct memo_entry {
	uint8_t digest[MEMO_DIGEST_SIZE];
	uint64_t number; /* 0: vacant */
};

struct memo {
	uint8_t key[MEMO_KEY_SIZE]; /* random */
	struct memo_entry entries[MEMO_SETS][MEMO_WAYS];
};

/* 0 if it is not known. */
uint64_t memo_get(const struct memo *m, const char *text);
void memo_put(struct memo *m, const char *text, uint64_t number);

/*
 * A rate: `burst` at once, then one per `interval_us` (GCRA).  0: go on, and
 * it is counted; otherwise how long to wait, and it is not.  interval_us 0:
 * no limit.
 */
uint64_t memo_throttle(struct memo *m, const char *text, uint64_t interval_us,
    uint32_t burst, uint64_t now_us);

#endif
