#include "runtime/base/folders.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

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
