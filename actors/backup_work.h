/*
 * backup_work - the steps of a backup and of a restore that touch the disk.
 *
 * The actor (backup.h) decides their order, and asks the store in between;
 * each step is one function that runs on a worker and leaves its outcome in
 * the job.  A restore's steps can be cut short anywhere: recover brings all
 * back, or all forward, by the intent (runtime/intent.h).
 *
 * Beside the live memory tree and configuration stand, while a restore is in
 * hand, NAME.incoming, NAME.aside, and NAME.absent where there was nothing; a
 * while longer the old tree, NAME.gone-N.
 */
#ifndef ACTORS_BACKUP_WORK_H
#define ACTORS_BACKUP_WORK_H

#include "actors/backup_keep.h"
#include "actors/backup_keys.h"
#include "actors/backup_pack.h"
#include "actors/points.h"
#include "runtime/base/pace.h"
#include "runtime/config.h"

#define BACKUP_PLACE_MAX 1100
#define BACKUP_STAGE_MAX (BACKUP_PLACE_MAX + 64)
#define BACKUP_CANDIDATES 8
#define BACKUP_STORE_FILE "persistence/data.mdb"

/* Where everything is; set once. */
struct backup_place {
	char data_dir[BACKUP_PLACE_MAX];
	char root[BACKUP_PLACE_MAX];
	char keys[BACKUP_PLACE_MAX];
	char second[BACKUP_PLACE_MAX]; /* "": none */
	bool second_elsewhere;         /* refused on the disk of root */
	char memory[BACKUP_PLACE_MAX];
	char config[BACKUP_PLACE_MAX];
	enum backup_archive archive;
	bool require_signature;
	uint32_t protects; /* kinds that retention never removes */
};

/* INVALID: what one thing replaces or removes must not hold another; why of
 * BACKUP_WHY_SIZE. */
MUST_CHECK enum status backup_place_init(
    const struct config *c, struct backup_place *ret_place, char *ret_why);

/* Or the same; by their names alone. */
bool backup_is_within(const char *path, const char *folder);
/* Whatever links their paths have: neither is, nor holds, the other. */
bool backup_are_apart(const char *a, const char *b);

struct backup_job {
	const struct backup_place *place;
	struct pace pace;
	_Atomic uint64_t total; /* bytes that it comes to; 0: not known */
	enum status st;
	uint32_t problem; /* with a status that is not OK */
	char why[BACKUP_WHY_SIZE];

	/* Of a backup. */
	uint8_t random[BACKUP_CANDIDATES][BACKUP_ID_LENGTH / 2];
	struct backup_facts facts;
	bool compress;
	bool seal;
	char stage[BACKUP_STAGE_MAX]; /* the folder it is made in */
	char saved[BACKUP_STAGE_MAX]; /* what is to be published */
	char saved_end[24];           /* of its name, then */
	struct backup_policy policy;
	char pinned[BACKUP_PINS][BACKUP_ID_LENGTH + 1];
	bool dry; /* judge, and remove nothing */
	enum status kept_st;
	struct backup_outcome
	    *outcomes; /* owned; what retention made of each */
	size_t outcomes_count;
	size_t refused; /* entries that retention passed over */

	/* Of a restore or a drill. */
	struct backup_entry entry;
	const char *from; /* the folder that entry is in */
	enum backup_where where;
	bool is_bad_copy;          /* another copy may be better */
	bool may_do;               /* as far as a look at it told */
	struct backup_job *beside; /* its safety backup; NULL: not yet */
	char source[BACKUP_STAGE_MAX + BACKUP_NAME_MAX];
	bool is_unpacked; /* source is ours, and goes */
	char unpacked_sum[BACKUP_CHECKSUM_MAX + 1]; /* "": another look */
	bool chose;                                 /* components were named */
	uint32_t wanted_count;
	enum backup_component wanted[BACKUP_COMPONENTS_MAX];
	char safety_id[BACKUP_ID_LENGTH + 1];
	uint32_t schema_newest;
	bool kept;
	struct point to; /* not what the backup shows, but this state */
	struct way way;
	uint64_t txid_floor; /* of what is to come after a restore */
	int64_t proven_at; /* of a drill: what is written beside the backups */
};

/* When a drill last went well, as it was written; 0: never. */
int64_t backup_work_proven(const struct backup_place *place);

/* A new id, and the folder it is made in. */
void backup_work_begin(struct backup_job *j);
/* After the store has put its copy there: the rest, until it is published. */
void backup_work_end(struct backup_job *j);
/* Likewise in two steps: in between nobody sees it. */
void backup_work_save(struct backup_job *j);
void backup_work_publish(struct backup_job *j);
void backup_work_abandon(struct backup_job *j);
void backup_work_keep_some(struct backup_job *j);

/* Always false; the first of them is why the job has failed. */
bool backup_job_refuse(
    struct backup_job *j, enum status st, uint32_t problem, const char *why);
/*
 * Finds it and proves what can be proven without the store.  Where the backup
 * is missing or damaged, its copy on the second target will do.
 */
void backup_work_prepare(struct backup_job *j);
/* Whether it may be of use, by what costs nothing; it fails nothing. */
void backup_work_look(struct backup_job *j);
/* Prepares it while beside is saved; beside ends when it is of no use. */
void backup_work_prepare_beside(struct backup_job *j);
/* What was made for a restore that is not to be. */
void backup_work_forget(struct backup_job *j);
/* The store's copy alone, in a scratch folder that may be changed. */
void backup_work_own(struct backup_job *j);
/* The configuration file in what was prepared; ret_file takes 4096 bytes. */
bool backup_find_config(const struct backup_job *j, char *ret_file);
/* Memory and configuration: beside the live ones, the intent, the swap. */
void backup_work_swap(struct backup_job *j);
/* Where the store has no part: the word that it goes forward. */
void backup_work_keep(struct backup_job *j);
/* Whatever the intent says; removes it, and what was unpacked. */
void backup_work_settle(struct backup_job *j);
/* The memory trees that restores have replaced. */
void backup_work_drop_gone(const struct backup_place *place);
void backup_work_clean(struct backup_job *j);
/* The end of a drill: likewise, and notes that it went well. */
void backup_work_drilled(struct backup_job *j);

/* At a start. */
void backup_work_recover(const struct backup_place *place);

#endif
