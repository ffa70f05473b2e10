/*
 * dedup - the ids of events told a short while ago, one window per channel.
 *
 * Integrity EH-03 to EH-10.  A window forgets an id after the time to live,
 * and its oldest ones beyond its bound; with a time to live of 0 only the
 * bound counts.  To see an id again does not make it younger.
 *
 * Bounds:  DEDUP_IDS_MAX ids in all windows together; past it the oldest of
 *          all goes, counted in pushed_out
 */
#ifndef ACTORS_DEDUP_H
#define ACTORS_DEDUP_H

#include <stdbool.h>

#include "actors/chain.h"
#include "runtime/base/bytes.h"
#include "runtime/base/list.h"
#include "runtime/base/pool.h"
#include "runtime/base/status.h"

#define DEDUP_IDS_MAX 65536u

struct dedup_window {
	struct list ids; /* oldest first */
	uint32_t count;
};

struct dedup {
	uint64_t ttl_us; /* 0: no time limit */
	uint32_t window_max;
	uint64_t seed;
	uint64_t pushed_out;
	struct pool pool;
	struct list order; /* of all windows, oldest first */
	struct chain by_id;
	struct chain_node *buckets[DEDUP_IDS_MAX];
};

/* In place; INVALID unless 1 <= window_max <= DEDUP_IDS_MAX. */
MUST_CHECK enum status dedup_init(
    struct dedup *d, uint64_t ttl_us, uint64_t window_max, uint64_t seed);
void dedup_fini(struct dedup *d);

void dedup_window_init(struct dedup_window *w);

/* EXISTS: a duplicate.  Else it is remembered from now on; NO_MEMORY. */
MUST_CHECK enum status dedup_record(struct dedup *d, struct dedup_window *w,
    const struct uuid *id, uint64_t now_us);

/*
 * So many gateways were told.  Once all of them have said that nobody took
 * it, which with none is now, its retry is no duplicate (EH-10).
 */
void dedup_told(struct dedup *d, struct dedup_window *w, const struct uuid *id,
    uint32_t told);
void dedup_unheard(
    struct dedup *d, struct dedup_window *w, const struct uuid *id);

/* All of a window: nobody listens any more. */
void dedup_forget(struct dedup *d, struct dedup_window *w);

#endif
