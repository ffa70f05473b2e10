/* cost_bare - bare LMDB, as many rows to a commit as there are askers. */
#ifndef BENCH_COST_BARE_H
#define BENCH_COST_BARE_H

#include <sys/stat.h>
#include <unistd.h>

#include "bench/cost_rows.h"
#include "bench/folder.h"

#define ASKERS 256
#define MAP_BYTES (UINT64_C(24) << 30)

static double
bare_run(const char *path, enum bare_layout layout, uint64_t records)
{
	MDB_dbi dbis[BARE_ROWS];
	double began;
	MDB_env *env;
	MDB_txn *txn;

	CHECK(mkdir(path, 0700) == 0);
	CHECK(mdb_env_create(&env) == 0);
	CHECK(mdb_env_set_mapsize(env, MAP_BYTES) == 0);
	CHECK(mdb_env_set_maxdbs(env, BARE_ROWS) == 0);
	CHECK(mdb_env_open(env, path, MDB_NOTLS, 0600) == 0);
	CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
	for (int i = 0; i < BARE_ROWS; i++)
		CHECK(mdb_dbi_open(
			  txn, bare_rows[i].name, MDB_CREATE, &dbis[i]) == 0);
	CHECK(mdb_txn_commit(txn) == 0);
	began = bench_now_us();
	for (uint64_t n = 0; n < records;) {
		CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
		for (int i = 0; i < ASKERS && n < records; i++)
			bare_record(txn, layout, dbis, n++);
		CHECK(mdb_txn_commit(txn) == 0);
	}
	began = bench_now_us() - began;
	mdb_env_close(env);
	remove_folder(path);
	return began;
}

#endif
