#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_tree.h"
#include "actors/backup_work.h"
#include "protocols/problem.h"
#include "runtime/base/fault.h"
#include "runtime/base/folders.h"
#include "runtime/base/log.h"
#include "runtime/intent.h"

#define PATH_SIZE 4096
#define GONE_MARK ".gone-"
#define GONE_MAX 16 /* old trees that wait to be removed */

/* The steps of a restore; those of a backup stand in backup_work.c. */

/* ---- swap ---- */

struct live {
	const char *path;
	char incoming[PATH_SIZE];
	char aside[PATH_SIZE];
	char absent[PATH_SIZE];
	enum backup_component component;
};

static void
live_init(struct live *l, const char *path, enum backup_component c)
{
	l->path = path;
	l->component = c;
	snprintf(l->incoming, PATH_SIZE, "%s.incoming", path);
	snprintf(l->aside, PATH_SIZE, "%s.aside", path);
	snprintf(l->absent, PATH_SIZE, "%s.absent", path);
}

static bool
is_there(const char *path)
{
	struct stat s;

	return lstat(path, &s) == 0;
}

/* What was unpacked is ours: on the same disk it is moved. */
static enum status
live_stage_memory(struct backup_job *j, const struct live *l)
{
	char from[PATH_SIZE];
	uint64_t bytes;

	snprintf(from, sizeof(from), "%s/memory", j->source);
	if (j->is_unpacked && rename(from, l->incoming) == 0)
		return ST_OK;
	return backup_tree_copy(from, l->incoming, &j->pace, &bytes);
}

static enum status
live_stage_config(struct backup_job *j, const struct live *l)
{
	char from[PATH_SIZE];
	uint64_t bytes;

	if (!backup_find_config(j, from))
		return ST_NOT_FOUND;
	return backup_file_copy(from, l->incoming, &j->pace, &bytes);
}

/* On the disk before anything live goes. */
static enum status
live_stage(struct backup_job *j, const struct live *l)
{
	enum status st = backup_tree_remove(l->incoming);

	if (st == ST_OK)
		st = l->component == COMPONENT_MEMORY ? live_stage_memory(j, l)
						      : live_stage_config(j, l);
	return st == ST_OK ? backup_tree_sync(l->incoming) : st;
}

static enum status
live_swap(const struct live *l)
{
	bool memory = l->component == COMPONENT_MEMORY;
	enum status st;

	if (is_there(l->path))
		st = rename(l->path, l->aside) == 0 ? ST_OK : ST_IO;
	else
		st = backup_file_write(l->absent, "", 0);
	fault_point(memory ? "restore.memory.aside" : "restore.config.aside");
	if (st == ST_OK && rename(l->incoming, l->path) != 0)
		st = ST_IO;
	if (st == ST_OK)
		st = folders_sync_parent(l->path) ? ST_OK : ST_IO;
	fault_point(memory ? "restore.memory.live" : "restore.config.live");
	if (st == ST_OK &&
	    fault_fails(memory ? "restore.memory" : "restore.config"))
		st = ST_IO;
	return st;
}

static enum status
live_back(const struct live *l)
{
	enum status st = ST_OK;

	if (fault_fails("restore.back"))
		return ST_IO;
	if (is_there(l->aside)) {
		st = backup_tree_remove(l->path);
		if (st == ST_OK && rename(l->aside, l->path) != 0)
			st = ST_IO;
	} else if (is_there(l->absent)) {
		st = backup_tree_remove(l->path);
	}
	if (st == ST_OK)
		st = backup_tree_remove(l->absent);
	if (st == ST_OK)
		st = backup_tree_remove(l->incoming);
	return st;
}

/*
 * A large tree takes seconds to remove: it gets another name, and goes when
 * nobody waits any more (backup_work_drop_gone).
 */
static enum status
live_drop(const struct live *l)
{
	char gone[PATH_SIZE + 16];

	if (l->component != COMPONENT_MEMORY)
		return backup_tree_remove(l->aside);
	for (int i = 0; i < GONE_MAX; i++) {
		snprintf(gone, sizeof(gone), "%s" GONE_MARK "%d", l->path, i);
		if (rename(l->aside, gone) == 0 || errno == ENOENT)
			return ST_OK;
	}
	return backup_tree_remove(l->aside);
}

void
backup_work_drop_gone(const struct backup_place *place)
{
	char gone[PATH_SIZE + 16];

	for (int i = 0; i < GONE_MAX; i++) {
		snprintf(
		    gone, sizeof(gone), "%s" GONE_MARK "%d", place->memory, i);
		if (backup_tree_remove(gone) != ST_OK)
			LOG(BACKUP_COMPONENT_FAILED, KV("component", "memory"),
			    KV("error", strerror(errno)));
	}
}

