/*
 * trickle - a large file, to the disk while it is written.
 *
 * What is written lies in memory until a sync, or for half a minute; then all
 * of it stands before whatever somebody else, such as the store, must have on
 * the disk.  Here a piece of TRICKLE_PIECE is sent off and waited for before
 * there is another: others wait for one at most.  That takes its time; where
 * somebody waits for the file itself, pieces of TRICKLE_PIECE_SOON are sent
 * off and none is waited for.
 *
 * No word that it is there: the sync at the end says so.  One thread.
 */
#ifndef RUNTIME_BASE_TRICKLE_H
#define RUNTIME_BASE_TRICKLE_H

#include <stdbool.h>
#include <stdint.h>

#define TRICKLE_PIECE (UINT64_C(1) << 20)
#define TRICKLE_PIECE_SOON (UINT64_C(8) << 20)

struct trickle {
	int fd;
	bool soon;
	uint64_t sent; /* bytes, from the beginning of the file */
};

/* The file is so long by now. */
void trickle_to(struct trickle *t, uint64_t end);

#endif
