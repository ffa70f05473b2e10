/*
 * backup_tree - trees of files: walked, copied, summed, removed.
 *
 * Names are taken in the order of their bytes, folder by folder, depth first,
 * and links are never followed: every step is relative to an open folder.
 * Bounds: BACKUP_TREE_DEPTH folders deep, BACKUP_PATH_MAX bytes of a path,
 * BACKUP_TREE_NAMES names in all.  Blocking; never on a loop.
 */
#ifndef ACTORS_BACKUP_TREE_H
#define ACTORS_BACKUP_TREE_H

#include <sys/stat.h>

#include "protocols/messages.h"
#include "runtime/base/pace.h"
#include "runtime/base/processor.h"
#include "runtime/base/status.h"

#define BACKUP_TREE_DEPTH 64u
#define BACKUP_TREE_NAMES 1000000u
#define BACKUP_PIECE BACKGROUND_STEP
#define BACKUP_FOLDER_MODE 0700u
#define BACKUP_FILE_MODE 0600u
#define BACKUP_MODE_KEPT 0755u /* no set-id, no write bits for others */

struct backup_found {
	const char *path; /* relative to the root */
	int folder;       /* that holds it */
	const char *name; /* in that folder */
	const struct stat *stat;
};

/* Not OK ends the walk. */
typedef enum status (*backup_visit_fn)(
    void *ctx, const struct backup_found *found);

/*
 * Calls visit for everything below root, folders before what is in them.
 * NOT_FOUND if there is no root; FULL at a bound; errno of an IO is kept.
 */
MUST_CHECK enum status backup_tree_walk(
    const char *root, backup_visit_fn visit, void *ctx);

/*
 * Whether a link with this target, at this path in a tree, stays within, where
 * every other link does.
 */
bool backup_link_stays(const char *path, const char *target);

/*
 * Into a new folder; files keep their modes but for set-id and others' write
 * bits.  What is neither file, folder nor a link that stays within is left
 * out, with a warning.
 */
MUST_CHECK enum status backup_tree_copy(
    const char *from, const char *to, struct pace *pace, uint64_t *ret_bytes);
/* A file into a new one, with its times. */
MUST_CHECK enum status backup_file_copy(
    const char *from, const char *to, struct pace *pace, uint64_t *ret_bytes);

/* All of it, from a place in an open file; false: errno. */
bool backup_file_put(int fd, const void *bytes, size_t size, off_t at);

/* sha256:... over all but the manifest at its top. */
MUST_CHECK enum status backup_tree_sum(const char *root, struct pace *pace,
    char ret_checksum[BACKUP_CHECKSUM_MAX + 1]);

/* Of its regular files; what cannot be looked at counts nothing. */
uint64_t backup_tree_size(const char *root);

/* What lies in the page cache gets to the disk: a tree, or one file. */
enum status backup_tree_sync(const char *path);

/* OK also if there is nothing. */
enum status backup_tree_remove(const char *path);
/* With its parents, 0700; OK if it is there. */
MUST_CHECK enum status backup_folder_make(const char *path);
MUST_CHECK enum status backup_folder_sync(const char *path);
/* A small file, replaced as one, durable. */
MUST_CHECK enum status backup_file_write(
    const char *path, const void *bytes, size_t size);

#endif
