/* Where backups, keys and what they save may lie, and where not. */
#include "actors/backup_work.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"

static struct {
	struct backup_place place;
	char why[BACKUP_WHY_SIZE];
} made;

/* NULL, or what is wrong. */
static const char *
place_with(const char *const *sets, size_t count)
{
	struct mistakes told;
	struct config_input in = { .sets = sets, .nsets = count };
	struct config *c = NULL;
	enum status st;

	mistakes_init(&told);
	assert_int_equal(config_load(&in, &told, &c), ST_OK);
	memset(&made, 0, sizeof(made));
	st = backup_place_init(c, &made.place, made.why);
	config_destroy(c);
	assert_true(st == ST_OK || st == ST_INVALID);
	return st == ST_OK ? NULL : made.why;
}

static const char *
place_of(const char *set)
{
	const char *sets[] = { "runtime.data_dir=/data", set };

	return place_with(sets, 2);
}

static void
test_names_of_a_path_count_and_nothing_else(void **state)
{
	(void)state;
	assert_true(backup_is_within("/a", "/a"));
	assert_true(backup_is_within("/a/b", "/a"));
	assert_true(backup_is_within("/a//./b/", "/a/."));
	assert_true(backup_is_within("/a", "/"));
	assert_false(backup_is_within("/a", "/a/b"));
	assert_false(backup_is_within("/ab", "/a"));
	assert_false(backup_is_within("/a/.b", "/a/b"));
	assert_false(backup_is_within("/a.", "/a"));
}

/* A restore of the memory tree would take all that lies in it with it. */
static void
test_a_memory_tree_holds_nothing_else(void **state)
{
	static const char *const bad[] = {
		"memory.path=.",
		"memory.path=/",
		"memory.path=backups",
		"memory.path=backups/memory",
		"memory.path=backup.keys",
		"memory.path=store.lmdb",
		"memory.path=store.lmdb/x",
		"memory.path=keys",
		"backup.path=memory",
		"backup.path=/data/memory/backups",
		"backup.key_dir=memory/keys",
		"backup.second.path=/data/memory/second",
		"company.config_path=memory/company.yaml",
	};

	(void)state;
	assert_null(place_of("memory.path=elsewhere"));
	assert_null(place_of("memory.path=/data2"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = place_of(bad[i]);

		if (why == NULL || strstr(why, " must not be in ") == NULL)
			fail_msg("%s: %s", bad[i], why == NULL ? "good" : why);
	}
}

static void
test_backups_and_their_keys_are_apart(void **state)
{
	static const char *const bad[] = {
		"backup.key_dir=backups",
		"backup.key_dir=backups/keys",
		"backup.second.path=backups/x",
		"backup.second.path=.",
		"company.config_path=store.lmdb/data.mdb",
		"company.config_path=backups/company.yaml",
		"company.config_path=keys/tokens.keys",
		"company.config_path=backup.keys/a.key",
	};

	(void)state;
	assert_null(place_of("backup.path=/backups"));
	assert_null(place_of("backup.second.path=/mnt/second"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (place_of(bad[i]) == NULL)
			fail_msg("%s is good", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_names_of_a_path_count_and_nothing_else),
		RUN(test_a_memory_tree_holds_nothing_else),
		RUN(test_backups_and_their_keys_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
