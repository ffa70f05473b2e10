/* The folders on the way to a path. */
#include "runtime/base/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/tempdir.h"

static bool
is_folder(int at, const char *path)
{
	struct stat s;

	return fstatat(at, path, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(s.st_mode) && (s.st_mode & 0777) == FOLDERS_MODE;
}

static void
test_each_on_the_way_is_made_and_stays(void **state)
{
	int at;

	(void)state;
	at = open(tempdir_make(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(at >= 0);
	for (int i = 0; i < 2; i++) {
		assert_true(folders_make(at, "a/b//c/"));
		assert_true(is_folder(at, "a/b/c"));
	}
	assert_true(folders_make_parents(at, "d/e"));
	assert_true(is_folder(at, "d") && !is_folder(at, "d/e"));
	assert_true(folders_make_parents(at, "f"));
	assert_false(is_folder(at, "f"));
	for (const char *const *p =
		 (const char *const[]){ "a/b/c", "a/b", "a", "d", NULL };
	     *p != NULL; p++)
		assert_int_equal(unlinkat(at, *p, AT_REMOVEDIR), 0);
	close(at);
}

static void
test_what_cannot_be_made_says_why(void **state)
{
	char path[FOLDERS_PATH_MAX + 2];

	(void)state;
	assert_false(folders_make(AT_FDCWD, "/dev/null/a/b"));
	assert_int_equal(errno, ENOTDIR);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(folders_make(AT_FDCWD, path));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_false(folders_make(AT_FDCWD, ""));
}

static void
test_a_folder_is_synced_and_that_of_a_file(void **state)
{
	char path[FOLDERS_PATH_MAX + 2];

	(void)state;
	assert_true(folders_sync("/tmp"));
	assert_true(folders_sync_parent("/tmp/need-not-be"));
	assert_true(folders_sync_parent("need-not-be"));
	assert_true(folders_sync_parent("/need-not-be"));
	assert_false(folders_sync("/dev/null"));
	assert_int_equal(errno, ENOTDIR);
	assert_false(folders_sync_parent("/tmp/is/not/there"));
	assert_int_equal(errno, ENOENT);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(folders_sync_parent(path));
	assert_int_equal(errno, ENAMETOOLONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_each_on_the_way_is_made_and_stays),
		RUN(test_what_cannot_be_made_says_why),
		RUN(test_a_folder_is_synced_and_that_of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
