#include "protocols/packer.h"

#include "runtime/base/utf8.h"

static void
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

void
packer_array(struct packer *p, size_t items)
{
	packer_container(p, 0x90, 0xdc, items);
}

void
packer_map(struct packer *p, size_t pairs)
{
	packer_container(p, 0x80, 0xde, pairs);
}

void
packer_bytes(struct packer *p, const void *bytes, size_t size)
{
	uint8_t *to;

	packer_sized(p, 0xc4, size);
	to = packer_take(p, size);
	if (to != NULL && size > 0)
		memcpy(to, bytes, size);
}

void
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
