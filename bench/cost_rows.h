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
	PLACE_NONE,   /* it has no such row */
	PLACE_ONE,    /* all in one row */
	PLACE_ASCEND, /* one behind the other */
	PLACE_SPREAD, /* anywhere */
	PLACE_PROJECT,
	PLACE_AGENT,
	PLACE_TASK,
};

/* An index by name, and a mark anywhere, as one would write it down; and as
 * ours: indexes in blocks of records, marks one behind the other. */
enum bare_layout { LAYOUT_NAIVE, LAYOUT_OURS, LAYOUTS };

struct bare_row {
	const char *name;
	size_t value;
	enum bare_place place[LAYOUTS];
	bool reads;  /* it was there: read, changed and written back */
	bool blocks; /* ours: by name within a block, else by name alone */
};

static const struct bare_row bare_rows[] = {
	{ "records", 330, { PLACE_ASCEND, PLACE_ASCEND }, false, false },
	{ "by_agent", 19, { PLACE_AGENT, PLACE_AGENT }, false, true },
	{ "by_task", 19, { PLACE_TASK, PLACE_TASK }, false, true },
	{ "by_project", 19, { PLACE_PROJECT, PLACE_PROJECT }, false, true },
	{ "projects", 150, { PLACE_PROJECT, PLACE_PROJECT }, true, false },
	{ "slots_all", 70, { PLACE_ONE, PLACE_ONE }, true, false },
	{ "slots_agent", 70, { PLACE_AGENT, PLACE_AGENT }, true, false },
	{ "slots_project", 70, { PLACE_PROJECT, PLACE_PROJECT }, true, false },
	{ "slots_category", 70, { PLACE_ONE, PLACE_ONE }, true, false },
	{ "applied", 190, { PLACE_SPREAD, PLACE_ASCEND }, false, false },
	{ "applied_by_time", 1, { PLACE_ASCEND, PLACE_NONE }, false, false },
	{ "journal", 330, { PLACE_ASCEND, PLACE_ASCEND }, false, false },
	{ "channels", 50, { PLACE_ONE, PLACE_ONE }, true, false },
	{ "meta", 8, { PLACE_ONE, PLACE_ONE }, true, false },
};

enum { BARE_ROWS = sizeof(bare_rows) / sizeof(bare_rows[0]) };

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
bare_key(const struct bare_row *r, enum bare_layout layout, uint64_t n,
    uint8_t *ret_key)
{
	struct names x;
	size_t size = 0;

	if (r->blocks && layout == LAYOUT_OURS)
		size = bare_number(ret_key, n / COST_BLOCK);
	names_of(n, &x);
	switch (r->place[layout]) {
	case PLACE_NONE:
		break;
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
    MDB_txn *txn, enum bare_layout layout, const MDB_dbi *dbis, uint64_t n)
{
	static uint8_t value[512];
	uint8_t key[64];

	for (int i = 0; i < BARE_ROWS; i++) {
		const struct bare_row *r = &bare_rows[i];
		MDB_val k, v, old;

		if (r->place[layout] == PLACE_NONE)
			continue;
		k = (MDB_val){ bare_key(r, layout, n, key), key };
		if (r->reads)
			(void)mdb_get(txn, dbis[i], &k, &old);
		memcpy(value, &n, sizeof(n));
		v = (MDB_val){ r->value, value };
		CHECK(mdb_put(txn, dbis[i], &k, &v, 0) == 0);
	}
}

#endif
