#include "store/offline.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/folder.h"

/* Opening makes what is not there; whoever only looks must not. */
static enum status
offline_is_there(const struct offline *p)
{
	char file[BACKEND_PATH_MAX + sizeof(FOLDER_DATA) + 1];

	snprintf(file, sizeof(file), "%s/" FOLDER_DATA, p->path);
	return access(file, R_OK) == 0 ? ST_OK : ST_NOT_FOUND;
}

static enum status
offline_find(struct offline *p, const struct config *c, const char **ret_why)
{
	enum status st;

	*ret_why = "only a database of LMDB is there while nobody runs";
	if (strcmp(config_text(c, SETTING_persistence_backend), "lmdb") != 0)
		return ST_UNSUPPORTED;
	*ret_why = "its path is not one";
	st = config_path(
	    c, SETTING_persistence_lmdb_path, p->path, sizeof(p->path));
	if (st != ST_OK)
		return st;
	*ret_why = "there is no database";
	return offline_is_there(p);
}

static enum status
offline_begin(struct offline *p, const struct config *c, const char **ret_why)
{
	struct backend_options options = { .path = p->path,
		.verify = p->verified,
		.map_bytes = config_u64(c, SETTING_persistence_lmdb_map_size) };
	enum status st = backend_open(&backend_lmdb, &options, &p->backend);

	*ret_why = st == ST_EXISTS ? "a running program has it open; stop it, "
				     "or look at a copy"
				   : backend_why();
	if (st != ST_OK)
		return st;
	st = backend_read(p->backend, &p->inner);
	*ret_why = backend_why();
	if (st != ST_OK)
		return st;
	p->room = txn_room_create();
	*ret_why = "out of memory";
	if (p->room == NULL)
		return ST_NO_MEMORY;
	txn_init(&p->txn, p->inner, p->room);
	return ST_OK;
}

enum status
offline_open(
    struct offline *p, const struct config *c, char ret_why[OFFLINE_WHY_SIZE])
{
	const char *why;
	enum status st;

	*p = (struct offline){ .verified = p->verified };
	st = offline_find(p, c, &why);
	if (st == ST_OK)
		st = offline_begin(p, c, &why);
	if (st != ST_OK) {
		snprintf(
		    ret_why, OFFLINE_WHY_SIZE, "%.200s: %.100s", p->path, why);
		offline_close(p);
	}
	return st;
}

void
offline_close(struct offline *p)
{
	if (p->inner != NULL)
		backend_abort(p->inner);
	if (p->backend != NULL && backend_close(p->backend) != ST_OK)
		fprintf(stderr, "%s: %s\n", p->path, backend_why());
	txn_room_destroy(p->room);
	memset(p, 0, sizeof(*p));
}
