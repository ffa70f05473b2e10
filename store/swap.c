#include "store/swap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocols/messages.h"
#include "runtime/base/fault.h"
#include "runtime/base/log.h"
#include "runtime/intent.h"
#include "store/backend_class.h"
#include "store/folder.h"

#define INCOMING_NAME "incoming.mdb"
#define ASIDE_NAME "aside.mdb"
#define NAME_SIZE (BACKEND_PATH_MAX + 32)
#define INTENT_ARENA (64u << 10)
#define OURS "persistence"

struct names {
	char live[NAME_SIZE];
	char lock[NAME_SIZE];
	char incoming[NAME_SIZE];
	char aside[NAME_SIZE];
};

static void
names_init(struct names *n, const char *folder)
{
	snprintf(n->live, NAME_SIZE, "%s/" FOLDER_DATA, folder);
	snprintf(n->lock, NAME_SIZE, "%s/" FOLDER_DATA_LOCK, folder);
	snprintf(n->incoming, NAME_SIZE, "%s/" INCOMING_NAME, folder);
	snprintf(n->aside, NAME_SIZE, "%s/" ASIDE_NAME, folder);
}

static bool
is_there(const char *file)
{
	return access(file, F_OK) == 0;
}

static enum status
move(const char *from, const char *to)
{
	if (rename(from, to) == 0)
		return ST_OK;
	return backend_fail(ST_IO, from, strerror(errno));
}

static enum status
drop(const char *file)
{
	if (unlink(file) == 0 || errno == ENOENT)
		return ST_OK;
	return backend_fail(ST_IO, file, strerror(errno));
}

enum status
swap_stage(const char *folder, const char *file, bool ours, struct pace *pace)
{
	struct names n;

	names_init(&n, folder);
	if (ours && copy_move(file, n.incoming) == ST_OK)
		return ST_OK;
	return copy_file(file, n.incoming, pace);
}

enum status
swap_go(const char *folder)
{
	enum status st = ST_OK;
	struct names n;

	names_init(&n, folder);
	if (!is_there(n.incoming))
		return backend_fail(ST_NOT_FOUND, n.incoming, "is not staged");
	if (is_there(n.live))
		st = move(n.live, n.aside);
	fault_point("swap.aside");
	if (st == ST_OK)
		st = drop(n.lock);
	if (st == ST_OK)
		st = move(n.incoming, n.live);
	fault_point("swap.live");
	return st == ST_OK ? folder_sync(folder) : st;
}

enum status
swap_back(const char *folder)
{
	enum status st = ST_OK;
	struct names n;

	names_init(&n, folder);
	if (is_there(n.aside)) {
		st = drop(n.lock);
		if (st == ST_OK)
			st = move(n.aside, n.live);
		fault_point("swap.back");
	}
	if (st == ST_OK)
		st = drop(n.incoming);
	return st == ST_OK ? folder_sync(folder) : st;
}

enum status
swap_keep(const char *folder)
{
	enum status st;
	struct names n;

	names_init(&n, folder);
	st = drop(n.aside);
	if (st == ST_OK)
		st = drop(n.incoming);
	return st == ST_OK ? folder_sync(folder) : st;
}

static bool
intent_is_ours(const struct restore_intent *intent)
{
	for (uint32_t i = 0; i < intent->components_count; i++)
		if (strcmp(intent->components[i], OURS) == 0)
			return true;
	return false;
}

enum status
swap_read_intent(const char *data_dir, bool *ret_kept, bool *ret_ours)
{
	struct arena a = { malloc(INTENT_ARENA), INTENT_ARENA, 0 };
	const struct restore_intent *intent = NULL;
	enum status st = ST_NO_MEMORY;

	if (a.base != NULL)
		st = intent_read(data_dir, &a, &intent);
	if (st == ST_OK) {
		*ret_kept = intent->kept;
		*ret_ours = intent_is_ours(intent);
	} else if (st != ST_NOT_FOUND) {
		(void)backend_fail(st, data_dir, "the restore's intent");
	}
	free(a.base);
	return st;
}

enum status
swap_mark_kept(const char *data_dir)
{
	struct arena a = { malloc(INTENT_ARENA), INTENT_ARENA, 0 };
	const struct restore_intent *intent = NULL;
	struct restore_intent kept;
	enum status st = ST_NO_MEMORY;

	if (a.base != NULL)
		st = intent_read(data_dir, &a, &intent);
	if (st == ST_OK) {
		kept = *intent;
		kept.kept = true;
		st = intent_write(data_dir, &kept);
	}
	free(a.base);
	fault_point("swap.kept");
	return st;
}

enum status
swap_recover(const char *data_dir, const char *folder)
{
	bool kept = false, ours = false, left;
	struct names n;
	enum status st;

	names_init(&n, folder);
	left = is_there(n.aside) || is_there(n.incoming);
	st = swap_read_intent(data_dir, &kept, &ours);
	if (!left)
		return ST_OK;
	if (st == ST_NOT_FOUND)
		kept = is_there(n.live); /* all had ended but the sweeping */
	else if (st != ST_OK)
		return st;
	st = kept ? swap_keep(folder) : swap_back(folder);
	LOG(RESTORE_RECOVERED, KV("component", OURS),
	    KV("outcome", kept ? "kept" : "rolled_back"));
	return st;
}
