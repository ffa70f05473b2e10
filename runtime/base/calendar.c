#include "runtime/base/calendar.h"

/* 1970-01-01 was a Thursday; the Monday of its week is three days before. */
#define MONDAY_OFFSET 3
#define ERA_DAYS 146097 /* 400 years */

static int64_t
floor_to(int64_t n, int64_t step)
{
	int64_t over = n % step;

	return n - (over < 0 ? over + step : over);
}

/* Days since 1970 of the first of a month; months count from year 0, March. */
static int64_t
days_of_month(int64_t month)
{
	int64_t year = floor_to(month, 12) / 12;
	int64_t in_year = month - year * 12;
	int64_t era = floor_to(year, 400) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * in_year + 2) / 5;
	int64_t day = of_era * 365 + of_era / 4 - of_era / 100 + of_year;

	return era * ERA_DAYS + day - 719468;
}

/* The month that a day lies in, counted so. */
static int64_t
month_of_days(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = floor_to(z, ERA_DAYS) / ERA_DAYS;
	int64_t of_era = z - era * ERA_DAYS;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 -
			   of_era / (ERA_DAYS - 1)) /
		       365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);

	return (year + era * 400) * 12 + (5 * of_year + 2) / 153;
}

static int64_t
floor_local(enum calendar_unit unit, int64_t us)
{
	int64_t day = floor_to(us, CALENDAR_DAY_US) / CALENDAR_DAY_US;

	switch (unit) {
	case CALENDAR_HOUR:
		return floor_to(us, CALENDAR_HOUR_US);
	case CALENDAR_WEEK:
		day = floor_to(day + MONDAY_OFFSET, 7) - MONDAY_OFFSET;
		break;
	case CALENDAR_MONTH:
		day = days_of_month(month_of_days(day));
		break;
	case CALENDAR_DAY:
		break;
	}
	return day * CALENDAR_DAY_US;
}

int64_t
calendar_floor(enum calendar_unit unit, int64_t us, int64_t offset_minutes)
{
	int64_t offset = offset_minutes * CALENDAR_MINUTE_US;

	return floor_local(unit, us + offset) - offset;
}

int64_t
calendar_next(enum calendar_unit unit, int64_t us, int64_t offset_minutes)
{
	static const int64_t longest[] = {
		[CALENDAR_HOUR] = CALENDAR_HOUR_US,
		[CALENDAR_DAY] = CALENDAR_DAY_US,
		[CALENDAR_WEEK] = 7 * CALENDAR_DAY_US,
		[CALENDAR_MONTH] = 31 * CALENDAR_DAY_US,
	};
	int64_t start = calendar_floor(unit, us, offset_minutes);

	return calendar_floor(unit, start + longest[unit], offset_minutes);
}
