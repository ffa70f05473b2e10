/* fixture - a database of either kind in a folder of its own, and its end. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/backend.h"
#include "store/faults.h"
#include "store/memory.h"

#define OK(expression) assert_int_equal((expression), ST_OK)
#define IS(status, expression) assert_int_equal((expression), ST_##status)
#define B(text) ((struct bytes){ (const uint8_t *)(text), strlen(text) })
#define ANY ((struct bytes){ 0 })

struct fixture {
	const struct backend_class *class;
	struct backend *b;
	struct backend_faults faults;
	struct backend_options options;
	char folder[64];
	char path[80];
};

static inline int
fixture_remove(const char *path, const struct stat *s, int kind, struct FTW *at)
{
	(void)s, (void)kind, (void)at;
	return remove(path);
}

static inline void
fixture_open(struct fixture *f)
{
	OK(backend_open(f->class, &f->options, &f->b));
}

static inline void
fixture_reopen(struct fixture *f)
{
	OK(backend_close(f->b));
	fixture_open(f);
}

/*
 * In a process of its own, on the database that is closed meanwhile: killed
 * before its nth operation of a kind, or through.  True: through, with what run
 * returned (at most 255).
 */
static inline bool
fixture_outlives(struct fixture *f, enum fault_op op, uint32_t nth,
    int (*run)(const void *arg), const void *arg, int *ret_said)
{
	int how;
	pid_t pid;

	OK(backend_close(f->b));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fixture_open(f);
		faults_kill(&f->faults, op, nth);
		_exit(run(arg));
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	fixture_open(f);
	if (WIFEXITED(how)) {
		*ret_said = WEXITSTATUS(how);
		return true;
	}
	assert_int_equal(WTERMSIG(how), SIGKILL);
	return false;
}

static inline void
fixture_create_tables(struct fixture *f)
{
	struct backend_txn *txn;

	OK(backend_write(f->b, &txn));
	for (enum table t = 0; t < TABLE_COUNT; t++)
		OK(backend_create(txn, t));
	OK(backend_commit(txn));
}

/* An open database without a table; the test's state names its class. */
static inline int
fixture_bare(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->class = *state;
	snprintf(f->folder, sizeof(f->folder), "/tmp/troupe-store-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/db", f->folder);
	f->options = (struct backend_options){
		.path = f->path,
		.durability = DURABLE_NONE,
		.map_bytes = BACKEND_MAP_MIN,
		.map_bytes_max = 64 * BACKEND_MAP_MIN,
		.readers_max = 8,
		.faults = &f->faults,
	};
	fixture_open(f);
	*state = f;
	return 0;
}

static inline int
fixture_setup(void **state)
{
	fixture_bare(state);
	fixture_create_tables(*state);
	return 0;
}

static inline int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	if (f->b != NULL)
		OK(backend_close(f->b));
	memory_forget(f->path);
	nftw(f->folder, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline void
fixture_put(struct fixture *f, enum table t, const char *key, const char *value)
{
	struct backend_txn *txn;

	OK(backend_write(f->b, &txn));
	OK(backend_put(txn, t, B(key), B(value)));
	OK(backend_commit(txn));
}

static inline void
bytes_are(struct bytes got, const char *text)
{
	assert_int_equal(got.size, strlen(text));
	assert_memory_equal(got.at, text, got.size);
}

/* value NULL: there must be none. */
static inline void
txn_has(
    struct backend_txn *txn, enum table t, const char *key, const char *value)
{
	struct bytes got;

	if (value == NULL) {
		IS(NOT_FOUND, backend_get(txn, t, B(key), &got));
		return;
	}
	OK(backend_get(txn, t, B(key), &got));
	bytes_are(got, value);
}

static inline void
fixture_has(struct fixture *f, enum table t, const char *key, const char *value)
{
	struct backend_txn *txn;

	OK(backend_read(f->b, &txn));
	txn_has(txn, t, key, value);
	backend_abort(txn);
}

#define ON_BOTH(test, setup)                                      \
	{ #test " (lmdb)", test, setup, fixture_teardown,         \
		(void *)(uintptr_t)&backend_lmdb },               \
	{                                                         \
#test " (memory)", test, setup, fixture_teardown, \
		    (void *)(uintptr_t)&backend_memory            \
	}
#define ON_LMDB(test, setup)                          \
	{                                             \
#test, test, setup, fixture_teardown, \
		    (void *)(uintptr_t)&backend_lmdb  \
	}

#endif
