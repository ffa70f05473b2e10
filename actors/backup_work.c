#include "actors/backup_work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "actors/backup_tree.h"
#include "protocols/problem.h"
#include "runtime/base/fault.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define ROOT_MODE 0700
#define PATH_SIZE 4096

static bool
job_fail(struct backup_job *j, enum status st, uint32_t problem,
    const char *what, const char *why)
{
	if (j->st == ST_OK) {
		j->st = st;
		j->problem = problem;
		snprintf(j->why, sizeof(j->why), "%.60s: %.180s", what, why);
	}
	return false;
}

/* A step of a backup. */
static bool
job_went(struct backup_job *j, enum status st, const char *what)
{
	if (st == ST_OK)
		return true;
	return job_fail(j, st, PROBLEM_BACKUP_FAILED, what,
	    st == ST_IO ? strerror(errno) : status_text(st));
}

/* ---- a backup ---- */

/* An id that nobody has. */
static bool
work_choose_id(struct backup_job *j)
{
	for (int i = 0; i < BACKUP_CANDIDATES; i++) {
		text_hex(
		    j->random[i], BACKUP_ID_LENGTH / 2, j->facts.backup_id);
		if (!backup_id_is_taken(j->place->root, j->facts.backup_id))
			return true;
	}
	return job_fail(j, ST_EXISTS, PROBLEM_BACKUP_FAILED, "id",
	    "every one of them is taken");
}

/* Names did not say so: backups in a memory tree would go with it. */
static bool
work_is_apart(struct backup_job *j)
{
	if (!backup_facts_have(&j->facts, COMPONENT_MEMORY) ||
	    backup_are_apart(j->place->root, j->place->memory))
		return true;
	return job_fail(j, ST_INVALID, PROBLEM_BACKUP_FAILED, "memory",
	    "memory.path and backup.path are not apart");
}

/* For those who watch; the store's part is added when it is known. */
static void
work_expect(struct backup_job *j)
{
	uint64_t bytes = 0;

	if (backup_facts_have(&j->facts, COMPONENT_MEMORY))
		bytes += backup_tree_size(j->place->memory);
	if (backup_facts_have(&j->facts, COMPONENT_CONFIG))
		bytes += backup_tree_size(j->place->config);
	atomic_store(&j->total, bytes);
}

void
backup_work_begin(struct backup_job *j)
{
	char area[PATH_SIZE];

	if (!job_went(j, backup_folder_make(j->place->root), "backup root") ||
	    !work_is_apart(j) || !work_choose_id(j))
		return;
	(void)chmod(j->place->root, ROOT_MODE);
	snprintf(j->stage, sizeof(j->stage), "%s/" BACKUP_TMP "%s",
	    j->place->root, j->facts.backup_id);
	if (!job_went(j, backup_folder_make(j->stage), "folder"))
		return;
	fault_point("create.begin");
	work_expect(j);
	if (!backup_facts_have(&j->facts, COMPONENT_PERSISTENCE))
		return;
	snprintf(area, sizeof(area), "%s/persistence", j->stage);
	(void)job_went(j, backup_folder_make(area), "persistence");
}

void
backup_work_abandon(struct backup_job *j)
{
	if (j->stage[0] != '\0')
		(void)backup_tree_remove(j->stage);
	if (j->saved[0] != '\0')
		(void)backup_tree_remove(j->saved);
}

