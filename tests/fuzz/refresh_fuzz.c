/*
 * Any text as a refresh token.  What verifies is byte for byte what would be
 * made of what it says.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/refresh.h"
#include "tests/fuzz/fuzz.h"

static void
fuzz_verify(const char *text)
{
	static const uint8_t key[32] = { 5 };
	const struct bytes secret = { key, sizeof(key) };
	char again[REFRESH_TEXT + 1];
	struct uuid id;
	uint64_t generation;

	if (refresh_verify(secret, text, &id, &generation) != ST_OK)
		return;
	refresh_mint(secret, &id, generation, again);
	assert(strcmp(text, again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char made[REFRESH_TEXT + 1];
	struct uuid id = { { 0 } };
	char *text = calloc(1, size + 1);
	enum status st = seal_start();

	assert(text != NULL && st == ST_OK);
	if (size > 0)
		memcpy(text, data, size);
	fuzz_verify(text);
	if (size >= sizeof(id) + 1) {
		static const uint8_t key[32] = { 5 };

		memcpy(&id, data, sizeof(id));
		refresh_mint(
		    (struct bytes){ key, sizeof(key) }, &id, data[16], made);
		fuzz_verify(made);
		made[data[size - 1] % REFRESH_TEXT] ^= 1;
		fuzz_verify(made);
	}
	free(text);
	return 0;
}
