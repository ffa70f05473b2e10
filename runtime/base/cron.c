#include "runtime/base/cron.h"

#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define MINUTE_US INT64_C(60000000)
#define DAY_MINUTES INT64_C(1440)
#define DAYS_MAX (CRON_YEARS_MAX * 366)
#define NUMBER_MAX 99

struct field {
	const char *name; /* for the sentence */
	unsigned low, high;
	const char *words; /* three letters each, from low on; or NULL */
};

enum { MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS, FIELDS };

static const struct field fields[FIELDS] = {
	[MINUTES] = { "the minute is 0-59", 0, 59, NULL },
	[HOURS] = { "the hour is 0-23", 0, 23, NULL },
	[DAYS] = { "the day is 1-31", 1, 31, NULL },
	[MONTHS] = { "the month is 1-12 or JAN-DEC", 1, 12,
	    "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC" },
	[WEEKDAYS] = { "the weekday is 0-7 or SUN-SAT", 0, 7,
	    "SUNMONTUEWEDTHUFRISAT" },
};

static const struct {
	const char *name;
	const char *line;
} nicknames[] = {
	{ "@hourly", "0 * * * *" },
	{ "@daily", "0 0 * * *" },
	{ "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" },
	{ "@monthly", "0 0 1 * *" },
	{ "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
};

/* A number of at most two digits, or a word; past it afterwards. */
static bool
value_read(const char **at, const struct field *f, unsigned *ret_value)
{
	const char *p = *at;
	unsigned value = 0;

	if (isdigit((unsigned char)*p)) {
		for (; isdigit((unsigned char)*p); p++) {
			value = 10 * value + (unsigned)(*p - '0');
			if (value > NUMBER_MAX)
				return false;
		}
	} else {
		size_t words = f->words == NULL ? 0 : strlen(f->words) / 3;

		while (value < words &&
		       strncasecmp(p, f->words + (size_t)3 * value, 3) != 0)
			value++;
		if (value == words)
			return false;
		value += f->low;
		p += 3;
	}
	*at = p;
	*ret_value = value;
	return true;
}

/* `*`, a value or a range, with a step: its bits, and past it. */
static bool
part_read(const char **at, const struct field *f, uint64_t *bits)
{
	unsigned low = f->low, high = f->high, step = 1;
	const char *p = *at;
	bool is_one = false;

	if (*p == '*') {
		p++;
	} else {
		if (!value_read(&p, f, &low))
			return false;
		is_one = *p != '-';
		high = low;
		if (!is_one && (p++, !value_read(&p, f, &high)))
			return false;
	}
	if (*p == '/') {
		p++;
		if (!isdigit((unsigned char)*p) || !value_read(&p, f, &step) ||
		    step == 0)
			return false;
		if (is_one) /* from there to the end */
			high = f->high;
	}
	if (low < f->low || high > f->high || low > high)
		return false;
	for (unsigned v = low; v <= high; v += step)
		*bits |= UINT64_C(1) << v;
	*at = p;
	return true;
}

static bool
field_read(const char **at, const struct field *f, uint64_t *ret_bits)
{
	uint64_t bits = 0;

	do {
		if (!part_read(at, f, &bits))
			return false;
	} while (**at == ',' && (*at)++);
	*ret_bits = bits;
	return **at == ' ' || **at == '\t' || **at == '\0';
}

static const char *
line_of(const char *text)
{
	for (size_t i = 0; i < sizeof(nicknames) / sizeof(nicknames[0]); i++)
		if (strcasecmp(text, nicknames[i].name) == 0)
			return nicknames[i].line;
	return text;
}

static const char *
past_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

enum status
cron_parse(const char *text, struct cron *ret_cron, const char **ret_why)
{
	uint64_t bits[FIELDS];
	bool any[FIELDS];
	const char *p = past_blanks(line_of(text));

	for (size_t i = 0; i < FIELDS; i++) {
		any[i] = *p == '*';
		if (!field_read(&p, &fields[i], &bits[i])) {
			*ret_why = fields[i].name;
			return ST_MALFORMED;
		}
		p = past_blanks(p);
	}
	if (*p != '\0') {
		*ret_why = "there are five fields, or a name such as @daily";
		return ST_MALFORMED;
	}
	bits[WEEKDAYS] |= bits[WEEKDAYS] >> 7; /* 7 is Sunday too */
	*ret_cron = (struct cron){ .minutes = bits[MINUTES],
		.hours = (uint32_t)bits[HOURS],
		.days = (uint32_t)bits[DAYS],
		.months = (uint32_t)bits[MONTHS],
		.weekdays = (uint32_t)bits[WEEKDAYS] & 0x7fu,
		.any_day = any[DAYS],
		.any_weekday = any[WEEKDAYS] };
	return ST_OK;
}

/*
 * The civil date of a day since 1970-01-01: the era algorithm of H. Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms", for days from 1970 on.
 */
static void
date_of(int64_t day, unsigned *ret_month, unsigned *ret_day)
{
	int64_t z = day + 719468;
	int64_t of_era = z % 146097;
	int64_t year =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153; /* from March */

	*ret_day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (unsigned)(month < 10 ? month + 3 : month - 9);
}

static bool
cron_has_day(const struct cron *c, int64_t day)
{
	unsigned weekday = (unsigned)((day + 4) % 7); /* a Thursday was first */
	unsigned month, of_month;
	bool is_day, is_weekday;

	date_of(day, &month, &of_month);
	if ((c->months >> month & 1) == 0)
		return false;
	is_day = (c->days >> of_month & 1) != 0;
	is_weekday = (c->weekdays >> weekday & 1) != 0;
	/* A field with `*` may have a step, and then it still counts. */
	if (c->any_day || c->any_weekday)
		return is_day && is_weekday;
	return is_day || is_weekday;
}

/* The first minute of a day from `from` on; DAY_MINUTES: none. */
static int64_t
cron_minute_from(const struct cron *c, int64_t from)
{
	for (int64_t m = from; m < DAY_MINUTES; m++) {
		if ((c->hours >> (m / 60) & 1) == 0)
			m += 59 - m % 60;
		else if ((c->minutes >> (m % 60) & 1) != 0)
			return m;
	}
	return DAY_MINUTES;
}

enum status
cron_next(const struct cron *c, int64_t wall_us, int64_t *ret_wall_us)
{
	int64_t from = wall_us < 0 ? 0 : wall_us / MINUTE_US + 1;
	int64_t first = from / DAY_MINUTES;

	for (int64_t day = first; day <= first + DAYS_MAX; day++) {
		int64_t minute;

		if (!cron_has_day(c, day))
			continue;
		minute =
		    cron_minute_from(c, day == first ? from % DAY_MINUTES : 0);
		if (minute == DAY_MINUTES)
			continue;
		*ret_wall_us = (day * DAY_MINUTES + minute) * MINUTE_US;
		return ST_OK;
	}
	return ST_NOT_FOUND;
}
