/* cost_rows - what the two sides of bench/cost.c write, and under which keys.
 */
#ifndef BENCH_COST_ROWS_H
#define BENCH_COST_ROWS_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/cost_names.h"
#include "store/cost_walk.h"

/* Where the rows of records that follow each other lie. */
enum bare_place {
	PLACE_ONE,    /* all in one row */
	PLACE_ASCEND, /* one behind the other */
	PLACE_SPREAD, /* anywhere */
	PLACE_PROJECT,
	PLACE_AGENT,
	PLACE_TASK,
};

struct bare_row {
	const char *name;
	size_t value;
	enum bare_place place;
	bool reads;  /* it was there: read, changed and written back */
	bool blocks; /* by name within a block of records, else by name alone */
};

/* An index by name, and a mark anywhere: how one would write it down. */
static const struct bare_row naive_rows[] = {
	{ "records", 330, PLACE_ASCEND, false, false },
	{ "by_agent", 19, PLACE_AGENT, false, false },
	{ "by_task", 19, PLACE_TASK, false, false },
	{ "by_project", 19, PLACE_PROJECT, false, false },
	{ "projects", 150, PLACE_PROJECT, true, false },
	{ "slots_all", 70, PLACE_ONE, true, false },
	{ "slots_agent", 70, PLACE_AGENT, true, false },
	{ "slots_project", 70, PLACE_PROJECT, true, false },
	{ "slots_category", 70, PLACE_ONE, true, false },
	{ "applied", 190, PLACE_SPREAD, false, false },
	{ "applied_by_time", 1, PLACE_ASCEND, false, false },
	{ "journal", 330, PLACE_ASCEND, false, false },
	{ "channels", 50, PLACE_ONE, true, false },
	{ "meta", 8, PLACE_ONE, true, false },
	{ 0 },
};

/* As ours: indexes in blocks of records, marks one behind the other. */
static const struct bare_row block_rows[] = {
	{ "records", 330, PLACE_ASCEND, false, false },
	{ "by_agent", 19, PLACE_AGENT, false, true },
	{ "by_task", 19, PLACE_TASK, false, true },
	{ "by_project", 19, PLACE_PROJECT, false, true },
	{ "projects", 150, PLACE_PROJECT, true, false },
	{ "slots_all", 70, PLACE_ONE, true, false },
	{ "slots_agent", 70, PLACE_AGENT, true, false },
	{ "slots_project", 70, PLACE_PROJECT, true, false },
	{ "slots_category", 70, PLACE_ONE, true, false },
	{ "applied", 190, PLACE_ASCEND, false, false },
	{ "journal", 330, PLACE_ASCEND, false, false },
	{ "channels", 50, PLACE_ONE, true, false },
	{ "meta", 8, PLACE_ONE, true, false },
	{ 0 },
};

enum { BARE_ROWS_MAX = 16 };

static size_t
bare_number(uint8_t *key, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		key[i] = (uint8_t)(n >> (8 * (7 - i)));
	return 8;
}

static size_t
bare_text(uint8_t *key, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(key, text, size);
	return size;
}

static size_t
bare_key(const struct bare_row *r, uint64_t n, uint8_t *ret_key)
{
	struct names x;
	size_t size = r->blocks ? bare_number(ret_key, n / COST_BLOCK) : 0;

	names_of(n, &x);
	switch (r->place) {
	case PLACE_ONE:
		return bare_text(ret_key, r->name);
	case PLACE_ASCEND:
		return bare_number(ret_key, n);
	case PLACE_SPREAD:
		memcpy(ret_key, x.id.octets, sizeof(x.id.octets));
		return sizeof(x.id.octets);
	case PLACE_PROJECT:
		size += bare_text(ret_key + size, x.project);
		break;
	case PLACE_AGENT:
		size += bare_text(ret_key + size, x.agent);
		break;
	case PLACE_TASK:
		size += bare_text(ret_key + size, x.task);
		break;
	}
	return size + (r->reads ? 0 : bare_number(ret_key + size, n));
}

static void
bare_record(
    MDB_txn *txn, const struct bare_row *rows, const MDB_dbi *dbis, uint64_t n)
{
	static uint8_t value[512];
	uint8_t key[64];

	for (int i = 0; rows[i].name != NULL; i++) {
		const struct bare_row *r = &rows[i];
		MDB_val k = { bare_key(r, n, key), key }, v, old;

		if (r->reads)
			(void)mdb_get(txn, dbis[i], &k, &old);
		memcpy(value, &n, sizeof(n));
		v = (MDB_val){ r->value, value };
		CHECK(mdb_put(txn, dbis[i], &k, &v, 0) == 0);
	}
}

#endif
