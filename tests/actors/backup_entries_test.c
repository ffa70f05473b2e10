/* Whose a backup is: what is forged removes, hides and replaces nothing. */
#include "actors/backup_entries.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_keep.h"
#include "actors/backup_tree.h"
#include "actors/points.h"
#include "actors/segment.h"
#include "tests/rig.h"
#include "tests/tempdir.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define NOW RIG_WALL_US
#define ID_A "aaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbb"
#define ROUNDS 60
#define REAL_MAX 8

static const char *root;
static char why[BACKUP_WHY_SIZE];
static struct backup_keys *keys;
static const struct backup_key *signer; /* of what is put; NULL: nobody */

static struct backup_keys *
keys_make(void)
{
	struct backup_keys *made;

	assert_int_equal(
	    backup_keys_load(tempdir_make(), true, &made, why), ST_OK);
	return made;
}

static int
setup(void **state)
{
	(void)state;
	keys = keys_make();
	signer = backup_keys_newest(keys);
	root = tempdir_make();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	backup_keys_destroy(keys);
	return 0;
}

static void
path_of(const char *name, char ret[SEGMENT_PATH_SIZE])
{
	snprintf(ret, SEGMENT_PATH_SIZE, "%s/%s", root, name);
}

static bool
is_there(const char *name)
{
	char path[SEGMENT_PATH_SIZE];

	path_of(name, path);
	return access(path, F_OK) == 0;
}

