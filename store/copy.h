/*
 * copy - files of a database: copied, set aside, and put in place.
 *
 * A copy of the live database is one snapshot, compact, through a pipe, so
 * that its speed can be bounded and the disk is fed steadily.  Everything
 * here is durable when it returns OK.  Blocking; never on a loop.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "runtime/base/pace.h"
#include "store/backend.h"

/* The last commit into a new file; EXISTS if it is there, UNSUPPORTED for a
 * backend without files.  What fails leaves no file. */
MUST_CHECK enum status copy_live(struct backend *b, const char *file,
    struct pace *pace, uint64_t *ret_bytes);

/* One file into a new one, or over what is there. */
MUST_CHECK enum status copy_file(
    const char *from, const char *to, struct pace *pace);

/* Not OK where it cannot be moved, as to another disk: nothing has changed. */
MUST_CHECK enum status copy_move(const char *from, const char *to);

/*
 * Opens a copy as a database: file is data.mdb in a folder of its own, whose
 * name it gives.  read_only: no trace is left of it; else there is room to
 * grow, and its locks are to be dropped.  INVALID, NOT_FOUND, or as
 * backend_open.
 */
MUST_CHECK enum status copy_open(const char *file, bool read_only,
    char ret_folder[BACKEND_PATH_MAX], struct backend **ret_b);

/* Makes the names in the folder of a file survive a power cut. */
MUST_CHECK enum status copy_sync_folder_of(const char *file);

#endif
