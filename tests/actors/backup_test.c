/* What a backup says of itself, what may go, and what an archive may hold. */
#include "actors/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_entries.h"
#include "actors/backup_pack.h"
#include "actors/backup_tree.h"
#include "actors/backup_unpack.h"
#include "tests/rig.h"
#include "tests/tempdir.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define NOW RIG_WALL_US
#define SUM                                       \
	"sha256:0123456789abcdef0123456789abcdef" \
	"0123456789abcdef0123456789abcdef"

static char why[BACKUP_WHY_SIZE];
static char sum[BACKUP_CHECKSUM_MAX + 1];

static enum status
read_manifest(const char *text, struct backup_facts *f)
{
	return backup_facts_read(text, strlen(text), f, why);
}

#define MANIFEST(id, time, trigger, components, sum)                \
	"{\"backup_id\":\"" id "\",\"timestamp\":\"" time           \
	"\",\"trigger\":\"" trigger "\",\"components\":" components \
	",\"size_bytes\":7,\"schema_version\":1,\"checksum\":\"" sum "\"}"
#define GOOD_ID "0123456789ab"
#define GOOD_TIME "2025-03-01T11:00:00+03:00"

static void
test_good_manifest_is_read_and_written_alike(void **state)
{
	unsigned char text[BACKUP_MANIFEST_MAX];
	struct wire_out out = { text, sizeof(text), 0 };
	struct backup_facts f, again;

	(void)state;
	assert_int_equal(read_manifest(MANIFEST(GOOD_ID, GOOD_TIME, "manual",
					   "[\"memory\"]", SUM),
			     &f),
	    ST_OK);
	assert_string_equal(f.backup_id, GOOD_ID);
	assert_int_equal(f.timestamp, INT64_C(1740816000000000));
	assert_int_equal(f.count, 1);
	assert_int_equal(f.components[0], COMPONENT_MEMORY);
	assert_int_equal(backup_facts_write(&f, true, &out), ST_OK);
	assert_int_equal(backup_facts_read(text, out.used, &again, why), ST_OK);
	assert_memory_equal(&f, &again, sizeof(f));
}

/* M-03, M-05, M-08; rows 37, 39, 40, 51, 52; SEC-02, SEC-03. */
static void
test_bad_manifests_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		MANIFEST(
		    "0123456789AB", GOOD_TIME, "manual", "[\"memory\"]", SUM),
		MANIFEST(
		    "0123456789a", GOOD_TIME, "manual", "[\"memory\"]", SUM),
		MANIFEST("0123456789ab\\n", GOOD_TIME, "manual", "[\"memory\"]",
		    SUM),
		MANIFEST(
		    "../456789ab0", GOOD_TIME, "manual", "[\"memory\"]", SUM),
		MANIFEST(GOOD_ID, "2025-03-01T11:00:00", "manual",
		    "[\"memory\"]", SUM),
		MANIFEST(GOOD_ID, "yesterday", "manual", "[\"memory\"]", SUM),
		MANIFEST(GOOD_ID, GOOD_TIME, "whim", "[\"memory\"]", SUM),
		MANIFEST(GOOD_ID, GOOD_TIME, "manual", "[]", SUM),
		MANIFEST(GOOD_ID, GOOD_TIME, "manual", "[\"bogus\"]", SUM),
		MANIFEST(GOOD_ID, GOOD_TIME, "manual",
		    "[\"memory\",\"memory\"]", SUM),
		MANIFEST(
		    GOOD_ID, GOOD_TIME, "manual", "[\"memory\"]", "sha256:00"),
		MANIFEST(GOOD_ID, GOOD_TIME, "manual", "[\"memory\"]", ""),
	};
	struct backup_facts f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(read_manifest(bad[i], &f), ST_OK);
}

/* Scenario 14: one byte past the bound, of JSON that is good but for that. */
static void
test_large_manifest_is_refused(void **state)
{
	const char *good =
	    MANIFEST(GOOD_ID, GOOD_TIME, "manual", "[\"memory\"]", SUM);
	char *text = malloc(BACKUP_MANIFEST_MAX + 2);
	struct backup_facts f;

	(void)state;
	snprintf(text, BACKUP_MANIFEST_MAX + 2, "%-*s",
	    (int)BACKUP_MANIFEST_MAX + 1, good);
	assert_int_equal(
	    backup_facts_read(text, BACKUP_MANIFEST_MAX, &f, why), ST_OK);
	assert_int_equal(
	    backup_facts_read(text, BACKUP_MANIFEST_MAX + 1, &f, why),
	    ST_INVALID);
	free(text);
}

