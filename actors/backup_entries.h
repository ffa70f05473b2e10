/*
 * backup_entries - what lies in the backup root, and what may go.
 *
 * An entry is a folder, or a file that ends in .tar.gz, .tar.zst, or either
 * and .sealed; its name begins with the backup's id and an underscore, or else
 * its manifest says whose it is.  Hidden names are no entries.  Entries that
 * cannot be used are told in the log and left alone.  Blocking.
 */
#ifndef ACTORS_BACKUP_ENTRIES_H
#define ACTORS_BACKUP_ENTRIES_H

#include "actors/backup_facts.h"

#define BACKUP_NAME_MAX 255
#define BACKUP_ENTRIES_MAX 100000
#define BACKUP_PINS 2
#define BACKUP_TMP ".tmp-"
#define BACKUP_FUTURE_US (INT64_C(86400) * 1000000)

struct backup_entry {
	char name[BACKUP_NAME_MAX + 1];
	bool is_archive;
	bool is_sealed;
	uint64_t stored_bytes;
	struct backup_facts facts;
};

struct backup_policy {
	uint32_t max_count;
	uint32_t max_days;
	uint32_t max_safety; /* 0: all */
	int64_t now_us;
	const char *newest; /* made last by this process; NULL: none */
	const char *pinned[BACKUP_PINS]; /* NULL: none */
};

/*
 * Newest first, each id once; free them.  No root is no entries.  A thousand
 * times more than there should be is FULL.
 */
MUST_CHECK enum status backup_entries_read(
    const char *root, struct backup_entry **ret_entries, size_t *ret_count);

/* By its name, else by its manifest; NOT_FOUND; MALFORMED if its manifest
 * cannot be used, why says how. */
MUST_CHECK enum status backup_entry_find(const char *root, const char *id,
    struct backup_entry *ret_entry, char *ret_why);
/* Every entry of that id. */
MUST_CHECK enum status backup_entry_remove(const char *root, const char *id);
bool backup_id_is_taken(const char *root, const char *id);

/* Which of them the policy lets go; entries are newest first. */
void backup_prune_plan(const struct backup_entry *entries, size_t count,
    const struct backup_policy *p, bool *ret_doomed);
/* Removes them; how many really went.  RETENTION errors are told and kept. */
enum status backup_prune(
    const char *root, const struct backup_policy *p, uint32_t *ret_count);

/* At a start: what an end in the middle left behind. */
void backup_entries_sweep(const char *root);

#endif
