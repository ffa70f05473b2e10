#include "runtime/base/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
folders_make_one(int at, const char *path)
{
	return mkdirat(at, path, FOLDERS_MODE) == 0 || errno == EEXIST;
}

bool
folders_make_parents(int at, const char *path)
{
	char part[FOLDERS_PATH_MAX + 1];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part)) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (part[0] == '\0')
		return true;
	for (char *c = part + 1; *c != '\0'; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (!folders_make_one(at, part))
			return false;
		*c = '/';
	}
	return true;
}

bool
folders_make(int at, const char *path)
{
	return folders_make_parents(at, path) && folders_make_one(at, path);
}

bool
folders_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int bad;

	if (fd < 0)
		return false;
	bad = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	if (bad != 0)
		errno = bad;
	return bad == 0;
}

bool
folders_sync_parent(const char *file)
{
	char folder[FOLDERS_PATH_MAX + 1];
	char *slash;

	if (snprintf(folder, sizeof(folder), "%s", file) >=
	    (int)sizeof(folder)) {
		errno = ENAMETOOLONG;
		return false;
	}
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return folders_sync(".");
	slash[slash == folder ? 1 : 0] = '\0';
	return folders_sync(folder);
}
