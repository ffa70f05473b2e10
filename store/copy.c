#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/folders.h"
#include "runtime/base/processor.h"
#include "runtime/base/thread.h"
#include "runtime/base/trickle.h"
#include "runtime/base/whole.h"
#include "store/backend_class.h"
#include "store/folder.h"

#define COPY_MODE 0600
#define COPY_PIPE (1u << 20)
#define COPY_GROWS 2 /* times, when it is written to */

/* The thread that walks the snapshot, and what came of it. */
struct copier {
	struct backend *b;
	int fd;
	enum status st;
	char why[256];
};

static void *
copier_main(void *arg)
{
	struct copier *c = arg;

	thread_name("store-copy");
	c->st = c->b->class->copy_fd(c->b, c->fd);
	if (c->st != ST_OK)
		snprintf(c->why, sizeof(c->why), "%s", backend_why());
	close(c->fd);
	return NULL;
}

/* Until the end of from; a cancel is CANCELLED. */
static enum status
pour(int from, struct trickle to, const char *name, struct pace *pace,
    uint64_t *ret_bytes)
{
	char *piece = malloc(BACKGROUND_STEP);
	enum status st = ST_OK;
	ssize_t n = 0;

	*ret_bytes = 0;
	if (piece == NULL)
		return backend_fail(ST_NO_MEMORY, name, "no memory");
	while (st == ST_OK && (n = read(from, piece, BACKGROUND_STEP)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || whole_write(to.fd, piece, (size_t)n) != ST_OK) {
			st = backend_fail(ST_IO, name, strerror(errno));
			break;
		}
		*ret_bytes += (uint64_t)n;
		trickle_to(&to, *ret_bytes);
		if (!pace_took(pace, (uint64_t)n))
			st = backend_fail(ST_CANCELLED, name, "cancelled");
	}
	free(piece);
	if (st == ST_OK && fdatasync(to.fd) != 0)
		st = backend_fail(ST_IO, name, strerror(errno));
	return st;
}

/* The pipe's reading end must be closed before the thread can be joined. */
static enum status
copy_through(struct backend *b, int fd, const char *file, struct pace *pace,
    uint64_t *ret_bytes)
{
	struct trickle to = { .fd = fd, .soon = pace != NULL && pace->soon };
	struct copier c = { .b = b };
	pthread_t thread;
	enum status st;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return backend_fail(ST_IO, "pipe", strerror(errno));
	(void)fcntl(ends[1], F_SETPIPE_SZ, (int)COPY_PIPE);
	c.fd = ends[1];
	if (pthread_create(&thread, NULL, copier_main, &c) != 0) {
		close(ends[0]);
		close(ends[1]);
		return backend_fail(ST_IO, "thread", strerror(errno));
	}
	st = pour(ends[0], to, file, pace, ret_bytes);
	close(ends[0]);
	pthread_join(thread, NULL);
	if (st == ST_OK && c.st != ST_OK)
		st = backend_fail(c.st, file, c.why);
	return st;
}

static enum status
copy_create(const char *file, int flags, int *ret_fd)
{
	*ret_fd = open(file,
	    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, COPY_MODE);
	if (*ret_fd >= 0)
		return ST_OK;
	return backend_fail(
	    errno == EEXIST ? ST_EXISTS : ST_IO, file, strerror(errno));
}

/* Closes fd; a failed file is not there. */
static enum status
copy_finish(const char *file, int fd, enum status st)
{
	if (close(fd) != 0 && st == ST_OK)
		st = backend_fail(ST_IO, file, strerror(errno));
	if (st == ST_OK)
		st = copy_sync_folder_of(file);
	if (st != ST_OK)
		unlink(file);
	return st;
}

/*
 * The map cannot grow while a snapshot is read: let there be room for what is
 * written meanwhile.
 */
static void
copy_make_room(struct backend *b)
{
	struct backend_usage u;

	for (int i = 0; i < 8; i++) {
		backend_usage(b, &u);
		if (u.map_bytes - u.used_bytes >= u.used_bytes ||
		    u.map_bytes >= u.map_bytes_max || backend_grow(b) != ST_OK)
			return;
	}
}

enum status
copy_live(
    struct backend *b, const char *file, struct pace *pace, uint64_t *ret_bytes)
{
	enum status st;
	int fd;

	if (b->class->copy_fd == NULL)
		return backend_fail(
		    ST_UNSUPPORTED, b->class->name, "it has no file");
	st = copy_create(file, O_EXCL, &fd);
	if (st != ST_OK)
		return st;
	copy_make_room(b);
	st = backend_copy_allowed(b);
	if (st == ST_OK)
		st = copy_through(b, fd, file, pace, ret_bytes);
	return copy_finish(file, fd, st);
}

enum status
copy_file(const char *from, const char *to, struct pace *pace)
{
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t bytes;
	enum status st;
	int out;

	if (in < 0)
		return backend_fail(errno == ENOENT ? ST_NOT_FOUND : ST_IO,
		    from, strerror(errno));
	st = copy_create(to, O_TRUNC, &out);
	if (st == ST_OK)
		st = copy_finish(to, out,
		    pour(in, (struct trickle){ .fd = out, .soon = true }, to,
			pace, &bytes));
	close(in);
	return st;
}

enum status
copy_move(const char *from, const char *to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool good = fd >= 0 && fdatasync(fd) == 0 && rename(from, to) == 0;

	if (fd >= 0)
		close(fd);
	if (!good)
		return backend_fail(ST_IO, from, strerror(errno));
	return copy_sync_folder_of(to);
}

enum status
copy_open(const char *file, bool read_only, char ret_folder[BACKEND_PATH_MAX],
    struct backend **ret_b)
{
	struct backend_options options = { .path = ret_folder,
		.read_only = read_only,
		.durability = DURABLE_NONE };
	struct stat s;

	if (!folder_of_data(file, ret_folder))
		return backend_fail(
		    ST_INVALID, file, "is not data.mdb in a folder");
	if (stat(file, &s) != 0)
		return backend_fail(errno == ENOENT ? ST_NOT_FOUND : ST_IO,
		    file, strerror(errno));
	options.map_bytes = (uint64_t)s.st_size * (read_only ? 1 : COPY_GROWS);
	if (options.map_bytes < BACKEND_MAP_DEFAULT)
		options.map_bytes = BACKEND_MAP_DEFAULT;
	return backend_open(&backend_lmdb, &options, ret_b);
}

enum status
copy_sync_folder_of(const char *file)
{
	return folders_sync_parent(file)
		   ? ST_OK
		   : backend_fail(ST_IO, file, strerror(errno));
}
