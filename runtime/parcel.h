/*
 * parcel - what one thread hands to a loop.
 *
 * The inbox is a stack of parcels that many threads push with one exchange
 * and one loop takes whole (R. K. Treiber, 1986); the loop turns it round,
 * so parcels of one pusher keep their order.  A parcel is a member of what it
 * carries, so handing over allocates nothing.
 */
#ifndef RUNTIME_PARCEL_H
#define RUNTIME_PARCEL_H

#include <stdatomic.h>
#include <stddef.h>

struct loop;
struct parcel;

/* Runs on the loop that took the parcel. */
typedef void (*parcel_fn)(struct loop *l, struct parcel *p);

struct parcel {
	struct parcel *next;
	parcel_fn fn;
};

struct inbox {
	_Atomic(struct parcel *) top;
};

/*
 * Any thread.  The inbox of one who waits is empty, so that is tried first: to
 * look before would fetch its cache line twice.
 */
static inline void
inbox_push(struct inbox *in, struct parcel *p)
{
	struct parcel *top = NULL;

	do {
		p->next = top;
	} while (!atomic_compare_exchange_weak_explicit(
	    &in->top, &top, p, memory_order_seq_cst, memory_order_relaxed));
}

static inline int
inbox_is_empty(struct inbox *in)
{
	return atomic_load_explicit(&in->top, memory_order_seq_cst) == NULL;
}

/* All there is, oldest first.  The owner only. */
static inline struct parcel *
inbox_take(struct inbox *in)
{
	struct parcel *p, *oldest = NULL;

	p = atomic_load_explicit(&in->top, memory_order_relaxed);
	if (p == NULL)
		return NULL;
	/* Mostly it is alone: fetched while the exchange waits for its line. */
	__builtin_prefetch(p, 1);
	__builtin_prefetch((const char *)p + 64, 1);
	p = atomic_exchange_explicit(&in->top, NULL, memory_order_acquire);
	while (p != NULL) {
		struct parcel *next = p->next;

		p->next = oldest;
		oldest = p;
		p = next;
	}
	return oldest;
}

#endif
