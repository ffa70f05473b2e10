#include "runtime/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define WALL_US_MIN INT64_C(-62167219200000000)
#define WALL_US_MAX INT64_C(253402300799999999)

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

void
clock_text(int64_t wall_us, char ret_text[CLOCK_TEXT_SIZE])
{
	int64_t us = wall_us < WALL_US_MIN   ? WALL_US_MIN
		     : wall_us > WALL_US_MAX ? WALL_US_MAX
					     : wall_us;
	int64_t fraction = us % 1000000;
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;
	char date[24] = "";

	if (fraction < 0) {
		fraction += 1000000;
		seconds--;
	}
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%m-%dT%H:%M:%S", &tm);
	snprintf(ret_text, CLOCK_TEXT_SIZE, "%04u-%.14s.%06" PRId64 "+00:00",
	    (unsigned)(tm.tm_year + 1900) % 10000, date, fraction);
}
