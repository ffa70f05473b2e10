#include "actors/backup_replay.h"

#include <stdio.h>

#include "actors/backup_tree.h"
#include "protocols/problem.h"
#include "runtime/base/fault.h"

#define RECORDS_NAME "records"

/* What a failure means to whoever asked. */
static uint32_t
problem_of(enum status st)
{
	switch (st) {
	case ST_NOT_FOUND:
		return PROBLEM_BACKUP_KEY_MISSING;
	case ST_CORRUPT:
	case ST_CONFLICT:
	case ST_NEWER:
	case ST_INVALID:
		return PROBLEM_BACKUP_INVALID;
	default:
		return PROBLEM_BACKUP_FAILED;
	}
}

static struct backup_keys *
at_keys(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;

	if (backup_keys_load(j->place->keys, false, &keys, why) == ST_OK)
		return keys;
	(void)backup_job_refuse(j, ST_IO, PROBLEM_BACKUP_FAILED, why);
	return NULL;
}

void
backup_replay_choose(struct backup_job *j)
{
	struct backup_keys *keys = at_keys(j);
	char why[BACKUP_WHY_SIZE] = "";
	enum status st;

	if (j->st != ST_OK)
		return;
	st = way_find(
	    j->place->root, keys, &j->to, j->facts.backup_id, &j->way, why);
	backup_keys_destroy(keys);
	if (st != ST_OK)
		(void)backup_job_refuse(j, st,
		    st == ST_NOT_FOUND ? PROBLEM_BACKUP_NOT_FOUND
				       : PROBLEM_BACKUP_FAILED,
		    why);
	else
		backup_work_prepare(j);
}

void
backup_replay_records(const struct backup_job *j, char ret[BACKUP_PATH_MAX + 1])
{
	snprintf(ret, BACKUP_PATH_MAX, "%s/" RECORDS_NAME, j->source);
}

void
backup_replay_unseal(struct backup_job *j)
{
	struct backup_keys *keys = at_keys(j);
	char file[BACKUP_PATH_MAX + 1], why[BACKUP_WHY_SIZE] = "";
	enum status st;

	backup_replay_records(j, file);
	if (keys != NULL) {
		st = way_unseal(&j->way, j->place->root, keys, file, why);
		if (st != ST_OK)
			(void)backup_job_refuse(j, st, problem_of(st), why);
	}
	backup_keys_destroy(keys);
	fault_point("restore.unsealed");
	if (j->st != ST_OK)
		backup_work_clean(j);
}

/* The records go before the rest of the flow looks at what is there. */
void
backup_replay_check(struct backup_job *j)
{
	char file[BACKUP_PATH_MAX + 1], why[BACKUP_WHY_SIZE] = "";
	enum status st = way_check(&j->way, &j->to, why);

	backup_replay_records(j, file);
	(void)backup_tree_remove(file);
	if (st != ST_OK)
		(void)backup_job_refuse(j, st, PROBLEM_BACKUP_INVALID, why);
	if (j->st != ST_OK)
		backup_work_clean(j);
}

bool
backup_replay_is_there(const struct backup_job *j)
{
	const struct way *way = &j->way;

	return way->reached || way->now.txid == j->to.txid ||
	       way->next == way->count;
}

void
backup_replay_failed(struct backup_job *j, enum status st, const char *why)
{
	char text[BACKUP_WHY_SIZE];

	snprintf(text, sizeof(text), "segment %s: %.160s",
	    j->way.segments[j->way.named].name, why);
	(void)backup_job_refuse(j, st, problem_of(st), text);
}
