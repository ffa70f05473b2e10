/*
 * second_copy - brings backups to a second folder, on a worker.
 *
 * That folder is a backup root like the first (backup_entries.h): any Troupe
 * can take it for its own.  It is somebody else's disk: it may be gone, full,
 * slow, read-only, or lie.  It is never made, and nothing is written through
 * a link in it.
 *
 * A backup is proven whole before it leaves.  It grows as .part-ID; what is
 * there of it from an earlier attempt is compared byte by byte and kept as far
 * as it agrees.  What came there is synced, read back and compared by its
 * SHA-256, and then renamed to the backup's name: so a name means a whole
 * copy, whatever is killed and whenever.  A folder goes as an archive.
 *
 * A job belongs to the actor and to its worker, and the last of them lets it
 * go: a worker may be late.  Bounds: SECOND_KNOWN_MAX copies are listed,
 * SECOND_BAD_MAX damaged backups are passed over.
 */
#ifndef ACTORS_SECOND_COPY_H
#define ACTORS_SECOND_COPY_H

#include <stdatomic.h>

#include "actors/backup_work.h"

#define SECOND_PART ".part-"
#define SECOND_KNOWN_MAX BACKUPS_PAGE_MAX
#define SECOND_BAD_MAX 16

struct second_bad {
	char ids[SECOND_BAD_MAX][BACKUP_ID_LENGTH + 1];
	uint32_t count;
};

/* A copy that is being renamed can no longer be called off, and the reverse. */
enum second_stage { SECOND_COPIES, SECOND_PUBLISHES, SECOND_CALLED_OFF };

struct second_job {
	_Atomic int holders;
	const struct backup_place *place;
	struct pace pace;
	enum status st;
	char why[BACKUP_WHY_SIZE]; /* if it is not OK; names no path */

	/* Of a look: what to keep there, and what it has found. */
	struct backup_policy policy;
	struct second_bad bad;
	struct backup_entry *there; /* by their ids; owned */
	size_t there_count;         /* the newest, SECOND_KNOWN_MAX at most */
	uint64_t copies, behind;
	int64_t oldest_at; /* of those behind */
	uint64_t pruned;
	bool has_next;

	/* Of a copy: this one. */
	struct backup_entry next;
	_Atomic int stage;
	_Atomic uint64_t size, done; /* of the file that goes, and is there */
	bool is_damaged;             /* the backup, not the target */
	uint64_t resumed;
	uint64_t bytes;
};

/* Held by the actor; NULL: no memory. */
struct second_job *second_job_make(const struct backup_place *place);
void second_job_let_go(struct second_job *j); /* NULL is fine */
/* False: it is there, or as good as there. */
bool second_job_call_off(struct second_job *j);

/*
 * Lets retention remove copies, sweeps parts of what is no more, and finds
 * what is to be copied: all that the second's own policy would keep there.
 */
void second_look(struct second_job *j);
/* Brings j->next there. */
void second_copy(struct second_job *j);

/* Whether there is a copy of e, by its manifest and its size. */
bool second_is_copy(
    const struct backup_entry *e, const struct backup_entry *there);
/* Which backups are to be copied, given what is there; both newest first. */
MUST_CHECK enum status second_plan(const struct backup_entry *here,
    size_t here_count, const struct backup_entry *there, size_t there_count,
    const struct backup_policy *policy, bool *ret_wanted);

#endif
