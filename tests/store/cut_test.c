/* A file that loses pages while it is open, and how durable a database is. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/store/fixture.h"

#define ROWS 400
#define LEFT 8192 /* both of its first pages, and nothing else */

static void
fill(struct fixture *f)
{
	char key[16], value[1000];
	struct backend_txn *txn;

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	OK(backend_write(f->b, &txn));
	for (int i = 0; i < ROWS; i++) {
		snprintf(key, sizeof(key), "k%04d", i);
		OK(backend_put(txn, TABLE_TASKS, B(key), B(value)));
	}
	OK(backend_commit(txn));
}

static void
cut(const struct fixture *f)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/data.mdb", f->path);
	assert_int_equal(truncate(path, LEFT), 0);
}

/* Nothing is read of it, and nothing written over what is left. */
static void
test_a_cut_file_is_given_up_before_it_is_touched(void **state)
{
	struct fixture *f = *state;
	struct backend_txn *txn, *rests;

	fill(f);
	OK(backend_read(f->b, &rests));
	backend_reset(rests);
	cut(f);
	IS(UNAVAILABLE, backend_read(f->b, &txn));
	assert_non_null(strstr(backend_why(), "cut short"));
	assert_true(backend_is_broken(f->b));
	IS(UNAVAILABLE, backend_write(f->b, &txn));
	IS(UNAVAILABLE, backend_renew(rests));
	backend_abort(rests);
	(void)!backend_close(f->b);
	f->b = NULL;
	IS(CORRUPT, backend_open(f->class, &f->options, &f->b));
	f->b = NULL;
}

/* In the middle of a read there is no going on: last words, and the end. */
static void
reads_on(struct fixture *f, int words)
{
	struct backend_txn *txn;
	struct bytes value;
	struct backend *b;

	if (dup2(words, STDERR_FILENO) < 0 ||
	    backend_open(f->class, &f->options, &b) != ST_OK ||
	    backend_read(b, &txn) != ST_OK)
		_exit(1);
	cut(f);
	_exit(2 + (int)backend_get(txn, TABLE_TASKS, B("k0200"), &value));
}

static void
test_a_reader_of_a_cut_file_ends_with_a_line(void **state)
{
	struct fixture *f = *state;
	char said[1024] = "";
	int words[2], how;
	pid_t pid;

	fill(f);
	OK(backend_close(f->b));
	f->b = NULL;
	assert_int_equal(pipe(words), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		reads_on(f, words[1]);
	close(words[1]);
	assert_true(read(words[0], said, sizeof(said) - 1) > 0);
	close(words[0]);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGBUS);
	assert_non_null(strstr(said, "cut short"));
	assert_non_null(strstr(said, f->path));
	assert_non_null(strstr(said, "troupe doctor store"));
	IS(CORRUPT, backend_open(f->class, &f->options, &f->b));
	f->b = NULL;
}

/* P-35 */
static void
test_p35_it_is_as_durable_as_was_asked(void **state)
{
	static const enum durability all[] = { DURABLE_FULL, DURABLE_LAZY,
		DURABLE_NONE };
	struct fixture *f = *state;
	struct backend_usage u;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		OK(backend_close(f->b));
		f->options.durability = all[i];
		fixture_open(f);
		backend_usage(f->b, &u);
		assert_int_equal(u.durability, all[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LMDB(test_a_cut_file_is_given_up_before_it_is_touched,
		    fixture_setup),
		ON_LMDB(test_a_reader_of_a_cut_file_ends_with_a_line,
		    fixture_setup),
		ON_LMDB(test_p35_it_is_as_durable_as_was_asked, fixture_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
