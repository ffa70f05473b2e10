/* packer_room - the part of a packer that knows bytes and nothing more. */
#ifndef PROTOCOLS_PACKER_ROOM_H
#define PROTOCOLS_PACKER_ROOM_H

#include <stdint.h>

#include "protocols/wire.h"
#include "runtime/base/hot.h"

struct packer {
	uint8_t *at;
	uint8_t *end;
	enum status status;
};

static inline struct packer
packer_of(const struct wire_out *out)
{
	return (struct packer){ out->bytes + out->used, out->bytes + out->size,
		ST_OK };
}

MUST_CHECK static inline enum status
packer_done(const struct packer *p, struct wire_out *out)
{
	if (p->status == ST_OK)
		out->used = (size_t)(p->at - out->bytes);
	return p->status;
}

HOT_INLINE void
packer_fail(struct packer *p, enum status why)
{
	p->status = why;
	p->end = p->at;
}

/* Room for n bytes, or NULL. */
HOT_INLINE uint8_t *
packer_take(struct packer *p, size_t n)
{
	uint8_t *start = p->at;

	if (n > (size_t)(p->end - p->at)) {
		if (p->status == ST_OK)
			packer_fail(p, ST_FULL);
		return NULL;
	}
	p->at += n;
	return start;
}

HOT_INLINE void
packer_byte(struct packer *p, unsigned byte)
{
	uint8_t *to = packer_take(p, 1);

	if (to != NULL)
		*to = (uint8_t)byte;
}

#endif
