#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/backup_tree.h"
#include "actors/second_inside.h"
#include "runtime/base/fault.h"

#define PATH_SIZE 4096

/* What is there, what goes, and what is to come. */

struct both {
	struct backup_entry *here, *there;
	size_t here_count, there_count;
	bool *wanted; /* of here */
};

bool
second_is_copy(const struct backup_entry *e, const struct backup_entry *there)
{
	const struct backup_facts *a = &e->facts, *b = &there->facts;

	return strcmp(a->backup_id, b->backup_id) == 0 &&
	       strcmp(a->checksum, b->checksum) == 0 &&
	       strcmp(a->signature, b->signature) == 0 &&
	       (!e->is_archive || e->stored_bytes == there->stored_bytes);
}

static bool
is_there(const struct backup_entry *e, const struct backup_entry *there,
    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (second_is_copy(e, &there[i]))
			return true;
	return false;
}

/* ---- the plan ---- */

/* Both in one list, newest first; at[i] is where here[i] stands in it. */
static size_t
unite(const struct backup_entry *here, size_t here_count,
    const struct backup_entry *there, size_t there_count,
    struct backup_entry *all, size_t *at)
{
	size_t count = 0, k = 0;

	for (size_t i = 0; i < here_count; i++) {
		while (k < there_count &&
		       backup_entry_compare(&there[k], &here[i]) < 0) {
			if (!is_there(&there[k], here, here_count))
				all[count++] = there[k];
			k++;
		}
		at[i] = count;
		all[count++] = here[i];
	}
	for (; k < there_count; k++)
		if (!is_there(&there[k], here, here_count))
			all[count++] = there[k];
	return count;
}

/*
 * Judged among all there are, here and there: what stays in this company
 * stays in any part of it, so that nothing is copied to be removed at once.
 */
enum status
second_plan(const struct backup_entry *here, size_t here_count,
    const struct backup_entry *there, size_t there_count,
    const struct backup_policy *p, bool *ret_wanted)
{
	size_t total = here_count + there_count + 1;
	struct backup_entry *all = calloc(total, sizeof(*all));
	enum backup_fate *fates = calloc(total, sizeof(*fates));
	size_t *at = calloc(here_count + 1, sizeof(*at));
	enum status st = ST_NO_MEMORY;

	if (all != NULL && fates != NULL && at != NULL) {
		size_t count =
		    unite(here, here_count, there, there_count, all, at);

		backup_keep_plan(all, count, p, fates);
		for (size_t i = 0; i < here_count; i++)
			ret_wanted[i] = !backup_fate_goes(fates[at[i]]) &&
					!is_there(&here[i], there, there_count);
		st = ST_OK;
	}
	free(all);
	free(fates);
	free(at);
	return st;
}

/* ---- a look ---- */

static bool
look_read(struct second_job *j, struct both *b)
{
	const struct backup_place *p = j->place;
	enum status st = backup_entries_read(p->root, &b->here, &b->here_count);

	if (st != ST_OK)
		return second_went(j, st, "backup.path cannot be read");
	st = backup_entries_read(p->second, &b->there, &b->there_count);
	if (st != ST_OK)
		return second_went(j, st, "the target cannot be read");
	b->wanted = calloc(b->here_count + 1, sizeof(*b->wanted));
	if (b->wanted == NULL)
		return second_went(j, ST_NO_MEMORY, "out of memory");
	return true;
}

static bool
is_bad(const struct second_bad *bad, const char *id)
{
	for (uint32_t i = 0; i < bad->count; i++)
		if (strcmp(bad->ids[i], id) == 0)
			return true;
	return false;
}

/* The oldest first: whoever has waited longest is the first to be safe. */
static bool
look_plan(struct second_job *j, struct both *b)
{
	enum status st = second_plan(b->here, b->here_count, b->there,
	    b->there_count, &j->policy, b->wanted);

	if (!second_went(j, st, "out of memory"))
		return false;
	for (size_t i = 0; i < b->here_count; i++) {
		const struct backup_facts *f = &b->here[i].facts;

		if (!b->wanted[i])
			continue;
		j->behind++;
		j->oldest_at = f->timestamp;
		if (is_bad(&j->bad, f->backup_id))
			continue;
		j->next = b->here[i];
		j->has_next = true;
	}
	return true;
}

/* Of a backup that is still to be copied it is what has come so far. */
static bool
is_part_needed(const struct both *b, const char *id)
{
	for (size_t i = 0; i < b->here_count; i++)
		if (strcmp(b->here[i].facts.backup_id, id) == 0)
			return b->wanted[i];
	return false;
}

static void
look_sweep(struct second_job *j, const struct both *b)
{
	DIR *dir = opendir(j->place->second);
	size_t mark = strlen(SECOND_PART);
	char path[PATH_SIZE];
	struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if (strncmp(d->d_name, SECOND_PART, mark) != 0 ||
		    is_part_needed(b, d->d_name + mark))
			continue;
		snprintf(
		    path, sizeof(path), "%s/%s", j->place->second, d->d_name);
		(void)backup_tree_remove(path);
	}
	if (dir != NULL)
		closedir(dir);
}

/*
 * What is held here is held there, also when here is no more: only a request
 * lets go of it again.
 */
static void
look_keep(struct second_job *j, struct both *b)
{
	for (size_t i = 0; i < b->there_count; i++) {
		struct backup_entry *e = &b->there[i];
		const char *id = e->facts.backup_id;

		if (e->is_held || !backup_is_held(j->place->root, id))
			continue;
		e->is_held = true;
		if (backup_hold(j->place->second, id, true) != ST_OK)
			(void)second_failed(j);
	}
	j->there = b->there;
	j->copies = b->there_count;
	j->there_count = b->there_count < SECOND_KNOWN_MAX ? b->there_count
							   : SECOND_KNOWN_MAX;
	b->there = NULL;
}

static void
look_prune(struct second_job *j)
{
	struct backup_outcome *outcomes = NULL;
	size_t count = 0;
	char last[BACKUP_ID_LENGTH + 1];

	if (backup_last_read(j->place->root, last))
		j->policy.newest = last;
	j->policy.holds = j->place->root;
	/* It tells by itself what it could not do. */
	if (backup_keep(j->place->second, &j->policy, false, &outcomes,
		&count) != ST_OK)
		count = 0;
	for (size_t i = 0; i < count; i++)
		j->pruned += outcomes[i].removed;
	free(outcomes);
	fault_point("second.pruned");
	j->policy.newest = NULL;
}

void
second_look(struct second_job *j)
{
	struct both b = { 0 };
	int fd;

	j->st = ST_OK;
	fd = second_open(j);
	if (fd < 0)
		return;
	close(fd);
	look_prune(j);
	if (look_read(j, &b) && look_plan(j, &b)) {
		look_sweep(j, &b);
		look_keep(j, &b);
	}
	free(b.here);
	free(b.there);
	free(b.wanted);
}
