#include "runtime/seal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4608
#define NEW_SUFFIX ".new"

static enum status
seal_file_take(int fd, void *ret_bytes, size_t size, size_t *ret_size)
{
	struct stat about;
	ssize_t n;

	if (fstat(fd, &about) != 0)
		return ST_IO;
	if (!S_ISREG(about.st_mode) || about.st_uid != geteuid() ||
	    (about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return ST_DENIED;
	if (about.st_size < 0 || (size_t)about.st_size > size)
		return ST_FULL;
	n = read(fd, ret_bytes, (size_t)about.st_size);
	if (n != (ssize_t)about.st_size)
		return ST_IO;
	*ret_size = (size_t)n;
	return ST_OK;
}

enum status
seal_file_read(const char *path, void *ret_bytes, size_t size, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	enum status st;

	if (fd < 0)
		return errno == ENOENT                     ? ST_NOT_FOUND
		       : errno == EACCES || errno == ELOOP ? ST_DENIED
							   : ST_IO;
	st = seal_file_take(fd, ret_bytes, size, ret_size);
	close(fd);
	return st;
}

static enum status
seal_file_write(const char *path, const void *bytes, size_t size)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	enum status st = ST_OK;

	if (fd < 0)
		return ST_IO;
	if (write(fd, bytes, size) != (ssize_t)size || fsync(fd) != 0)
		st = ST_IO;
	if (close(fd) != 0)
		st = ST_IO;
	return st;
}

/* So that the name itself is on the disk. */
static enum status
seal_file_sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_SIZE];
	enum status st = ST_OK;
	int fd;

	(void)snprintf(folder, sizeof(folder), "%.*s",
	    slash == NULL ? 1 : (int)(slash - path),
	    slash == NULL ? "." : path);
	fd = open(folder[0] == '\0' ? "/" : folder,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ST_IO;
	if (fsync(fd) != 0)
		st = ST_IO;
	close(fd);
	return st;
}

enum status
seal_file_replace(const char *path, const void *bytes, size_t size)
{
	char fresh[PATH_SIZE];
	int n = snprintf(fresh, sizeof(fresh), "%s" NEW_SUFFIX, path);
	enum status st;

	if (n < 0 || (size_t)n >= sizeof(fresh))
		return ST_FULL;
	/* One that a crash has left was never used. */
	if (unlink(fresh) != 0 && errno != ENOENT)
		return ST_IO;
	st = seal_file_write(fresh, bytes, size);
	if (st == ST_OK && rename(fresh, path) != 0)
		st = ST_IO;
	if (st != ST_OK) {
		(void)unlink(fresh);
		return st;
	}
	return seal_file_sync_folder(path);
}
