/*
 * store - durable writes through the group commit, beside bare LMDB.
 *
 * A B A B in one folder: bare, ours, bare, ours, so that a slow moment of the
 * disk meets both.  Asks: what 256 askers get a second, what one alone waits
 * for, how long an open takes after kill -9.
 *
 *   bench_store [folder]     default: the current folder
 */
#include <inttypes.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/folder.h"
#include "runtime/base/log.h"
#include "store/commit.h"

#define ASKERS 256
#define ROUNDS 5
#define LONE_WRITES 1500
#define GROUP_WRITES 150000
#define RECORDS 100000
#define VALUE_SIZE 64
#define MAP_BYTES (UINT64_C(1) << 30)

struct ask {
	struct job job;
	uint64_t number;
	struct job_queue *answers;
};

struct round {
	double bare_lone_us;
	double ours_lone_us;
	double bare_group; /* writes a second, keys spread */
	double ours_group;
	double bare_order; /* writes a second, keys ascending */
	double ours_order;
};

static const uint8_t value[VALUE_SIZE] = { 1, 2, 3 };

/* Spread as random ids are, or ascending as journals and times are. */
static bool keys_spread = true;

static void
ask_key(struct key *k, uint64_t number)
{
	key_init(k);
	key_number(k, keys_spread ? number * UINT64_C(0x9e3779b97f4a7c15) : 0);
	key_number(k, number);
}

/* ---- bare LMDB ---- */

static double
bare_run(const char *path, uint64_t writes, uint64_t batch)
{
	double began;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	CHECK(mkdir(path, 0700) == 0);
	CHECK(mdb_env_create(&env) == 0);
	CHECK(mdb_env_set_mapsize(env, MAP_BYTES) == 0);
	CHECK(mdb_env_set_maxdbs(env, 1) == 0);
	CHECK(mdb_env_open(env, path, MDB_NOTLS, 0600) == 0);
	CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
	CHECK(mdb_dbi_open(txn, "t", MDB_CREATE, &dbi) == 0);
	CHECK(mdb_txn_commit(txn) == 0);
	began = bench_now_us();
	for (uint64_t n = 0; n < writes;) {
		CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
		for (uint64_t i = 0; i < batch; i++, n++) {
			MDB_val v = { sizeof(value), (void *)(uintptr_t)value };
			struct key k;
			MDB_val mk;

			ask_key(&k, n);
			mk = (MDB_val){ k.size, k.at };
			CHECK(mdb_put(txn, dbi, &mk, &v, 0) == 0);
		}
		CHECK(mdb_txn_commit(txn) == 0);
	}
	began = bench_now_us() - began;
	mdb_env_close(env);
	remove_folder(path);
	return began;
}

/* ---- ours ---- */

static enum status
ask_run(struct txn *t, struct job *j)
{
	struct ask *a = LIST_OF(j, struct ask, job);
	struct key k;

	ask_key(&k, a->number);
	txn_put(t, TABLE_TASKS, &k, (struct bytes){ value, sizeof(value) });
	return txn_status(t);
}

static void
ask_done(struct job *j, enum status st)
{
	struct ask *a = LIST_OF(j, struct ask, job);

	CHECK(st == ST_OK);
	CHECK(job_queue_push(a->answers, j) == ST_OK);
}

static struct backend *
ours_open(const char *path)
{
	struct backend_options o = { .path = path, .map_bytes = MAP_BYTES };
	struct backend_txn *txn;
	struct backend *b;

	CHECK(backend_open(&backend_lmdb, &o, &b) == ST_OK);
	CHECK(backend_write(b, &txn) == ST_OK);
	CHECK(backend_create(txn, TABLE_TASKS) == ST_OK);
	CHECK(backend_commit(txn) == ST_OK);
	return b;
}

static void
askers_go(struct commit *c, uint64_t writes, uint32_t askers)
{
	static struct ask asks[ASKERS];
	struct job_patience p = { 0 };
	struct job_queue answers;
	uint64_t asked = 0, answered = 0;

	job_queue_init(&answers, ASKERS, SIZE_MAX);
	for (uint32_t i = 0; i < askers; i++) {
		asks[i] = (struct ask){ .job.run = ask_run,
			.job.done = ask_done,
			.number = asked++,
			.answers = &answers };
		CHECK(commit_write(c, &asks[i].job) == ST_OK);
	}
	while (answered < writes && job_queue_wait(&answers, &p)) {
		struct list back, *node;

		list_init(&back);
		answered += job_queue_take(&answers, ASKERS, SIZE_MAX, &back);
		while ((node = list_first(&back)) != NULL) {
			struct job *j = LIST_OF(node, struct job, in_queue);

			list_remove(node);
			if (asked >= writes)
				continue;
			LIST_OF(j, struct ask, job)->number = asked++;
			CHECK(commit_write(c, j) == ST_OK);
		}
	}
	job_queue_fini(&answers);
}

static double
ours_run(const char *path, uint64_t writes, uint32_t askers)
{
	struct commit_options o = { .backend = ours_open(path) };
	struct commit *c;
	double began;

	CHECK(commit_start(&o, &c) == ST_OK);
	began = bench_now_us();
	askers_go(c, writes, askers);
	began = bench_now_us() - began;
	commit_stop(c);
	CHECK(backend_close(o.backend) == ST_OK);
	remove_folder(path);
	return began;
}

