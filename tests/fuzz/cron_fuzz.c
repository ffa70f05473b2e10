/*
 * cron_fuzz - any text as a cron line: refused with a reason, or it names a
 * time after the one given that all of its fields allow, or none at all.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cron.h"
#include "tests/fuzz/fuzz.h"

#define MINUTE_US INT64_C(60000000)
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[CRON_TEXT_MAX + 1] = "";
	const char *why = NULL;
	int64_t from = 0, next;
	struct cron c;

	if (size < sizeof(uint32_t))
		return 0;
	memcpy(&from, data, sizeof(uint32_t));
	from *= 1000000;
	size -= sizeof(uint32_t);
	memcpy(text, data + sizeof(uint32_t),
	    size < CRON_TEXT_MAX ? size : CRON_TEXT_MAX);
	if (cron_parse(text, &c, &why) != ST_OK) {
		CHECK(why != NULL && why[0] != '\0');
		return 0;
	}
	CHECK(c.minutes != 0 && c.hours != 0 && c.days != 0);
	CHECK(c.months != 0 && c.weekdays != 0);
	if (cron_next(&c, from, &next) != ST_OK)
		return 0;
	CHECK(next > from && next % MINUTE_US == 0);
	CHECK((c.minutes >> (next / MINUTE_US % 60) & 1) != 0);
	CHECK((c.hours >> (next / MINUTE_US / 60 % 24) & 1) != 0);
	return 0;
}
