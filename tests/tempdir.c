#include "tests/tempdir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/check.h"

#define TEMPLATE "/tmp/tempdir.XXXXXX"
#define DEPTH 8 /* folders that are open at once */

static char folders[TEMPDIR_MAX][sizeof(TEMPLATE)];
static size_t count;

static int
tempdir_drop(
    const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	(void)remove(path);
	return 0;
}

/* What a test has removed itself is not there, and that is fine. */
static void
tempdir_clean(void)
{
	for (size_t i = 0; i < count; i++)
		(void)nftw(
		    folders[i], tempdir_drop, DEPTH, FTW_DEPTH | FTW_PHYS);
}

const char *
tempdir_make(void)
{
	char *folder = folders[count];

	assert_true(count < TEMPDIR_MAX);
	if (count++ == 0)
		assert_int_equal(atexit(tempdir_clean), 0);
	(void)snprintf(folder, sizeof(folders[0]), TEMPLATE);
	assert_non_null(mkdtemp(folder));
	return folder;
}
