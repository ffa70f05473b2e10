/*
 * segment - files of committed transactions, sealed, beside the backups.
 *
 * A file in the folder SEGMENT_FOLDER of the backup root holds consecutive
 * records (protocols/redo.h) of one timeline.  Its name says which timeline,
 * its first transaction, and which of several that begin with the same it is.
 *
 *   SEGMENT_MARK, key id (16), timeline (8), first transaction (8), when (8);
 *   a secretstream header; then pieces, each its size (4) and its ciphertext,
 *   the first of them bound to all that stands before it.
 *
 * A piece is on the disk when segment_write returns.  Only a segment that was
 * closed in good order ends in a piece tagged as the last.  One that was cut,
 * by a crash or by somebody, ends earlier, and what it lacks is missed by
 * whoever replays: records are numbered.
 *
 * Blocking; never on a loop.  One thread each.
 */
#ifndef ACTORS_SEGMENT_H
#define ACTORS_SEGMENT_H

#include "actors/backup_keys.h"
#include "protocols/redo.h"

#define SEGMENT_FOLDER ".log"
#define SEGMENT_MARK "TROUPE-SEGMENT-1"
#define SEGMENT_NAME_MAX 63
#define SEGMENTS_MAX 1000000
#define SEGMENT_PATH_SIZE 4096

struct segment {
	uint64_t timeline;
	uint64_t first;
	uint32_t nth;
	uint64_t bytes; /* as it lies there */
	char name[SEGMENT_NAME_MAX + 1];
};

/* By first, then nth; free them.  No folder is none.  FULL at the bound. */
MUST_CHECK enum status segments_read(
    const char *root, struct segment **ret_all, size_t *ret_count);
/* The folder's names with it; ret_path takes SEGMENT_PATH_SIZE. */
void segment_path(const char *root, const char *name, char *ret_path);
/* False: it is no segment's name. */
bool segment_name_read(const char *name, struct segment *ret_segment);

struct segment_out;

/* A new file, for records from first on; why of BACKUP_WHY_SIZE. */
MUST_CHECK enum status segment_create(const char *root,
    const struct backup_key *key, uint64_t timeline, uint64_t first,
    int64_t now, struct segment_out **ret_out, char *ret_why);
/* What fails is cut off again, and the segment takes no more. */
MUST_CHECK enum status segment_write(
    struct segment_out *o, struct bytes bytes, char *ret_why);
uint64_t segment_bytes(const struct segment_out *o);
/* last: nothing failed, and it ends at a record's end. */
void segment_close(struct segment_out *o, bool last);

enum segment_end { SEGMENT_GOES_ON, SEGMENT_ENDED, SEGMENT_CUT };

struct segment_in;

/* NOT_FOUND: its key is not here; CORRUPT; why names neither key nor path. */
MUST_CHECK enum status segment_open(const char *path,
    const struct backup_keys *keys, struct segment_in **ret_in, char *ret_why);
/* Of records, good until the next call; NOT_FOUND at the end; CORRUPT. */
MUST_CHECK enum status segment_read(
    struct segment_in *in, struct bytes *ret_bytes);
/* After NOT_FOUND: how it ended. */
enum segment_end segment_ended(const struct segment_in *in);
/* As its head says, which is bound to what follows once a piece was read. */
const struct segment *segment_head(const struct segment_in *in);
void segment_in_destroy(struct segment_in *in); /* NULL is fine */

/* The head of its last whole record; NOT_FOUND: it has none. */
MUST_CHECK enum status segment_last(const char *path,
    const struct backup_keys *keys, struct redo_head *ret_last, char *ret_why);

/*
 * Removes segments whose transactions all lie before txid_kept, or in it: no
 * backup that is left needs them.  How many went.
 */
MUST_CHECK enum status segments_prune(
    const char *root, uint64_t txid_kept, uint32_t *ret_count);

#endif
