/*
 * offline - a database that nobody runs on, for commands that look at it.
 *
 * Opens what the configuration names, for reading: it makes no folder and no
 * table and changes no row.  A database that a running program holds is
 * refused, EXISTS.  One thread.
 */
#ifndef STORE_OFFLINE_H
#define STORE_OFFLINE_H

#include "runtime/config.h"
#include "store/txn.h"

#define OFFLINE_WHY_SIZE 320

struct offline {
	struct backend *backend;
	struct backend_txn *inner;
	struct txn_room *room;
	struct txn txn;
	char path[BACKEND_PATH_MAX];
	bool verified; /* set before: walk its pages before they are mapped */
};

/* p: zeros, or verified alone.  Otherwise why says it in words. */
MUST_CHECK enum status offline_open(
    struct offline *p, const struct config *c, char ret_why[OFFLINE_WHY_SIZE]);
void offline_close(struct offline *p);

#endif
