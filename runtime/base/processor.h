/*
 * processor - who is let onto one first.
 *
 * A loop has little to do and is waited for; a backup has much, and nobody
 * waits.  Niceness alone does not tell them apart: it decides how much of a
 * processor each gets, but one that has it may keep it for a whole slice of
 * some 3 ms, or a tick of 4, while the loop that woke up stands behind it.
 *
 * So a thread with short turns takes the processor from one with longer ones
 * as soon as it wakes (EEVDF: I. Stoica, H. Abdel-Wahab, "Earliest Eligible
 * Virtual Deadline First", 1995; Linux 6.12 lets a thread choose its slice),
 * and one in the background gives way after each small step.
 *
 * Each is of the calling thread.  Where the system knows no better, or does
 * not allow it, all goes on as it was.
 */
#ifndef RUNTIME_BASE_PROCESSOR_H
#define RUNTIME_BASE_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>

#define PROCESSOR_TURN_US 100
/* As nice as can be: at 10 it still took its turns from a busy loop, which
 * waited for it twice as long. */
#define BACKGROUND_NICE 19
/* Of work in the background, before it gives way: some 0.1 ms of it. */
#define BACKGROUND_STEP (32u << 10)

/* Turns of PROCESSOR_TURN_US, for this thread and those it makes. */
void processor_take_short_turns(void);

/* Whoever else wants this processor has it now. */
void processor_give_way(void);

/*
 * Runs fn on a thread of low priority, and waits; here, if there is no thread
 * to have.  It and the threads it makes leave one processor to others, if
 * there are two: a loop that wakes finds one where it need not wait for a
 * call of the kernel that a backup is in.  soon: they do not, as somebody
 * waits for the outcome.
 */
void background_run(void (*fn)(void *), void *arg, bool soon);

#endif
