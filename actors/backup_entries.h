/*
 * backup_entries - what lies in a folder of backups.
 *
 * An entry is a folder, or a file that ends in .tar.gz, .tar.zst, or either
 * and .sealed; its name begins with the backup's id and an underscore, or else
 * its manifest says whose it is.  Hidden names are no entries.  Entries that
 * cannot be used are told in the log and left alone.  What is held has a
 * hidden file .hold-ID beside it.  Blocking.
 *
 * A manifest is anybody's word: one that contradicts its entry's name cannot
 * be used, and one without such a name yields to one with it.  Where two of
 * the same standing claim an id and say different things, it is disputed:
 * listed once, but neither used nor judged, so that nothing forged removes,
 * hides or replaces a backup.
 */
#ifndef ACTORS_BACKUP_ENTRIES_H
#define ACTORS_BACKUP_ENTRIES_H

#include "actors/backup_facts.h"
#include "actors/backup_front.h"

#define BACKUP_NAME_MAX 255
#define BACKUP_ENTRIES_MAX 100000
#define BACKUP_TMP ".tmp-"
#define BACKUP_HOLD ".hold-"
#define BACKUP_SEALED_END ".sealed"
#define BACKUP_FUTURE_US (INT64_C(86400) * 1000000)

/* How the name of an archive ends, but for BACKUP_SEALED_END. */
const char *backup_archive_end(enum backup_archive how);

struct backup_entry {
	char name[BACKUP_NAME_MAX + 1];
	bool is_archive;
	bool is_sealed;
	bool is_held;
	bool is_disputed;
	enum backup_trust trust; /* once backup_keys_prove has looked */
	uint64_t stored_bytes;
	struct backup_facts facts;
};

/* For qsort: newest first, and by their ids if of one instant. */
int backup_entry_compare(const void *a, const void *b);
/* Or by their ids alone. */
int backup_entry_compare_ids(const void *a, const void *b);

/*
 * Newest first, each id once; free them.  No root is no entries.  A thousand
 * times more than there should be is FULL.
 */
MUST_CHECK enum status backup_entries_read(
    const char *root, struct backup_entry **ret_entries, size_t *ret_count);
/* Likewise, and how many were passed over. */
MUST_CHECK enum status backup_entries_look(const char *root,
    struct backup_entry **ret_entries, size_t *ret_count, size_t *ret_refused);

/* By its name, else by its manifest; NOT_FOUND; MALFORMED if its manifest
 * cannot be used or its id is disputed, why says how. */
MUST_CHECK enum status backup_entry_find(const char *root, const char *id,
    struct backup_entry *ret_entry, char *ret_why);
/* Every entry of that id; MALFORMED if who has it is disputed by manifests
 * alone. */
MUST_CHECK enum status backup_entry_remove(const char *root, const char *id);
/* This one, as it was read, and what was made of the same backup. */
MUST_CHECK enum status backup_entry_drop(
    const char *root, const struct backup_entry *e);
bool backup_id_is_taken(const char *root, const char *id);

/* Until it is let go, nothing removes it.  NOT_FOUND if it is not there. */
MUST_CHECK enum status backup_hold(const char *root, const char *id, bool held);
bool backup_is_held(const char *root, const char *id);

/* At a start: what an end in the middle left behind. */
void backup_entries_sweep(const char *root);

#endif
