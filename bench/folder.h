/* folder - where a benchmark keeps its database, and nothing after it. */
#ifndef BENCH_FOLDER_H
#define BENCH_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static inline int
folder_remove_one(
    const char *path, const struct stat *s, int kind, struct FTW *at)
{
	(void)s, (void)kind, (void)at;
	return remove(path);
}

/* With all that is in it; one that is not there is no matter. */
static inline void
remove_folder(const char *path)
{
	nftw(path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
