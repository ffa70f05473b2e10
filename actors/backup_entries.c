#include "actors/backup_entries.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_tree.h"
#include "actors/backup_unpack.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define PATH_SIZE (BACKUP_PATH_MAX + BACKUP_NAME_MAX + 32)
#define BACKUP_GONE BACKUP_TMP "gone-"
#define DISPUTED "another entry has its backup_id, and says otherwise"

const char *
backup_archive_end(enum backup_archive how)
{
	return how == ARCHIVE_GZIP ? ".tar.gz" : ".tar.zst";
}

static bool
ends_in(const char *name, size_t size, const char *end)
{
	size_t n = strlen(end);

	return size > n && strncmp(name + size - n, end, n) == 0;
}

static bool
is_archive_name(const char *name, bool *ret_sealed)
{
	size_t n = strlen(name);

	*ret_sealed = ends_in(name, n, BACKUP_SEALED_END);
	if (*ret_sealed)
		n -= strlen(BACKUP_SEALED_END);
	return ends_in(name, n, backup_archive_end(ARCHIVE_ZSTD)) ||
	       ends_in(name, n, backup_archive_end(ARCHIVE_GZIP));
}

static enum status
folder_peek(const char *path, struct backup_facts *f, char *why)
{
	char file[PATH_SIZE + 16];
	char *text = malloc(BACKUP_MANIFEST_MAX + 1);
	enum status st = ST_NO_MEMORY;
	ssize_t n;
	int fd;

	snprintf(file, sizeof(file), "%s/" BACKUP_MANIFEST_NAME, path);
	fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		st = ST_MALFORMED;
		text_fit(why, BACKUP_WHY_SIZE, "it has no manifest");
	} else if (text != NULL) {
		n = read(fd, text, BACKUP_MANIFEST_MAX + 1);
		st = n < 0 ? ST_IO : backup_facts_read(text, (size_t)n, f, why);
	}
	if (fd >= 0)
		close(fd);
	free(text);
	return st;
}

/* ---- holds ---- */

static void
hold_file(const char *root, const char *id, char ret_file[PATH_SIZE])
{
	snprintf(ret_file, PATH_SIZE, "%s/" BACKUP_HOLD "%.12s", root, id);
}

