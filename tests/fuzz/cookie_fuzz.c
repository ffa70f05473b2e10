/*
 * Any bytes as a Cookie header.  What is found lies in the header, is made of
 * bytes a cookie may have, and stands behind its name; nothing is found where
 * the name with its sign does not occur.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "gateway/cookie.h"
#include "tests/fuzz/fuzz.h"

#define NAME "a"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes header = { data, size };
	struct bytes value = { NULL, 0 };
	enum status st = cookie_find(header, NAME, &value);
	bool has_name = memmem(data, size, NAME "=", 2) != NULL;

	assert(st == ST_OK || st == ST_EXISTS || st == ST_MALFORMED);
	assert(has_name || (st == ST_OK && value.at == NULL));
	if (value.at == NULL)
		return 0;
	assert(value.size > 0 && value.at >= data + 2 &&
	       value.at + value.size <= data + size);
	assert(memcmp(value.at - 2, NAME "=", 2) == 0);
	for (size_t i = 0; i < value.size; i++)
		assert(value.at[i] > 0x20 && value.at[i] < 0x7f &&
		       strchr("\",;\\", value.at[i]) == NULL);
	return 0;
}
