/*
 * packer_bound - what packer.h writes, if it keeps within a field's bound;
 * past it the packer fails with FULL.  A text that is NULL is empty.
 */
#ifndef PROTOCOLS_PACKER_BOUND_H
#define PROTOCOLS_PACKER_BOUND_H

#include "protocols/packer.h"

HOT_INLINE void
packer_uint_to(struct packer *p, uint64_t n, uint64_t max)
{
	if (n <= max)
		packer_uint(p, n);
	else
		packer_fail(p, ST_FULL);
}

HOT_INLINE void
packer_text_to(struct packer *p, const char *text, uint64_t max)
{
	size_t size = text == NULL ? 0 : strlen(text);

	if (size <= max)
		packer_text(p, text, size);
	else
		packer_fail(p, ST_FULL);
}

HOT_INLINE void
packer_bytes_to(struct packer *p, const struct bytes *bytes, uint64_t max)
{
	if (bytes->size <= max)
		packer_bytes(p, bytes->at, bytes->size);
	else
		packer_fail(p, ST_FULL);
}

/* 16 bytes, two's complement, big-endian. */
HOT_INLINE void
packer_money(struct packer *p, money amount)
{
	money_magnitude m = (money_magnitude)amount;
	uint64_t wide[2] = { htobe64((uint64_t)(m >> 64)),
		htobe64((uint64_t)m) };

	packer_bytes(p, wide, sizeof(wide));
}

#endif
