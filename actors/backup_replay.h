/*
 * backup_replay - from a backup to a state since, as far as files go.
 *
 * choose finds the backup and the segments that follow (points.h) and prepares
 * it, backup_work_own makes its database one that may be changed; then, until
 * it is_there, unseal puts the next segment's records into a file, and whoever
 * has a store replays that (store/replay.h).  check is for the end.  What
 * fails is in the job, and nothing is left of it.  Blocking.
 */
#ifndef ACTORS_BACKUP_REPLAY_H
#define ACTORS_BACKUP_REPLAY_H

#include "actors/backup_work.h"

void backup_replay_choose(struct backup_job *j);
/* Where unseal puts records. */
void backup_replay_records(
    const struct backup_job *j, char ret[BACKUP_PATH_MAX + 1]);
void backup_replay_unseal(struct backup_job *j);
bool backup_replay_is_there(const struct backup_job *j);
/* The records of the segment in hand could not be carried out. */
void backup_replay_failed(
    struct backup_job *j, enum status st, const char *why);
/* The records go, and it is the state that was wanted, or it is not. */
void backup_replay_check(struct backup_job *j);

#endif
