#include "store/prove.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "store/backend_class.h"
#include "store/copy.h"
#include "store/folder.h"
#include "store/inspect.h"
#include "store/migrate.h"

#define KEY_SHOWN 96

/* A key can be long: what is wrong must still fit. */
static void
prove_tell(void *ctx, const char *table, const char *key, const char *what)
{
	struct proven *p = ctx;

	if (p->why[0] == '\0')
		snprintf(p->why, sizeof(p->why), "%s/%.*s: %.100s", table,
		    KEY_SHOWN, key, what);
}

static enum status
prove_inspect(struct backend *b, struct pace *pace, struct proven *p)
{
	struct inspection i = { .tell = prove_tell, .ctx = p, .pace = pace };
	struct txn_room *room = txn_room_create();
	struct backend_txn *inner;
	struct txn t;
	enum status st;

	if (room == NULL)
		return backend_fail(ST_NO_MEMORY, "inspect", "no memory");
	st = backend_read(b, &inner);
	if (st == ST_OK) {
		txn_init(&t, inner, room);
		st = inspect_all(&t, &i);
		if (st != ST_OK)
			(void)backend_fail(st, "inspect", t.why);
		backend_abort(inner);
	}
	txn_room_destroy(room);
	p->entries = i.entries;
	p->wrong = i.wrong;
	if (st != ST_OK || i.wrong == 0)
		return st;
	return backend_fail(ST_CORRUPT,
	    i.wrong == 1 ? "one finding" : "the first of several findings",
	    p->why);
}

static enum status
prove_migrate(struct backend *b)
{
	struct migrate_world world = { .now_us = clock_wall_us(&clock_system),
		.epoch = 1 };
	struct migrate_result result;

	return migrate_run(b, &migrate_plan, &world, &result);
}

enum status
prove_file(const char *file, bool ours, struct pace *pace, struct proven *ret)
{
	struct proven p = { 0 };
	char folder[BACKEND_PATH_MAX];
	struct backend *b = NULL;
	bool migrates;
	enum status st = verify_pages(file, pace, &p.verified);

	*ret = p;
	if (st != ST_OK)
		return st;
	migrates = p.verified.schema < migrate_newest();
	if (migrates && !ours)
		return backend_fail(ST_UNSUPPORTED, file, "of an older schema");
	st = copy_open(file, !migrates, folder, &b);
	if (st != ST_OK || b == NULL)
		return st;
	if (migrates)
		st = prove_migrate(b);
	if (st == ST_OK)
		st = prove_inspect(b, pace, &p);
	(void)!backend_close(b); /* nothing of it is kept */
	if (migrates)
		folder_drop_locks(folder);
	*ret = p;
	return st;
}
