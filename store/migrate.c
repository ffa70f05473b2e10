#include "store/migrate.h"

#include "runtime/base/log.h"
#include "store/cost.h"
#include "store/meta.h"
#include "store/session_row.h"

/* What version 1 has.  A later table is not in it, whatever tables.def says. */
static const enum table first_tables[] = {
	TABLE_META,
	TABLE_USERS,
	TABLE_USERS_BY_NAME,
	TABLE_SESSIONS,
	TABLE_SESSIONS_BY_USER,
	TABLE_SESSIONS_BY_CREATED,
	TABLE_SESSIONS_BY_EXPIRY,
	TABLE_TOMBSTONES,
	TABLE_TOMBSTONES_BY_EXPIRY,
	TABLE_SETTINGS,
	TABLE_TASKS,
	TABLE_TASKS_BY_STATUS,
	TABLE_TASKS_BY_ASSIGNEE,
	TABLE_TASKS_BY_PROJECT,
	TABLE_JOURNAL,
	TABLE_CHANNELS,
	TABLE_IDEM,
	TABLE_IDEM_BY_EXPIRY,
};

#define FIRST_TABLES (sizeof(first_tables) / sizeof(first_tables[0]))

static enum status
table_create(struct txn *t, enum table table)
{
	enum status st = backend_create(t->inner, table);

	return st == ST_OK ? ST_OK : txn_fail(t, st, backend_why());
}

static enum status
step_first_tables(struct txn *t, const struct migrate_world *w)
{
	for (size_t i = 0; i < FIRST_TABLES; i++)
		if (table_create(t, first_tables[i]) != ST_OK)
			return txn_status(t);
	if (meta_get(t, META_EPOCH) != 0)
		return txn_status(t);
	meta_put(t, META_CREATED_AT, (uint64_t)w->now_us);
	meta_put(t, META_EPOCH, w->epoch);
	return txn_status(t);
}

/* Whatever stands in tables.def and is missing: add a line there. */
static enum status
step_second_tables(struct txn *t, const struct migrate_world *w)
{
	(void)w;
	for (enum table table = 0; table < TABLE_COUNT; table++)
		if (table_create(t, table) != ST_OK)
			break;
	return txn_status(t);
}

/* A back-fill of version 2 is called here, behind its tables. */
static enum status
step_second(struct txn *t, const struct migrate_world *w)
{
	if (step_second_tables(t, w) == ST_OK)
		(void)sessions_index_activity(t);
	if (txn_status(t) == ST_OK)
		cost_fill(t);
	return txn_status(t);
}

static const struct migrate_step steps[] = {
	{ 1, "first tables", step_first_tables },
	{ 2, "second tables", step_second },
};

const struct migrate_plan migrate_plan = {
	.steps = steps,
	.count = sizeof(steps) / sizeof(steps[0]),
};

static uint32_t
plan_target(const struct migrate_plan *plan)
{
	return plan->steps[plan->count - 1].version;
}

uint32_t
migrate_newest(void)
{
	return plan_target(&migrate_plan);
}

/* No table of single numbers yet: version 0. */
static enum status
version_read(struct txn *t, uint32_t *ret_version)
{
	uint64_t number = meta_get(t, META_SCHEMA_VERSION);

	if (txn_status(t) == ST_UNAVAILABLE) {
		*ret_version = 0;
		return ST_OK;
	}
	if (txn_status(t) == ST_OK && number > UINT32_MAX)
		(void)txn_fail(t, ST_CORRUPT, META_SCHEMA_VERSION);
	if (txn_status(t) == ST_OK)
		*ret_version = (uint32_t)number;
	return txn_status(t);
}

static enum status
migrate_fail(const struct migrate_plan *plan, const char *step, enum status st,
    const char *why)
{
	LOG(PERSISTENCE_MIGRATION_FAILED,
	    KU("target_version", plan_target(plan)), KV("step", step),
	    KV("error", status_name(st)), KV("why", why));
	return st;
}

static enum status
steps_run(struct txn *t, const struct migrate_plan *plan,
    const struct migrate_world *w, uint32_t from)
{
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct migrate_step *s = &plan->steps[i];
		enum status st;

		if (s->version <= from)
			continue;
		st = txn_fail(t, s->run(t, w), s->name);
		if (st != ST_OK)
			return migrate_fail(plan, s->name, st, t->why);
	}
	meta_put(t, META_SCHEMA_VERSION, plan_target(plan));
	if (txn_status(t) != ST_OK)
		return migrate_fail(
		    plan, META_SCHEMA_VERSION, txn_status(t), t->why);
	return ST_OK;
}

static enum status
migrate_pending(struct backend *b, const struct migrate_plan *plan,
    const struct migrate_world *w, uint32_t from, struct txn_room *room)
{
	struct backend_txn *inner;
	struct txn t;
	enum status st = backend_write(b, &inner);

	if (st != ST_OK)
		return migrate_fail(plan, "begin", st, backend_why());
	LOG(PERSISTENCE_MIGRATION_STARTED, KU("from", from),
	    KU("to", plan_target(plan)));
	txn_init(&t, inner, room);
	st = steps_run(&t, plan, w, from);
	if (st != ST_OK) {
		backend_abort(inner);
		return st;
	}
	st = backend_commit(inner);
	if (st != ST_OK)
		return migrate_fail(plan, "commit", st, backend_why());
	LOG(PERSISTENCE_MIGRATION_COMPLETED, KU("version", plan_target(plan)));
	return ST_OK;
}

static enum status
version_in(struct backend *b, struct txn_room *room, uint32_t *ret_version)
{
	struct backend_txn *inner;
	struct txn t;
	enum status st = backend_read(b, &inner);

	if (st != ST_OK)
		return st;
	txn_init(&t, inner, room);
	st = version_read(&t, ret_version);
	backend_abort(inner);
	return st;
}

enum status
migrate_version(struct backend *b, uint32_t *ret_version)
{
	struct txn_room *room = txn_room_create();
	enum status st = ST_NO_MEMORY;

	if (room != NULL)
		st = version_in(b, room, ret_version);
	txn_room_destroy(room);
	return st;
}

/* As migrate_run, in a room. */
static enum status
migrate_in(struct backend *b, const struct migrate_plan *plan,
    const struct migrate_world *w, struct migrate_result *r,
    struct txn_room *room)
{
	enum status st = version_in(b, room, &r->from);

	r->to = plan_target(plan);
	if (st != ST_OK)
		return migrate_fail(plan, "version", st, backend_why());
	if (r->from > r->to)
		return migrate_fail(
		    plan, "version", ST_NEWER, "written by a newer program");
	if (r->from < r->to)
		return migrate_pending(b, plan, w, r->from, room);
	LOG(PERSISTENCE_MIGRATION_SKIPPED, KU("current", r->from),
	    KU("target", r->to));
	return ST_OK;
}

enum status
migrate_run(struct backend *b, const struct migrate_plan *plan,
    const struct migrate_world *w, struct migrate_result *ret_result)
{
	struct txn_room *room = txn_room_create();
	struct migrate_result r = { 0 };
	enum status st = ST_NO_MEMORY;

	if (room != NULL)
		st = migrate_in(b, plan, w, &r, room);
	txn_room_destroy(room);
	if (st == ST_OK)
		*ret_result = r;
	return st;
}
