#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_replay.h"
#include "actors/backup_tree.h"
#include "ops/cmd_backup.h"
#include "ops/loaded.h"
#include "runtime/base/clock.h"
#include "store/copy.h"
#include "store/migrate.h"
#include "store/prove.h"
#include "store/replay.h"

/* Backups without a running Troupe: verified, or restored into a folder. */

#define PATH_SIZE 4096

struct offline {
	struct loaded loaded;
	struct backup_place place;
	struct backup_job job;
	struct proven proven;
};

static enum cmd_exit
offline_fail(const struct cmd_args *args, const char *what, const char *why)
{
	if (args->json) {
		fprintf(args->out, "{\"ok\":false,\"why\":");
		cmd_json_text(args->out, why);
		fprintf(args->out, "}\n");
	}
	fprintf(args->err, "troupe backup: %s: %s\n", what, why);
	return CMD_FAILED;
}

static bool
wants_store(const struct backup_job *j)
{
	for (uint32_t i = 0; i < j->wanted_count; i++)
		if (j->wanted[i] == COMPONENT_PERSISTENCE)
			return true;
	return false;
}

/* As a drill does it, or a restore, which asks whether it opens; NULL: good. */
static const char *
offline_look(struct offline *o, bool drill)
{
	struct backup_job *j = &o->job;
	char file[PATH_SIZE];
	enum status st;

	if (drill && !j->is_unpacked &&
	    j->entry.facts.schema_version < migrate_newest())
		backup_work_own(j);
	if (j->st != ST_OK)
		return j->why;
	snprintf(file, sizeof(file), "%s/" BACKUP_STORE_FILE, j->source);
	st = drill ? prove_file(file, j->is_unpacked, NULL, &o->proven)
		   : verify_file(file, NULL, &o->proven.verified);
	return st == ST_OK ? NULL : backend_why();
}

/* The backup's database, brought to the state that was asked for. */
static void
offline_replay(struct backup_job *j)
{
	const struct replay_limit limit = { j->to.txid, j->to.at };
	char file[PATH_SIZE], records[BACKUP_PATH_MAX + 1];
	struct replayed done;
	enum status st;

	if (j->st == ST_OK)
		backup_work_own(j);
	while (j->st == ST_OK && !backup_replay_is_there(j)) {
		backup_replay_unseal(j);
		if (j->st != ST_OK)
			return;
		snprintf(
		    file, sizeof(file), "%s/" BACKUP_STORE_FILE, j->source);
		backup_replay_records(j, records);
		st = replay_file(file, records, &limit, NULL, &done);
		if (st != ST_OK)
			backup_replay_failed(j, st, backend_why());
		j->way.now = (struct backup_point){ done.place.timeline,
			done.place.txid, done.place.at };
		j->way.reached = done.reached;
	}
	if (j->st == ST_OK)
		backup_replay_check(j);
}

/* What was unpacked is there when it is OK. */
static enum cmd_exit
offline_prove(
    const struct cmd_args *args, struct offline *o, const char *id, bool drill)
{
	struct backup_job *j = &o->job;
	const char *why;

	j->place = &o->place;
	j->schema_newest = migrate_newest();
	j->facts.timestamp = clock_wall_us(&clock_system);
	snprintf(j->facts.backup_id, sizeof(j->facts.backup_id), "%.12s", id);
	pace_init(&j->pace, 0);
	if (j->to.is_set) {
		backup_replay_choose(j);
		offline_replay(j);
	} else {
		backup_work_prepare(j);
	}
	if (j->st != ST_OK)
		return offline_fail(
		    args, id[0] == '\0' ? "newest" : id, j->why);
	if (!wants_store(j))
		return CMD_OK;
	why = offline_look(o, drill);
	if (why == NULL)
		return CMD_OK;
	backup_work_clean(j);
	return offline_fail(args, j->facts.backup_id, why);
}