/* ---- links, trees, archives ---- */

/* SEC-11. */
static void
test_links_stay_within(void **state)
{
	(void)state;
	assert_true(backup_link_stays("a/b", "c"));
	assert_true(backup_link_stays("a/b", "../c"));
	assert_true(backup_link_stays("a/b/c", "../../d/./e"));
	assert_false(backup_link_stays("a", ".."));
	assert_false(backup_link_stays("a", "../x"));
	assert_false(backup_link_stays("a/b", "../../x"));
	assert_false(backup_link_stays("a", "/etc/passwd"));
	assert_false(backup_link_stays("a", "b/../../x"));
	assert_false(backup_link_stays("a", ""));
	/* Where a/b/u leads to the root, a/b/u/.. is outside. */
	assert_true(backup_link_stays("a/b/u", "../.."));
	assert_false(backup_link_stays("m", "a/b/u/.."));
	assert_false(backup_link_stays("a/m", "../b/.."));
	assert_false(backup_link_stays("a/b/m", "u/.."));
}

struct place {
	const char *folder;
	char from[96], to[96], file[96];
};

static void
put(const char *folder, const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int
place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	char path[128];

	p->folder = tempdir_make();
	snprintf(p->from, sizeof(p->from), "%s/from", p->folder);
	snprintf(p->to, sizeof(p->to), "%s/to", p->folder);
	snprintf(p->file, sizeof(p->file), "%s/file", p->folder);
	assert_int_equal(mkdir(p->from, 0700), 0);
	put(p->from, "manifest.json",
	    MANIFEST(GOOD_ID, GOOD_TIME, "manual", "[\"memory\"]", SUM));
	snprintf(path, sizeof(path), "%s/memory", p->from);
	assert_int_equal(mkdir(path, 0700), 0);
	put(p->from, "memory/a", "alpha");
	put(p->from, "memory/b", "beta");
	snprintf(path, sizeof(path), "%s/memory/l", p->from);
	assert_int_equal(symlink("a", path), 0);
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

static void
sum_of(const char *folder, char *ret)
{
	assert_int_equal(backup_tree_sum(folder, NULL, ret), ST_OK);
}

static void
test_archives_give_back_what_they_got(void **state)
{
	char before[BACKUP_CHECKSUM_MAX + 1], after[BACKUP_CHECKSUM_MAX + 1];
	struct place *p = *state;
	struct backup_facts f;

	sum_of(p->from, before);
	for (int how = ARCHIVE_ZSTD; how <= ARCHIVE_GZIP; how++) {
		assert_int_equal(backup_pack(p->from, p->file,
				     (enum backup_archive)how, NULL, NULL),
		    ST_OK);
		assert_int_equal(backup_peek(p->file, &f, why), ST_OK);
		assert_string_equal(f.backup_id, GOOD_ID);
		assert_int_equal(backup_unpack(p->file, p->to, NULL, 1 << 20,
				     NULL, sum, why),
		    ST_OK);
		assert_string_equal(before, sum);
		sum_of(p->to, after);
		assert_string_equal(before, after);
		assert_int_equal(backup_tree_remove(p->to), ST_OK);
		assert_int_equal(unlink(p->file), 0);
	}
}

/* As a walk does it: "a" and all in it before "a.b", where strcmp differs. */
static void
test_sum_of_an_archive_is_that_of_its_tree(void **state)
{
	char before[BACKUP_CHECKSUM_MAX + 1], after[BACKUP_CHECKSUM_MAX + 1];
	struct place *p = *state;
	char path[160];

	snprintf(path, sizeof(path), "%s/memory/a-folder", p->from);
	assert_int_equal(mkdir(path, 0700), 0);
	put(p->from, "memory/a-folder/z", "within");
	put(p->from, "memory/a-folder.txt", "beside");
	put(p->from, "memory/a-folder-", "");
	sum_of(p->from, before);
	assert_int_equal(
	    backup_pack(p->from, p->file, ARCHIVE_ZSTD, NULL, NULL), ST_OK);
	assert_int_equal(
	    backup_unpack_sum(p->file, NULL, NULL, after, why), ST_OK);
	assert_string_equal(before, after);
	/* Cut short. */
	assert_int_equal(truncate(p->file, 300), 0);
	assert_int_not_equal(
	    backup_unpack_sum(p->file, NULL, NULL, after, why), ST_OK);
}

/* Of every size, so that each number of blocks is met. */
static void
test_a_front_has_the_size_it_said(void **state)
{
	static uint8_t text[BACKUP_MANIFEST_MAX], frame[BACKUP_FRONT_MAX + 1];

	(void)state;
	memset(text, ' ', sizeof(text));
	for (size_t size = 0; size <= sizeof(text); size += 511) {
		for (int how = ARCHIVE_ZSTD; how <= ARCHIVE_GZIP; how++) {
			size_t is =
			    backup_front_size((enum backup_archive)how, size);

			assert_true(is <= BACKUP_FRONT_MAX);
			frame[is] = 0xa5;
			assert_int_equal(
			    backup_front_make((enum backup_archive)how,
				(struct bytes){ text, size }, frame),
			    ST_OK);
			assert_int_equal(frame[is], 0xa5);
		}
	}
	assert_int_equal(backup_front_make(ARCHIVE_ZSTD,
			     (struct bytes){ text, sizeof(text) + 1 }, frame),
	    ST_INVALID);
}

static const struct backup_packing packing = {
	.how = ARCHIVE_ZSTD, .quick = true, .manifest_max = 100
};

/* What is packed from where it lies is what a copy of it would be. */
static void
test_a_tree_is_packed_as_it_is_copied(void **state)
{
	char copied[BACKUP_CHECKSUM_MAX + 1], packed[BACKUP_CHECKSUM_MAX + 1];
	char tree[160], to[160], path[200];
	struct backup_pack *pack;
	struct place *p = *state;
	uint64_t bytes, again;
	struct pace pace = { 0 };

	snprintf(tree, sizeof(tree), "%s/memory", p->from);
	snprintf(path, sizeof(path), "%s/out", tree);
	assert_int_equal(symlink("../../etc", path), 0);
	snprintf(path, sizeof(path), "%s/pipe", tree);
	assert_int_equal(mkfifo(path, 0600), 0);
	put(p->from, "memory/large", "");
	snprintf(path, sizeof(path), "%s/large", tree);
	assert_int_equal(truncate(path, 3 << 20), 0);
	assert_int_equal(
	    backup_pack_open(p->file, &packing, NULL, &pack), ST_OK);
	assert_int_equal(backup_pack_tree(pack, tree, "memory", &bytes), ST_OK);
	backup_pack_sum(pack, packed);
	assert_int_equal(
	    backup_pack_end(pack, (struct bytes){ (const uint8_t *)"{}", 2 }),
	    ST_OK);
	backup_pack_destroy(pack);
	assert_int_equal(mkdir(p->to, 0700), 0);
	snprintf(to, sizeof(to), "%s/memory", p->to);
	assert_int_equal(backup_tree_copy(tree, to, NULL, &again), ST_OK);
	assert_int_equal(bytes, again);
	sum_of(p->to, copied);
	assert_string_equal(packed, copied);
	assert_int_equal(backup_tree_remove(p->to), ST_OK);
	assert_int_equal(
	    backup_unpack(p->file, p->to, NULL, 4 << 20, NULL, sum, why),
	    ST_OK);
	assert_string_equal(packed, sum);
	sum_of(p->to, copied);
	assert_string_equal(packed, copied);
	/* By one thread, as a drill on the schedule does it. */
	assert_int_equal(backup_tree_remove(p->to), ST_OK);
	pace_init(&pace, 0);
	pace_bound_cpu(&pace, 100);
	assert_int_equal(
	    backup_unpack(p->file, p->to, NULL, 4 << 20, &pace, sum, why),
	    ST_OK);
	assert_string_equal(packed, sum);
}

static void
test_a_pack_that_is_given_up_leaves_nothing(void **state)
{
	struct backup_pack *pack;
	struct place *p = *state;
	char tree[160];
	uint64_t bytes;

	snprintf(tree, sizeof(tree), "%s/memory", p->from);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    backup_pack_open(p->file, &packing, NULL, &pack), ST_OK);
		if (i > 0)
			assert_int_equal(
			    backup_pack_tree(pack, tree, "memory", &bytes),
			    ST_OK);
		backup_pack_destroy(pack);
		assert_int_equal(access(p->file, F_OK), -1);
	}
	put(p->folder, "file", "another's");
	assert_int_equal(
	    backup_pack_open(p->file, &packing, NULL, &pack), ST_EXISTS);
	assert_int_equal(access(p->file, F_OK), 0);
}

