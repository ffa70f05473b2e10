/*
 * interrupt - whether somebody wants the run to end: INT, TERM or HUP.
 *
 * Without it their scratch folders would be left behind.  The process that
 * conducts a run alone; one thread.
 */
#ifndef LOAD_INTERRUPT_H
#define LOAD_INTERRUPT_H

#include <stdbool.h>

void interrupt_watch(void);
bool interrupt_came(void);

#endif
