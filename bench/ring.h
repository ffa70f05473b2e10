/*
 * ring - the physical limit beside the mailboxes: a ring of pointers between
 * one writer and one reader, with nothing else around it (L. Lamport, 1977).
 *
 * Each side keeps a copy of the other's place and looks again only when the
 * copy says full or empty, so a run of messages costs one shared read.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_SLOTS 4096u

struct ring {
	alignas(64) _Atomic uint64_t written;
	uint64_t read_seen;
	alignas(64) _Atomic uint64_t read;
	uint64_t written_seen;
	alignas(64) void *slots[RING_SLOTS];
};

static inline bool
ring_push(struct ring *r, void *item)
{
	uint64_t at = atomic_load_explicit(&r->written, memory_order_relaxed);

	if (at - r->read_seen == RING_SLOTS) {
		r->read_seen =
		    atomic_load_explicit(&r->read, memory_order_acquire);
		if (at - r->read_seen == RING_SLOTS)
			return false;
	}
	r->slots[at % RING_SLOTS] = item;
	atomic_store_explicit(&r->written, at + 1, memory_order_release);
	return true;
}

/* NULL when there is none. */
static inline void *
ring_pop(struct ring *r)
{
	uint64_t at = atomic_load_explicit(&r->read, memory_order_relaxed);
	void *item;

	if (at == r->written_seen) {
		r->written_seen =
		    atomic_load_explicit(&r->written, memory_order_acquire);
		if (at == r->written_seen)
			return NULL;
	}
	item = r->slots[at % RING_SLOTS];
	atomic_store_explicit(&r->read, at + 1, memory_order_release);
	return item;
}

#endif
