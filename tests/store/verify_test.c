/* A copy that lies is refused; whatever it says, we live. */
#include "store/verify.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "store/copy.h"
#include "store/migrate.h"
#include "store/swap.h"
#include "tests/store/fixture.h"

static char copy[160];

static int
setup(void **state)
{
	const struct migrate_world world = { 1000, 77 };
	struct fixture *f = calloc(1, sizeof(*f));
	struct migrate_result result;
	struct backend_txn *txn;
	char key[64], value[2048];
	uint64_t bytes;

	snprintf(f->folder, sizeof(f->folder), "/tmp/verify-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/db", f->folder);
	f->class = &backend_lmdb;
	f->options.path = f->path;
	fixture_open(f);
	OK(migrate_run(f->b, &migrate_plan, &world, &result));
	memset(value, 'x', sizeof(value));
	OK(backend_write(f->b, &txn));
	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "key-%06d", i * 7919 % 3000);
		OK(backend_put(txn, TABLE_TASKS, B(key),
		    (struct bytes){
			(uint8_t *)value, (size_t)(i % 90 == 0 ? 2048 : 40) }));
	}

	OK(backend_commit(txn));
	snprintf(copy, sizeof(copy), "%s/copy.mdb", f->folder);
	OK(copy_live(f->b, copy, NULL, &bytes));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	OK(backend_close(f->b));
	nftw(f->folder, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void
test_live_copy_is_whole(void **state)
{
	struct fixture *f = *state;
	struct verified v;
	char live[160];
	uint64_t bytes;

	OK(verify_file(copy, NULL, &v));
	assert_int_equal(v.schema, migrate_newest());
	assert_true(v.rows > 3000);
	/* The live file has free pages, and is whole too. */
	snprintf(live, sizeof(live), "%s/data.mdb", f->path);
	OK(verify_file(live, NULL, &v));
	IS(EXISTS, copy_live(f->b, copy, NULL, &bytes));
}

static void
test_what_is_no_database_is_refused(void **state)
{
	struct fixture *f = *state;
	struct verified v;
	char file[160];
	struct stat s;

	assert_int_equal(stat(copy, &s), 0);
	assert_int_equal(truncate(copy, s.st_size - 1), 0);
	IS(CORRUPT, verify_file(copy, NULL, &v));
	assert_int_equal(truncate(copy, 100), 0);
	IS(CORRUPT, verify_file(copy, NULL, &v));
	assert_int_equal(truncate(copy, 0), 0);
	IS(CORRUPT, verify_file(copy, NULL, &v));
	snprintf(file, sizeof(file), "%s/absent", f->folder);
	IS(NOT_FOUND, verify_file(file, NULL, &v));
}

/* LMDB alone would die of many of these. */
static void
test_flipped_bytes_never_kill(void **state)
{
	int fd = open(copy, O_RDWR);
	uint64_t seed = 42;
	struct verified v;
	uint32_t refused = 0;
	struct stat s;

	(void)state;
	assert_int_equal(fstat(fd, &s), 0);
	for (int i = 0; i < 3000; i++) {
		uint8_t was, is;
		off_t at;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		at = (off_t)((seed >> 20) % (uint64_t)s.st_size);
		if (i % 2 == 0) /* heads of pages are where it hurts */
			at = at / 4096 * 4096 + (off_t)(seed >> 60) * 4;
		assert_int_equal(pread(fd, &was, 1, at), 1);
		is = (uint8_t)(was ^ (1u << (seed >> 8 & 7)));
		assert_int_equal(pwrite(fd, &is, 1, at), 1);
		if (verify_file(copy, NULL, &v) != ST_OK)
			refused++;
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
	close(fd);
	assert_true(refused > 500);
	OK(verify_file(copy, NULL, &v));
}

/* Set aside, put in place, and back. */
static void
test_swap_goes_and_comes_back(void **state)
{
	struct fixture *f = *state;
	char aside[160], incoming[160];
	struct stat s;

	snprintf(aside, sizeof(aside), "%s/aside.mdb", f->path);
	snprintf(incoming, sizeof(incoming), "%s/incoming.mdb", f->path);
	IS(NOT_FOUND, swap_go(f->path));
	OK(swap_stage(f->path, copy, false, NULL));
	OK(backend_close(f->b));
	OK(swap_go(f->path));
	assert_int_equal(stat(aside, &s), 0);
	/* A crash here, with no word of a restore that is over. */
	OK(swap_recover(f->folder, f->path));
	assert_int_equal(access(aside, F_OK), -1);
	fixture_open(f);
	fixture_reopen(f);
	OK(swap_stage(f->path, copy, false, NULL));
	assert_int_equal(access(copy, F_OK), 0);
	OK(swap_back(f->path));
	assert_int_equal(access(incoming, F_OK), -1);
	/* What is the caller's own is moved, not copied. */
	OK(swap_stage(f->path, copy, true, NULL));
	assert_int_equal(access(copy, F_OK), -1);
	assert_int_equal(access(incoming, F_OK), 0);
	OK(swap_back(f->path));
	IS(NOT_FOUND, swap_stage(f->path, copy, true, NULL));
}

int
main(void)
{
#define RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		RUN(test_live_copy_is_whole),
		RUN(test_what_is_no_database_is_refused),
		RUN(test_flipped_bytes_never_kill),
		RUN(test_swap_goes_and_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
