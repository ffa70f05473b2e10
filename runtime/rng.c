#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "runtime/node.h"

#define RANDOM_SHARE 256 /* asked for at once, for what wants little */
#define RANDOM_LITTLE 24 /* keys and tickets are longer */

/* getrandom gives at most 256 bytes for certain, and may be interrupted. */
static void
random_read(unsigned char *at, size_t size)
{
	while (size > 0) {
		ssize_t n = getrandom(at, size < 256 ? size : 256, 0);

		assert(n > 0);
		at += n;
		size -= (size_t)n;
	}
}

/*
 * Every request wants some for its ids, so they are asked for in advance;
 * what was given is forgotten here.
 */
void
random_system(void *ctx, void *ret_bytes, size_t size)
{
	static _Thread_local unsigned char ahead[RANDOM_SHARE];
	static _Thread_local size_t left;

	(void)ctx;
	if (size > RANDOM_LITTLE) {
		random_read(ret_bytes, size);
		return;
	}
	if (left < size) {
		random_read(ahead, sizeof(ahead));
		left = sizeof(ahead);
	}
	left -= size;
	memcpy(ret_bytes, ahead + left, size);
	explicit_bzero(ahead + left, size);
}
