/* What only a real disk and real processes can show. */
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/commit.h"
#include "tests/store/fixture.h"

static unsigned
mode_of(const char *folder, const char *name)
{
	char path[160];
	struct stat s;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(stat(path, &s), 0);
	return s.st_mode & 07777;
}

static void
test_files_are_private(void **state)
{
	struct fixture *f = *state;
	char copy[96];

	snprintf(copy, sizeof(copy), "%s/copy", f->folder);
	OK(backend_copy(f->b, copy));
	assert_int_equal(mode_of(f->path, "."), 0700);
	assert_int_equal(mode_of(f->path, "data.mdb"), 0600);
	assert_int_equal(mode_of(f->path, "lock.mdb"), 0600);
	assert_int_equal(mode_of(f->path, "troupe.lock"), 0600);
	assert_int_equal(mode_of(copy, "."), 0700);
	assert_int_equal(mode_of(copy, "data.mdb"), 0600);
}

/* P-43: another name for the same folder is the same folder. */
static void
test_second_open_by_another_name_is_refused(void **state)
{
	struct fixture *f = *state;
	struct backend_options o = f->options;
	struct backend *second;
	char link[96];

	snprintf(link, sizeof(link), "%s/link", f->folder);
	assert_int_equal(symlink(f->path, link), 0);
	o.path = link;
	IS(EXISTS, backend_open(f->class, &o, &second));
	assert_non_null(strstr(backend_why(), "in this process"));
}

