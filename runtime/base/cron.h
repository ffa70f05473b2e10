/*
 * cron - the times that a line of five fields names, in UTC.
 *
 *   minute 0-59   hour 0-23   day 1-31   month 1-12 or JAN-DEC
 *   weekday 0-7 or SUN-SAT, 0 and 7 are Sunday
 *
 * A field is `*`, a number, a range a-b, any of these with a step /n, or a
 * list of them.  Where both day and weekday are restricted, either is enough,
 * as POSIX crontab has it; a field that begins with `*` is not a restriction.
 * @hourly, @daily (@midnight), @weekly, @monthly and @yearly (@annually) are
 * short for the obvious lines.  UTC has no gaps: every time named is met once.
 * Stateless; any thread.
 */
#ifndef RUNTIME_BASE_CRON_H
#define RUNTIME_BASE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/status.h"

#define CRON_TEXT_MAX 128
/* The 29th of February on a weekday that is named comes within 40 years. */
#define CRON_YEARS_MAX 41

struct cron {
	uint64_t minutes; /* bit n: minute n */
	uint32_t hours;
	uint32_t days;
	uint32_t months;
	uint32_t weekdays;
	bool any_day; /* the field began with `*` */
	bool any_weekday;
};

/* MALFORMED, with one sentence that says which field and why. */
MUST_CHECK enum status cron_parse(
    const char *text, struct cron *ret_cron, const char **ret_why);

/*
 * The first time after wall_us, in us since 1970, on a whole minute.
 * NOT_FOUND: never, as the 30th of February.
 */
MUST_CHECK enum status cron_next(
    const struct cron *c, int64_t wall_us, int64_t *ret_wall_us);

#endif
