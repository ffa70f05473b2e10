/*
 * keyring_file - a ring of keys as a file, for actors/keyring.c alone.
 *
 * First a mark with the version, then a line per key:
 *
 *   KIND KEY-ID CREATED UNTIL LIFE KNOWN HEX
 *
 * KIND is an algorithm of protocols/keys.def or `refresh`, times are in
 * microseconds, KNOWN is 0 or 1.  Whatever else stands in it makes the whole
 * file MALFORMED: a ring that is read in part would refuse good tokens.
 */
#ifndef ACTORS_KEYRING_FILE_H
#define ACTORS_KEYRING_FILE_H

#include "actors/keyring.h"

struct keyring_file {
	char *text; /* guarded memory; owned */
	char *at;
};

/* NOT_FOUND; DENIED: it is not ours, or not ours alone; MALFORMED; IO. */
MUST_CHECK enum status keyring_file_open(
    struct keyring_file *f, const char *path);
/* The next key, without its pair; NOT_FOUND after the last. */
MUST_CHECK enum status keyring_file_next(
    struct keyring_file *f, struct keyring_key *ret_key);
void keyring_file_close(struct keyring_file *f);

/* All of it or nothing, durable when it returns OK; mode 0600. */
MUST_CHECK enum status keyring_file_write(
    const char *path, const struct keyring_key *keys, uint32_t count);

#endif
