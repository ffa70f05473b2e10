/* bytes - a run of bytes that somebody else owns. */
#ifndef RUNTIME_BASE_BYTES_H
#define RUNTIME_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *at; /* may be NULL when size is 0 */
	size_t size;
};

struct uuid {
	uint8_t octets[16];
};

#endif
