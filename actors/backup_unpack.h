/*
 * backup_unpack - an archive that may lie, into a fresh folder of its own.
 *
 * Only folders, regular files and links that stay within; no absolute name,
 * no "..", no name twice, no set-id bit, no owner.  Links are made last, so
 * nothing is ever written through one; the first bad member refuses it all.
 * Bounds: BACKUP_TREE_NAMES members, and of bytes as told.  Whoever called
 * removes the folder, whatever came of it.  Blocking; never on a loop.
 */
#ifndef ACTORS_BACKUP_UNPACK_H
#define ACTORS_BACKUP_UNPACK_H

#include "actors/backup_stream.h"

/*
 * folder must not be there.  CORRUPT or MALFORMED: the archive is bad;
 * NOT_FOUND: its key is not here; FULL: past a bound; why says which.
 *
 * checksum: what backup_tree_sum would say of the folder, summed on the way;
 * empty where the archive is not in the order in which we pack, so that it
 * takes another look.  Two threads work, unless pace bounds the core.
 */
MUST_CHECK enum status backup_unpack(const char *file, const char *folder,
    const struct backup_keys *keys, uint64_t bytes_max, struct pace *pace,
    char ret_checksum[BACKUP_CHECKSUM_MAX + 1], char *ret_why);

/*
 * What backup_tree_sum would say of it, without unpacking: one read.
 * UNSUPPORTED: its members are not in the order in which we pack, so that it
 * takes unpacking to tell; else as above.
 */
MUST_CHECK enum status backup_unpack_sum(const char *file,
    const struct backup_keys *keys, struct pace *pace,
    char ret_checksum[BACKUP_CHECKSUM_MAX + 1], char *ret_why);

/* Its manifest alone, at most BACKUP_MANIFEST_MAX bytes of it. */
MUST_CHECK enum status backup_peek(
    const char *file, struct backup_facts *ret_facts, char *ret_why);

#endif
