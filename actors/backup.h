/*
 * backup - backups, restores and drills, one at a time.
 *
 * Speaks:  protocols/backup.def; runs for the scheduler (schedule.def)
 * Keeps:   files alone: the backup root, the keys, the intent of a restore
 * Bounds:  one run at once, whoever asks meanwhile is refused at once;
 *          BACKUP_WAITERS_MAX repeated requests wait for the one in hand
 *
 * The mailbox is the busy lock.  The work is done on other threads at a
 * bounded rate (backup_work.h); the store copies, verifies and replaces its
 * own data (store_copy and so on).  Nothing live is touched before a source
 * has been proven whole and a safety backup has been made; what fails then is
 * brought back.  A run goes on when its asker has left.
 *
 * When it starts it ends what a crash has cut short, before it answers.
 */
#ifndef ACTORS_BACKUP_H
#define ACTORS_BACKUP_H

#include "runtime/actor.h"

#define BACKUP_WAITERS_MAX 16
#define BACKUP_SAME_KEY_WAIT_US 5000000 /* for the run of the same key */

extern const struct actor_class backup_class;

#endif
