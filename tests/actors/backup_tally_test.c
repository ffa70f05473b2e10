/* A sum on the way is that of the tree, or it says that it is none. */
#include "actors/backup_tally.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"

struct member {
	const char *path;
	char kind; /* f, l, d, or h for what cannot be followed */
	const char *content;
	size_t size; /* as it says */
};

static const char *
tally(const struct member *m, size_t count)
{
	static char sum[BACKUP_CHECKSUM_MAX + 1];
	struct backup_tally *t = backup_tally_create();

	for (size_t i = 0; i < count; i++) {
		if (m[i].kind == 'd')
			backup_tally_folder(t, m[i].path);
		else if (m[i].kind == 'l')
			backup_tally_link(t, m[i].path, m[i].content);
		else if (m[i].kind == 'h')
			backup_tally_lose(t);
		else {
			backup_tally_file(t, m[i].path, m[i].size);
			backup_tally_bytes(
			    t, 0, m[i].content, strlen(m[i].content));
		}
	}
	backup_tally_end(t, sum);
	backup_tally_destroy(t);
	return sum;
}

#define COUNT(m) (sizeof(m) / sizeof((m)[0]))
#define F(path, content)                                \
	{                                               \
		path, 'f', content, sizeof(content) - 1 \
	}
#define D(path)                  \
	{                        \
		path, 'd', "", 0 \
	}

static void
test_the_order_is_that_of_a_walk(void **state)
{
	/* In a walk a folder's content comes before "a.b": / is lowest. */
	static const struct member good[] = { D("a"), F("a/z", "1"),
		F("a.b", "2"), D("b"), F("b/c", "3") };
	static const struct member bytewise[] = { D("a"), F("a.b", "2"),
		F("a/z", "1") };
	static const struct member twice[] = { F("a", "1"), F("a", "1") };
	static const struct member back[] = { F("b", "1"), F("a", "1") };

	(void)state;
	assert_int_equal(strlen(tally(good, COUNT(good))), 7 + 64);
	assert_string_equal(tally(bytewise, COUNT(bytewise)), "");
	assert_string_equal(tally(twice, COUNT(twice)), "");
	assert_string_equal(tally(back, COUNT(back)), "");
}

static void
test_folders_and_the_manifest_do_not_count(void **state)
{
	static const struct member with[] = { F("manifest.json", "{}"), D("a"),
		F("a/b", "1") };
	static const struct member last[] = { F("a/b", "1"),
		F("manifest.json", "other") };
	static const struct member deeper[] = { F("a/b", "1"),
		F("a/manifest.json", "{}") };
	char sum[BACKUP_CHECKSUM_MAX + 1];

	(void)state;
	snprintf(sum, sizeof(sum), "%s", tally(with, COUNT(with)));
	assert_string_equal(sum, tally(last, COUNT(last)));
	assert_string_not_equal(sum, tally(deeper, COUNT(deeper)));
}

static void
test_what_is_not_as_it_says_is_lost(void **state)
{
	static const struct member shorter[] = { { "a", 'f', "12", 3 } };
	static const struct member longer[] = { { "a", 'f', "12", 1 } };
	static const struct member then[] = { { "a", 'f', "12", 3 },
		F("b", "1") };
	static const struct member hard[] = { F("a", "1"),
		{ "b", 'h', "", 0 } };
	struct backup_tally *t = backup_tally_create();
	char sum[BACKUP_CHECKSUM_MAX + 1];

	(void)state;
	assert_string_equal(tally(shorter, COUNT(shorter)), "");
	assert_string_equal(tally(longer, COUNT(longer)), "");
	assert_string_equal(tally(then, COUNT(then)), "");
	assert_string_equal(tally(hard, COUNT(hard)), "");
	/* A hole is not what a sum in one pass sees. */
	backup_tally_file(t, "a", 4);
	backup_tally_bytes(t, 2, "34", 2);
	backup_tally_bytes(t, 0, "12", 2);
	backup_tally_end(t, sum);
	assert_string_equal(sum, "");
	backup_tally_destroy(t);
}

static void
test_links_count_by_their_targets(void **state)
{
	static const struct member one[] = { { "l", 'l', "x", 0 } };
	static const struct member other[] = { { "l", 'l', "y", 0 } };
	static const struct member file[] = { F("l", "x") };
	char sum[BACKUP_CHECKSUM_MAX + 1];

	(void)state;
	snprintf(sum, sizeof(sum), "%s", tally(one, 1));
	assert_string_not_equal(sum, tally(other, 1));
	assert_string_not_equal(sum, tally(file, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_order_is_that_of_a_walk),
		cmocka_unit_test(test_folders_and_the_manifest_do_not_count),
		cmocka_unit_test(test_what_is_not_as_it_says_is_lost),
		cmocka_unit_test(test_links_count_by_their_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
