#include "protocols/packer.h"

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
