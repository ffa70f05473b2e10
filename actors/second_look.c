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

/* Entries in the order of their ids. */
struct by_id {
	const struct backup_entry **at;
	size_t count;
};

static int
by_id_compare(const void *a, const void *b)
{
	const struct backup_entry *x = *(const struct backup_entry *const *)a;
	const struct backup_entry *y = *(const struct backup_entry *const *)b;

	return strcmp(x->facts.backup_id, y->facts.backup_id);
}

static bool
by_id_init(struct by_id *x, const struct backup_entry *e, size_t count)
{
	x->at = calloc(count + 1, sizeof(const struct backup_entry *));
	x->count = count;
	if (x->at == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		x->at[i] = &e[i];
	if (count > 0)
		qsort(x->at, count, sizeof(*x->at), by_id_compare);
	return true;
}

/* An id may be there twice, if somebody wants it so. */
static bool
is_there(const struct backup_entry *e, const struct by_id *x)
{
	size_t low = 0, high = x->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_id_compare(&x->at[mid], &e) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < x->count && by_id_compare(&x->at[low], &e) == 0; low++)
		if (second_is_copy(e, x->at[low]))
			return true;
	return false;
}

/* ---- the plan ---- */

struct plan {
	const struct backup_entry *here, *there; /* newest first */
	size_t here_count, there_count;
	struct by_id of_here, of_there;
	struct backup_entry *all; /* both, newest first */
	enum backup_fate *fates;
	size_t *at; /* where here[i] stands in all */
};

static bool
plan_init(struct plan *p)
{
	size_t total = p->here_count + p->there_count + 1;

	p->all = calloc(total, sizeof(*p->all));
	p->fates = calloc(total, sizeof(*p->fates));
	p->at = calloc(p->here_count + 1, sizeof(*p->at));
	return by_id_init(&p->of_here, p->here, p->here_count) &&
	       by_id_init(&p->of_there, p->there, p->there_count) &&
	       p->all != NULL && p->fates != NULL && p->at != NULL;
}

static void
plan_fini(struct plan *p)
{
	free(p->all);
	free(p->fates);
	free(p->at);
	free(p->of_here.at);
	free(p->of_there.at);
}

/* What is in both is there once. */
static size_t
plan_unite(struct plan *p)
{
	size_t count = 0, k = 0;

	for (size_t i = 0; i <= p->here_count; i++) {
		while (k < p->there_count &&
		       (i == p->here_count || backup_entry_compare(&p->there[k],
						  &p->here[i]) < 0)) {
			if (!is_there(&p->there[k], &p->of_here))
				p->all[count++] = p->there[k];
			k++;
		}
		if (i == p->here_count)
			break;
		p->at[i] = count;
		p->all[count++] = p->here[i];
	}
	return count;
}

/*
 * Judged among all there are, here and there: what stays in this company
 * stays in any part of it, so that nothing is copied to be removed at once.
 */
enum status
second_plan(const struct backup_entry *here, size_t here_count,
    const struct backup_entry *there, size_t there_count,
    const struct backup_policy *policy, bool *ret_wanted)
{
	struct plan p = { .here = here,
		.there = there,
		.here_count = here_count,
		.there_count = there_count };
	enum status st = ST_NO_MEMORY;

	if (plan_init(&p)) {
		backup_keep_plan(p.all, plan_unite(&p), policy, p.fates);
		for (size_t i = 0; i < here_count; i++)
			ret_wanted[i] = !backup_fate_goes(p.fates[p.at[i]]) &&
					!is_there(&here[i], &p.of_there);
		st = ST_OK;
	}
	plan_fini(&p);
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
	backup_keys_prove(j->policy.keys, b->here, b->here_count);
	backup_keys_prove(j->policy.keys, b->there, b->there_count);
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
		if (b->here[i].is_disputed || is_bad(&j->bad, f->backup_id))
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
	if (j->there_count > 0)
		qsort(j->there, j->there_count, sizeof(*j->there),
		    backup_entry_compare_ids);
	b->there = NULL;
}

static void
look_prune(struct second_job *j)
{
	struct backup_outcome *outcomes = NULL;
	size_t count = 0, refused;
	char last[BACKUP_ID_LENGTH + 1];

	if (backup_last_read(j->place->root, last))
		j->policy.newest = last;
	j->policy.holds = j->place->root;
	/* It tells by itself what it could not do. */
	if (backup_keep(j->place->second, &j->policy, false, &outcomes, &count,
		&refused) != ST_OK)
		count = 0;
	for (size_t i = 0; i < count; i++)
		j->pruned += outcomes[i].removed;
	free(outcomes);
	fault_point("second.pruned");
	j->policy.newest = NULL;
}

static void
look_with(struct second_job *j, const struct backup_keys *keys)
{
	struct both b = { 0 };

	j->policy.keys = keys;
	look_prune(j);
	if (look_read(j, &b) && look_plan(j, &b)) {
		look_sweep(j, &b);
		look_keep(j, &b);
	}
	j->policy.keys = NULL;
	free(b.here);
	free(b.there);
	free(b.wanted);
}

void
second_look(struct second_job *j)
{
	char why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;
	enum status st;
	int fd;

	j->st = ST_OK;
	fd = second_open(j);
	if (fd < 0)
		return;
	close(fd);
	st = backup_keys_load(j->place->keys, false, &keys, why);
	if (second_went(j, st, "the keys cannot be read"))
		look_with(j, keys);
	backup_keys_destroy(keys);
}
