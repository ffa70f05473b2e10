/*
 * calendar - where hours, days, weeks and months begin.
 *
 * Times are microseconds since 1970, UTC; an offset moves midnight, as
 * +02:00 does.  Weeks begin on Monday.  No zone's history is known: whoever
 * wants summer time gives the offset of the day.  Stateless; any thread.
 */
#ifndef RUNTIME_BASE_CALENDAR_H
#define RUNTIME_BASE_CALENDAR_H

#include <stdint.h>

#define CALENDAR_MINUTE_US INT64_C(60000000)
#define CALENDAR_HOUR_US (60 * CALENDAR_MINUTE_US)
#define CALENDAR_DAY_US (24 * CALENDAR_HOUR_US)
/* Offsets of -14:00 to +14:00 exist. */
#define CALENDAR_OFFSET_MAX 840
/* The years 0001 to 9998: no step leaves what a time can say. */
#define CALENDAR_MIN INT64_C(-62135596800000000)
#define CALENDAR_MAX INT64_C(253370764800000000)

enum calendar_unit {
	CALENDAR_HOUR,
	CALENDAR_DAY,
	CALENDAR_WEEK,
	CALENDAR_MONTH,
};

/* The begin of the unit that us lies in. */
int64_t calendar_floor(
    enum calendar_unit unit, int64_t us, int64_t offset_minutes);
/* The begin of the next one. */
int64_t calendar_next(
    enum calendar_unit unit, int64_t us, int64_t offset_minutes);

#endif