static void
test_another_process_is_refused(void **state)
{
	struct fixture *f = *state;
	char expected[64];
	int ready[2], end[2];
	struct backend *b;
	char c;
	pid_t pid;

	OK(backend_close(f->b));
	f->b = NULL;
	assert_int_equal(pipe(ready) | pipe(end), 0);
	pid = fork();
	if (pid == 0) {
		if (backend_open(f->class, &f->options, &b) != ST_OK ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		close(end[1]);
		_exit(read(end[0], &c, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	IS(EXISTS, backend_open(f->class, &f->options, &b));
	snprintf(expected, sizeof(expected), "in process %d", (int)pid);
	assert_non_null(strstr(backend_why(), expected));
	close(end[0]);
	close(end[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(ready[1]);
	fixture_open(f); /* the lock went with its holder */
}

static void
test_unusable_folders_are_refused_with_a_line(void **state)
{
	struct fixture *f = *state;
	struct backend_options o = f->options;
	char path[160];
	struct backend *b;
	FILE *file;

	snprintf(path, sizeof(path), "%s/file", f->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	o.path = path;
	IS(IO, backend_open(f->class, &o, &b));
	assert_non_null(strstr(backend_why(), "Not a directory"));
	snprintf(path, sizeof(path), "%s/file/deeper", f->folder);
	IS(IO, backend_open(f->class, &o, &b));
	o.path = "/proc/no-such/db";
	IS(IO, backend_open(f->class, &o, &b));
}

static void
test_a_damaged_file_is_corrupt(void **state)
{
	struct fixture *f = *state;
	char path[160];
	FILE *file;

	OK(backend_close(f->b));
	snprintf(path, sizeof(path), "%s/data.mdb", f->path);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 8192; i++)
		fputc('x', file);
	fclose(file);
	IS(CORRUPT, backend_open(f->class, &f->options, &f->b));
	f->b = NULL;
}

/* ---- readers, a writer and a growing map at once (P-31) ---- */

#define ACCOUNTS 16
#define MOVES 400
#define LOOKS 30

struct crowd {
	struct fixture *f;
	_Atomic bool over;
	_Atomic uint32_t looks;
};

static uint32_t
account_get(struct backend_txn *txn, uint32_t n)
{
	char key[8];
	struct bytes got;
	uint32_t amount;

	snprintf(key, sizeof(key), "a%02u", n);
	assert_int_equal(backend_get(txn, TABLE_USERS, B(key), &got), ST_OK);
	memcpy(&amount, got.at, sizeof(amount));
	return amount;
}

static void
account_put(struct backend_txn *txn, uint32_t n, uint32_t amount)
{
	char key[8];

	snprintf(key, sizeof(key), "a%02u", n);
	OK(backend_put(txn, TABLE_USERS, B(key),
	    (struct bytes){ (const uint8_t *)&amount, sizeof(amount) }));
}

/* The sum is the same in every snapshot. */
static void *
crowd_look(void *arg)
{
	struct crowd *c = arg;
	struct backend_txn *txn;

	OK(backend_read(c->f->b, &txn));
	while (!atomic_load(&c->over)) {
		uint32_t sum = 0;

		for (uint32_t i = 0; i < ACCOUNTS; i++)
			sum += account_get(txn, i);
		assert_int_equal(sum, ACCOUNTS * 100);
		atomic_fetch_add(&c->looks, 1);
		backend_reset(txn);
		sched_yield();
		OK(backend_renew(txn));
	}
	backend_abort(txn);
	return NULL;
}

static void
crowd_move(struct fixture *f, uint32_t n)
{
	uint32_t from = n % ACCOUNTS, to = (n * 7 + 3) % ACCOUNTS;
	struct backend_txn *txn;
	char key[16];

	if (from == to)
		return;
	OK(backend_write(f->b, &txn));
	account_put(txn, from, account_get(txn, from) - 1);
	account_put(txn, to, account_get(txn, to) + 1);
	snprintf(key, sizeof(key), "%u", n);
	OK(backend_put(txn, TABLE_TASKS, B(key), B("moved")));
	OK(backend_commit(txn));
	if (n % 100 == 0 && n < MOVES)
		OK(backend_grow(f->b));
}

static void
test_readers_see_whole_commits_while_the_map_grows(void **state)
{
	struct crowd c = { .f = *state };
	struct backend_txn *txn;
	pthread_t threads[3];

	OK(backend_write(c.f->b, &txn));
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		account_put(txn, i, 100);
	OK(backend_commit(txn));
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, crowd_look, &c), 0);
	for (uint32_t n = 0; n < MOVES || atomic_load(&c.looks) < LOOKS; n++)
		crowd_move(c.f, n);
	atomic_store(&c.over, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

static void
test_growing_gives_up_on_a_reader_that_stays(void **state)
{
	struct fixture *f = *state;
	struct backend_txn *txn;

	OK(backend_read(f->b, &txn));
	IS(BUSY, backend_grow(f->b));
	backend_abort(txn);
	OK(backend_grow(f->b));
}

/* ---- kill -9 (P-21) ---- */

struct told {
	struct job job;
	uint32_t number;
	int tell;
	struct commit *commit;
};

static enum status
told_run(struct txn *t, struct job *j)
{
	struct told *w = LIST_OF(j, struct told, job);
	char id[16];
	struct key k;

	snprintf(id, sizeof(id), "%u", w->number);
	key_init(&k);
	key_tail(&k, id);
	txn_put(t, TABLE_TASKS, &k, B("row"));
	txn_put(t, TABLE_TASKS_BY_STATUS, &k, B("index"));
	return txn_status(t);
}

/* Tells what is durable, then asks for the next. */
static void
told_done(struct job *j, enum status st)
{
	struct told *w = LIST_OF(j, struct told, job);

	if (st != ST_OK ||
	    write(w->tell, &w->number, sizeof(w->number)) != sizeof(w->number))
		_exit(1);
	w->number += 8;
	if (commit_write(w->commit, j) != ST_OK)
		_exit(1);
}

static void
victim(struct fixture *f, int tell, uint32_t from)
{
	struct commit_options o = { 0 };
	struct told told[8];
	struct commit *c;

	if (backend_open(f->class, &f->options, &o.backend) != ST_OK ||
	    commit_start(&o, &c) != ST_OK)
		_exit(1);
	for (uint32_t i = 0; i < 8; i++) {
		told[i] = (struct told){ .job = { .run = told_run,
					     .done = told_done },
			.number = from + i,
			.tell = tell,
			.commit = c };
		if (commit_write(c, &told[i].job) != ST_OK)
			_exit(1);
	}
	for (;;)
		pause();
}

static void
has_row_and_index(struct fixture *f, uint32_t number)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", number);
	fixture_has(f, TABLE_TASKS, id, "row");
	fixture_has(f, TABLE_TASKS_BY_STATUS, id, "index");
}

/* One life of the victim; every number it told must be there. */
static uint32_t
kill_once(struct fixture *f, uint32_t from)
{
	uint32_t numbers[64], count = 0;
	uint64_t rows, entries;
	struct backend_txn *txn;
	int tell[2];
	pid_t pid;

	assert_int_equal(pipe(tell), 0);
	pid = fork();
	if (pid == 0)
		victim(f, tell[1], from);
	close(tell[1]);
	while (count < 64 && read(tell[0], &numbers[count],
				 sizeof(numbers[0])) == sizeof(numbers[0]))
		count++;
	assert_int_equal(count, 64);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(tell[0]);

	fixture_open(f);
	for (uint32_t i = 0; i < count; i++)
		has_row_and_index(f, numbers[i]);
	OK(backend_read(f->b, &txn));
	OK(backend_count(txn, TABLE_TASKS, &rows));
	OK(backend_count(txn, TABLE_TASKS_BY_STATUS, &entries));
	backend_abort(txn);
	assert_int_equal(rows, entries);
	OK(backend_close(f->b));
	f->b = NULL;
	return from + 1000000;
}

static void
test_kill_loses_nothing_that_was_told(void **state)
{
	struct fixture *f = *state;
	uint32_t from = 0;

	OK(backend_close(f->b));
	f->b = NULL;
	for (int i = 0; i < 5; i++)
		from = kill_once(f, from);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LMDB(test_files_are_private, fixture_setup),
		ON_LMDB(
		    test_second_open_by_another_name_is_refused, fixture_setup),
		ON_LMDB(test_another_process_is_refused, fixture_setup),
		ON_LMDB(test_unusable_folders_are_refused_with_a_line,
		    fixture_setup),
		ON_LMDB(test_a_damaged_file_is_corrupt, fixture_setup),
		ON_BOTH(test_readers_see_whole_commits_while_the_map_grows,
		    fixture_setup),
		ON_LMDB(test_growing_gives_up_on_a_reader_that_stays,
		    fixture_setup),
		ON_LMDB(test_kill_loses_nothing_that_was_told, fixture_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