/* A hold that cannot be looked for is one. */
bool
backup_is_held(const char *root, const char *id)
{
	char file[PATH_SIZE];
	struct stat s;

	hold_file(root, id, file);
	return lstat(file, &s) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* ---- entries ---- */

static bool
name_has_id(const char *name, const char *id)
{
	return strncmp(name, id, BACKUP_ID_LENGTH) == 0 &&
	       name[BACKUP_ID_LENGTH] == '_';
}

/* Not its manifest's: then it contradicts it. */
static bool
name_has_other_id(const char *name, const char *id)
{
	char own[BACKUP_ID_LENGTH + 1];

	snprintf(own, sizeof(own), "%s", name);
	return backup_id_is_good(own) && name[BACKUP_ID_LENGTH] == '_' &&
	       strcmp(own, id) != 0;
}

/* Of one backup: as a folder and an archive, or a copy by hand. */
static bool
entry_is_same(const struct backup_entry *a, const struct backup_entry *b)
{
	const struct backup_facts *x = &a->facts, *y = &b->facts;

	return strcmp(x->backup_id, y->backup_id) == 0 &&
	       strcmp(x->checksum, y->checksum) == 0 &&
	       x->timestamp == y->timestamp && x->trigger == y->trigger &&
	       x->point.timeline == y->point.timeline &&
	       x->point.txid == y->point.txid;
}

/* NOT_FOUND if it is no entry at all, or has gone meanwhile. */
static enum status
entry_read(
    const char *root, const char *name, struct backup_entry *e, char *why)
{
	char path[PATH_SIZE];
	enum status st;
	struct stat s;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	*e = (struct backup_entry){ 0 };
	if (name[0] == '.' || strlen(name) > BACKUP_NAME_MAX ||
	    lstat(path, &s) != 0)
		return ST_NOT_FOUND;
	snprintf(e->name, sizeof(e->name), "%s", name);
	if (S_ISDIR(s.st_mode)) {
		st = folder_peek(path, &e->facts, why);
	} else if (S_ISREG(s.st_mode) && is_archive_name(name, &e->is_sealed)) {
		e->is_archive = true;
		e->stored_bytes = (uint64_t)s.st_size;
		st = backup_peek(path, &e->facts, why);
	} else {
		return ST_NOT_FOUND;
	}
	if (st == ST_OK && name_has_other_id(name, e->facts.backup_id)) {
		st = ST_MALFORMED;
		text_fit(
		    why, BACKUP_WHY_SIZE, "its manifest has another backup_id");
	}
	if (st == ST_OK)
		e->is_held = backup_is_held(root, e->facts.backup_id);
	/* Vanished while it was read: absent, and no warning. */
	return st != ST_OK && lstat(path, &s) != 0 ? ST_NOT_FOUND : st;
}

static void
entry_is_bad(const char *name, const char *why)
{
	LOG(BACKUP_MANIFEST_INVALID, KV("path", name), KV("error", why));
}

int
backup_entry_compare(const void *a, const void *b)
{
	const struct backup_facts *x = &((const struct backup_entry *)a)->facts;
	const struct backup_facts *y = &((const struct backup_entry *)b)->facts;

	if (x->timestamp != y->timestamp)
		return x->timestamp > y->timestamp ? -1 : 1;
	return strcmp(x->backup_id, y->backup_id);
}

int
backup_entry_compare_ids(const void *a, const void *b)
{
	const struct backup_entry *x = a, *y = b;

	return strcmp(x->facts.backup_id, y->facts.backup_id);
}

/* By their ids; whose name bears it before others, an archive before a
 * folder. */
static int
compare_claims(const void *a, const void *b)
{
	const struct backup_entry *x = a, *y = b;
	int order = backup_entry_compare_ids(a, b);
	bool x_named = name_has_id(x->name, x->facts.backup_id);
	bool y_named = name_has_id(y->name, y->facts.backup_id);

	if (order != 0)
		return order;
	if (x_named != y_named)
		return x_named ? -1 : 1;
	if (x->is_archive != y->is_archive)
		return x->is_archive ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Each id once, and newest first. */
static size_t
entries_unite(struct backup_entry *e, size_t count, size_t *ret_refused)
{
	struct backup_entry *of = NULL;
	size_t kept = 0;

	if (count > 0)
		qsort(e, count, sizeof(*e), compare_claims);
	for (size_t i = 0; i < count; i++) {
		if (of == NULL || backup_entry_compare_ids(of, &e[i]) != 0) {
			of = &e[kept++];
			*of = e[i];
		} else if (!entry_is_same(of, &e[i])) {
			const char *id = of->facts.backup_id;

			of->is_disputed |= name_has_id(of->name, id) ==
					   name_has_id(e[i].name, id);
			entry_is_bad(e[i].name, DISPUTED);
			(*ret_refused)++;
		}
	}
	if (kept > 0)
		qsort(e, kept, sizeof(*e), backup_entry_compare);
	return kept;
}

static enum status
entries_read_all(DIR *dir, const char *root, struct backup_entry **ret,
    size_t *ret_count, size_t *ret_refused)
{
	struct backup_entry *all = NULL, *more, one;
	char why[BACKUP_WHY_SIZE] = "";
	size_t count = 0, room = 0;
	struct dirent *d;

	while ((d = readdir(dir)) != NULL) {
		enum status st = entry_read(root, d->d_name, &one, why);

		if (st == ST_NOT_FOUND)
			continue;
		if (st != ST_OK) {
			entry_is_bad(d->d_name, why);
			(*ret_refused)++;
			continue;
		}
		if (count == room) {
			room = room == 0 ? 32 : 2 * room;
			more = count >= BACKUP_ENTRIES_MAX
				   ? NULL
				   : realloc(all, room * sizeof(*all));
			if (more == NULL) {
				free(all);
				return ST_FULL;
			}
			all = more;
		}
		all[count++] = one;
	}
	*ret_count = entries_unite(all, count, ret_refused);
	*ret = all;
	return ST_OK;
}

enum status
backup_entries_look(const char *root, struct backup_entry **ret,
    size_t *ret_count, size_t *ret_refused)
{
	DIR *dir = opendir(root);
	enum status st;

	*ret = NULL;
	*ret_count = *ret_refused = 0;
	if (dir == NULL)
		return errno == ENOENT ? ST_OK : ST_IO;
	st = entries_read_all(dir, root, ret, ret_count, ret_refused);
	closedir(dir);
	return st;
}

enum status
backup_entries_read(
    const char *root, struct backup_entry **ret, size_t *ret_count)
{
	size_t refused;

	return backup_entries_look(root, ret, ret_count, &refused);
}

/* An archive before a folder; one whose manifest is bad after both.  Two
 * that say different things are both bad. */
static enum status
find_by_name(DIR *dir, const char *root, const char *id,
    struct backup_entry *ret, char *why)
{
	enum status best = ST_NOT_FOUND, st;
	struct backup_entry e;
	struct dirent *d;

	while ((d = readdir(dir)) != NULL) {
		if (!name_has_id(d->d_name, id))
			continue;
		st = entry_read(root, d->d_name, &e, why);
		if (st == ST_OK && best == ST_OK && !entry_is_same(&e, ret)) {
			text_fit(why, BACKUP_WHY_SIZE, DISPUTED);
			return ST_MALFORMED;
		}
		if (st == ST_OK && (best != ST_OK || e.is_archive)) {
			*ret = e;
			best = ST_OK;
		} else if (st != ST_OK && st != ST_NOT_FOUND) {
			entry_is_bad(d->d_name, why);
			best = best == ST_OK ? best : st;
		}
	}
	return best;
}

enum status
backup_entry_find(const char *root, const char *id,
    struct backup_entry *ret_entry, char *ret_why)
{
	DIR *dir = opendir(root);
	struct backup_entry *all;
	size_t count;
	enum status st;

	if (dir == NULL)
		return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
	st = find_by_name(dir, root, id, ret_entry, ret_why);
	closedir(dir);
	if (st != ST_NOT_FOUND)
		return st;
	st = backup_entries_read(root, &all, &count);
	if (st != ST_OK)
		return st;
	st = ST_NOT_FOUND;
	for (size_t i = 0; all != NULL && i < count; i++)
		if (strcmp(all[i].facts.backup_id, id) == 0) {
			*ret_entry = all[i];
			st = all[i].is_disputed ? ST_MALFORMED : ST_OK;
		}
	if (st == ST_MALFORMED)
		text_fit(ret_why, BACKUP_WHY_SIZE, DISPUTED);
	free(all);
	return st;
}

/* A folder is gone at once, and not half of it: a start sweeps what is left. */
static enum status
remove_name(const char *root, const char *name)
{
	char path[PATH_SIZE], gone[PATH_SIZE];
	enum status st;
	struct stat s;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	snprintf(gone, sizeof(gone), "%s/" BACKUP_GONE "%.200s", root, name);
	if (name[0] == '.' || lstat(path, &s) != 0 || !S_ISDIR(s.st_mode) ||
	    rename(path, gone) != 0)
		return backup_tree_remove(path);
	st = backup_tree_remove(gone);
	if (st != ST_OK)
		(void)rename(gone, path);
	return st;
}

/* Both, where a folder and its archive are there.  A bad manifest goes too. */
static enum status
remove_by_name(DIR *dir, const char *root, const char *id)
{
	enum status st = ST_NOT_FOUND;
	struct dirent *d;

	while ((d = readdir(dir)) != NULL)
		if (name_has_id(d->d_name, id)) {
			enum status one = remove_name(root, d->d_name);

			st = st == ST_NOT_FOUND || one != ST_OK ? one : st;
		}
	return st;
}

enum status
backup_entry_remove(const char *root, const char *id)
{
	char why[BACKUP_WHY_SIZE];
	struct backup_entry e;
	DIR *dir = opendir(root);
	enum status st;

	if (dir == NULL)
		return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
	st = remove_by_name(dir, root, id);
	closedir(dir);
	if (st != ST_NOT_FOUND)
		return st;
	st = backup_entry_find(root, id, &e, why);
	return st == ST_OK ? remove_name(root, e.name) : st;
}

enum status
backup_entry_drop(const char *root, const struct backup_entry *e)
{
	char why[BACKUP_WHY_SIZE];
	DIR *dir = opendir(root);
	enum status st = ST_NOT_FOUND, one;
	struct backup_entry other;
	struct dirent *d;

	if (dir == NULL)
		return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
	while ((d = readdir(dir)) != NULL) {
		if ((strcmp(d->d_name, e->name) != 0 &&
			!name_has_id(d->d_name, e->facts.backup_id)) ||
		    entry_read(root, d->d_name, &other, why) != ST_OK ||
		    !entry_is_same(e, &other))
			continue;
		one = remove_name(root, d->d_name);
		st = st == ST_NOT_FOUND || one != ST_OK ? one : st;
	}
	closedir(dir);
	return st;
}

bool
backup_id_is_taken(const char *root, const char *id)
{
	char why[BACKUP_WHY_SIZE];
	struct backup_entry e;

	return backup_entry_find(root, id, &e, why) != ST_NOT_FOUND;
}

enum status
backup_hold(const char *root, const char *id, bool held)
{
	char file[PATH_SIZE];

	hold_file(root, id, file);
	if (held)
		return backup_id_is_taken(root, id)
			   ? backup_file_write(file, "", 0)
			   : ST_NOT_FOUND;
	if (unlink(file) == 0)
		return backup_folder_sync(root);
	if (errno != ENOENT)
		return ST_IO;
	return backup_id_is_taken(root, id) ? ST_OK : ST_NOT_FOUND;
}

/* ---- after a crash ---- */

/* Its archive is whole: it was published by a rename. */
static void
sweep_twins(const char *root)
{
	char why[BACKUP_WHY_SIZE];
	DIR *dir = opendir(root);
	struct backup_entry e, twin;
	struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (entry_read(root, d->d_name, &e, why) == ST_OK &&
		    !e.is_archive &&
		    backup_entry_find(root, e.facts.backup_id, &twin, why) ==
			ST_OK &&
		    twin.is_archive && entry_is_same(&e, &twin))
			(void)remove_name(root, d->d_name);
	if (dir != NULL)
		closedir(dir);
}

void
backup_entries_sweep(const char *root)
{
	DIR *dir = opendir(root);
	struct dirent *d;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, BACKUP_TMP, strlen(BACKUP_TMP)) == 0)
			(void)remove_name(root, d->d_name);
	closedir(dir);
	sweep_twins(root);
}
