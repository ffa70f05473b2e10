#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_tree.h"
#include "actors/backup_unpack.h"
#include "actors/backup_work.h"
#include "protocols/problem.h"
#include "runtime/base/fault.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/intent.h"

#define PATH_SIZE 4096
#define BYTES_MIN (UINT64_C(64) << 20) /* what any archive may hold */
#define BYTES_TIMES 4                  /* the manifest's size, at most */

/* The steps of a restore; those of a backup stand in backup_work.c. */

static bool
refuse(struct backup_job *j, enum status st, uint32_t problem, const char *why)
{
	if (j->st == ST_OK) {
		j->st = st;
		j->problem = problem;
		text_fit(j->why, sizeof(j->why), why);
	}
	return false;
}

static bool
invalid(struct backup_job *j, const char *why)
{
	return refuse(j, ST_INVALID, PROBLEM_BACKUP_INVALID, why);
}

/* ---- prepare ---- */

/* No id: the newest, but for one from the future. */
static bool
prepare_newest(struct backup_job *j)
{
	int64_t limit = j->facts.timestamp + BACKUP_FUTURE_US;
	struct backup_entry *all = NULL;
	size_t count = 0;
	enum status st = backup_entries_read(j->place->root, &all, &count);

	for (size_t i = 0; i < count && j->facts.backup_id[0] == '\0'; i++)
		if (all[i].facts.timestamp <= limit)
			memcpy(j->facts.backup_id, all[i].facts.backup_id,
			    sizeof(j->facts.backup_id));
	free(all);
	if (j->facts.backup_id[0] != '\0')
		return true;
	return refuse(j, st == ST_OK ? ST_NOT_FOUND : st,
	    PROBLEM_BACKUP_NOT_FOUND, "there is no backup");
}

static bool
prepare_find(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	enum status st = backup_entry_find(
	    j->place->root, j->facts.backup_id, &j->entry, why);

	if (st == ST_OK)
		return true;
	if (st == ST_NOT_FOUND)
		return refuse(
		    j, st, PROBLEM_BACKUP_NOT_FOUND, "there is no such backup");
	if (st == ST_IO)
		return refuse(j, st, PROBLEM_BACKUP_FAILED,
		    "the backup root cannot be read");
	return invalid(j, why);
}

static bool
prepare_trust(struct backup_job *j, const struct backup_keys *keys)
{
	switch (backup_keys_trust(keys, &j->entry.facts)) {
	case TRUST_SIGNED:
		return true;
	case TRUST_FORGED:
		return invalid(j, "the manifest's signature is wrong");
	case TRUST_UNKNOWN:
		if (!j->place->require_signature)
			return true;
		return refuse(j, ST_DENIED, PROBLEM_BACKUP_KEY_MISSING,
		    "it is signed with a key that is not here");
	case TRUST_UNSIGNED:
	default:
		if (!j->place->require_signature)
			return true;
		return invalid(j, "it is not signed, and must be");
	}
}

static bool
prepare_wanted(struct backup_job *j)
{
	const struct backup_facts *f = &j->entry.facts;

	if (f->schema_version > j->schema_newest)
		return invalid(j, "it is of a newer schema than this program");
	if (!j->chose) {
		j->wanted_count = f->count;
		memcpy(j->wanted, f->components, sizeof(j->wanted));
	}
	for (uint32_t i = 0; i < j->wanted_count; i++)
		if (!backup_facts_have(f, j->wanted[i]))
			return invalid(
			    j, "it does not hold every component asked for");
	return true;
}

static bool
prepare_unpack(struct backup_job *j, const struct backup_keys *keys)
{
	char file[PATH_SIZE], why[BACKUP_WHY_SIZE];
	uint64_t bytes_max = j->entry.facts.size_bytes;
	enum status st;

	snprintf(file, sizeof(file), "%s/%s", j->place->root, j->entry.name);
	if (!j->entry.is_archive) {
		text_fit(j->source, sizeof(j->source), file);
		return true;
	}
	snprintf(j->source, sizeof(j->source), "%s/" BACKUP_TMP "open-%s",
	    j->place->root, j->facts.backup_id);
	(void)backup_tree_remove(j->source);
	j->is_unpacked = true;
	bytes_max = bytes_max > UINT64_MAX / BYTES_TIMES
			? UINT64_MAX
			: bytes_max * BYTES_TIMES;
	st = backup_unpack(file, j->source, keys,
	    bytes_max < BYTES_MIN ? BYTES_MIN : bytes_max, &j->pace,
	    j->unpacked_sum, why);
	fault_point("restore.unpacked");
	if (st == ST_OK)
		return true;
	if (st == ST_NOT_FOUND)
		return refuse(j, st, PROBLEM_BACKUP_KEY_MISSING, why);
	if (st == ST_IO || st == ST_NO_MEMORY || st == ST_CANCELLED)
		return refuse(j, st, PROBLEM_BACKUP_FAILED, why);
	return invalid(j, why);
}

