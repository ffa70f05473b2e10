#include "store/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backend_class.h"
#include "store/copy.h"
#include "store/folder.h"

#define BATCH_BYTES (8u << 20) /* of records, in one transaction */

/* One replay; batch and what it becomes once that is committed. */
struct replay {
	struct backend *b;
	struct bytes rest;
	const struct replay_limit *limit;
	struct pace *pace;
	struct replayed now;
};

static enum status
fail(enum status st, uint64_t txid, const char *why)
{
	char what[48];

	snprintf(what, sizeof(what), "transaction %" PRIu64, txid);
	return backend_fail(st, what, why);
}

/* ---- one record ---- */

static enum table
table_find(struct bytes name)
{
	for (enum table t = 0; t < TABLE_COUNT; t++)
		if (strlen(table_name(t)) == name.size &&
		    memcmp(table_name(t), name.at, name.size) == 0)
			return t;
	return TABLE_COUNT;
}

static enum status
change_do(struct backend_txn *txn, const struct redo_change *c)
{
	enum table t = table_find(c->table);
	enum status st;

	if (t == TABLE_COUNT)
		return backend_fail(ST_NEWER, "replay", "a table is unknown");
	if (t == TABLE_REDO)
		return backend_fail(ST_CORRUPT, "replay", "of the log itself");
	if (c->op == REDO_DELETE)
		st = backend_delete(txn, t, c->key);
	else
		st = backend_put(txn, t, c->key, c->value);
	/* What a record deletes was there, or it is another copy's. */
	return st == ST_NOT_FOUND ? backend_fail(ST_CORRUPT, table_name(t),
					"what goes is not there")
				  : st;
}

static enum status
record_do(struct backend_txn *txn, struct bytes record,
    const struct redo_head *h, struct replayed *now)
{
	struct redo_reader r;
	struct redo_change c;
	enum status st;
	uint32_t count = 0;

	redo_reader_init(&r, record, h);
	while ((st = redo_next(&r, &c)) == ST_OK) {
		st = change_do(txn, &c);
		if (st != ST_OK)
			return st;
		count++;
	}
	if (st != ST_NOT_FOUND || count != h->count)
		return fail(ST_CORRUPT, h->txid, "its changes do not decode");
	now->place.txid = h->txid;
	now->place.at = h->at;
	now->place.sum = h->sum;
	now->place.from = h->txid + 1;
	now->done++;
	return ST_OK;
}

/* What must hold of the one that is next. */
static enum status
record_fits(const struct redo_place *p, const struct redo_head *h)
{
	char why[96];

	if (p->timeline == 0 || h->timeline != p->timeline)
		return fail(ST_CORRUPT, h->txid, "of another history");
	if (h->txid != p->txid + 1) {
		snprintf(why, sizeof(why),
		    "it follows on %" PRIu64 ": those between are missing",
		    p->txid);
		return fail(ST_CONFLICT, h->txid, why);
	}
	if (h->before != p->sum || h->at < p->at)
		return fail(ST_CORRUPT, h->txid, "does not follow the last");
	return ST_OK;
}

static bool
is_past(const struct redo_head *h, const struct replay_limit *limit)
{
	return h->txid > limit->txid || h->at > limit->at;
}

/* NOT_FOUND: there is no more that is whole, or wanted. */
static enum status
record_next(struct replay *r, struct backend_txn *txn, struct replayed *now,
    struct bytes *rest)
{
	struct redo_head h;
	enum status st = redo_read(*rest, &h);

	if (st == ST_FULL)
		return ST_NOT_FOUND;
	if (st != ST_OK)
		return fail(ST_CORRUPT, now->place.txid + 1,
		    "its record is not what was written");
	if (h.timeline == now->place.timeline && h.txid <= now->place.txid) {
		rest->at += REDO_HEAD + h.size;
		rest->size -= REDO_HEAD + h.size;
		return ST_OK;
	}
	st = record_fits(&now->place, &h);
	if (st == ST_OK && is_past(&h, r->limit)) {
		now->reached = true;
		return ST_NOT_FOUND;
	}
	if (st == ST_OK)
		st = record_do(txn, *rest, &h, now);
	rest->at += REDO_HEAD + h.size;
	rest->size -= REDO_HEAD + h.size;
	return st;
}

/* ---- transactions of many ---- */

static enum status
batch_fill(struct replay *r, struct backend_txn *txn, struct replayed *now,
    struct bytes *rest)
{
	const uint8_t *from = rest->at;
	enum status st = ST_OK;

	for (enum table t = 0; t < TABLE_COUNT && st == ST_OK; t++)
		st = backend_create(txn, t);
	while (st == ST_OK && (size_t)(rest->at - from) < BATCH_BYTES)
		st = record_next(r, txn, now, rest);
	if (st == ST_OK || st == ST_NOT_FOUND) {
		enum status put = redo_place_put(txn, &now->place);

		st = put == ST_OK ? st : put;
	}
	return st;
}

