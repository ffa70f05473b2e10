#include <pthread.h>
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
#include "runtime/base/thread.h"

#define PATH_SIZE 4096
#define BYTES_MIN (UINT64_C(64) << 20) /* what any archive may hold */
#define BYTES_TIMES 4                  /* the manifest's size, at most */

/* What a restore and a drill begin with: a backup, found and proven. */

bool
backup_job_refuse(
    struct backup_job *j, enum status st, uint32_t problem, const char *why)
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
	return backup_job_refuse(j, ST_INVALID, PROBLEM_BACKUP_INVALID, why);
}

/* ---- prepare ---- */

static const struct backup_entry *
newest_until(
    const struct backup_entry *all, size_t count, int64_t limit, bool ours)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].facts.timestamp <= limit && !all[i].is_disputed &&
		    (!ours || all[i].trust == TRUST_SIGNED))
			return &all[i];
	return NULL;
}

/* Ours before what may be forged.  One of ours from the future is better than
 * none: our clock may be wrong now. */
static const struct backup_entry *
newest_of(const struct backup_entry *all, size_t count, int64_t limit)
{
	const struct backup_entry *e = newest_until(all, count, limit, true);

	if (e == NULL)
		e = newest_until(all, count, INT64_MAX, true);
	return e != NULL ? e : newest_until(all, count, limit, false);
}

/* No id was given. */
static bool
prepare_newest(struct backup_job *j, const struct backup_keys *keys)
{
	int64_t limit = j->facts.timestamp + BACKUP_FUTURE_US;
	const struct backup_entry *newest;
	struct backup_entry *all = NULL;
	size_t count = 0;
	enum status st = backup_entries_read(j->from, &all, &count);

	backup_keys_prove(keys, all, count);
	newest = newest_of(all, count, limit);
	if (newest != NULL)
		memcpy(j->facts.backup_id, newest->facts.backup_id,
		    sizeof(j->facts.backup_id));
	free(all);
	if (newest != NULL)
		return true;
	j->is_bad_copy = true;
	return backup_job_refuse(j, st == ST_OK ? ST_NOT_FOUND : st,
	    PROBLEM_BACKUP_NOT_FOUND, "there is no backup");
}

static bool
prepare_find(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	enum status st =
	    backup_entry_find(j->from, j->facts.backup_id, &j->entry, why);

	if (st == ST_OK)
		return true;
	j->is_bad_copy = true;
	if (st == ST_NOT_FOUND)
		return backup_job_refuse(
		    j, st, PROBLEM_BACKUP_NOT_FOUND, "there is no such backup");
	if (st == ST_IO)
		return backup_job_refuse(j, st, PROBLEM_BACKUP_FAILED,
		    "the backup root cannot be read");
	return invalid(j, why);
}

/* The second target is a disk of somebody else's. */
static bool
must_be_signed(const struct backup_job *j)
{
	return j->place->require_signature || j->from == j->place->second;
}

