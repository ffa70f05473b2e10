/*
 * backup_second - keeps a second target up to date, beside the busy lock.
 *
 * While backup.second.path is set: looks what lies there (second_copy.h) at a
 * start, after every run and once a minute, and copies what is missing, one
 * backup at a time, oldest first.  What fails is tried again, each time after
 * twice as long.  Nothing of this is in memory alone: a start looks, and goes
 * on with what is half there.  Backups are made, restored and removed
 * meanwhile as if there were no second target.
 *
 * A target that does not answer holds up one worker, never another one.
 */
#ifndef ACTORS_BACKUP_SECOND_H
#define ACTORS_BACKUP_SECOND_H

#include "actors/second_copy.h"
#include "runtime/actor.h"

#define SECOND_LOOK_US 60000000u /* nothing is to be done */
#define SECOND_AGAIN_US 1000000u /* after a failure; then twice as long */
#define SECOND_AGAIN_MAX_US 300000000u
#define SECOND_WATCH_US 1000000u  /* does the worker get on? */
#define SECOND_STUCK_US 60000000u /* no byte for so long */

struct second {
	struct timer tick;
	struct second_job *job; /* in hand; NULL: none */
	uint64_t moved_bytes;   /* when it was last seen to get on */
	uint64_t moved_us;
	bool is_stuck;
	bool nudged; /* look again when the work in hand has ended */
	bool is_old; /* the look in hand began before something was removed */
	bool failing;
	uint32_t tries;        /* since it last went well */
	int64_t failing_since; /* 0: it does not fail */
	char why[BACKUP_WHY_SIZE];
	struct second_bad bad;

	/* As the last look has found it. */
	struct backup_entry *there; /* by their ids; owned */
	size_t there_count;
	uint64_t copies, behind;
	int64_t oldest_at;

	char copying[BACKUP_ID_LENGTH +
		     1]; /* "": a look is in hand, or nothing */
	int64_t last_copied_at;
};

void second_start(struct actor *self);
void second_stop(struct actor *self);
/* What lies in backup.path has changed. */
void second_nudge(struct actor *self);

/* False: there is no second target.  Borrows. */
bool second_state(struct actor *self, struct backup_second *ret_state);
/* For longer than backup.second.max_lag_seconds. */
bool second_is_late(struct actor *self);

/* ---- for the shelf ---- */

/* NULL: no copy of it is known. */
struct backup_entry *second_find(struct actor *self, const char *backup_id);
/* It is about to be deleted; false: its copy is being put in place. */
bool second_call_off(struct actor *self, const char *backup_id);
/* There is no copy of it any more. */
void second_forget(struct actor *self, const char *backup_id);

#endif
