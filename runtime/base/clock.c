#include "runtime/base/clock.h"

#include <string.h>
#include <time.h>

#define WALL_US_MIN INT64_C(-62167219200000000)
#define WALL_US_MAX INT64_C(253402300799999999)
#define DAY_US INT64_C(86400000000)
#define ERA_DAYS 146097u

static int64_t
system_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static uint64_t
system_mono_us(void *ctx)
{
	(void)ctx;
	return (uint64_t)system_us(CLOCK_MONOTONIC);
}

static int64_t
system_wall_us(void *ctx)
{
	(void)ctx;
	return system_us(CLOCK_REALTIME);
}

const struct clock clock_system = { system_mono_us, system_wall_us, NULL };

uint64_t
clock_mono_us(const struct clock *c)
{
	return c->mono_us(c->ctx);
}

int64_t
clock_wall_us(const struct clock *c)
{
	return c->wall_us(c->ctx);
}

/* The last digits of n, and what ends them; returns what is behind. */
static char *
text_digits(char *to, uint32_t n, int digits, char end)
{
	for (int i = digits; i-- > 0; n /= 10)
		to[i] = (char)('0' + n % 10);
	to[digits] = end;
	return to + digits + 1;
}

/*
 * Days since 1970 as year, month and day: years begin in March, so that the
 * day that comes and goes is their last; eras are of 400 years, the first
 * one before year 0.
 */
static char *
text_date(char *to, int64_t days)
{
	uint32_t since = (uint32_t)(days + 719468 + ERA_DAYS);
	uint32_t era = since / ERA_DAYS, of_era = since % ERA_DAYS;
	uint32_t of_400 = (of_era - of_era / 1460 + of_era / 36524 -
			      of_era / (ERA_DAYS - 1)) /
			  365;
	uint32_t of_year = of_era - (365 * of_400 + of_400 / 4 - of_400 / 100);
	uint32_t month = (5 * of_year + 2) / 153;
	uint32_t year = of_400 + era * 400 - 400 + (month > 9);

	to = text_digits(to, year, 4, '-');
	to = text_digits(to, month > 9 ? month - 9 : month + 3, 2, '-');
	return text_digits(to, of_year - (153 * month + 2) / 5 + 1, 2, 'T');
}

void
clock_text(int64_t wall_us, char ret_text[CLOCK_TEXT_SIZE])
{
	int64_t us = wall_us < WALL_US_MIN   ? WALL_US_MIN
		     : wall_us > WALL_US_MAX ? WALL_US_MAX
					     : wall_us;
	int64_t days = us / DAY_US - (us % DAY_US < 0);
	uint64_t rest = (uint64_t)(us - days * DAY_US);
	uint32_t seconds = (uint32_t)(rest / 1000000);
	char *to = text_date(ret_text, days);

	to = text_digits(to, seconds / 3600, 2, ':');
	to = text_digits(to, seconds / 60 % 60, 2, ':');
	to = text_digits(to, seconds % 60, 2, '.');
	to = text_digits(to, (uint32_t)(rest % 1000000), 6, '+');
	memcpy(to, "00:00", sizeof("00:00"));
}
