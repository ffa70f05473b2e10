#include "load/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH_FILES 16 /* open at once while it is walked */

enum status
scratch_make(char ret_dir[SCRATCH_SIZE])
{
	const char *in = getenv("TMPDIR");
	int n = snprintf(ret_dir, SCRATCH_SIZE, "%s/troupe-load-XXXXXX",
	    in == NULL || in[0] == '\0' ? "/tmp" : in);

	if (n >= 0 && n < SCRATCH_SIZE && mkdtemp(ret_dir) != NULL)
		return ST_OK;
	ret_dir[0] = '\0';
	if (n < SCRATCH_SIZE)
		return ST_IO;
	errno = ENAMETOOLONG;
	return ST_FULL;
}

static int
scratch_remove_one(
    const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void
scratch_remove(const char *dir)
{
	if (dir[0] != '\0')
		(void)nftw(dir, scratch_remove_one, SCRATCH_FILES,
		    FTW_DEPTH | FTW_PHYS);
}
