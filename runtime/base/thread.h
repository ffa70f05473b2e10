/*
 * thread - what `ps -T`, perf and gdb call a thread.
 *
 * Whoever runs one names it first of all; one that is not named is called as
 * whoever made it, the first of a process `troupe`.  docs/OPERATE.md lists
 * the names.
 */
#ifndef RUNTIME_BASE_THREAD_H
#define RUNTIME_BASE_THREAD_H

#define THREAD_NAME_MAX 15 /* the kernel's; what is longer is cut */

/* Names the thread that calls.  It is of no consequence if that fails. */
void thread_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