/* Nothing to save is an empty part. */
static bool
work_part(struct backup_job *j, enum backup_component c, enum status st,
    uint64_t bytes)
{
	const char *name = backup_component_text(c);
	struct timespec now;

	if (st != ST_NOT_FOUND && !job_went(j, st, name)) {
		LOG(BACKUP_COMPONENT_FAILED, KV("component", name),
		    KV("error", j->why));
		return false;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	j->facts.parts[j->facts.parts_count++] = (struct backup_part){ c, bytes,
		(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 };
	j->facts.size_bytes += bytes;
	LOG(BACKUP_COMPONENT_COMPLETED, KV("component", name),
	    KU("bytes", bytes));
	return true;
}

/* The area is there, and empty, when there is nothing to save. */
static bool
work_save_memory(struct backup_job *j)
{
	char area[PATH_SIZE];
	uint64_t bytes = 0;
	enum status st;

	snprintf(area, sizeof(area), "%s/memory", j->stage);
	st = backup_tree_copy(j->place->memory, area, &j->pace, &bytes);
	if (fault_fails("create.memory"))
		st = ST_NO_MEMORY;
	return work_part(j, COMPONENT_MEMORY, st, bytes);
}

static bool
work_save_config(struct backup_job *j)
{
	char area[PATH_SIZE], file[PATH_SIZE];
	uint64_t bytes = 0;
	enum status st;

	snprintf(area, sizeof(area), "%s/config", j->stage);
	st = backup_folder_make(area);
	snprintf(file, sizeof(file), "%s/config/%s", j->stage,
	    text_base_name(j->place->config));
	if (st == ST_OK)
		st = backup_file_copy(j->place->config, file, &j->pace, &bytes);
	return work_part(j, COMPONENT_CONFIG, st, bytes);
}

/* Signed; text takes BACKUP_MANIFEST_MAX. */
static enum status
work_manifest(struct backup_facts *f, const struct backup_keys *keys,
    uint8_t *text, size_t *ret_size)
{
	struct wire_out out = { text, BACKUP_MANIFEST_MAX, 0 };
	const struct backup_key *key = backup_keys_newest(keys);
	enum status st = ST_OK;

	if (key != NULL)
		st = backup_keys_sign(key, f);
	if (st == ST_OK)
		st = backup_facts_write(f, true, &out);
	*ret_size = out.used;
	return st;
}

static bool
work_manifest_written(struct backup_job *j, enum status st)
{
	if (st == ST_OK)
		LOG(BACKUP_MANIFEST_WRITTEN,
		    KV("backup_id", j->facts.backup_id));
	fault_point("create.manifest");
	return job_went(j, st, "manifest");
}

static bool
work_write_manifest(struct backup_job *j, const struct backup_keys *keys)
{
	uint8_t *text = malloc(BACKUP_MANIFEST_MAX);
	char file[PATH_SIZE];
	enum status st = ST_NO_MEMORY;
	size_t size = 0;

	snprintf(file, sizeof(file), "%s/" BACKUP_MANIFEST_NAME, j->stage);
	if (text != NULL)
		st = work_manifest(&j->facts, keys, text, &size);
	if (st == ST_OK)
		st = backup_file_write(file, text, size);
	free(text);
	return work_manifest_written(j, st);
}

static void
work_final_name(const struct backup_job *j, const char *end, char *ret_path)
{
	time_t seconds = (time_t)(j->facts.timestamp / 1000000);
	char when[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(ret_path, PATH_SIZE, "%s/%s_%s_%s%s", j->place->root,
	    j->facts.backup_id, when, backup_trigger_text(j->facts.trigger),
	    end);
}

static bool
work_publish(struct backup_job *j)
{
	char to[PATH_SIZE];

	work_final_name(j, j->saved_end, to);
	fault_point("create.publish");
	if (rename(j->saved, to) != 0)
		return job_went(j, ST_IO, "publish");
	j->saved[0] = '\0';
	fault_point("create.published");
	backup_last_write(j->place->root, j->facts.backup_id);
	return job_went(j, backup_folder_sync(j->place->root), "backup root");
}

/* ---- an archive: from where things are, in one pass ---- */

/* Room for it is kept before its numbers are known. */
static enum status
work_manifest_max(const struct backup_job *j, const struct backup_keys *keys,
    uint8_t *text, size_t *ret_size)
{
	struct backup_facts most = j->facts;

	snprintf(most.checksum, sizeof(most.checksum), "sha256:%064d", 0);
	most.size_bytes = UINT64_MAX;
	most.parts_count = most.count;
	for (uint32_t i = 0; i < most.count; i++)
		most.parts[i] = (struct backup_part){ COMPONENT_PERSISTENCE,
			UINT64_MAX, most.timestamp };
	return work_manifest(&most, keys, text, ret_size);
}

static bool
work_pack_memory(struct backup_job *j, struct backup_pack *p)
{
	uint64_t bytes = 0;
	enum status st =
	    backup_pack_tree(p, j->place->memory, "memory", &bytes);

	if (fault_fails("create.memory"))
		st = ST_NO_MEMORY;
	return work_part(j, COMPONENT_MEMORY, st, bytes);
}

static bool
work_pack_config(struct backup_job *j, struct backup_pack *p)
{
	uint64_t bytes = 0;
	enum status st =
	    backup_pack_file(p, j->place->config, "config", &bytes);

	return work_part(j, COMPONENT_CONFIG, st, bytes);
}

/* The store's copy lies in the stage already. */
static bool
work_pack_store(struct backup_job *j, struct backup_pack *p)
{
	char area[PATH_SIZE];
	uint64_t bytes;

	snprintf(area, sizeof(area), "%s/persistence", j->stage);
	return job_went(
	    j, backup_pack_tree(p, area, "persistence", &bytes), "archive");
}

/* In the order of their names, as their sum has it. */
static bool
work_pack_parts(struct backup_job *j, struct backup_pack *p)
{
	if (backup_facts_have(&j->facts, COMPONENT_CONFIG) &&
	    !work_pack_config(j, p))
		return false;
	fault_point("create.config");
	if (backup_facts_have(&j->facts, COMPONENT_MEMORY) &&
	    !work_pack_memory(j, p))
		return false;
	fault_point("create.memory");
	return !backup_facts_have(&j->facts, COMPONENT_PERSISTENCE) ||
	       work_pack_store(j, p);
}

static bool
work_pack_into(struct backup_job *j, struct backup_pack *p,
    const struct backup_keys *keys, uint8_t *text)
{
	size_t size = 0;
	enum status st;

	if (!work_pack_parts(j, p))
		return false;
	backup_pack_sum(p, j->facts.checksum);
	st = work_manifest(&j->facts, keys, text, &size);
	if (!work_manifest_written(j, st))
		return false;
	st = backup_pack_end(p, (struct bytes){ text, size });
	fault_point("create.packed");
	return job_went(j, st, "archive");
}

static bool
work_pack(
    struct backup_job *j, const struct backup_keys *keys, const char *file)
{
	uint8_t *text = malloc(BACKUP_MANIFEST_MAX);
	struct backup_pack *p = NULL;
	enum status st = ST_NO_MEMORY;
	size_t most = 0;
	bool good;

	if (text != NULL)
		st = work_manifest_max(j, keys, text, &most);
	if (st == ST_OK)
		st = backup_pack_open(file,
		    &(struct backup_packing){ .how = j->place->archive,
			.quick = j->facts.trigger == TRIGGER_PRE_MIGRATION,
			.key = j->seal ? backup_keys_newest(keys) : NULL,
			.manifest_max = most },
		    &j->pace, &p);
	good = job_went(j, st, "archive") && work_pack_into(j, p, keys, text);
	backup_pack_destroy(p);
	free(text);
	return good;
}

static bool
work_save_archive(struct backup_job *j, const struct backup_keys *keys)
{
	char file[BACKUP_STAGE_MAX];

	snprintf(j->saved_end, sizeof(j->saved_end), "%s%s",
	    backup_archive_end(j->place->archive),
	    j->seal ? BACKUP_SEALED_END : "");
	snprintf(file, sizeof(file), "%s/" BACKUP_TMP "%s.archive",
	    j->place->root, j->facts.backup_id);
	if (!work_pack(j, keys, file))
		return false;
	memcpy(j->saved, file, sizeof(j->saved));
	return true;
}

/* ---- a folder ---- */

static bool
work_save_folder(struct backup_job *j, const struct backup_keys *keys)
{
	enum status st;

	if (backup_facts_have(&j->facts, COMPONENT_MEMORY) &&
	    !work_save_memory(j))
		return false;
	fault_point("create.memory");
	if (backup_facts_have(&j->facts, COMPONENT_CONFIG) &&
	    !work_save_config(j))
		return false;
	fault_point("create.config");
	st = backup_tree_sum(j->stage, &j->pace, j->facts.checksum);
	if (!job_went(j, st, "checksum") || !work_write_manifest(j, keys))
		return false;
	memcpy(j->saved, j->stage, sizeof(j->saved));
	return job_went(j, backup_tree_sync(j->stage), "sync");
}

void
backup_work_save(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;
	enum status st = backup_keys_load(j->place->keys, true, &keys, why);
	bool good;

	j->seal = j->seal && j->compress;
	if (st == ST_OK && j->seal)
		snprintf(j->facts.key_id, sizeof(j->facts.key_id), "%s",
		    backup_key_id(backup_keys_newest(keys)));
	if (st != ST_OK)
		good = job_fail(j, st, PROBLEM_BACKUP_FAILED, "keys", why);
	else
		good = j->compress ? work_save_archive(j, keys)
				   : work_save_folder(j, keys);
	if (!good)
		backup_work_abandon(j);
	backup_keys_destroy(keys);
}

void
backup_work_publish(struct backup_job *j)
{
	if (j->st != ST_OK)
		return;
	if (!work_publish(j)) {
		backup_work_abandon(j);
	} else if (j->compress) {
		(void)backup_tree_remove(j->stage);
		fault_point("create.cleaned");
	}
}

void
backup_work_end(struct backup_job *j)
{
	backup_work_save(j);
	backup_work_publish(j);
}

/* Without our keys nothing could be told from a forgery, and nothing goes. */
static enum status
work_keep(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;
	enum status st = backup_keys_load(j->place->keys, false, &keys, why);

	if (st != ST_OK) {
		LOG(BACKUP_RETENTION_FAILED, KV("error", why));
		return st;
	}
	j->policy.keys = keys;
	st = backup_keep(j->place->root, &j->policy, j->dry, &j->outcomes,
	    &j->outcomes_count, &j->refused);
	j->policy.keys = NULL;
	backup_keys_destroy(keys);
	return st;
}

/* Why a backup is removed or stays is kept with the job. */
void
backup_work_keep_some(struct backup_job *j)
{
	uint32_t count;
	char last[BACKUP_ID_LENGTH + 1];

	for (size_t i = 0; i < BACKUP_PINS; i++)
		j->policy.pinned[i] = j->pinned[i];
	if (j->facts.backup_id[0] != '\0')
		j->policy.newest = j->facts.backup_id;
	else if (backup_last_read(j->place->root, last))
		j->policy.newest = last;
	free(j->outcomes);
	j->outcomes = NULL;
	j->outcomes_count = 0;
	j->kept_st = work_keep(j);
	j->policy.newest = NULL;
	if (!j->dry && points_prune(j->place->root, &count) == ST_OK &&
	    count > 0)
		LOG(BACKUP_SHIP_PRUNED, KU("count", count));
}
