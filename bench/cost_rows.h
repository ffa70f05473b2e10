/* cost_rows - what the two sides of bench/cost.c write, and under which keys.
 */
#ifndef BENCH_COST_ROWS_H
#define BENCH_COST_ROWS_H

#include <inttypes.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "protocols/messages.h"

static uint64_t projects = 1000;

struct names {
	char project[32], agent[32], task[32], hold[32];
	struct uuid id;
};

/* Ids are spread, as random ones are. */
static void
names_of(uint64_t n, struct names *ret)
{
	uint64_t mixed = n * UINT64_C(0x9e3779b97f4a7c15);

	snprintf(ret->project, sizeof(ret->project), "project-%" PRIu64,
	    mixed % projects);
	snprintf(ret->agent, sizeof(ret->agent), "agent-%" PRIu64, n % 200);
	snprintf(
	    ret->task, sizeof(ret->task), "task-%" PRIu64, n / 20 % 100000);
	snprintf(ret->hold, sizeof(ret->hold), "%016" PRIx64, mixed);
	memcpy(ret->id.octets, &mixed, 8);
	memcpy(ret->id.octets + 8, &n, 8);
}

/* ---- bare LMDB: as many rows, of the same sizes ---- */

struct bare_row {
	const char *name;
	size_t key, value;
	bool reads; /* it was there: read, changed and written back */
	bool ascends;
};

static const struct bare_row record_rows[] = {
	{ "records", 8, 330, false, true },
	{ "by_agent", 18, 19, false, false },
	{ "by_task", 20, 19, false, false },
	{ "by_project", 20, 19, false, false },
	{ "projects", 12, 150, true, false },
	{ "slots_all", 22, 70, true, true },
	{ "slots_agent", 30, 70, true, false },
	{ "slots_project", 32, 70, true, false },
	{ "slots_category", 32, 70, true, true },
	{ "applied", 16, 190, false, false },
	{ "applied_by_time", 24, 0, false, true },
	{ "journal", 15, 330, false, true },
	{ "channels", 6, 50, true, true },
	{ "meta", 8, 8, true, true },
};

enum { BARE_ROWS = sizeof(record_rows) / sizeof(record_rows[0]) };

static void
bare_key(const struct bare_row *r, uint64_t n, uint8_t *ret_key)
{
	struct names x;

	memset(ret_key, 'k', r->key);
	names_of(n, &x);
	if (!r->ascends)
		memcpy(ret_key,
		    r->reads ? (const void *)x.project
			     : (const void *)x.id.octets,
		    12);
	else if (!r->reads)
		for (int i = 0; i < 8; i++)
			ret_key[r->key - 8 + (size_t)i] =
			    (uint8_t)(n >> (8 * (7 - i)));
}

static void
bare_record(MDB_txn *txn, const MDB_dbi *dbis, uint64_t n)
{
	static uint8_t value[512];
	uint8_t key[64];

	for (int i = 0; i < BARE_ROWS; i++) {
		const struct bare_row *r = &record_rows[i];
		MDB_val k = { r->key, key }, v, old;

		bare_key(r, n, key);
		if (r->reads)
			(void)mdb_get(txn, dbis[i], &k, &old);
		memcpy(value, &n, sizeof(n));
		v = (MDB_val){ r->value, value };
		CHECK(mdb_put(txn, dbis[i], &k, &v, 0) == 0);
	}
}

#endif
