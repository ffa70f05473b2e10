#include "actors/backup_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/backup_facts.h"
#include "actors/backup_sum.h"
#include "runtime/base/fault.h"
#include "runtime/base/folders.h"
#include "runtime/base/log.h"

#define REMOVE_FILES 16
#define SYNC_EACH_MAX 32u

struct tree_walk {
	backup_visit_fn visit;
	void *ctx;
	char path[BACKUP_PATH_MAX + 1];
	uint32_t names;
};

struct names {
	char **at;
	size_t count;
	size_t room;
};

static int
name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->at[i]);
	free(n->at);
}

static bool
names_add(struct names *n, const char *name)
{
	if (n->count == n->room) {
		size_t room = n->room == 0 ? 64 : 2 * n->room;
		char **at = realloc(n->at, room * sizeof(*at));

		if (at == NULL)
			return false;
		n->at = at;
		n->room = room;
	}
	n->at[n->count] = strdup(name);
	return n->at[n->count] != NULL && ++n->count > 0;
}

/* Takes fd. */
static enum status
names_read(int fd, struct names *n)
{
	DIR *dir = fdopendir(fd);
	enum status st = ST_OK;
	struct dirent *e;

	if (dir == NULL) {
		close(fd);
		return ST_IO;
	}
	while (st == ST_OK && (errno = 0, e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (n->count >= BACKUP_TREE_NAMES)
			st = ST_FULL;
		else if (!names_add(n, e->d_name))
			st = ST_NO_MEMORY;
	}
	if (st == ST_OK && errno != 0)
		st = ST_IO;
	closedir(dir);
	if (st == ST_OK && n->count > 0)
		qsort(n->at, n->count, sizeof(*n->at), name_compare);
	return st;
}

static enum status tree_walk_folder(
    struct tree_walk *w, int folder, size_t used, uint32_t depth);

static enum status
tree_walk_name(struct tree_walk *w, int folder, const char *name, size_t used,
    uint32_t depth)
{
	int n = snprintf(w->path + used, sizeof(w->path) - used, "%s%s",
	    used == 0 ? "" : "/", name);
	struct backup_found found = { w->path, folder, name, NULL };
	enum status st;
	struct stat s;
	int fd;

	if (n < 0 || (size_t)n >= sizeof(w->path) - used ||
	    ++w->names > BACKUP_TREE_NAMES)
		return ST_FULL;
	if (fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? ST_OK : ST_IO; /* it has gone */
	found.stat = &s;
	st = w->visit(w->ctx, &found);
	if (st != ST_OK || !S_ISDIR(s.st_mode))
		return st;
	fd = openat(
	    folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ST_IO;
	return tree_walk_folder(w, fd, used + (size_t)n, depth + 1);
}

/* Takes folder. */
static enum status
tree_walk_folder(struct tree_walk *w, int folder, size_t used, uint32_t depth)
{
	struct names n = { 0 };
	int again = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	enum status st = again < 0 ? ST_IO : names_read(again, &n);

	if (depth > BACKUP_TREE_DEPTH)
		st = ST_FULL;
	for (size_t i = 0; st == ST_OK && i < n.count; i++)
		st = tree_walk_name(w, folder, n.at[i], used, depth);
	names_free(&n);
	close(folder);
	return st;
}

enum status
backup_tree_walk(const char *root, backup_visit_fn visit, void *ctx)
{
	struct tree_walk *w;
	enum status st;
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		close(fd);
		return ST_NO_MEMORY;
	}
	w->visit = visit;
	w->ctx = ctx;
	st = tree_walk_folder(w, fd, 0, 0);
	free(w);
	return st;
}

/*
 * Up from the folder it is in, and down from there: a `..` behind a name could
 * climb from wherever another link has led.
 */
bool
backup_link_stays(const char *path, const char *target)
{
	size_t depth = 0;
	bool down = false;

	if (target[0] == '/' || target[0] == '\0')
		return false;
	for (const char *c = path; *c != '\0'; c++)
		depth += *c == '/';
	while (*target != '\0') {
		size_t n = strcspn(target, "/");

		if (n == 2 && strncmp(target, "..", 2) == 0) {
			if (down || depth == 0)
				return false;
			depth--;
		} else if (n != 1 || target[0] != '.') {
			down = true;
		}
		target += n;
		target += strspn(target, "/");
	}
	return true;
}

/* ---- copy ---- */

struct tree_copy {
	int to;
	struct pace *pace;
	char *piece;
	uint64_t bytes;
};

static enum status
copy_bytes(struct tree_copy *c, int in, int out)
{
	ssize_t n;

	while ((n = read(in, c->piece, BACKUP_PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write(out, c->piece, (size_t)n) != n)
			return ST_IO;
		c->bytes += (uint64_t)n;
		if (!pace_took(c->pace, (uint64_t)n))
			return ST_CANCELLED;
	}
	return ST_OK;
}

static enum status
copy_one_file(struct tree_copy *c, int from, const char *name, int to,
    const char *as, const struct stat *s)
{
	const struct timespec times[2] = { s->st_atim, s->st_mtim };
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	enum status st = ST_IO;
	int out;

	if (in < 0)
		return errno == ENOENT ? ST_OK : ST_IO;
	out = openat(
	    to, as, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, BACKUP_FILE_MODE);
	if (out >= 0) {
		st = copy_bytes(c, in, out);
		if (fchmod(out, (s->st_mode & BACKUP_MODE_KEPT) |
				    BACKUP_FILE_MODE) != 0 ||
		    futimens(out, times) != 0)
			st = st == ST_OK ? ST_IO : st;
		if (close(out) != 0 && st == ST_OK)
			st = ST_IO;
	}
	close(in);
	return st;
}

static enum status
copy_link(struct tree_copy *c, const struct backup_found *f)
{
	char target[BACKUP_PATH_MAX + 1];
	ssize_t n = readlinkat(f->folder, f->name, target, sizeof(target) - 1);

	if (n < 0)
		return ST_IO;
	target[n] = '\0';
	if (!backup_link_stays(f->path, target)) {
		LOG(BACKUP_LINK_SKIPPED, KV("path", f->path));
		return ST_OK;
	}
	return symlinkat(target, c->to, f->path) == 0 ? ST_OK : ST_IO;
}

static enum status
copy_visit(void *ctx, const struct backup_found *f)
{
	struct tree_copy *c = ctx;

	if (S_ISDIR(f->stat->st_mode))
		return mkdirat(c->to, f->path, BACKUP_FOLDER_MODE) == 0 ? ST_OK
									: ST_IO;
	if (S_ISREG(f->stat->st_mode))
		return copy_one_file(
		    c, f->folder, f->name, c->to, f->path, f->stat);
	if (S_ISLNK(f->stat->st_mode))
		return copy_link(c, f);
	LOG(BACKUP_LINK_SKIPPED, KV("path", f->path));
	return ST_OK;
}

enum status
backup_tree_copy(
    const char *from, const char *to, struct pace *pace, uint64_t *ret_bytes)
{
	struct tree_copy c = { .to = -1, .pace = pace };
	enum status st = ST_NO_MEMORY;

	*ret_bytes = 0;
	if (mkdir(to, BACKUP_FOLDER_MODE) != 0)
		return errno == EEXIST ? ST_EXISTS : ST_IO;
	c.to = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c.piece = malloc(BACKUP_PIECE);
	if (c.to < 0)
		st = ST_IO;
	else if (c.piece != NULL)
		st = backup_tree_walk(from, copy_visit, &c);
	free(c.piece);
	if (c.to >= 0)
		close(c.to);
	*ret_bytes = c.bytes;
	return st;
}

enum status
backup_file_copy(
    const char *from, const char *to, struct pace *pace, uint64_t *ret_bytes)
{
	struct tree_copy c = { .pace = pace, .piece = malloc(BACKUP_PIECE) };
	enum status st = ST_NO_MEMORY;
	struct stat s;

	*ret_bytes = 0;
	if (lstat(from, &s) != 0)
		st = errno == ENOENT ? ST_NOT_FOUND : ST_IO;
	else if (!S_ISREG(s.st_mode))
		st = ST_INVALID;
	else if (c.piece != NULL)
		st = copy_one_file(&c, AT_FDCWD, from, AT_FDCWD, to, &s);
	free(c.piece);
	*ret_bytes = c.bytes;
	return st;
}

/* ---- sync ---- */

static enum status
sync_at(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good ? ST_OK : ST_IO;
}

/* FULL: there are too many to wait for the disk each time. */
static enum status
sync_visit(void *ctx, const struct backup_found *f)
{
	uint32_t *count = ctx;

	if (!S_ISREG(f->stat->st_mode) && !S_ISDIR(f->stat->st_mode))
		return ST_OK;
	if (++*count > SYNC_EACH_MAX)
		return ST_FULL;
	return sync_at(f->folder, f->name);
}

/* Of many files the whole file system, once. */
static enum status
sync_all(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool good = fd >= 0 && syncfs(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good ? ST_OK : ST_IO;
}

enum status
backup_tree_sync(const char *path)
{
	uint32_t count = 0;
	enum status st;
	struct stat s;

	if (lstat(path, &s) != 0)
		return ST_IO;
	st = sync_at(AT_FDCWD, path);
	if (st == ST_OK && S_ISDIR(s.st_mode))
		st = backup_tree_walk(path, sync_visit, &count);
	return st == ST_FULL ? sync_all(path) : st;
}

/* ---- size ---- */

static enum status
size_visit(void *ctx, const struct backup_found *f)
{
	if (S_ISREG(f->stat->st_mode))
		*(uint64_t *)ctx += (uint64_t)f->stat->st_size;
	return ST_OK;
}

uint64_t
backup_tree_size(const char *root)
{
	uint64_t bytes = 0;
	struct stat s;

	if (lstat(root, &s) == 0 && S_ISREG(s.st_mode))
		return (uint64_t)s.st_size;
	(void)!backup_tree_walk(root, size_visit, &bytes);
	return bytes;
}

/* ---- sum ---- */

struct tree_sum {
	struct backup_sum *sum;
	struct pace *pace;
	char *piece;
};

static enum status
sum_file(struct tree_sum *s, const struct backup_found *f)
{
	int in = openat(f->folder, f->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t left = (uint64_t)f->stat->st_size;
	enum status st = ST_OK;

	if (in < 0)
		return ST_IO;
	backup_sum_add(s->sum, "f", 1);
	backup_sum_add_text(s->sum, f->path);
	backup_sum_add_number(s->sum, left);
	while (st == ST_OK && left > 0) {
		ssize_t n = read(in, s->piece, BACKUP_PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || (uint64_t)n > left) {
			st = ST_CONFLICT; /* it changes under us */
			break;
		}
		backup_sum_add(s->sum, s->piece, (size_t)n);
		left -= (uint64_t)n;
		if (!pace_took(s->pace, (uint64_t)n))
			st = ST_CANCELLED;
	}
	close(in);
	return st;
}

static enum status
sum_visit(void *ctx, const struct backup_found *f)
{
	char target[BACKUP_PATH_MAX + 1];
	struct tree_sum *s = ctx;
	ssize_t n;

	if (strcmp(f->path, BACKUP_MANIFEST_NAME) == 0)
		return ST_OK;
	if (S_ISREG(f->stat->st_mode))
		return sum_file(s, f);
	if (S_ISDIR(f->stat->st_mode))
		return ST_OK;
	if (!S_ISLNK(f->stat->st_mode))
		return ST_INVALID;
	n = readlinkat(f->folder, f->name, target, sizeof(target) - 1);
	if (n < 0)
		return ST_IO;
	target[n] = '\0';
	backup_sum_add(s->sum, "l", 1);
	backup_sum_add_text(s->sum, f->path);
	backup_sum_add_text(s->sum, target);
	return ST_OK;
}

enum status
backup_tree_sum(const char *root, struct pace *pace,
    char ret_checksum[BACKUP_CHECKSUM_MAX + 1])
{
	struct tree_sum s = { backup_sum_create(), pace, malloc(BACKUP_PIECE) };
	enum status st = ST_NO_MEMORY;

	if (s.sum != NULL && s.piece != NULL)
		st = backup_tree_walk(root, sum_visit, &s);
	if (st == ST_OK)
		backup_sum_end_text(s.sum, ret_checksum);
	free(s.piece);
	backup_sum_destroy(s.sum);
	return st;
}

/* ---- small things ---- */

static int
remove_visit(const char *path, const struct stat *s, int kind, struct FTW *at)
{
	(void)s, (void)kind, (void)at;
	if (remove(path) != 0)
		return -1;
	fault_point("tree.removed");
	return 0;
}

enum status
backup_tree_remove(const char *path)
{
	struct stat s;

	if (lstat(path, &s) != 0)
		return errno == ENOENT ? ST_OK : ST_IO;
	if (!S_ISDIR(s.st_mode))
		return unlink(path) == 0 ? ST_OK : ST_IO;
	return nftw(path, remove_visit, REMOVE_FILES, FTW_DEPTH | FTW_PHYS) == 0
		   ? ST_OK
		   : ST_IO;
}

enum status
backup_folder_make(const char *path)
{
	return folders_make(AT_FDCWD, path) ? ST_OK : ST_IO;
}

enum status
backup_folder_sync(const char *path)
{
	return folders_sync(path) ? ST_OK : ST_IO;
}

/* A full disk takes some of it, and says so the next time. */
bool
backup_file_put(int fd, const void *bytes, size_t size, off_t at)
{
	const uint8_t *from = bytes;

	while (size > 0) {
		ssize_t n = pwrite(fd, from, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		from += n;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

enum status
backup_file_write(const char *path, const void *bytes, size_t size)
{
	char fresh[BACKUP_PATH_MAX + 8];
	bool good;
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    BACKUP_FILE_MODE);
	if (fd < 0)
		return ST_IO;
	good = write(fd, bytes, size) == (ssize_t)size && fsync(fd) == 0;
	fault_point("file.written");
	good = close(fd) == 0 && good && rename(fresh, path) == 0;
	if (!good)
		unlink(fresh);
	return good ? ST_OK : ST_IO;
}
