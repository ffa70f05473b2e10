/*
 * backup_ship_file - the segment in hand, for a worker to write to.
 *
 * The actor and its worker hold it, and the last of them lets it go: a worker
 * may be late.  Between two works it is the actor's, else the worker's.
 */
#ifndef ACTORS_BACKUP_SHIP_FILE_H
#define ACTORS_BACKUP_SHIP_FILE_H

#include <stdatomic.h>

#include "actors/backup_work.h"

struct ship_file {
	_Atomic int holders;
	const struct backup_place *place;
	struct segment_out *out; /* NULL: the next write opens one */
	uint64_t opened_us;
	uint64_t timeline;
	uint64_t first;
	int64_t now;
	bool ends; /* before anything is written: the segment is full or old */
	struct bytes bytes;
	uint8_t room[REDO_PART_MAX];
	enum status st;
	char why[BACKUP_WHY_SIZE];
};

/* What an op of the shipper keeps. */
struct ship_data {
	struct ship_file *file;
	uint64_t next_txid;
	int64_t newest_at;
	uint64_t newest;
	uint32_t next_offset;
};

/* Held by the actor; NULL: no memory. */
struct ship_file *ship_file_make(const struct backup_place *place);
void ship_file_let_go(struct ship_file *f); /* NULL is fine */

/* Works, on a struct ship_data whose file was held for them. */
void ship_file_write(void *data);
/* Does the place take anything at all? */
void ship_file_probe(void *data);

#endif
