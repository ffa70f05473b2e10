/*
 * migrate - brings the tables to the version this program knows.
 *
 * The steps stand in one ordered list.  All that are pending, and the new
 * version, are one write transaction: after a crash, a failure or a full map
 * the database is what it was.  Each step can run on its own result again.
 * A database from a newer program is refused and not touched.
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/txn.h"

struct migrate_world {
	int64_t now_us;
	uint64_t
	    epoch; /* unpredictable, not 0: names a new database's history */
};

struct migrate_step {
	uint32_t version; /* that the database has after it; ascending */
	const char *name;
	enum status (*run)(struct txn *t, const struct migrate_world *w);
};

struct migrate_plan {
	const struct migrate_step *steps;
	uint32_t count;
};

/* The real one. */
extern const struct migrate_plan migrate_plan;

/* The version that the real plan brings a database to. */
uint32_t migrate_newest(void);

struct migrate_result {
	uint32_t from;
	uint32_t to;
};

/* What the database has; 0 if it is fresh. */
MUST_CHECK enum status migrate_version(
    struct backend *b, uint32_t *ret_version);

/*
 * OK also if there was nothing to do.  NEWER if the database is; else the
 * status of the step, or of the commit, that failed.
 */
MUST_CHECK enum status migrate_run(struct backend *b,
    const struct migrate_plan *plan, const struct migrate_world *w,
    struct migrate_result *ret_result);

#endif
