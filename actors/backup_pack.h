/*
 * backup_pack - what a backup holds, into a tar archive, in one pass.
 *
 * Files are read once: summed, put into the archive, compressed, perhaps
 * sealed.  Two threads share the work, that of the caller, which reads and
 * sums, and one of its own, which compresses and writes; it inherits the
 * caller's niceness.  The manifest, which has the sum, comes last and stands
 * first (backup_front.h); in a sealed archive it is in clear before it, bound
 * to its last piece.
 *
 * Members come in the order of backup_tree_walk, or the sum is another's.
 * Blocking; never on a loop.  One thread calls.
 */
#ifndef ACTORS_BACKUP_PACK_H
#define ACTORS_BACKUP_PACK_H

#include "actors/backup_front.h"
#include "actors/backup_stream.h"

struct backup_pack;

struct backup_packing {
	enum backup_archive how;
	bool quick; /* larger and sooner: somebody waits for it */
	const struct backup_key *key; /* that seals it; NULL */
	size_t manifest_max;          /* it has at most so many bytes */
};

/* A file that is not there. */
MUST_CHECK enum status backup_pack_open(const char *file,
    const struct backup_packing *as, struct pace *pace,
    struct backup_pack **ret_pack);

/*
 * A folder of this name, and all that is below another folder, as
 * backup_tree_copy would copy it; without that one it is empty.
 */
MUST_CHECK enum status backup_pack_tree(struct backup_pack *p,
    const char *folder, const char *as, uint64_t *ret_bytes);
/* A file in a folder of this name; NOT_FOUND leaves the folder empty. */
MUST_CHECK enum status backup_pack_file(struct backup_pack *p, const char *file,
    const char *folder, uint64_t *ret_bytes);
/* All members are in: what a manifest says of them. */
void backup_pack_sum(
    struct backup_pack *p, char ret_checksum[BACKUP_CHECKSUM_MAX + 1]);
/* The rest, to the disk. */
MUST_CHECK enum status backup_pack_end(
    struct backup_pack *p, struct bytes manifest);
/* NULL is fine; what has not ended well leaves no file. */
void backup_pack_destroy(struct backup_pack *p);

/* A folder that is a whole backup, its manifest in it. */
MUST_CHECK enum status backup_pack(const char *folder, const char *file,
    enum backup_archive how, const struct backup_key *key, struct pace *pace);

#endif