/* SEC-15. */
static void
test_archive_that_unpacks_to_too_much_is_refused(void **state)
{
	struct place *p = *state;

	assert_int_equal(
	    backup_pack(p->from, p->file, ARCHIVE_ZSTD, NULL, NULL), ST_OK);
	assert_int_equal(
	    backup_unpack(p->file, p->to, NULL, 8, NULL, sum, why), ST_FULL);
}

/* SEC-20, SEC-23; scenarios 18 and 19: contents, names and links count. */
static void
test_sum_sees_every_change(void **state)
{
	char before[BACKUP_CHECKSUM_MAX + 1], after[BACKUP_CHECKSUM_MAX + 1];
	char a[160], b[160];
	struct place *p = *state;

	sum_of(p->from, before);
	put(p->from, "memory/a", "alphb");
	sum_of(p->from, after);
	assert_string_not_equal(before, after);
	put(p->from, "memory/a", "alpha");
	put(p->from, "manifest.json", "another");
	sum_of(p->from, after);
	assert_string_equal(before, after);
	snprintf(a, sizeof(a), "%s/memory/a", p->from);
	snprintf(b, sizeof(b), "%s/memory/c", p->from);
	assert_int_equal(rename(a, b), 0);
	sum_of(p->from, after);
	assert_string_not_equal(before, after);
	assert_int_equal(rename(b, a), 0);
	snprintf(b, sizeof(b), "%s/memory/l", p->from);
	assert_int_equal(unlink(b), 0);
	assert_int_equal(symlink("b", b), 0);
	sum_of(p->from, after);
	assert_string_not_equal(before, after);
}

