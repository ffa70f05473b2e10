/*
 * redo - what logging every transaction costs a commit.
 *
 * Off, on, off, on: each with its own database in one folder, so that a slow
 * moment of the disk meets both.  What is logged is said to be shipped every
 * SHIP_EVERY commits, in a write of its own, as the backup actor does.  Tells
 * what one asker alone waits for, what 256 get a second, and the CPU of both.
 *
 *   bench_redo [folder]     default: the current folder
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/folder.h"
#include "runtime/base/log.h"
#include "store/commit.h"

#define ASKERS 256
#define ROUNDS 4
#define LONE_WRITES 1500
#define GROUP_WRITES 60000
#define SHIP_EVERY 200
#define VALUE_SIZE 400 /* a task's row */

struct ask {
	struct job job;
	uint64_t number;
};

struct figures {
	double us;  /* a write */
	double cpu; /* microseconds of it */
};

static const uint8_t value[VALUE_SIZE] = { 1, 2, 3 };

/* A row and an index entry, spread as random ids are. */
static enum status
ask_run(struct txn *t, struct job *j)
{
	const struct ask *a = LIST_OF(j, struct ask, job);
	uint64_t id = a->number * UINT64_C(0x9e3779b97f4a7c15);
	struct key k, index;

	key_init(&k);
	key_number(&k, id);
	key_init(&index);
	key_text(&index, "open");
	key_number(&index, id);
	txn_put(t, TABLE_TASKS, &k, (struct bytes){ value, sizeof(value) });
	txn_put(t, TABLE_TASKS_BY_STATUS, &index, (struct bytes){ 0 });
	return txn_status(t);
}

static void
ask_done(struct job *j, enum status st)
{
	(void)j;
	CHECK(st == ST_OK);
}

static enum status
shipped_run(struct txn *t, struct job *j)
{
	struct redo_place p;

	(void)j;
	CHECK(redo_place_get(t->inner, &p) == ST_OK);
	t->dirty = true;
	return redo_log_shipped(t->inner, p.timeline, p.txid);
}

static struct backend *
open_in(const char *path, bool logs)
{
	const struct backend_options o = { .path = path };
	struct backend_txn *txn;
	struct backend *b;

	CHECK(backend_open(&backend_lmdb, &o, &b) == ST_OK);
	CHECK(backend_write(b, &txn) == ST_OK);
	CHECK(backend_create(txn, TABLE_TASKS) == ST_OK);
	CHECK(backend_create(txn, TABLE_TASKS_BY_STATUS) == ST_OK);
	CHECK(backend_create(txn, TABLE_REDO) == ST_OK);
	if (logs)
		CHECK(redo_log_turn(txn, 1, REDO_TAIL_MAX, 0) == ST_OK);
	CHECK(backend_commit(txn) == ST_OK);
	return b;
}

/* Groups of batch writes, each one commit, without threads. */
static void
run(struct commit *c, uint64_t writes, uint32_t batch, bool logs)
{
	static struct ask asks[ASKERS];
	struct job shipped = { .run = shipped_run, .done = ask_done };
	uint32_t commits = 0;

	for (uint64_t n = 0; n < writes;) {
		for (uint32_t i = 0; i < batch; i++) {
			asks[i] = (struct ask){ .job = { .run = ask_run,
						    .done = ask_done },
				.number = n++ };
			CHECK(commit_write(c, &asks[i].job) == ST_OK);
		}
		CHECK(commit_turn(c));
		if (!logs || ++commits % SHIP_EVERY != 0)
			continue;
		CHECK(commit_write(c, &shipped) == ST_OK);
		CHECK(commit_turn(c));
	}
}

static void
measure(const char *folder, bool logs, uint64_t writes, uint32_t batch,
    struct figures *sum)
{
	char path[4096];
	struct commit_options o = { .inline_only = true };
	double wall, cpu;
	struct commit *c;

	snprintf(path, sizeof(path), "%s/bench-redo", folder);
	remove_folder(path);
	o.backend = open_in(path, logs);
	CHECK(commit_start(&o, &c) == ST_OK);
	wall = bench_now_us();
	cpu = bench_cpu_s();
	run(c, writes, batch, logs);
	sum->cpu += (bench_cpu_s() - cpu) * 1e6 / (double)writes / ROUNDS;
	sum->us += (bench_now_us() - wall) / (double)writes / ROUNDS;
	commit_stop(c);
	CHECK(backend_close(o.backend) == ST_OK);
	remove_folder(path);
}

static void
tell(const char *what, const struct figures f[2])
{
	printf("%-16s off %8.2f us (cpu %7.2f)   on %8.2f us (cpu %7.2f)   "
	       "ratio %.2f (cpu %.2f)\n",
	    what, f[0].us, f[0].cpu, f[1].us, f[1].cpu, f[1].us / f[0].us,
	    f[1].cpu / f[0].cpu);
}

int
main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : ".";
	struct figures lone[2] = { 0 }, group[2] = { 0 };

	log_set_level(LOG_ERROR);
	for (int i = 0; i < ROUNDS; i++)
		for (int logs = 0; logs < 2; logs++) {
			measure(folder, logs == 1, LONE_WRITES, 1, &lone[logs]);
			measure(folder, logs == 1, GROUP_WRITES, ASKERS,
			    &group[logs]);
		}
	tell("one alone", lone);
	tell("of 256 at once", group);
	printf("{\"bench\":\"redo\",\"lone_ratio\":%.3f,"
	       "\"lone_cpu_ratio\":%.3f,\"group_ratio\":%.3f,"
	       "\"group_cpu_ratio\":%.3f,\"load\":%.2f}\n",
	    lone[1].us / lone[0].us, lone[1].cpu / lone[0].cpu,
	    group[1].us / group[0].us, group[1].cpu / group[0].cpu,
	    bench_load());
	return 0;
}
