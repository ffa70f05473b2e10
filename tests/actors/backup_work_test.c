/* The steps of a backup that touch the disk, by themselves. */
#include "actors/backup_work.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "actors/backup_tree.h"
#include "runtime/base/trickle.h"
#include "tests/check.h"
#include "tests/tempdir.h"

struct work_place {
	const char *folder;
	struct backup_place at;
	struct backup_job job;
};

/* Bytes of a file that were waited for on their way to the disk. */
static uint64_t waited;

/* Instead of the library's. */
int
sync_file_range(int fd, off64_t from, off64_t size, unsigned how)
{
	(void)fd;
	(void)from;
	if ((how & SYNC_FILE_RANGE_WAIT_AFTER) != 0)
		waited += (uint64_t)size;
	return 0;
}

static void
id_of(uint8_t octet, char ret_id[BACKUP_ID_LENGTH + 1])
{
	for (int i = 0; i < BACKUP_ID_LENGTH / 2; i++)
		snprintf(ret_id + 2 * i, 3, "%02x", octet);
}

/* As somebody else's backup: a name that begins with it. */
static void
take_id(const struct work_place *p, uint8_t octet)
{
	char id[BACKUP_ID_LENGTH + 1], path[1400];

	id_of(octet, id);
	snprintf(path, sizeof(path), "%s/%s_theirs", p->at.root, id);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int
setup(void **state)
{
	struct work_place *p = calloc(1, sizeof(*p));

	p->folder = tempdir_make();
	snprintf(p->at.root, sizeof(p->at.root), "%s/backups", p->folder);
	snprintf(p->at.memory, sizeof(p->at.memory), "%s/memory", p->folder);
	snprintf(p->at.config, sizeof(p->at.config), "%s/c.yaml", p->folder);
	assert_int_equal(mkdir(p->at.root, 0700), 0);
	p->job.place = &p->at;
	p->job.facts.count = 1;
	p->job.facts.components[0] = COMPONENT_MEMORY;
	for (int i = 0; i < BACKUP_CANDIDATES; i++)
		memset(p->job.random[i], 0x10 + i, BACKUP_ID_LENGTH / 2);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct work_place *p = *state;

	free(p);
	return 0;
}

/* H16: 48 bits may collide; nobody's backup is touched then. */
static void
test_h16_an_id_that_is_taken_is_not_given_again(void **state)
{
	struct work_place *p = *state;
	char id[BACKUP_ID_LENGTH + 1];

	take_id(p, 0x10);
	take_id(p, 0x11);
	backup_work_begin(&p->job);
	assert_int_equal(p->job.st, ST_OK);
	id_of(0x12, id);
	assert_string_equal(p->job.facts.backup_id, id);
	assert_int_equal(access(p->job.stage, F_OK), 0);
	backup_work_abandon(&p->job);
	assert_int_equal(access(p->job.stage, F_OK), -1);
}

static void
test_h16_when_all_are_taken_there_is_no_backup(void **state)
{
	struct work_place *p = *state;

	for (int i = 0; i < BACKUP_CANDIDATES; i++)
		take_id(p, (uint8_t)(0x10 + i));
	backup_work_begin(&p->job);
	assert_int_equal(p->job.st, ST_EXISTS);
	assert_non_null(strstr(p->job.why, "taken"));
	assert_string_equal(p->job.stage, "");
}

/* Names do not show it: a restore would set the backups aside and drop them. */
static void
test_a_memory_tree_that_holds_the_backups_is_not_saved(void **state)
{
	struct work_place *p = *state;

	assert_int_equal(symlink(p->folder, p->at.memory), 0);
	backup_work_begin(&p->job);
	assert_int_equal(p->job.st, ST_INVALID);
	assert_non_null(strstr(p->job.why, "apart"));
	assert_string_equal(p->job.stage, "");
}

/* For the bar: what is there to be read. */
static void
test_what_it_comes_to_is_known_at_the_beginning(void **state)
{
	struct work_place *p = *state;
	char path[1400];
	FILE *file;

	assert_int_equal(mkdir(p->at.memory, 0700), 0);
	snprintf(path, sizeof(path), "%s/a", p->at.memory);
	file = fopen(path, "we");
	assert_int_equal(fwrite("12345", 5, 1, file), 1);
	assert_int_equal(fclose(file), 0);
	snprintf(path, sizeof(path), "%s/l", p->at.memory);
	assert_int_equal(symlink("a", path), 0);
	backup_work_begin(&p->job);
	assert_int_equal(p->job.st, ST_OK);
	assert_int_equal(atomic_load(&p->job.total), 5);
}

#define MUCH (3 * TRICKLE_PIECE + TRICKLE_PIECE / 2)

/* An archive of what does not compress. */
static void
save_much(struct work_place *p, bool soon)
{
	uint8_t *bytes = malloc(MUCH);
	char path[1400];

	assert_int_equal(mkdir(p->at.memory, 0700), 0);
	snprintf(p->at.keys, sizeof(p->at.keys), "%s/keys", p->folder);
	snprintf(path, sizeof(path), "%s/a", p->at.memory);
	randombytes_buf(bytes, MUCH);
	assert_int_equal(backup_file_write(path, bytes, MUCH), ST_OK);
	free(bytes);
	p->job.compress = true;
	pace_init(&p->job.pace, 0);
	p->job.pace.soon = soon;
	backup_work_begin(&p->job);
	waited = 0;
	backup_work_save(&p->job);
	assert_int_equal(p->job.st, ST_OK);
	backup_work_abandon(&p->job);
}

/* Or the store's next commit waits until all of it is there. */
static void
test_an_archive_goes_to_the_disk_piece_by_piece(void **state)
{
	save_much(*state, false);
	assert_in_range(waited, 3 * TRICKLE_PIECE, MUCH);
}

static void
test_one_that_is_waited_for_does_not_wait(void **state)
{
	save_much(*state, true);
	assert_int_equal(waited, 0);
}

int
main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		PLACED(test_h16_an_id_that_is_taken_is_not_given_again),
		PLACED(test_h16_when_all_are_taken_there_is_no_backup),
		PLACED(test_a_memory_tree_that_holds_the_backups_is_not_saved),
		PLACED(test_what_it_comes_to_is_known_at_the_beginning),
		PLACED(test_an_archive_goes_to_the_disk_piece_by_piece),
		PLACED(test_one_that_is_waited_for_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
