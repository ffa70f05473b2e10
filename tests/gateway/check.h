/* check - what the tests of the codecs have in common. */
#ifndef TESTS_GATEWAY_CHECK_H
#define TESTS_GATEWAY_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/base/bytes.h"

#define RUN(name) cmocka_unit_test(name)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static inline struct bytes
text(const char *t)
{
	return (struct bytes){ (const uint8_t *)t, strlen(t) };
}

static inline _Bool
is(struct bytes b, const char *t)
{
	return b.size == strlen(t) &&
	       (b.size == 0 || memcmp(b.at, t, b.size) == 0);
}

#endif