static enum cmd_exit
offline_begin(const struct cmd_args *args, struct offline **ret)
{
	struct offline *o = calloc(1, sizeof(*o));
	char why[BACKUP_WHY_SIZE];

	if (o == NULL)
		return CMD_FAILED;
	if (loaded_init(&o->loaded, args) != ST_OK) {
		mistakes_print(&o->loaded.mistakes, args->err);
		loaded_fini(&o->loaded);
		free(o);
		return CMD_USAGE;
	}
	if (backup_place_init(o->loaded.config, &o->place, why) != ST_OK) {
		fprintf(args->err, "troupe backup: %s\n", why);
		loaded_fini(&o->loaded);
		free(o);
		return CMD_USAGE;
	}
	*ret = o;
	return CMD_OK;
}

static void
offline_end(struct offline *o)
{
	backup_work_clean(&o->job);
	way_fini(&o->job.way);
	loaded_fini(&o->loaded);
	free(o);
}

/* ---- restore --into ---- */

static bool
is_empty_or_absent(const char *folder)
{
	return rmdir(folder) == 0 || access(folder, F_OK) != 0;
}

static enum status
fill_one(const struct offline *o, enum backup_component c, const char *into)
{
	char from[PATH_SIZE], to[PATH_SIZE];
	const char *source = o->job.source;
	uint64_t bytes;
	enum status st;

	if (c == COMPONENT_MEMORY) {
		snprintf(from, sizeof(from), "%s/memory", source);
		snprintf(to, sizeof(to), "%s/memory", into);
		return backup_tree_copy(from, to, NULL, &bytes);
	}
	if (c == COMPONENT_CONFIG) {
		if (!backup_find_config(&o->job, from))
			return ST_NOT_FOUND;
		snprintf(to, sizeof(to), "%s/company.yaml", into);
		return backup_file_copy(from, to, NULL, &bytes);
	}
	snprintf(from, sizeof(from), "%s/" BACKUP_STORE_FILE, source);
	snprintf(to, sizeof(to), "%s/store.lmdb", into);
	st = backup_folder_make(to);
	snprintf(to, sizeof(to), "%s/store.lmdb/data.mdb", into);
	if (st == ST_OK)
		st = copy_file(from, to, NULL);
	/* Nor is it of the history that goes on elsewhere. */
	return st == ST_OK ? replay_cut(to, o->job.txid_floor) : st;
}

static enum cmd_exit
fill(const struct cmd_args *args, const struct offline *o, const char *into)
{
	enum status st = backup_folder_make(into);

	for (uint32_t i = 0; st == ST_OK && i < o->job.wanted_count; i++)
		st = fill_one(o, o->job.wanted[i], into);
	if (st != ST_OK) {
		(void)backup_tree_remove(into);
		return offline_fail(args, into, status_text(st));
	}
	fprintf(args->out,
	    args->json ? "{\"ok\":true,\"backup_id\":\"%s\"}\n"
		       : "restored %s; start it with troupe run --data\n",
	    o->job.facts.backup_id);
	return CMD_OK;
}

static const char *
components_read(const struct cmd_args *args, struct backup_job *j)
{
	const char *texts[BACKUP_COMPONENTS_MAX + 1], *text, *why = NULL;
	uint32_t count = 0;

	while (count <= BACKUP_COMPONENTS_MAX &&
	       (text = cmd_nth_value(args, "component", count)) != NULL)
		texts[count++] = text;
	if (count == 0)
		return NULL;
	j->chose = true;
	j->wanted_count = count;
	return backup_components_read(texts, count, j->wanted, &why) ? NULL
								     : why;
}

/* Of the store alone: nothing else has a log. */
static const char *
at_read(const struct cmd_args *args, struct backup_job *j)
{
	const char *at = cmd_value(args, "at");

	if (at == NULL)
		return NULL;
	if (j->chose &&
	    (j->wanted_count != 1 || j->wanted[0] != COMPONENT_PERSISTENCE))
		return "--at: persistence alone has a log";
	j->chose = true;
	j->wanted_count = 1;
	j->wanted[0] = COMPONENT_PERSISTENCE;
	return point_read(at, &j->to)
		   ? NULL
		   : "--at: an instant with an offset, or a transaction's "
		     "number";
}