static struct backup_keys *
keys_of(const struct place *p, bool make)
{
	struct backup_keys *keys = NULL;
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/keys", p->folder);
	assert_int_equal(backup_keys_load(folder, make, &keys, why), ST_OK);
	return keys;
}

/* Cut, or with a bit of it turned: the manifest's bytes count too. */
static void
broken_at_every_place(const struct place *p, const struct backup_keys *keys)
{
	int fd = open(p->file, O_RDWR | O_CLOEXEC);
	struct stat s;
	uint8_t is, odd;

	assert_int_equal(fstat(fd, &s), 0);
	for (off_t at = BACKUP_SEAL_MARK_SIZE; at < s.st_size; at += 7) {
		assert_int_equal(pread(fd, &is, 1, at), 1);
		odd = is ^ 0x40;
		assert_int_equal(pwrite(fd, &odd, 1, at), 1);
		assert_int_equal(backup_tree_remove(p->to), ST_OK);
		assert_int_not_equal(backup_unpack(p->file, p->to, keys,
					 1 << 20, NULL, sum, why),
		    ST_OK);
		assert_int_equal(pwrite(fd, &is, 1, at), 1);
	}
	for (off_t size = s.st_size - 1; size > 0; size -= 97) {
		assert_int_equal(ftruncate(fd, size), 0);
		assert_int_equal(backup_tree_remove(p->to), ST_OK);
		assert_int_not_equal(backup_unpack(p->file, p->to, keys,
					 1 << 20, NULL, sum, why),
		    ST_OK);
	}
	close(fd);
}

static void
test_sealed_archive_opens_with_its_key_alone(void **state)
{
	struct place *p = *state;
	struct backup_keys *keys = keys_of(p, true), *others;
	struct backup_facts f;
	unsigned char text[BACKUP_MANIFEST_MAX];
	struct wire_out out = { text, sizeof(text), 0 };
	char path[160], id[BACKUP_KEY_ID_MAX + 1];

	assert_int_equal(read_manifest(MANIFEST(GOOD_ID, GOOD_TIME, "manual",
					   "[\"memory\"]", SUM),
			     &f),
	    ST_OK);
	snprintf(f.key_id, sizeof(f.key_id), "%s",
	    backup_key_id(backup_keys_newest(keys)));
	assert_int_equal(backup_keys_sign(backup_keys_newest(keys), &f), ST_OK);
	assert_int_equal(backup_facts_write(&f, true, &out), ST_OK);
	snprintf(path, sizeof(path), "%s/manifest.json", p->from);
	assert_int_equal(backup_file_write(path, out.bytes, out.used), ST_OK);
	assert_int_equal(backup_pack(p->from, p->file, ARCHIVE_ZSTD,
			     backup_keys_newest(keys), NULL),
	    ST_OK);
	assert_int_equal(backup_peek(p->file, &f, why), ST_OK);
	assert_int_equal(backup_keys_trust(keys, &f), TRUST_SIGNED);
	assert_int_equal(
	    backup_unpack(p->file, p->to, NULL, 1 << 20, NULL, sum, why),
	    ST_NOT_FOUND);
	assert_non_null(strstr(why, f.key_id));
	assert_int_equal(backup_tree_remove(p->to), ST_OK);
	/* Rotation: a newer key, and the old one still opens. */
	snprintf(path, sizeof(path), "%s/keys", p->folder);
	assert_int_equal(backup_keys_add(path, id), ST_OK);
	others = keys_of(p, false);
	assert_string_equal(backup_key_id(backup_keys_newest(others)), id);
	assert_int_equal(
	    backup_unpack(p->file, p->to, others, 1 << 20, NULL, sum, why),
	    ST_OK);
	broken_at_every_place(p, others);
	f.size_bytes++;
	assert_int_equal(backup_keys_trust(others, &f), TRUST_FORGED);
	backup_keys_destroy(keys);
	backup_keys_destroy(others);
}

