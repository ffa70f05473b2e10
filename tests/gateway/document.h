/* document - what holds of every document that the gateway prints. */
#ifndef TESTS_GATEWAY_DOCUMENT_H
#define TESTS_GATEWAY_DOCUMENT_H

#include "tests/check.h"

#include <stdlib.h>

#include "protocols/wire.h"

typedef enum status (*document_fn)(struct wire_out *out);

/*
 * It is that text each time, and leaves nothing where it does not fit.  In
 * memory of exactly its size, so that a byte more is seen.
 */
static inline void
assert_whole_or_nothing(document_fn write, const char *text, size_t size)
{
	struct wire_out out = { malloc(size), size, 0 };

	assert_non_null(out.bytes);
	assert_int_equal(write(&out), ST_OK);
	assert_int_equal(out.used, size);
	assert_memory_equal(out.bytes, text, size);
	for (out.size = 0; out.size < size; out.size += 997) {
		out.used = out.size / 2;
		assert_int_equal(write(&out), ST_FULL);
		assert_int_equal(out.used, out.size / 2);
	}
	out.size = size - 1;
	out.used = 0;
	assert_int_equal(write(&out), ST_FULL);
	assert_int_equal(out.used, 0);
	free(out.bytes);
}

#endif
