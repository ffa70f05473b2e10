/*
 * shared - bytes written once that many streams may owe at the same time.
 *
 * Kept in pools by size, at most SHARED_KINDS' counts of them: about 25 MiB,
 * taken from the system slab by slab.  A stream gives up what it owed some
 * turns after it was closed, so the pools outlive shareds_destroy until the
 * last bytes have come back.  One thread.
 */
#ifndef GATEWAY_SHARED_H
#define GATEWAY_SHARED_H

#include "runtime/base/pool.h"
#include "runtime/net.h"

/* X(room, count) in rising order */
#define SHARED_KINDS(X) X(1024, 4096) X(8192, 1024) X(36864, 256) X(131072, 32)

struct shareds;

struct shared {
	struct net_hold hold;
	struct shareds *home;
	uint32_t kind;
	size_t size;
	uint8_t bytes[];
};

struct shareds *shareds_create(void); /* NULL without memory */
void shareds_destroy(struct shareds *s);

/* With room for size bytes, held once; NULL: too many, or too large. */
struct shared *shared_take(struct shareds *s, size_t size);
/* Gives up one hold; NULL is fine. */
void shared_drop(struct shared *b);

#endif
