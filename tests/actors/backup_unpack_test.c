/* Archives that somebody else made: what their links may lead to. */
#include "actors/backup_unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "actors/backup_tree.h"
#include "tests/check.h"
#include "tests/tempdir.h"

static char why[BACKUP_WHY_SIZE];
static char sum[BACKUP_CHECKSUM_MAX + 1];

struct place {
	const char *folder;
	char to[96], file[96];
};

static int
place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->folder = tempdir_make();
	snprintf(p->to, sizeof(p->to), "%s/to", p->folder);
	snprintf(p->file, sizeof(p->file), "%s/file", p->folder);
	*state = p;
	return 0;
}

static int
place_teardown(void **state)
{
	struct place *p = *state;

	free(p);
	return 0;
}

struct put_member {
	const char *name;
	const char *soft, *hard; /* NULL: a file */
};

static void
put_archive(const char *file, const struct put_member *m)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();

	assert_int_equal(archive_write_set_format_ustar(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, file), ARCHIVE_OK);
	for (; m->name != NULL; m++) {
		bool plain = m->soft == NULL && m->hard == NULL;

		archive_entry_clear(e);
		archive_entry_set_pathname(e, m->name);
		archive_entry_set_mode(
		    e, (m->soft != NULL ? AE_IFLNK : AE_IFREG) | 0644);
		archive_entry_set_size(e, plain ? 4 : 0);
		if (m->soft != NULL)
			archive_entry_set_symlink(e, m->soft);
		if (m->hard != NULL)
			archive_entry_set_hardlink(e, m->hard);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		if (plain)
			assert_int_equal(archive_write_data(a, "text", 4), 4);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_entry_free(e);
	archive_write_free(a);
}

static enum status
unpack_these(const struct place *p, const struct put_member *m)
{
	enum status st;

	put_archive(p->file, m);
	assert_int_equal(backup_tree_remove(p->to), ST_OK);
	why[0] = '\0';
	st = backup_unpack(p->file, p->to, NULL, 1 << 20, NULL, sum, why);
	assert_int_equal(unlink(p->file), 0);
	return st;
}

/* SEC-11, SEC-16: each part goes somewhere else, and its links with it. */
static void
test_links_stay_in_their_part(void **state)
{
	static const struct put_member bad[][4] = {
		{ { "memory/x", "../config", NULL } },
		{ { "memory", "config", NULL } },
		{ { "memory/a/u", "..", NULL },
		    { "memory/m", "a/u/..", NULL } },
		{ { "config/c", NULL, NULL },
		    { "memory/x", NULL, "config/c" } },
		{ { "persistence/data.mdb", NULL, NULL },
		    { "memory/x", NULL, "persistence/data.mdb" } },
		{ { "memory/a", NULL, NULL }, { "x", NULL, "memory/a" } },
		{ { "memory/a", NULL, NULL }, { "memory/x", NULL, "memory" } },
	};
	static const struct put_member good[] = {
		{ "memory/a/b", NULL, NULL },
		{ "memory/a/l", "../c", NULL },
		{ "memory/x", NULL, "memory/a/b" },
		{ "./memory/y", NULL, "./memory/a/b" },
		{ 0 },
	};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(unpack_these(p, bad[i]), ST_MALFORMED);
		if (strstr(why, "in its part") == NULL &&
		    strstr(why, "out of its part") == NULL)
			fail_msg("%zu: %s", i, why);
	}
	assert_int_equal(unpack_these(p, good), ST_OK);
	assert_string_equal(sum, ""); /* of the tree, then */
}

/* A hard link is made when it comes, what leads elsewhere at the end. */
static void
test_a_hard_link_is_to_what_was_before_it(void **state)
{
	static const struct put_member early[] = {
		{ "memory/x", NULL, "memory/a" },
		{ "memory/a", NULL, NULL },
		{ 0 },
	};
	static const struct put_member through[] = {
		{ "memory/d/a", NULL, NULL },
		{ "memory/l", "d", NULL },
		{ "memory/x", NULL, "memory/l/a" },
		{ 0 },
	};
	static const struct put_member to_link[] = {
		{ "memory/a", NULL, NULL },
		{ "memory/l", "a", NULL },
		{ "memory/x", NULL, "memory/l" },
		{ 0 },
	};
	struct place *p = *state;

	assert_int_equal(unpack_these(p, early), ST_MALFORMED);
	assert_int_equal(unpack_these(p, through), ST_MALFORMED);
	assert_int_equal(unpack_these(p, to_link), ST_MALFORMED);
	assert_non_null(strstr(why, "hard link to nothing"));
}

int
main(void)
{
#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		PLACED(test_links_stay_in_their_part),
		PLACED(test_a_hard_link_is_to_what_was_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
