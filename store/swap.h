/*
 * swap - puts another database in the place of the live one, and back.
 *
 * In the folder of the live data stand, while a restore is in hand,
 *   incoming.mdb   what shall be live, complete and verified
 *   aside.mdb      what was live
 * and in the data folder the restore's intent (struct restore_intent), which
 * says which way a crash is resolved: kept goes forward, else back.  Each
 * step is a rename, and durable.  The database must be closed for go and
 * back; the lock file of the old one never meets the new one.
 */
#ifndef STORE_SWAP_H
#define STORE_SWAP_H

#include "store/copy.h"

/* The copy in file, beside the live data; ours: on the same disk it moves. */
MUST_CHECK enum status swap_stage(
    const char *folder, const char *file, bool ours, struct pace *pace);

MUST_CHECK enum status swap_go(const char *folder);
MUST_CHECK enum status swap_back(const char *folder);
MUST_CHECK enum status swap_keep(const char *folder);

/* NOT_FOUND if no restore is in hand; CORRUPT if the file does not decode. */
MUST_CHECK enum status swap_read_intent(
    const char *data_dir, bool *ret_kept, bool *ret_ours);
/* From here on the restore goes forward, whatever happens. */
MUST_CHECK enum status swap_mark_kept(const char *data_dir);

/* Before the database is opened: ends what a crash has cut short. */
MUST_CHECK enum status swap_recover(const char *data_dir, const char *folder);

#endif