static bool
same_text(const char *a, const char *b)
{
	unsigned char odd = strlen(a) != strlen(b);

	for (size_t i = 0; a[i] != '\0' && b[i] != '\0'; i++)
		odd |= (unsigned char)(a[i] ^ b[i]);
	return odd == 0;
}

static bool
prepare_sum(struct backup_job *j)
{
	char sum[BACKUP_CHECKSUM_MAX + 1] = "";
	enum status st = ST_OK;

	if (j->unpacked_sum[0] != '\0')
		text_fit(sum, sizeof(sum), j->unpacked_sum);
	else
		st = backup_tree_sum(j->source, &j->pace, sum);
	if (st == ST_IO || st == ST_NO_MEMORY || st == ST_CANCELLED)
		return refuse(
		    j, st, PROBLEM_BACKUP_FAILED, "the backup cannot be read");
	if (st == ST_OK && same_text(sum, j->entry.facts.checksum))
		return true;
	LOG(BACKUP_CHECKSUM_MISMATCH, KV("backup_id", j->facts.backup_id));
	return invalid(j, "it is not what its checksum says");
}

static bool
is_folder(const char *path)
{
	struct stat s;

	return lstat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool
is_file(const char *path)
{
	struct stat s;

	return lstat(path, &s) == 0 && S_ISREG(s.st_mode);
}

struct first_file {
	char name[BACKUP_NAME_MAX + 1];
};

/* Names come in the order of their bytes. */
static enum status
first_file_visit(void *ctx, const struct backup_found *f)
{
	struct first_file *first = ctx;

	if (S_ISREG(f->stat->st_mode) && first->name[0] == '\0' &&
	    strchr(f->path, '/') == NULL)
		text_fit(first->name, sizeof(first->name), f->name);
	return ST_OK;
}

/* The file of the live one's name, else the first. */
bool
backup_find_config(const struct backup_job *j, char *ret_file)
{
	const char *slash = strrchr(j->place->config, '/');
	struct first_file first = { "" };
	char area[PATH_SIZE];

	snprintf(ret_file, PATH_SIZE, "%s/config/%s", j->source,
	    slash == NULL ? j->place->config : slash + 1);
	if (is_file(ret_file))
		return true;
	snprintf(area, sizeof(area), "%s/config", j->source);
	if (!is_folder(area) ||
	    backup_tree_walk(area, first_file_visit, &first) != ST_OK ||
	    first.name[0] == '\0')
		return false;
	snprintf(ret_file, PATH_SIZE, "%s/config/%s", j->source, first.name);
	return true;
}

static bool
config_was_empty(const struct backup_job *j)
{
	const struct backup_facts *f = &j->entry.facts;

	for (uint32_t i = 0; i < f->parts_count; i++)
		if (f->parts[i].component == COMPONENT_CONFIG)
			return f->parts[i].size_bytes == 0;
	return false;
}

static void
forget_wanted(struct backup_job *j, uint32_t at)
{
	for (uint32_t i = at; i + 1 < j->wanted_count; i++)
		j->wanted[i] = j->wanted[i + 1];
	j->wanted_count--;
}

/* The store looks at its own. */
static bool
prepare_sources(struct backup_job *j)
{
	char path[PATH_SIZE];

	for (uint32_t i = 0; i < j->wanted_count; i++) {
		if (j->wanted[i] == COMPONENT_MEMORY) {
			snprintf(path, sizeof(path), "%s/memory", j->source);
			if (!is_folder(path))
				return invalid(j, "it has no memory tree");
		}
		if (j->wanted[i] != COMPONENT_CONFIG ||
		    backup_find_config(j, path))
			continue;
		if (j->chose || !config_was_empty(j))
			return invalid(j, "it has no configuration file");
		forget_wanted(j, i--); /* there was none to save */
	}
	return true;
}

void
backup_work_prepare(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;

	if (backup_keys_load(j->place->keys, false, &keys, why) != ST_OK)
		(void)refuse(j, ST_IO, PROBLEM_BACKUP_FAILED, why);
	else if ((j->facts.backup_id[0] != '\0' || prepare_newest(j)) &&
		 prepare_find(j) && prepare_trust(j, keys) &&
		 prepare_wanted(j) && prepare_unpack(j, keys) && prepare_sum(j))
		(void)prepare_sources(j);
	if (j->st == ST_OK)
		j->txid_floor = points_floor(j->place->root, keys);
	backup_keys_destroy(keys);
	if (j->st != ST_OK)
		backup_work_clean(j);
}

void
backup_work_clean(struct backup_job *j)
{
	if (j->is_unpacked)
		(void)backup_tree_remove(j->source);
	j->is_unpacked = false;
}

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

static enum status
sync_folder_of(const char *path)
{
	char folder[PATH_SIZE];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return backup_folder_sync(".");
	slash[slash == folder ? 1 : 0] = '\0';
	return backup_folder_sync(folder);
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
		st = sync_folder_of(l->path);
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

static enum status
live_keep(const struct live *l)
{
	enum status st = backup_tree_remove(l->aside);

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
	return refuse(j, st, PROBLEM_RESTORE_FAILED, why);
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
}
