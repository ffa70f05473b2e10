#include <assert.h>
#include <sys/random.h>

#include "runtime/node.h"

/* getrandom gives at most 256 bytes for certain, and may be interrupted. */
void
random_system(void *ctx, void *ret_bytes, size_t size)
{
	unsigned char *at = ret_bytes;

	(void)ctx;
	while (size > 0) {
		ssize_t n = getrandom(at, size < 256 ? size : 256, 0);

		assert(n > 0);
		at += n;
		size -= (size_t)n;
	}
}