static enum status
live_keep(const struct live *l)
{
	enum status st = live_drop(l);

	if (st == ST_OK)
		st = backup_tree_remove(l->absent);
	if (st == ST_OK)
		st = backup_tree_remove(l->incoming);
	return st;
}

static bool
job_wants(const struct backup_job *j, enum backup_component c)
{
	for (uint32_t i = 0; i < j->wanted_count; i++)
		if (j->wanted[i] == c)
			return true;
	return false;
}

static enum status
write_intent(const struct backup_job *j, bool kept)
{
	const char *components[BACKUP_COMPONENTS_MAX];
	struct restore_intent intent = {
		.backup_id = j->facts.backup_id,
		.safety_backup_id = j->safety_id,
		.components = components,
		.components_count = j->wanted_count,
		.kept = kept,
	};

	for (uint32_t i = 0; i < j->wanted_count; i++)
		components[i] = backup_component_text(j->wanted[i]);
	return intent_write(j->place->data_dir, &intent);
}

static bool
swap_went(struct backup_job *j, enum status st, const char *what)
{
	char why[BACKUP_WHY_SIZE];

	if (st == ST_OK)
		return true;
	snprintf(why, sizeof(why), "%s: %s", what,
	    st == ST_IO ? strerror(errno) : status_text(st));
	return backup_job_refuse(j, st, PROBLEM_RESTORE_FAILED, why);
}

void
backup_work_swap(struct backup_job *j)
{
	struct live lives[2];

	live_init(&lives[0], j->place->memory, COMPONENT_MEMORY);
	live_init(&lives[1], j->place->config, COMPONENT_CONFIG);
	for (size_t i = 0; i < 2; i++)
		if (job_wants(j, lives[i].component) &&
		    !swap_went(j, live_stage(j, &lives[i]), "stage"))
			return;
	fault_point("restore.staged");
	if (!swap_went(j, write_intent(j, false), "intent"))
		return;
	fault_point("restore.intent");
	for (size_t i = 0; i < 2; i++) {
		const char *name = backup_component_text(lives[i].component);

		if (!job_wants(j, lives[i].component))
			continue;
		if (!swap_went(j, live_swap(&lives[i]), name)) {
			LOG(BACKUP_COMPONENT_FAILED, KV("component", name),
			    KV("error", j->why));
			return;
		}
	}
}

void
backup_work_keep(struct backup_job *j)
{
	(void)swap_went(j, write_intent(j, true), "intent");
	fault_point("restore.kept");
}

/* By the intent's word, whoever wrote it. */
static enum status
settle(const struct backup_place *place, bool *ret_kept)
{
	struct arena a = { malloc(INTENT_ARENA), INTENT_ARENA, 0 };
	const struct restore_intent *intent = NULL;
	struct live lives[2];
	enum status st = ST_NO_MEMORY, one;
	bool there, kept = true;

	if (a.base != NULL)
		st = intent_read(place->data_dir, &a, &intent);
	there = st == ST_OK;
	if (there)
		kept = intent->kept;
	free(a.base);
	if (!there && st != ST_NOT_FOUND)
		return st;
	st = ST_OK;
	live_init(&lives[0], place->memory, COMPONENT_MEMORY);
	live_init(&lives[1], place->config, COMPONENT_CONFIG);
	for (size_t i = 0; i < 2; i++) {
		/* Without a word: what is live counts, if it is there. */
		bool forward = there ? kept : is_there(lives[i].path);

		one = forward ? live_keep(&lives[i]) : live_back(&lives[i]);
		st = st == ST_OK ? one : st;
		fault_point("restore.settling");
	}
	*ret_kept = there && kept;
	return st == ST_OK ? intent_remove(place->data_dir) : st;
}

void
backup_work_settle(struct backup_job *j)
{
	enum status st = settle(j->place, &j->kept);

	if (st != ST_OK) {
		j->st = st;
		j->problem = PROBLEM_ROLLBACK_FAILED;
		snprintf(j->why, sizeof(j->why), "settle: %s",
		    st == ST_IO ? strerror(errno) : status_text(st));
	}
	backup_work_clean(j);
	fault_point("restore.settled");
}

void
backup_work_recover(const struct backup_place *place)
{
	struct arena a = { malloc(INTENT_ARENA), INTENT_ARENA, 0 };
	const struct restore_intent *intent = NULL;
	bool cut = a.base != NULL &&
		   intent_read(place->data_dir, &a, &intent) == ST_OK;
	bool kept = false;
	enum status st;

	free(a.base);
	st = settle(place, &kept);
	if (st != ST_OK)
		LOG(RESTORE_ROLLBACK_FAILED, KV("backup_id", "-"),
		    KV("safety_backup_id", "-"), KV("error", status_text(st)));
	else if (cut)
		LOG(RESTORE_RECOVERED, KV("component", "files"),
		    KV("outcome", kept ? "kept" : "rolled_back"));
	backup_entries_sweep(place->root);
	backup_work_drop_gone(place);
}