/* FULL: nothing of it is done. */
static enum status
batch_run(struct replay *r, struct replayed *now, struct bytes *rest)
{
	struct backend_txn *txn;
	enum status st = backend_write(r->b, &txn), end;

	if (st != ST_OK)
		return st;
	st = batch_fill(r, txn, now, rest);
	if (st != ST_OK && st != ST_NOT_FOUND) {
		backend_abort(txn);
		return st;
	}
	end = backend_commit(txn);
	return end == ST_OK ? st : end;
}

static enum status
replay_batch(struct replay *r)
{
	struct replayed now = r->now;
	struct bytes rest = r->rest;
	enum status st = batch_run(r, &now, &rest);

	if (st == ST_FULL)
		return backend_grow(r->b);
	if (st != ST_OK && st != ST_NOT_FOUND)
		return st;
	if (!pace_took(r->pace, (uint64_t)(rest.at - r->rest.at)))
		return backend_fail(ST_CANCELLED, "replay", "cancelled");
	r->now = now;
	r->rest = rest;
	return st;
}

enum status
replay_bytes(struct backend *b, struct bytes records,
    const struct replay_limit *limit, struct pace *pace, struct replayed *ret)
{
	struct replay r = {
		.b = b, .rest = records, .limit = limit, .pace = pace
	};
	enum status st = redo_place_of(b, &r.now.place);

	while (st == ST_OK && r.rest.size > 0)
		st = replay_batch(&r);
	if (st != ST_OK && st != ST_NOT_FOUND)
		return st;
	*ret = r.now;
	return ST_OK;
}

/* ---- files ---- */

/* A copy is to have every page that its database speaks of. */
static enum status
fill_up(const char *file, const struct backend_usage *u)
{
	struct stat s;

	if (stat(file, &s) != 0)
		return backend_fail(ST_IO, file, strerror(errno));
	if ((uint64_t)s.st_size < u->used_bytes &&
	    truncate(file, (off_t)u->used_bytes) != 0)
		return backend_fail(ST_IO, file, strerror(errno));
	return ST_OK;
}

static enum status
replay_mapped(struct backend *b, const char *records,
    const struct replay_limit *limit, struct pace *pace, struct replayed *ret)
{
	int fd = open(records, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct bytes bytes = { 0 };
	enum status st;
	struct stat s;
	void *map;

	if (fd < 0 || fstat(fd, &s) != 0) {
		if (fd >= 0)
			close(fd);
		return backend_fail(ST_IO, records, strerror(errno));
	}
	map = s.st_size == 0 ? NULL
			     : mmap(NULL, (size_t)s.st_size, PROT_READ,
				   MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return backend_fail(ST_IO, records, strerror(errno));
	bytes = (struct bytes){ map, (size_t)s.st_size };
	st = replay_bytes(b, bytes, limit, pace, ret);
	if (map != NULL)
		munmap(map, bytes.size);
	return st;
}

/* What was written is on the disk, and the file is all there is. */
static enum status
replay_close(struct backend *b, const char *file, const char *folder)
{
	struct backend_usage usage = { 0 };
	enum status st;

	backend_usage(b, &usage);
	st = backend_close(b); /* syncs */
	if (st == ST_OK)
		st = fill_up(file, &usage);
	folder_drop_locks(folder);
	return st;
}

enum status
replay_file(const char *file, const char *records,
    const struct replay_limit *limit, struct pace *pace, struct replayed *ret)
{
	struct replayed done = { 0 };
	char folder[BACKEND_PATH_MAX];
	struct backend *b = NULL;
	enum status st = copy_open(file, false, folder, &b), end;

	if (st != ST_OK || b == NULL)
		return st;
	if (records[0] == '\0')
		st = redo_place_of(b, &done.place);
	else
		st = replay_mapped(b, records, limit, pace, &done);
	end = replay_close(b, file, folder);
	st = st == ST_OK ? end : st;
	if (st == ST_OK)
		*ret = done;
	return st;
}

static enum status
cut(struct backend *b, uint64_t txid_floor)
{
	struct backend_txn *txn;
	enum status st = backend_write(b, &txn);

	if (st != ST_OK)
		return st;
	st = redo_log_cut(txn, txid_floor);
	if (st == ST_OK)
		return backend_commit(txn);
	backend_abort(txn);
	return st;
}

enum status
replay_cut(const char *file, uint64_t txid_floor)
{
	char folder[BACKEND_PATH_MAX];
	struct backend *b = NULL;
	enum status st = copy_open(file, false, folder, &b), end;

	if (st != ST_OK || b == NULL)
		return st;
	st = cut(b, txid_floor);
	end = replay_close(b, file, folder);
	return st == ST_OK ? end : st;
}
