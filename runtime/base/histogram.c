#include "runtime/base/histogram.h"

void
histogram_add(struct histogram *h, const struct histogram *other)
{
	h->count += other->count;
	if (other->max > h->max)
		h->max = other->max;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->buckets[i] += other->buckets[i];
}

/* The greatest value that counts in this bucket. */
static uint64_t
histogram_top(uint32_t bucket)
{
	uint32_t power;

	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	power = bucket / HISTOGRAM_STEPS - 1;
	return ((uint64_t)(bucket - power * HISTOGRAM_STEPS + 1) << power) - 1;
}

uint64_t
histogram_at(const struct histogram *h, uint32_t per_million)
{
	/* Rounded up, in parts, so that no count overflows. */
	uint64_t wanted = h->count / 1000000 * per_million +
			  (h->count % 1000000 * per_million + 999999) / 1000000;
	uint64_t seen = 0;

	if (wanted == 0)
		wanted = 1;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= wanted)
			return histogram_top(i) < h->max ? histogram_top(i)
							 : h->max;
	}
	return h->max;
}