/* ---- recovery ---- */

/* Writes RECORDS, says so, and goes on until it is killed. */
static void
victim(const char *path, int tell)
{
	struct commit_options o = { .backend = ours_open(path) };
	struct commit *c;

	CHECK(commit_start(&o, &c) == ST_OK);
	askers_go(c, RECORDS, ASKERS);
	CHECK(write(tell, "x", 1) == 1);
	for (;;)
		askers_go(c, RECORDS, ASKERS);
}

static double
recovery_us(const char *path)
{
	struct backend_options o = { .path = path, .map_bytes = MAP_BYTES };
	struct backend_txn *txn;
	struct backend *b;
	uint64_t count;
	double began;
	int fds[2];
	char said;
	pid_t pid;

	CHECK(pipe(fds) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		victim(path, fds[1]);
	CHECK(read(fds[0], &said, 1) == 1);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	close(fds[0]);
	close(fds[1]);

	began = bench_now_us();
	CHECK(backend_open(&backend_lmdb, &o, &b) == ST_OK);
	CHECK(backend_read(b, &txn) == ST_OK);
	CHECK(backend_count(txn, TABLE_TASKS, &count) == ST_OK);
	began = bench_now_us() - began;
	CHECK(count >= RECORDS);
	backend_abort(txn);
	CHECK(backend_close(b) == ST_OK);
	remove_folder(path);
	return began;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(const struct round *rounds, size_t offset, size_t over)
{
	double values[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		const char *r = (const char *)&rounds[i];
		double below = over == SIZE_MAX
				   ? 1
				   : *(const double *)(const void *)(r + over);

		values[i] = *(const double *)(const void *)(r + offset) / below;
	}
	qsort(values, ROUNDS, sizeof(values[0]), compare);
	return values[ROUNDS / 2];
}

#define MEDIAN(r, m) median(r, offsetof(struct round, m), SIZE_MAX)
#define RATIO(r, m, o) \
	median(r, offsetof(struct round, m), offsetof(struct round, o))

static void
report(const struct round *r, double recovery)
{
	double lone = RATIO(r, ours_lone_us, bare_lone_us);
	double group = RATIO(r, ours_group, bare_group);
	double order = RATIO(r, ours_order, bare_order);

	printf("%-34s %12s %12s %8s\n", "", "bare LMDB", "ours", "ratio");
	printf("%-34s %12.1f %12.1f %8.2f\n", "one asker, us a durable write",
	    MEDIAN(r, bare_lone_us), MEDIAN(r, ours_lone_us), lone);
	printf("%-34s %12.0f %12.0f %8.2f\n",
	    "256 askers, spread keys, writes/s", MEDIAN(r, bare_group),
	    MEDIAN(r, ours_group), group);
	printf("%-34s %12.0f %12.0f %8.2f\n", "256 askers, ascending, writes/s",
	    MEDIAN(r, bare_order), MEDIAN(r, ours_order), order);
	printf("%-34s %12s %12.2f\n", "open after kill -9, 100000 rows, ms", "",
	    recovery / 1000);
	printf("{\"bench\":\"store\",\"lone_us\":%.1f,\"lone_bare_us\":%.1f,"
	       "\"lone_ratio\":%.3f,\"writes_per_s\":%.0f,"
	       "\"bare_writes_per_s\":%.0f,\"group_ratio\":%.3f,"
	       "\"ascending_per_s\":%.0f,\"ascending_ratio\":%.3f,"
	       "\"recovery_ms\":%.3f}\n",
	    MEDIAN(r, ours_lone_us), MEDIAN(r, bare_lone_us), lone,
	    MEDIAN(r, ours_group), MEDIAN(r, bare_group), group,
	    MEDIAN(r, ours_order), order, recovery / 1000);
}

static double
per_second(double us)
{
	return GROUP_WRITES * 1e6 / us;
}

static void
round_run(const char *path, struct round *r)
{
	keys_spread = true;
	r->bare_lone_us = bare_run(path, LONE_WRITES, 1) / LONE_WRITES;
	r->ours_lone_us = ours_run(path, LONE_WRITES, 1) / LONE_WRITES;
	r->bare_group = per_second(bare_run(path, GROUP_WRITES, ASKERS));
	r->ours_group = per_second(ours_run(path, GROUP_WRITES, ASKERS));
	keys_spread = false;
	r->bare_order = per_second(bare_run(path, GROUP_WRITES, ASKERS));
	r->ours_order = per_second(ours_run(path, GROUP_WRITES, ASKERS));
}

int
main(int argc, char **argv)
{
	struct round rounds[ROUNDS];
	char path[BACKEND_PATH_MAX];
	double recovery;

	log_set_level(LOG_WARN);
	snprintf(path, sizeof(path), "%s/bench-store.%d",
	    argc > 1 ? argv[1] : ".", (int)getpid());
	recovery = recovery_us(path);
	for (int i = 0; i < ROUNDS; i++)
		round_run(path, &rounds[i]);
	report(rounds, recovery);
	return 0;
}