/* NULL, or what was asked wrongly. */
static const char *
into_read(const struct cmd_args *args, const char *into, struct backup_job *j)
{
	const char *why = components_read(args, j);

	if (why == NULL)
		why = at_read(args, j);
	if (why == NULL && (into[0] == '\0' || !is_empty_or_absent(into)))
		why = "--into: the folder must be empty or absent";
	return why;
}

enum cmd_exit
backup_offline_restore(const struct cmd_args *args, const char *id)
{
	const char *into = cmd_value(args, "into");
	const char *mistake;
	struct offline *o;
	enum cmd_exit code = offline_begin(args, &o);

	if (code != CMD_OK)
		return code;
	mistake = into_read(args, into, &o->job);
	if (mistake != NULL) {
		fprintf(args->err, "troupe backup restore: %s\n", mistake);
		offline_end(o);
		return CMD_USAGE;
	}
	code = offline_prove(args, o, id, false);
	if (code == CMD_OK)
		code = fill(args, o, into);
	offline_end(o);
	return code;
}

/* ---- verify, rotate-key ---- */

static enum cmd_exit
verify_run(const struct cmd_args *args)
{
	const char *id = cmd_word(args, 0);
	struct offline *o;
	enum cmd_exit code;

	if (id != NULL && !backup_id_is_good(id)) {
		fprintf(args->err, "troupe backup verify: expected a backup's "
				   "id, 12 hex digits\n");
		return CMD_USAGE;
	}
	code = offline_begin(args, &o);
	if (code != CMD_OK)
		return code;
	code = offline_prove(args, o, id == NULL ? "" : id, true);
	if (code == CMD_OK)
		fprintf(args->out,
		    args->json ? "{\"ok\":true,\"backup_id\":\"%s\","
				 "\"where\":\"%s\",\"rows\":%llu,"
				 "\"entries\":%llu}\n"
			       : "%s (%s) is whole: %llu rows of the store, "
				 "%llu index entries\n",
		    o->job.facts.backup_id, backup_where_text(o->job.where),
		    (unsigned long long)o->proven.verified.rows,
		    (unsigned long long)o->proven.entries);
	offline_end(o);
	return code;
}

static enum cmd_exit
rotate_run(const struct cmd_args *args)
{
	char id[BACKUP_KEY_ID_MAX + 1] = "";
	struct offline *o;
	enum status st;
	enum cmd_exit code = offline_begin(args, &o);

	if (code != CMD_OK)
		return code;
	st = backup_keys_add(o->place.keys, id);
	if (st == ST_OK)
		fprintf(args->out,
		    args->json ? "{\"key_id\":\"%s\"}\n"
			       : "key %s signs and seals from now on\n",
		    id);
	else
		code = offline_fail(args, o->place.keys,
		    st == ST_FULL ? "it has as many keys as can be"
				  : "a key cannot be made there");
	offline_end(o);
	return code;
}

static const struct cmd_option verify_options[] = { CALL_OPTIONS, { 0 } };

const struct cmd backup_verify_cmd = {
	.name = "verify",
	.of = "backup",
	.usage = "[ID] [--data DIR | --config FILE] [--json]",
	.summary = "Prove a backup, or the newest, as a drill does, without "
		   "a running Troupe.",
	.options = verify_options,
	.words_max = 1,
	.run = verify_run,
};

const struct cmd backup_rotate_cmd = {
	.name = "rotate-key",
	.of = "backup",
	.usage = "[--data DIR | --config FILE] [--json]",
	.summary = "Make a new key; the old ones go on opening what they "
		   "sealed.",
	.options = verify_options,
	.run = rotate_run,
};
