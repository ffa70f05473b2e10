/*
 * clock - the only two clocks there are.
 *
 * mono_us never goes back and is what deadlines, timers and latencies use;
 * wall_us is the time of day that people and records see.  A test or the
 * simulator passes its own struct and turns it by hand.  Any thread.
 */
#ifndef RUNTIME_BASE_CLOCK_H
#define RUNTIME_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

struct clock {
	uint64_t (*mono_us)(void *ctx);
	int64_t (*wall_us)(void *ctx); /* since 1970, UTC */
	void *ctx;
};

#define CLOCK_TEXT_SIZE 33

/* The kernel's clocks. */
extern const struct clock clock_system;

uint64_t clock_mono_us(const struct clock *c);
int64_t clock_wall_us(const struct clock *c);

/*
 * Writes wall_us as 2026-04-03T10:00:00.000000+00:00; clamps to the years
 * 0000 to 9999.  Never truncates in CLOCK_TEXT_SIZE bytes.
 */
void clock_text(int64_t wall_us, char ret_text[CLOCK_TEXT_SIZE]);

/*
 * Reads what RFC 3339 allows of 2026-04-03T10:00:00.5+02:00: an offset or Z
 * is demanded, digits past the microsecond are dropped, leap seconds are not
 * known.  MALFORMED if it is anything else or no date, FULL if the offset
 * moves it out of the years 0000 to 9999.
 */
MUST_CHECK enum status clock_parse(
    const char *text, size_t size, int64_t *ret_wall_us);

#endif
