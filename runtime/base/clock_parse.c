#include <stdbool.h>
#include <time.h>

#include "runtime/base/clock.h"

#define FRACTION_DIGITS 6
#define US_PER_SECOND INT64_C(1000000)
#define SECONDS_MIN INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* What is left to read; bad sticks. */
struct reader {
	const char *at;
	const char *end;
	bool bad;
};

static bool
reader_digit(const struct reader *r)
{
	return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static bool
reader_eat(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static void
reader_want(struct reader *r, char c)
{
	if (!reader_eat(r, c))
		r->bad = true;
}

/* Exactly so many digits, from least to most. */
static int
reader_number(struct reader *r, int digits, int least, int most)
{
	int n = 0;

	for (; digits > 0 && reader_digit(r); digits--)
		n = n * 10 + (*r->at++ - '0');
	if (digits > 0 || n < least || n > most)
		r->bad = true;
	return n;
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[(month + 11) % 12];
}

/* Seconds since 1970 as if the offset were zero. */
static int64_t
reader_date(struct reader *r)
{
	struct tm tm = { 0 };
	int year = reader_number(r, 4, 0, 9999);

	reader_want(r, '-');
	tm.tm_mon = reader_number(r, 2, 1, 12) - 1;
	reader_want(r, '-');
	tm.tm_mday = reader_number(r, 2, 1, 31);
	if (!r->bad && tm.tm_mday > month_days(year, tm.tm_mon + 1))
		r->bad = true;
	reader_want(r, 'T');
	tm.tm_hour = reader_number(r, 2, 0, 23);
	reader_want(r, ':');
	tm.tm_min = reader_number(r, 2, 0, 59);
	reader_want(r, ':');
	tm.tm_sec = reader_number(r, 2, 0, 59);
	tm.tm_year = year - 1900;
	return r->bad ? 0 : timegm(&tm);
}

static int64_t
reader_fraction(struct reader *r)
{
	int64_t us = 0;
	int digits = 0;

	if (!reader_eat(r, '.'))
		return 0;
	for (; reader_digit(r); r->at++, digits++)
		if (digits < FRACTION_DIGITS)
			us = us * 10 + (*r->at - '0');
	if (digits == 0)
		r->bad = true;
	for (; digits < FRACTION_DIGITS; digits++)
		us *= 10;
	return us;
}

static int64_t
reader_offset(struct reader *r)
{
	int64_t seconds;
	bool west;

	if (reader_eat(r, 'Z'))
		return 0;
	west = reader_eat(r, '-');
	if (!west)
		reader_want(r, '+');
	seconds = reader_number(r, 2, 0, 23) * INT64_C(3600);
	reader_want(r, ':');
	seconds += reader_number(r, 2, 0, 59) * INT64_C(60);
	return west ? -seconds : seconds;
}

enum status
clock_parse(const char *text, size_t size, int64_t *ret_wall_us)
{
	struct reader r = { text, text + size, false };
	int64_t seconds = reader_date(&r);
	int64_t us = reader_fraction(&r);

	seconds -= reader_offset(&r);
	if (r.bad || r.at != r.end)
		return ST_MALFORMED;
	if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
		return ST_FULL;
	*ret_wall_us = seconds * US_PER_SECOND + us;
	return ST_OK;
}
