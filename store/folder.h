/*
 * folder - holds a database folder so that nobody else can open it.
 *
 * The folder is made if it is absent, with mode 0700.  A table of device and
 * inode numbers refuses a second hold in this process, whatever name it came
 * by; a lock on a file in it refuses every other process, and goes with ours
 * however we end.  Any thread.
 */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include <stdbool.h>

#include "runtime/base/status.h"
#include "store/backend.h"

/* What lies in it: the data and the lock of LMDB, and the lock of ours. */
#define FOLDER_DATA "data.mdb"
#define FOLDER_DATA_LOCK "lock.mdb"
#define FOLDER_LOCK "troupe.lock"

struct folder;

/* EXISTS if it is held already, IO if the system refuses; see backend_why. */
MUST_CHECK enum status folder_hold(
    const char *path, struct folder **ret_folder);
void folder_release(struct folder *f); /* NULL is fine */

/* Makes a new folder, with its parents; EXISTS if it is there. */
MUST_CHECK enum status folder_make(const char *path);

/* Makes the names in it survive a power cut. */
MUST_CHECK enum status folder_sync(const char *path);

/* The folder of a file that a backend opens as its data; false: it is none. */
bool folder_of_data(const char *file, char ret_folder[BACKEND_PATH_MAX]);
/* What opening left in a folder that nobody has open. */
void folder_drop_locks(const char *folder);

#endif