/* Whoever rotated once too often had no backups from then on. */
static void
test_no_key_is_made_that_could_not_be_loaded(void **state)
{
	char path[160], id[BACKUP_KEY_ID_MAX + 1];
	struct place *p = *state;

	snprintf(path, sizeof(path), "%s/keys", p->folder);
	for (int i = 0; i < BACKUP_KEYS_MAX; i++)
		assert_int_equal(backup_keys_add(path, id), ST_OK);
	assert_int_equal(backup_keys_add(path, id), ST_FULL);
	backup_keys_destroy(keys_of(p, false));
}

/* Made by 0.1.0, with the key 00 01 02 ... 1f. */
#define OLD_KEY                            \
	"000102030405060708090a0b0c0d0e0f" \
	"101112131415161718191a1b1c1d1e1f\n"
#define OLD_MANIFEST                                               \
	"{\"backup_id\":\"28da7627ea73\","                         \
	"\"timestamp\":\"2026-11-29T22:09:44.918385+00:00\","      \
	"\"trigger\":\"manual\",\"components\":[\"config\"],"      \
	"\"size_bytes\":11,\"schema_version\":2,"                  \
	"\"checksum\":\"sha256:6f9bf5962ace4900f4f0803fbdb86c33"   \
	"fcaa2d20f43430cfb16d95265620bfba\",\"format_version\":1," \
	"\"app_version\":\"0.1.0\",\"parts\":[{\"component\":"     \
	"\"config\",\"size_bytes\":11,"                            \
	"\"taken_at\":\"2026-11-29T22:09:44.927102+00:00\"}],"     \
	"\"key_id\":null,\"signed_by\":\"f2a162a39cab65b1\","      \
	"\"signature\":\"f48ac93e039457c18fa1f4841cd3021416ad1ad7" \
	"1535b0948ad8d99e8b2de4df1c0b0af41c6adb7bfb7d3f5ef611c14c" \
	"942eb45fc7517279f0673828af4b4e0d\",\"point\":null,"       \
	"\"where\":null}"

/* Another field of a manifest would make forgeries of all there are. */
static void
test_what_an_earlier_version_has_signed_is_ours(void **state)
{
	struct place *p = *state;
	struct backup_keys *keys;
	struct backup_facts f;
	char path[160];

	snprintf(path, sizeof(path), "%s/keys", p->folder);
	assert_int_equal(backup_folder_make(path), ST_OK);
	snprintf(path, sizeof(path), "%s/keys/old.key", p->folder);
	assert_int_equal(
	    backup_file_write(path, OLD_KEY, strlen(OLD_KEY)), ST_OK);
	keys = keys_of(p, false);
	assert_int_equal(read_manifest(OLD_MANIFEST, &f), ST_OK);
	assert_int_equal(backup_keys_trust(keys, &f), TRUST_SIGNED);
	backup_keys_destroy(keys);
}

int
main(void)
{
#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_manifest_is_read_and_written_alike),
		cmocka_unit_test(test_bad_manifests_are_refused),
		cmocka_unit_test(test_large_manifest_is_refused),
		cmocka_unit_test(test_links_stay_within),
		PLACED(test_archives_give_back_what_they_got),
		cmocka_unit_test(test_a_front_has_the_size_it_said),
		PLACED(test_a_tree_is_packed_as_it_is_copied),
		PLACED(test_a_pack_that_is_given_up_leaves_nothing),
		PLACED(test_archive_that_unpacks_to_too_much_is_refused),
		PLACED(test_sum_of_an_archive_is_that_of_its_tree),
		PLACED(test_sum_sees_every_change),
		PLACED(test_sealed_archive_opens_with_its_key_alone),
		PLACED(test_no_key_is_made_that_could_not_be_loaded),
		PLACED(test_what_an_earlier_version_has_signed_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
