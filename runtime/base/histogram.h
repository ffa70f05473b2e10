/*
 * histogram - counts of values, so that any percentile can be asked later.
 *
 * After HdrHistogram: buckets grow with the value, so that every answer is
 * within 1 in HISTOGRAM_STEPS (0.8 %) of the value that was recorded, and
 * never below it.  Values past HISTOGRAM_MAX count as HISTOGRAM_MAX.  A plain
 * struct of fixed size, zeroed to start; one thread records.
 */
#ifndef RUNTIME_BASE_HISTOGRAM_H
#define RUNTIME_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 7u
#define HISTOGRAM_STEPS (1u << HISTOGRAM_STEP_BITS) /* per power of two */
#define HISTOGRAM_POWERS 33u /* so that the greatest value is 2^39 - 1 */
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * HISTOGRAM_POWERS)
#define HISTOGRAM_MAX ((UINT64_C(1) << 39) - 1)

struct histogram {
	uint64_t count;
	uint64_t max; /* exact */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline uint32_t
histogram_bucket(uint64_t value)
{
	uint32_t power;

	if (value < HISTOGRAM_STEPS)
		return (uint32_t)value;
	power = 63u - (uint32_t)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
	return power * HISTOGRAM_STEPS + (uint32_t)(value >> power);
}

static inline void
histogram_record(struct histogram *h, uint64_t value)
{
	if (value > HISTOGRAM_MAX)
		value = HISTOGRAM_MAX;
	h->count++;
	h->buckets[histogram_bucket(value)]++;
	if (value > h->max)
		h->max = value;
}

/* Adds what another one counted. */
void histogram_add(struct histogram *h, const struct histogram *other);

/*
 * The least value that per_million of what was recorded do not pass, at most
 * a step too high; 0 if nothing was recorded.  1000000 is the greatest, exact.
 */
uint64_t histogram_at(const struct histogram *h, uint32_t per_million);

#endif
