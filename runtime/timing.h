/*
 * timing - how often something took how long: a histogram of /metrics.
 *
 * There is a bucket for every power of two of microseconds, so that an
 * observation is a count of zeros and two additions.  Which of them a page
 * shows is the metric's scale.  (runtime/base/histogram.h is for percentiles
 * within a percent, and takes 34 KiB.)
 *
 * A plain struct, zeroed to start.  One thread observes; any may read.
 */
#ifndef RUNTIME_TIMING_H
#define RUNTIME_TIMING_H

#include <stdatomic.h>
#include <stdint.h>

#define TIMING_POWERS 40u /* the last is six days; what takes longer: +Inf */

/* Name, exponents of the first and the last bucket, what is said of them. */
#define TIMING_SCALES(X)                                       \
	X(SHORT, 4, 24, "Buckets double from 16 us to 16.8 s") \
	X(LONG, 16, 34, "Buckets double from 66 ms to 4.8 h")

struct timing {
	_Atomic uint64_t sum_us;
	/* [i]: at most 2^i us, and more than the one before. */
	_Atomic uint64_t buckets[TIMING_POWERS + 1];
};

/* Only the observer writes, so it needs no locked instruction. */
static inline void
timing_count(_Atomic uint64_t *at, uint64_t n)
{
	atomic_store_explicit(at,
	    atomic_load_explicit(at, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static inline void
timing_observe(struct timing *t, uint64_t us)
{
	uint32_t i = us < 2 ? 0 : 64u - (uint32_t)__builtin_clzll(us - 1);

	timing_count(&t->buckets[i < TIMING_POWERS ? i : TIMING_POWERS], 1);
	timing_count(&t->sum_us, us);
}

/* Adds what another one observed, on the thread that observes for t. */
static inline void
timing_add(struct timing *t, const struct timing *other)
{
	for (uint32_t i = 0; i <= TIMING_POWERS; i++)
		timing_count(
		    &t->buckets[i], atomic_load_explicit(&other->buckets[i],
					memory_order_relaxed));
	timing_count(&t->sum_us,
	    atomic_load_explicit(&other->sum_us, memory_order_relaxed));
}

#endif