/* A folder of that name, whose manifest says all the rest; tag is its sum. */
static void
put_with(
    const char *name, const char *id, int64_t age_us, char tag, uint64_t txid)
{
	static unsigned char text[BACKUP_MANIFEST_MAX];
	struct wire_out out = { text, sizeof(text), 0 };
	struct backup_facts f = { .timestamp = NOW - age_us,
		.trigger = TRIGGER_MANUAL,
		.count = 1,
		.components = { COMPONENT_MEMORY },
		.point = { 1, txid, NOW } };
	char path[SEGMENT_PATH_SIZE], file[SEGMENT_PATH_SIZE + 16];
	FILE *to;

	snprintf(f.backup_id, sizeof(f.backup_id), "%s", id);
	snprintf(f.checksum, sizeof(f.checksum), "sha256:");
	memset(f.checksum + strlen(f.checksum), tag, 64);
	if (signer != NULL)
		assert_int_equal(backup_keys_sign(signer, &f), ST_OK);
	assert_int_equal(backup_facts_write(&f, true, &out), ST_OK);
	path_of(name, path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(file, sizeof(file), "%s/" BACKUP_MANIFEST_NAME, path);
	to = fopen(file, "we");
	assert_int_equal(fwrite(text, out.used, 1, to), 1);
	assert_int_equal(fclose(to), 0);
}

/* tag is the transaction that it shows, too. */
static void
put(const char *name, const char *id, int64_t age_us, char tag)
{
	put_with(name, id, age_us, tag, (uint64_t)tag);
}

static size_t
look(struct backup_entry **ret_all, size_t *ret_refused)
{
	size_t count;

	assert_int_equal(
	    backup_entries_look(root, ret_all, &count, ret_refused), ST_OK);
	return count;
}

/* What retention removes; max_count backups stay. */
static size_t
keep(uint32_t max_count, size_t *ret_refused)
{
	struct backup_policy p = { .max_count = max_count,
		.max_days = 30,
		.now_us = NOW,
		.keys = keys };
	struct backup_outcome *of;
	size_t count, removed = 0;

	assert_int_equal(
	    backup_keep(root, &p, false, &of, &count, ret_refused), ST_OK);
	for (size_t i = 0; i < count; i++)
		removed += of[i].removed;
	free(of);
	return removed;
}

/* An old time under another's id took the real backup with it. */
static void
test_a_forged_manifest_removes_no_other_backup(void **state)
{
	struct backup_entry e;
	size_t refused;

	(void)state;
	put(ID_A "_real", ID_A, DAY_US, '1');
	put(ID_B "_real", ID_B, 0, '2');
	put("forged", ID_A, 400 * DAY_US, '3');
	put(ID_B "_forged", ID_A, 400 * DAY_US, '4');
	assert_int_equal(keep(9, &refused), 0);
	assert_int_equal(refused, 2);
	assert_true(is_there(ID_A "_real") && is_there(ID_B "_real"));
	assert_true(is_there("forged") && is_there(ID_B "_forged"));
	assert_int_equal(backup_entry_find(root, ID_A, &e, why), ST_OK);
	assert_string_equal(e.name, ID_A "_real");
}

static void
put_by(const struct backup_key *by, const char *name, const char *id,
    int64_t age_us)
{
	const struct backup_key *was = signer;

	signer = by;
	put(name, id, age_us, 'f');
	signer = was;
}

/* As anybody writes it who has the folder, and not the key. */
static void
put_changed(const char *name, const char *id, const char *from, const char *to)
{
	char path[SEGMENT_PATH_SIZE], file[SEGMENT_PATH_SIZE + 16];
	char text[4096] = "", *at;
	FILE *f;

	put(name, id, DAY_US, '1');
	path_of(name, path);
	snprintf(file, sizeof(file), "%s/" BACKUP_MANIFEST_NAME, path);
	f = fopen(file, "r+e");
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	at = strstr(text, from);
	assert_non_null(at);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
	rewind(f);
	assert_int_equal(fwrite(text, strlen(text), 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

static enum backup_trust
trust_of(const char *id)
{
	struct backup_entry e;

	assert_int_equal(backup_entry_find(root, id, &e, why), ST_OK);
	backup_keys_prove(keys, &e, 1);
	return e.trust;
}

/* A new id and a recent time took a place, and the real one went for it. */
static void
test_what_no_key_of_ours_signed_evicts_nothing_and_stays(void **state)
{
	struct backup_keys *others = keys_make();
	size_t refused;

	(void)state;
	put(ID_A "_real", ID_A, 2 * DAY_US, '1');
	put(ID_B "_real", ID_B, 3 * DAY_US, '2');
	put_by(NULL, "111111111111_x", "111111111111", 0);
	put_by(NULL, "222222222222_x", "222222222222", 400 * DAY_US);
	put_by(backup_keys_newest(others), "333333333333_x", "333333333333", 1);
	put_changed("444444444444_x", "444444444444", "\"size_bytes\":0",
	    "\"size_bytes\":7");
	assert_int_equal(trust_of(ID_A), TRUST_SIGNED);
	assert_int_equal(trust_of("111111111111"), TRUST_UNSIGNED);
	assert_int_equal(trust_of("333333333333"), TRUST_UNKNOWN);
	assert_int_equal(trust_of("444444444444"), TRUST_FORGED);
	assert_int_equal(keep(2, &refused), 0);
	assert_int_equal(keep(1, &refused), 1);
	assert_true(is_there(ID_A "_real") && !is_there(ID_B "_real"));
	assert_true(is_there("111111111111_x") && is_there("222222222222_x"));
	assert_true(is_there("333333333333_x") && is_there("444444444444_x"));
	backup_keys_destroy(others);
}

/* Whoever loses the keys, or has none yet, does not lose the backups too. */
static void
test_without_its_key_a_backup_is_not_judged(void **state)
{
	struct backup_keys *ours = keys, *others = keys_make();
	size_t refused;

	(void)state;
	put(ID_A "_real", ID_A, 2 * DAY_US, '1');
	put(ID_B "_real", ID_B, 400 * DAY_US, '2');
	keys = others;
	assert_int_equal(keep(1, &refused), 0);
	keys = NULL;
	assert_int_equal(keep(1, &refused), 0);
	keys = ours;
	assert_int_equal(keep(1, &refused), 1);
	assert_true(is_there(ID_A "_real"));
	backup_keys_destroy(others);
}

/* Nobody can tell which is the real one, so both stay and none is used. */
static void
test_a_disputed_id_is_neither_judged_nor_used(void **state)
{
	struct backup_entry e, *all;
	size_t refused;

	(void)state;
	put(ID_A "_real", ID_A, DAY_US, '1');
	put(ID_A "_forged", ID_A, 400 * DAY_US, '2');
	put(ID_B "_real", ID_B, 0, '3');
	assert_int_equal(look(&all, &refused), 2);
	assert_int_equal(refused, 1);
	assert_false(all[0].is_disputed);
	assert_true(all[1].is_disputed);
	free(all);
	assert_int_equal(keep(1, &refused), 0);
	assert_true(is_there(ID_A "_real") && is_there(ID_A "_forged"));
	assert_int_equal(backup_entry_find(root, ID_A, &e, why), ST_MALFORMED);
	assert_non_null(strstr(why, "another entry"));
	backup_entries_sweep(root);
	assert_true(is_there(ID_A "_real") && is_there(ID_A "_forged"));
}

/* Without names there is no telling either, and no removing by request. */
static void
test_manifests_alone_may_dispute_an_id(void **state)
{
	struct backup_entry e;

	(void)state;
	put("one", ID_A, DAY_US, '1');
	assert_int_equal(backup_entry_find(root, ID_A, &e, why), ST_OK);
	put("two", ID_A, DAY_US, '2');
	assert_int_equal(backup_entry_find(root, ID_A, &e, why), ST_MALFORMED);
	assert_int_equal(backup_entry_remove(root, ID_A), ST_MALFORMED);
	assert_true(is_there("one") && is_there("two"));
}

/* H6, and what somebody has copied by hand; but nothing that is not known. */
static void
test_copies_of_one_backup_go_together(void **state)
{
	struct backup_entry *all;
	size_t refused;

	(void)state;
	put(ID_A "_one", ID_A, DAY_US, '1');
	put(ID_A "_two", ID_A, DAY_US, '1');
	put(ID_A "_else", ID_B, DAY_US, '1');
	put(ID_B "_real", ID_B, 0, '2');
	assert_int_equal(look(&all, &refused), 2);
	assert_int_equal(refused, 1);
	free(all);
	assert_int_equal(keep(1, &refused), 1);
	assert_false(is_there(ID_A "_one") || is_there(ID_A "_two"));
	assert_true(is_there(ID_A "_else") && is_there(ID_B "_real"));
}

static void
put_segment(uint64_t first)
{
	char name[SEGMENT_NAME_MAX + 1], path[SEGMENT_PATH_SIZE];
	struct segment s;
	int fd;

	snprintf(name, sizeof(name), "%016x-%020llu-%04u.seg", 1,
	    (unsigned long long)first, 0);
	assert_true(segment_name_read(name, &s));
	segment_path(root, name, path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* Who hides the base of a timeline must not have its segments removed. */
static void
test_segments_stay_while_an_id_is_disputed(void **state)
{
	char path[SEGMENT_PATH_SIZE];
	uint32_t removed;

	(void)state;
	put(ID_A "_real", ID_A, DAY_US, '1');
	segment_path(root, "", path);
	assert_int_equal(mkdir(path, 0700), 0);
	put_segment('1');
	put_segment('2' + 1);
	put(ID_A "_forged", ID_A, DAY_US, '2');
	assert_int_equal(points_prune(root, &removed), ST_OK);
	assert_int_equal(removed, 0);
	path_of(ID_A "_real", path);
	assert_int_equal(backup_tree_remove(path), ST_OK);
	assert_int_equal(points_prune(root, &removed), ST_OK);
	assert_int_equal(removed, 1);
}

/* ---- against what there would be without a liar ---- */

static uint64_t seed;

static uint32_t
roll(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return below == 0 ? 0 : (uint32_t)(seed >> 33) % below;
}

struct real {
	char id[BACKUP_ID_LENGTH + 1];
	char name[64];
	int64_t age_us;
	bool is_disputed, stays;
};

/* Any name but its own; or its own, and then nobody may judge it. */
static void
put_forged(struct real *all, uint32_t count, uint32_t n)
{
	struct real *of = &all[roll(count)];
	int64_t age_us = (int64_t)roll(800) * DAY_US - 100 * DAY_US;
	char name[64], id[BACKUP_ID_LENGTH + 1];

	switch (roll(4)) {
	case 0:
		snprintf(name, sizeof(name), "copy-%u", n);
		break;
	case 1:
		snprintf(name, sizeof(name), "%012x_f%u", 0xf000 + n, n);
		break;
	case 2: /* an id of its own, but not our signature */
		snprintf(id, sizeof(id), "%012x", 0xe000 + n);
		snprintf(name, sizeof(name), "%s_f", id);
		put_by(NULL, name, id, age_us);
		return;
	default:
		snprintf(name, sizeof(name), "%s_f%u", of->id, n);
		of->is_disputed = true;
		break;
	}
	put(name, of->id, age_us, 'f');
}

/* As the header says it: the disputed take no place, the rest are by age. */
static void
judge(struct real *all, uint32_t count, uint32_t max_count)
{
	uint32_t place = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct real *r = &all[i];

		r->stays = r->is_disputed || place == 0 ||
			   (place < max_count && r->age_us <= 30 * DAY_US);
		place += !r->is_disputed;
	}
}

/* TROUPE_SEED=N is round N alone. */
static void
test_liars_change_nothing_for_the_others(void **state)
{
	const char *given = getenv("TROUPE_SEED");
	uint64_t first = given == NULL ? 1 : strtoull(given, NULL, 10);
	uint64_t last = given == NULL ? ROUNDS : first;
	const char *above = root;
	char folder[1200];

	(void)state;
	for (uint64_t round = first; round <= last; round++) {
		struct real all[REAL_MAX] = { 0 };
		uint32_t count, max_count;
		size_t refused;

		seed = round;
		count = 1 + roll(REAL_MAX);
		max_count = 1 + roll(4);
		snprintf(folder, sizeof(folder), "%s/%llu", above,
		    (unsigned long long)round);
		assert_int_equal(mkdir(folder, 0700), 0);
		root = folder;
		for (uint32_t i = 0; i < count; i++) {
			snprintf(all[i].id, sizeof(all[i].id), "%012x", i + 1);
			snprintf(all[i].name, sizeof(all[i].name), "%012x_real",
			    i + 1);
			all[i].age_us = (int64_t)(i + 1) * 7 * DAY_US;
			put(all[i].name, all[i].id, all[i].age_us, '1');
		}
		for (uint32_t n = roll(6); n > 0; n--)
			put_forged(all, count, n);
		judge(all, count, max_count);
		(void)keep(max_count, &refused);
		for (uint32_t i = 0; i < count; i++)
			if (is_there(all[i].name) != all[i].stays)
				fail_msg("TROUPE_SEED=%llu, backup %u",
				    (unsigned long long)round, i);
	}
}

/* A restore goes on counting from there; from 2^64 on it would begin again. */
static void
test_a_forged_transaction_is_nowhere_to_count_from(void **state)
{
	(void)state;
	put(ID_A "_real", ID_A, DAY_US, 'a');
	put_with(ID_B "_liar", ID_B, DAY_US, 'b', UINT64_MAX);
	assert_int_equal(points_floor(root, keys), 'a');
}

int
main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		PLACED(test_a_forged_manifest_removes_no_other_backup),
		PLACED(
		    test_what_no_key_of_ours_signed_evicts_nothing_and_stays),
		PLACED(test_without_its_key_a_backup_is_not_judged),
		PLACED(test_a_disputed_id_is_neither_judged_nor_used),
		PLACED(test_manifests_alone_may_dispute_an_id),
		PLACED(test_copies_of_one_backup_go_together),
		PLACED(test_segments_stay_while_an_id_is_disputed),
		PLACED(test_a_forged_transaction_is_nowhere_to_count_from),
		PLACED(test_liars_change_nothing_for_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
