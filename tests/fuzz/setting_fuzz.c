/*
 * Any bytes as the JSON of a setting's value.  What passes is a value by the
 * list's own rules, is clean when cleaned, and stays one; the reason why not
 * is a text that fits, and never repeats a long value.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "protocols/messages.h"
#include "protocols/setting.h"
#include "tests/fuzz/fuzz.h"

#define ROOM (1u << 20)

static void
fuzz_value(const struct setting *s, const char *value)
{
	static char clean[SETTING_VALUE_MAX + 2];
	static char again[SETTING_VALUE_MAX + 2];
	char why[SETTING_WHY_SIZE] = "";
	uint64_t number, second;

	if (setting_check(s, value, &number, why) != ST_OK) {
		assert(strnlen(why, sizeof(why)) < sizeof(why));
		assert(why[0] != '\0');
		return;
	}
	setting_clean(s, value, clean);
	assert(strlen(clean) <= strlen(value) + 1);
	setting_clean(s, clean, again);
	assert(strcmp(clean, again) == 0);
	if (clean[0] != '\0' || s->min == 0)
		assert(setting_check(s, clean, &second, why) == ST_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char room[ROOM];
	struct arena a = { room, sizeof(room), 0 };
	struct json_result why = { 0 };
	const struct setting_put *put;
	void *body = NULL;

	if (size == 0 || json_decode(CATALOGUE_TYPE(setting_put), JSON_LATER,
			     &a, data + 1, size - 1, &body, &why) != ST_OK)
		return 0;
	put = body;
	if (put->value != NULL)
		fuzz_value(setting_nth(data[0] % SETTING_COUNT), put->value);
	return 0;
}
