#include "protocols/catalogue.h"
#include "protocols/describe.h"

/* FNV-1a, 64 bits: draft-eastlake-fnv, section 2. */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x00000100000001b3)

static void
digest_byte(uint64_t *digest, uint8_t byte)
{
	*digest = (*digest ^ byte) * FNV_PRIME;
}

static void
digest_line(void *ctx, const char *line)
{
	for (; *line != '\0'; line++)
		digest_byte(ctx, (uint8_t)*line);
	digest_byte(ctx, '\n');
}

uint64_t
catalogue_digest(void)
{
	uint64_t digest = FNV_BASIS;

	describe_lines(digest_line, &digest);
	return digest;
}
