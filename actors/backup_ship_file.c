#include "actors/backup_ship_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/backup_tree.h"
#include "actors/segment.h"
#include "runtime/base/fault.h"

void
ship_file_let_go(struct ship_file *f)
{
	if (f == NULL || atomic_fetch_sub(&f->holders, 1) != 1)
		return;
	segment_close(f->out, f->st == ST_OK);
	free(f);
}

struct ship_file *
ship_file_make(const struct backup_place *place)
{
	struct ship_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	atomic_init(&f->holders, 1);
	f->place = place;
	return f;
}

static enum status
file_open(struct ship_file *f)
{
	struct backup_keys *keys = NULL;
	enum status st = backup_keys_load(f->place->keys, true, &keys, f->why);

	if (st == ST_OK)
		st = segment_create(f->place->root, backup_keys_newest(keys),
		    f->timeline, f->first, f->now, &f->out, f->why);
	backup_keys_destroy(keys);
	return st;
}

void
ship_file_write(void *data)
{
	struct ship_file *f = ((struct ship_data *)data)->file;

	if (f->ends) {
		segment_close(f->out, true);
		f->out = NULL;
	}
	f->st = f->out == NULL && f->bytes.size > 0 ? file_open(f) : ST_OK;
	if (f->st == ST_OK && f->bytes.size > 0)
		f->st = segment_write(f->out, f->bytes, f->why);
	if (f->st != ST_OK) {
		segment_close(f->out, false);
		f->out = NULL;
	}
	ship_file_let_go(f);
}

/* Before there is a log again, the place it goes to must take something. */
void
ship_file_probe(void *data)
{
	struct ship_file *f = ((struct ship_data *)data)->file;
	char path[SEGMENT_PATH_SIZE];
	enum status st;

	segment_path(f->place->root, "", path);
	st = backup_folder_make(path);
	segment_path(f->place->root, "probe", path);
	if (st == ST_OK)
		st = fault_fails("ship.full")
			 ? ST_IO
			 : backup_file_write(path, f->room, sizeof(f->room));
	(void)backup_tree_remove(path);
	f->st = st;
	ship_file_let_go(f);
}
