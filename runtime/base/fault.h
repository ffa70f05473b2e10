/*
 * fault - named points at which a test may end the process or fail a step.
 *
 * TROUPE_FAULT=kill:NAME or fail:NAME, with :N for the nth time, and commas
 * between up to FAULTS_MAX of them, read once, and only after fault_allow:
 * runtime.fault_points must say so, or a process that finds the variable does
 * not start.  Any thread.
 */
#ifndef RUNTIME_BASE_FAULT_H
#define RUNTIME_BASE_FAULT_H

#include <stdbool.h>

#define FAULTS_MAX 4

/* Something is asked for.  Allow it before the first point is passed. */
bool fault_is_asked(void);
void fault_allow(void);

/* Ends the process here, as kill -9 would, if it was told to. */
void fault_point(const char *name);

/* True: the step of this name is to fail. */
bool fault_fails(const char *name);

#endif
