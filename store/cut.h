/*
 * cut - a database file that lost pages while it was open.
 *
 * What is mapped and no longer in the file ends the process (SIGBUS), whoever
 * touches it.  Before each transaction the file's size is compared with what
 * it was, so that nearly always the database is given up first, and a line on
 * standard error says what happened where it was not.  The next start looks
 * at the file before it is believed (store/verify.h), and says so too.
 *
 * Bounds: the name of one file, the last that was watched, for the last words
 */
#ifndef STORE_CUT_H
#define STORE_CUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct cut {
	int fd;
	_Atomic uint64_t bytes; /* the file never had fewer since */
};

/* fd stays the caller's; path is for the last words. */
void cut_watch(struct cut *c, int fd, const char *path);

/* After a commit: the file may have grown. */
void cut_note(struct cut *c);

/* True: it is shorter than it was. */
bool cut_is_short(struct cut *c);

#endif
