/*
 * backup_keep - which backups stay, and the removal of the others.
 *
 * A backup stays while it is the newest, the one made last, held, in use, or
 * of a protected kind; while it is among the max_count newest and not too old;
 * or as the newest of its hour, day, week, month or year, for as many of these
 * as the policy says.  What stays takes a place all the same.
 *
 * The clock is ours: what claims to be later is not judged, takes no place and
 * is nobody's newest, so that a forged or a wrong time evicts nothing.  Nor
 * does what is disputed (backup_entries.h), or not signed by one of our keys:
 * it may be forged, and it may be ours from before there was that key, so it
 * neither goes nor takes a place.  And what goes is the entry that was judged,
 * whoever else says it has its id.
 * Protected backups fill no hour, day or year.
 */
#ifndef ACTORS_BACKUP_KEEP_H
#define ACTORS_BACKUP_KEEP_H

#include "actors/backup_keys.h"

#define BACKUP_PINS 2
#define BACKUP_RUNGS 5 /* hours, days, weeks, months, years */
#define BACKUP_PROTECT_DEFAULT (1u << TRIGGER_PRE_MIGRATION)

struct backup_policy {
	uint32_t max_count;
	uint32_t max_days;
	uint32_t max_safety; /* 0: all; of those that are protected */
	uint32_t rungs[BACKUP_RUNGS];
	uint32_t protects; /* 1 << trigger */
	int64_t now_us;
	const struct backup_keys *keys;  /* ours; NULL: nothing is proven */
	const char *newest;              /* made last; NULL: none */
	const char *holds;               /* another folder whose count too */
	const char *pinned[BACKUP_PINS]; /* NULL: none */
};

struct backup_outcome {
	char backup_id[BACKUP_ID_LENGTH + 1];
	int64_t timestamp;
	enum backup_trigger trigger;
	enum backup_fate fate;
	bool removed;
};

/* "manual,startup" as a set of 1 << trigger.  INVALID; why of
 * BACKUP_WHY_SIZE. */
MUST_CHECK enum status backup_protect_read(
    const char *text, uint32_t *ret_set, char *ret_why);
bool backup_fate_goes(enum backup_fate fate);

/* What becomes of each; entries are newest first. */
void backup_keep_plan(const struct backup_entry *entries, size_t count,
    const struct backup_policy *p, enum backup_fate *ret_fates);

/*
 * Judges what lies in root and, if not dry, removes what goes; free the
 * outcomes, newest first.  One that cannot be removed is told and stays.
 * What is no entry of root, or disputes another's id, is counted.
 */
MUST_CHECK enum status backup_keep(const char *root,
    const struct backup_policy *p, bool dry, struct backup_outcome **ret,
    size_t *ret_count, size_t *ret_refused);

/* The id of the last backup made here, across restarts. */
void backup_last_write(const char *root, const char *id);
bool backup_last_read(const char *root, char ret_id[BACKUP_ID_LENGTH + 1]);

#endif
