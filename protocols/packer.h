/*
 * packer - writes msgpack into bytes that somebody else bounded.
 *
 * Every number takes its shortest form.  The first failure sticks in status
 * and stops the writing: ask once at the end.  packer_done then adds what was
 * written to its wire_out; after a failure the wire_out is as it was.
 */
#ifndef PROTOCOLS_PACKER_H
#define PROTOCOLS_PACKER_H

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "protocols/packer_room.h"
#include "runtime/base/utf8.h"

/* A head byte and the lowest width bytes of n, big-endian. */
HOT_INLINE void
packer_head(struct packer *p, unsigned head, uint64_t n, unsigned width)
{
	uint8_t *to = packer_take(p, 1 + width);
	uint64_t big = htobe64(n << (64 - 8 * width));

	if (to == NULL)
		return;
	to[0] = (uint8_t)head;
	memcpy(to + 1, &big, width);
}

HOT_INLINE void
packer_nil(struct packer *p)
{
	packer_byte(p, 0xc0);
}

HOT_INLINE void
packer_bool(struct packer *p, bool value)
{
	packer_byte(p, value ? 0xc3 : 0xc2);
}

HOT_INLINE void
packer_uint(struct packer *p, uint64_t n)
{
	if (n <= 0x7f)
		packer_byte(p, (unsigned)n);
	else if (n <= UINT8_MAX)
		packer_head(p, 0xcc, n, 1);
	else if (n <= UINT16_MAX)
		packer_head(p, 0xcd, n, 2);
	else if (n <= UINT32_MAX)
		packer_head(p, 0xce, n, 4);
	else
		packer_head(p, 0xcf, n, 8);
}

HOT_INLINE void
packer_int(struct packer *p, int64_t n)
{
	if (n >= 0)
		packer_uint(p, (uint64_t)n);
	else if (n >= -32)
		packer_byte(p, (unsigned)(n & 0xff));
	else if (n >= INT8_MIN)
		packer_head(p, 0xd0, (uint64_t)n, 1);
	else if (n >= INT16_MIN)
		packer_head(p, 0xd1, (uint64_t)n, 2);
	else if (n >= INT32_MIN)
		packer_head(p, 0xd2, (uint64_t)n, 4);
	else
		packer_head(p, 0xd3, (uint64_t)n, 8);
}

/* A head with 8, 16 or 32 bits of size: bin from 0xc4, str from 0xd9. */
HOT_INLINE void
packer_sized(struct packer *p, unsigned head, size_t size)
{
	if (size <= UINT8_MAX)
		packer_head(p, head, size, 1);
	else if (size <= UINT16_MAX)
		packer_head(p, head + 1, size, 2);
	else if (size <= UINT32_MAX)
		packer_head(p, head + 2, size, 4);
	else
		packer_fail(p, ST_FULL);
}

HOT_INLINE void
packer_bytes(struct packer *p, const void *bytes, size_t size)
{
	uint8_t *to;

	packer_sized(p, 0xc4, size);
	to = packer_take(p, size);
	if (to != NULL && size > 0)
		memcpy(to, bytes, size);
}

/* INVALID if it is not UTF-8 or holds a NUL. */
HOT_INLINE void
packer_text(struct packer *p, const char *text, size_t size)
{
	uint8_t *to;

	if (size <= 0x1f)
		packer_byte(p, 0xa0 | (unsigned)size);
	else
		packer_sized(p, 0xd9, size);
	to = packer_take(p, size);
	if (to != NULL && !utf8_copy_ascii(to, text, size) &&
	    !utf8_valid(text, size))
		packer_fail(p, ST_INVALID);
}

/* 15 items fit the head's own byte: fix; else head with 16 or 32 bits. */
HOT_INLINE void
packer_container(struct packer *p, unsigned fix, unsigned head, size_t n)
{
	if (n <= 0x0f)
		packer_byte(p, fix | (unsigned)n);
	else if (n <= UINT16_MAX)
		packer_head(p, head, n, 2);
	else if (n <= UINT32_MAX)
		packer_head(p, head + 1, n, 4);
	else
		packer_fail(p, ST_FULL);
}

HOT_INLINE void
packer_array(struct packer *p, size_t items)
{
	packer_container(p, 0x90, 0xdc, items);
}

HOT_INLINE void
packer_map(struct packer *p, size_t pairs)
{
	packer_container(p, 0x80, 0xde, pairs);
}

#endif
