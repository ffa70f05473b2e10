/*
 * fault - named points at which a test may end the process or fail a step,
 * and a wall clock that it may set ahead.
 *
 * TROUPE_FAULT=kill:NAME or fail:NAME, with :N for the nth time and :* for
 * every time.  TROUPE_FAULT_CLOCK=FILE: the file's first eight bytes are the
 * microseconds, in the machine's order, that the wall clock is ahead; they may
 * change at any moment.  Both are read once, and only after fault_allow:
 * runtime.fault_points must say so, or a process that finds either variable
 * does not start.  Any thread.
 */
#ifndef RUNTIME_BASE_FAULT_H
#define RUNTIME_BASE_FAULT_H

#include <stdbool.h>

#include "runtime/base/clock.h"

/* Something is asked for.  Allow it before the first point is passed. */
bool fault_is_asked(void);
void fault_allow(void);

/* Ends the process here, as kill -9 would, if it was told to. */
void fault_point(const char *name);

/* True: the step of this name is to fail. */
bool fault_fails(const char *name);

/* The system's clocks, or those that were asked for. */
const struct clock *fault_clock(void);

#endif
