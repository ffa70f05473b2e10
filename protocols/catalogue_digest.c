#include "protocols/catalogue.h"
#include "protocols/describe.h"
#include "runtime/base/fnv.h"

static void
digest_line(void *ctx, const char *line)
{
	uint64_t *digest = ctx;

	for (; *line != '\0'; line++)
		*digest = fnv_byte(*digest, (uint8_t)*line);
	*digest = fnv_byte(*digest, '\n');
}

uint64_t
catalogue_digest(void)
{
	uint64_t digest = FNV_BASIS;

	describe_lines(digest_line, &digest);
	return digest;
}
