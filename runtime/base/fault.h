/*
 * fault - named points at which a test may end the process or fail a step.
 *
 * TROUPE_FAULT=kill:NAME or fail:NAME, with :N for the nth time, read once.
 * Nothing is done, and it costs one comparison, when it is not set; a
 * program that an operator runs never has it.  Any thread.
 */
#ifndef RUNTIME_BASE_FAULT_H
#define RUNTIME_BASE_FAULT_H

#include <stdbool.h>

/* Ends the process here, as kill -9 would, if it was told to. */
void fault_point(const char *name);

/* True: the step of this name is to fail. */
bool fault_fails(const char *name);

#endif