static bool
prepare_trust(struct backup_job *j, const struct backup_keys *keys)
{
	switch (backup_keys_trust(keys, &j->entry.facts)) {
	case TRUST_SIGNED:
		return true;
	case TRUST_FORGED:
		j->is_bad_copy = true;
		return invalid(j, "the manifest's signature is wrong");
	case TRUST_UNKNOWN:
		if (!must_be_signed(j))
			return true;
		return backup_job_refuse(j, ST_DENIED,
		    PROBLEM_BACKUP_KEY_MISSING,
		    "it is signed with a key that is not here");
	case TRUST_UNSIGNED:
	default:
		if (!must_be_signed(j))
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

/* What may change under us is copied before it is looked at. */
static enum status
prepare_own(struct backup_job *j, const char *folder, char *why)
{
	uint64_t bytes;

	text_fit(why, BACKUP_WHY_SIZE, "the copy cannot be read");
	return backup_tree_copy(folder, j->source, &j->pace, &bytes);
}

/* Of this process: `troupe backup verify` may be at work beside it. */
static void
prepare_scratch(struct backup_job *j)
{
	snprintf(j->source, sizeof(j->source), "%s/" BACKUP_TMP "open-%s-%ld",
	    j->place->root, j->facts.backup_id, (long)getpid());
	(void)backup_tree_remove(j->source);
	j->is_unpacked = true;
}

static bool
prepare_unpack(struct backup_job *j, const struct backup_keys *keys)
{
	char file[PATH_SIZE], why[BACKUP_WHY_SIZE];
	uint64_t bytes_max = j->entry.facts.size_bytes;
	enum status st;

	snprintf(file, sizeof(file), "%s/%s", j->from, j->entry.name);
	atomic_store(&j->total, j->entry.is_archive
				    ? j->entry.stored_bytes
				    : j->entry.facts.size_bytes);
	if (!j->entry.is_archive && j->from == j->place->root) {
		text_fit(j->source, sizeof(j->source), file);
		return true;
	}
	prepare_scratch(j);
	j->unpacked_sum[0] = '\0';
	bytes_max = bytes_max > UINT64_MAX / BYTES_TIMES
			? UINT64_MAX
			: bytes_max * BYTES_TIMES;
	if (j->entry.is_archive)
		st = backup_unpack(file, j->source, keys,
		    bytes_max < BYTES_MIN ? BYTES_MIN : bytes_max, &j->pace,
		    j->unpacked_sum, why);
	else
		st = prepare_own(j, file, why);
	fault_point("restore.unpacked");
	if (st == ST_OK)
		return true;
	j->is_bad_copy = st != ST_CANCELLED;
	if (st == ST_NOT_FOUND)
		return backup_job_refuse(
		    j, st, PROBLEM_BACKUP_KEY_MISSING, why);
	if (st == ST_IO || st == ST_NO_MEMORY || st == ST_CANCELLED)
		return backup_job_refuse(j, st, PROBLEM_BACKUP_FAILED, why);
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

	if (j->is_unpacked && j->unpacked_sum[0] != '\0')
		text_fit(sum, sizeof(sum), j->unpacked_sum);
	else
		st = backup_tree_sum(j->source, &j->pace, sum);
	j->is_bad_copy = st != ST_CANCELLED;
	if (st == ST_IO || st == ST_NO_MEMORY || st == ST_CANCELLED)
		return backup_job_refuse(
		    j, st, PROBLEM_BACKUP_FAILED, "the backup cannot be read");
	if (st == ST_OK && same_text(sum, j->entry.facts.checksum)) {
		j->is_bad_copy = false;
		return true;
	}
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
	struct first_file first = { "" };
	char area[PATH_SIZE];

	snprintf(ret_file, PATH_SIZE, "%s/config/%s", j->source,
	    text_base_name(j->place->config));
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

/* From one of the folders. */
static bool
prepare_from(
    struct backup_job *j, const struct backup_keys *keys, const char *folder)
{
	j->from = folder;
	j->is_bad_copy = false;
	return (j->facts.backup_id[0] != '\0' || prepare_newest(j, keys)) &&
	       prepare_find(j) && prepare_trust(j, keys) && prepare_wanted(j) &&
	       prepare_unpack(j, keys) && prepare_sum(j) && prepare_sources(j);
}

struct complaint {
	enum status st;
	uint32_t problem;
	char why[BACKUP_WHY_SIZE];
};

static struct complaint
complaint_take(struct backup_job *j)
{
	struct complaint c = { .st = j->st, .problem = j->problem };

	memcpy(c.why, j->why, sizeof(c.why));
	j->st = ST_OK;
	j->problem = 0;
	j->why[0] = '\0';
	return c;
}

/* Where neither will do, what is wrong with the one that is there counts. */
static void
prepare_second(struct backup_job *j, const struct backup_keys *keys)
{
	struct complaint first = complaint_take(j), second;

	backup_work_clean(j);
	if (backup_folder_make(j->place->root) == ST_OK &&
	    prepare_from(j, keys, j->place->second)) {
		j->where = WHERE_SECOND;
		LOG(BACKUP_SECOND_USED, KV("backup_id", j->facts.backup_id),
		    KV("error", first.why));
		return;
	}
	second = complaint_take(j);
	if (first.problem == PROBLEM_BACKUP_NOT_FOUND && second.st != ST_OK)
		first = second;
	j->st = first.st;
	j->problem = first.problem;
	memcpy(j->why, first.why, sizeof(j->why));
}

void
backup_work_prepare(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;

	if (backup_keys_load(j->place->keys, false, &keys, why) != ST_OK)
		(void)backup_job_refuse(j, ST_IO, PROBLEM_BACKUP_FAILED, why);
	else if (!prepare_from(j, keys, j->place->root) && j->is_bad_copy &&
		 j->place->second[0] != '\0')
		prepare_second(j, keys);
	if (j->st == ST_OK)
		j->txid_floor = points_floor(j->place->root, keys);
	backup_keys_destroy(keys);
	if (j->st != ST_OK)
		backup_work_clean(j);
}

/* ---- beside its safety backup ---- */

void
backup_work_look(struct backup_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;

	j->from = j->place->root;
	j->may_do =
	    backup_keys_load(j->place->keys, false, &keys, why) == ST_OK &&
	    prepare_find(j) && prepare_trust(j, keys) && prepare_wanted(j);
	(void)complaint_take(j);
	backup_keys_destroy(keys);
}

static void *
beside_main(void *arg)
{
	thread_name("backup-safety");
	backup_work_save(arg);
	return NULL;
}

void
backup_work_prepare_beside(struct backup_job *j)
{
	pthread_t thread;
	bool runs = pthread_create(&thread, NULL, beside_main, j->beside) == 0;

	backup_work_prepare(j);
	if (j->st != ST_OK)
		atomic_store(&j->beside->pace.cancelled, true);
	if (runs)
		pthread_join(thread, NULL);
	else if (j->st == ST_OK)
		backup_work_save(j->beside);
}

void
backup_work_forget(struct backup_job *j)
{
	if (j->beside != NULL)
		backup_work_abandon(j->beside);
	backup_work_clean(j);
}

void
backup_work_clean(struct backup_job *j)
{
	if (j->is_unpacked)
		(void)backup_tree_remove(j->source);
	j->is_unpacked = false;
}

/* A backup is never changed: what is not unpacked is copied. */
void
backup_work_own(struct backup_job *j)
{
	char from[PATH_SIZE], folder[PATH_SIZE], to[PATH_SIZE];
	uint64_t bytes = 0;
	enum status st;

	if (j->is_unpacked)
		return;
	snprintf(from, sizeof(from), "%s/" BACKUP_STORE_FILE, j->source);
	prepare_scratch(j);
	snprintf(folder, sizeof(folder), "%s/persistence", j->source);
	snprintf(to, sizeof(to), "%s/" BACKUP_STORE_FILE, j->source);
	st = backup_folder_make(folder);
	if (st == ST_OK)
		st = backup_file_copy(from, to, &j->pace, &bytes);
	if (st == ST_OK)
		return;
	(void)backup_job_refuse(
	    j, st, PROBLEM_BACKUP_FAILED, "the backup cannot be copied");
	backup_work_clean(j);
}
