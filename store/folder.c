#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/folders.h"
#include "runtime/base/list.h"
#include "store/backend_class.h"

#define LOCK_MODE 0600
#define PID_TEXT_SIZE 24

struct folder {
	struct list in_held;
	dev_t device;
	ino_t inode;
	int lock_fd;
};

static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list held = { &held, &held };

enum status
folder_make(const char *path)
{
	if (!folders_make_parents(AT_FDCWD, path))
		return backend_fail(ST_IO, path, strerror(errno));
	if (mkdir(path, FOLDERS_MODE) == 0)
		return ST_OK;
	return backend_fail(
	    errno == EEXIST ? ST_EXISTS : ST_IO, path, strerror(errno));
}

enum status
folder_sync(const char *path)
{
	return folders_sync(path) ? ST_OK
				  : backend_fail(ST_IO, path, strerror(errno));
}

static bool
folder_is_held(const struct stat *s)
{
	for (struct list *n = held.next; n != &held; n = n->next) {
		struct folder *f = LIST_OF(n, struct folder, in_held);

		if (f->device == s->st_dev && f->inode == s->st_ino)
			return true;
	}
	return false;
}

/* The lock file names its holder, for the line the next one prints. */
static enum status
lock_refused(const char *path, int fd)
{
	char pid[PID_TEXT_SIZE] = "";
	char why[PID_TEXT_SIZE + 64];
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	snprintf(why, sizeof(why), "already open in process %s",
	    pid[0] == '\0' ? "unknown" : pid);
	return backend_fail(ST_EXISTS, path, why);
}

static enum status
lock_take(const char *path, int *ret_fd)
{
	char name[BACKEND_PATH_MAX + sizeof(FOLDER_LOCK) + 1];
	char pid[PID_TEXT_SIZE];
	enum status st;
	int fd;

	snprintf(name, sizeof(name), "%s/%s", path, FOLDER_LOCK);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
	if (fd < 0)
		return backend_fail(ST_IO, name, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		st = errno == EWOULDBLOCK
			 ? lock_refused(path, fd)
			 : backend_fail(ST_IO, name, strerror(errno));
		close(fd);
		return st;
	}
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, strlen(pid), 0) < 0) {
		st = backend_fail(ST_IO, name, strerror(errno));
		close(fd);
		return st;
	}
	*ret_fd = fd;
	return ST_OK;
}

/* Under held_lock. */
static enum status
folder_claim(const char *path, struct folder *f)
{
	struct stat s;

	if (stat(path, &s) != 0)
		return backend_fail(ST_IO, path, strerror(errno));
	if (!S_ISDIR(s.st_mode))
		return backend_fail(ST_IO, path, strerror(ENOTDIR));
	if (folder_is_held(&s))
		return backend_fail(
		    ST_EXISTS, path, "already open in this process");
	f->device = s.st_dev;
	f->inode = s.st_ino;
	return lock_take(path, &f->lock_fd);
}

enum status
folder_hold(const char *path, struct folder **ret_folder)
{
	enum status st = folder_make(path);
	struct folder *f;

	if (st != ST_OK && st != ST_EXISTS)
		return st;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return backend_fail(ST_NO_MEMORY, path, "no memory");

	pthread_mutex_lock(&held_lock);
	st = folder_claim(path, f);
	if (st == ST_OK)
		list_append(&held, &f->in_held);
	pthread_mutex_unlock(&held_lock);
	if (st != ST_OK) {
		free(f);
		return st;
	}
	*ret_folder = f;
	return ST_OK;
}

void
folder_release(struct folder *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&held_lock);
	list_remove(&f->in_held);
	close(f->lock_fd);
	pthread_mutex_unlock(&held_lock);
	free(f);
}

bool
folder_of_data(const char *file, char ret_folder[BACKEND_PATH_MAX])
{
	const char *slash = strrchr(file, '/');

	if (slash == NULL || strcmp(slash + 1, FOLDER_DATA) != 0 ||
	    (size_t)(slash - file) >= BACKEND_PATH_MAX)
		return false;
	snprintf(
	    ret_folder, BACKEND_PATH_MAX, "%.*s", (int)(slash - file), file);
	return true;
}

void
folder_drop_locks(const char *folder)
{
	static const char *const names[] = { FOLDER_DATA_LOCK, FOLDER_LOCK };
	char path[BACKEND_PATH_MAX + sizeof(FOLDER_LOCK) + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
}
