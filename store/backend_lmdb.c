#include <assert.h>
#include <errno.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backend_class.h"
#include "store/cut.h"
#include "store/folder.h"
#include "store/gate.h"
#include "store/lmdb_status.h"
#include "store/verify.h"

/*
 * One environment with one named database per table.  LMDB lets the map grow
 * only while this process has no transaction, which the library does not
 * check: the gate counts them and holds new ones back while it grows.
 * A reader is not tied to a thread (MDB_NOTLS), so that pools may keep them.
 */

#define FILE_MODE 0600

struct lmdb {
	struct backend base;
	struct folder *folder;
	MDB_env *env;
	_Atomic MDB_dbi tables[TABLE_COUNT]; /* 0: not there */
	uint64_t map_bytes_max;
	bool read_only;
	struct gate gate;
	struct cut cut;
};

struct lmdb_txn {
	struct backend_txn base;
	MDB_txn *txn;
	bool created[TABLE_COUNT];
};

struct lmdb_cursor {
	struct backend_cursor base;
	MDB_cursor *cursor;
};

static struct lmdb *
lmdb_of(struct backend *b)
{
	return (struct lmdb *)(void *)b;
}

static struct lmdb_txn *
lmdb_txn_of(struct backend_txn *txn)
{
	return (struct lmdb_txn *)(void *)txn;
}

static MDB_val
lmdb_val(struct bytes b)
{
	return (MDB_val){ b.size, (void *)(uintptr_t)b.at };
}

static struct bytes
lmdb_bytes(MDB_val v)
{
	return (struct bytes){ v.mv_data, v.mv_size };
}

/* Names the handles of the tables there are; makes none. */
static int
lmdb_open_tables(struct lmdb *b)
{
	MDB_txn *txn;
	MDB_dbi dbi;
	int rc = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	for (enum table t = 0; t < TABLE_COUNT; t++) {
		rc = mdb_dbi_open(txn, table_name(t), 0, &dbi);
		if (rc == MDB_NOTFOUND)
			continue;
		if (rc != 0) {
			mdb_txn_abort(txn);
			return rc;
		}
		atomic_store(&b->tables[t], dbi);
	}
	return mdb_txn_commit(txn);
}

static unsigned
lmdb_flags(const struct backend_options *o)
{
	static const unsigned flags[] = {
		[DURABLE_FULL] = 0,
		[DURABLE_LAZY] = MDB_NOMETASYNC,
		[DURABLE_NONE] = MDB_NOSYNC,
	};

	if (o->read_only)
		return MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS;
	return flags[o->durability] | MDB_NOTLS;
}

static void
lmdb_watch(struct lmdb *b, const char *path)
{
	int fd = -1;
	int rc = mdb_env_get_fd(b->env, &fd);

	assert(rc == 0); /* it refuses only a NULL */
	cut_watch(&b->cut, fd, path);
}

/* Nothing may be read of a file that has lost pages, nor written to it. */
static enum status
lmdb_enter(struct lmdb *b)
{
	gate_enter(&b->gate);
	if (!cut_is_short(&b->cut))
		return ST_OK;
	gate_leave(&b->gate);
	return backend_fail(ST_UNAVAILABLE, FOLDER_DATA,
	    "the file was cut short while it was open");
}

static int
lmdb_start(struct lmdb *b, const struct backend_options *o)
{
	int rc = mdb_env_create(&b->env);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(b->env, TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(b->env, o->readers_max);
	if (rc == 0)
		rc = mdb_env_set_mapsize(b->env, o->map_bytes);
	if (rc == 0)
		rc = mdb_env_open(b->env, o->path, lmdb_flags(o), FILE_MODE);
	if (rc == 0 && !o->read_only)
		rc = mdb_reader_check(b->env, NULL);
	if (rc == 0)
		rc = lmdb_open_tables(b);
	if (rc == 0)
		lmdb_watch(b, o->path);
	return rc;
}

static void
lmdb_free(struct lmdb *b)
{
	if (b->env != NULL)
		mdb_env_close(b->env);
	folder_release(b->folder);
	gate_fini(&b->gate);
	free(b);
}

/* A page that lies would end the process, in the library. */
static enum status
lmdb_verify(const struct backend_options *o)
{
	char file[BACKEND_PATH_MAX + sizeof(FOLDER_DATA) + 1];

	snprintf(file, sizeof(file), "%s/" FOLDER_DATA, o->path);
	return verify_open(file, o->verify);
}

static enum status
lmdb_open(const struct backend_options *o, struct backend **ret_b)
{
	struct lmdb *b = calloc(1, sizeof(*b));
	enum status st = ST_OK;

	if (b == NULL)
		return backend_fail(ST_NO_MEMORY, o->path, "no memory");
	gate_init(&b->gate);
	b->map_bytes_max = o->map_bytes_max;
	b->read_only = o->read_only;
	if (!o->read_only)
		st = folder_hold(o->path, &b->folder);
	if (st == ST_OK)
		st = lmdb_verify(o);
	if (st == ST_OK)
		st = lmdb_status(lmdb_start(b, o), o->path);
	if (st == ST_OK && !o->read_only)
		st = folder_sync(o->path);
	if (st != ST_OK) {
		lmdb_free(b);
		return st;
	}
	*ret_b = &b->base;
	return ST_OK;
}

/* Whatever was lazily committed gets to the disk now, or we say so. */
static enum status
lmdb_close(struct backend *base)
{
	struct lmdb *b = lmdb_of(base);
	enum status st = ST_OK;

	if (!b->read_only)
		st = lmdb_status(mdb_env_sync(b->env, 1), "sync");
	lmdb_free(b);
	return st;
}

static enum status
lmdb_begin(struct backend *base, bool writes, struct backend_txn **ret_txn)
{
	struct lmdb *b = lmdb_of(base);
	struct lmdb_txn *txn = calloc(1, sizeof(*txn));
	enum status st;

	if (txn == NULL)
		return backend_fail(ST_NO_MEMORY, "begin", "no memory");
	st = lmdb_enter(b);
	if (st != ST_OK) {
		free(txn);
		return st;
	}
	st = lmdb_status(
	    mdb_txn_begin(b->env, NULL, writes ? 0 : MDB_RDONLY, &txn->txn),
	    "begin");
	if (st != ST_OK) {
		gate_leave(&b->gate);
		free(txn);
		return st;
	}
	*ret_txn = &txn->base;
	return ST_OK;
}

/* LMDB has closed the handles that an aborted transaction made. */
static void
lmdb_forget_tables(struct lmdb_txn *txn)
{
	struct lmdb *b = lmdb_of(txn->base.backend);

	for (enum table t = 0; t < TABLE_COUNT; t++)
		if (txn->created[t])
			atomic_store(&b->tables[t], 0);
}

static void
lmdb_end(struct lmdb_txn *txn)
{
	struct lmdb *b = lmdb_of(txn->base.backend);

	if (!txn->base.resting)
		gate_leave(&b->gate);
	free(txn);
}

static enum status
lmdb_commit(struct backend_txn *base)
{
	struct lmdb_txn *txn = lmdb_txn_of(base);
	enum status st = lmdb_status(mdb_txn_commit(txn->txn), "commit");

	if (st != ST_OK)
		lmdb_forget_tables(txn);
	cut_note(&lmdb_of(base->backend)->cut);
	lmdb_end(txn);
	return st;
}

static void
lmdb_abort(struct backend_txn *base)
{
	struct lmdb_txn *txn = lmdb_txn_of(base);

	mdb_txn_abort(txn->txn);
	lmdb_forget_tables(txn);
	lmdb_end(txn);
}

static void
lmdb_reset(struct backend_txn *base)
{
	mdb_txn_reset(lmdb_txn_of(base)->txn);
	gate_leave(&lmdb_of(base->backend)->gate);
}

static enum status
lmdb_renew(struct backend_txn *base)
{
	struct lmdb *b = lmdb_of(base->backend);
	enum status st = lmdb_enter(b);

	if (st != ST_OK)
		return st;
	st = lmdb_status(mdb_txn_renew(lmdb_txn_of(base)->txn), "renew");
	if (st != ST_OK)
		gate_leave(&b->gate);
	return st;
}

static enum status
lmdb_table(struct backend_txn *txn, enum table t, MDB_dbi *ret_dbi)
{
	*ret_dbi = atomic_load(&lmdb_of(txn->backend)->tables[t]);
	if (*ret_dbi != 0)
		return ST_OK;
	return backend_fail(ST_UNAVAILABLE, table_name(t), "no such table");
}

static enum status
lmdb_create(struct backend_txn *base, enum table t)
{
	struct lmdb_txn *txn = lmdb_txn_of(base);
	struct lmdb *b = lmdb_of(base->backend);
	MDB_dbi dbi;
	int rc;

	if (atomic_load(&b->tables[t]) != 0)
		return ST_OK;
	rc = mdb_dbi_open(txn->txn, table_name(t), MDB_CREATE, &dbi);
	if (rc != 0)
		return lmdb_status(rc, table_name(t));
	txn->created[t] = true;
	atomic_store(&b->tables[t], dbi);
	return ST_OK;
}

static enum status
lmdb_count(struct backend_txn *txn, enum table t, uint64_t *ret_count)
{
	MDB_dbi dbi;
	MDB_stat stat;
	enum status st = lmdb_table(txn, t, &dbi);

	if (st == ST_OK)
		st = lmdb_status(
		    mdb_stat(lmdb_txn_of(txn)->txn, dbi, &stat), table_name(t));
	if (st == ST_OK)
		*ret_count = stat.ms_entries;
	return st;
}

static enum status
lmdb_get(struct backend_txn *txn, enum table t, struct bytes key,
    struct bytes *ret_value)
{
	MDB_val k = lmdb_val(key), v;
	MDB_dbi dbi;
	enum status st = lmdb_table(txn, t, &dbi);

	if (st == ST_OK)
		st = lmdb_status(
		    mdb_get(lmdb_txn_of(txn)->txn, dbi, &k, &v), table_name(t));
	if (st == ST_OK)
		*ret_value = lmdb_bytes(v);
	return st;
}

static enum status
lmdb_put(struct backend_txn *txn, enum table t, struct bytes key,
    struct bytes value, enum put_how how)
{
	static const unsigned flags[] = {
		[PUT_ANY] = 0,
		[PUT_NEW] = MDB_NOOVERWRITE,
		[PUT_APPEND] = MDB_APPEND,
	};
	MDB_val k = lmdb_val(key), v = lmdb_val(value);
	MDB_dbi dbi;
	enum status st = lmdb_table(txn, t, &dbi);

	if (st != ST_OK)
		return st;
	return lmdb_status(
	    mdb_put(lmdb_txn_of(txn)->txn, dbi, &k, &v, flags[how]),
	    table_name(t));
}

static enum status
lmdb_delete(struct backend_txn *txn, enum table t, struct bytes key)
{
	MDB_val k = lmdb_val(key);
	MDB_dbi dbi;
	enum status st = lmdb_table(txn, t, &dbi);

	if (st != ST_OK)
		return st;
	return lmdb_status(
	    mdb_del(lmdb_txn_of(txn)->txn, dbi, &k, NULL), table_name(t));
}

static enum status
lmdb_cursor_open(
    struct backend_txn *txn, enum table t, struct backend_cursor **ret_c)
{
	struct lmdb_cursor *c;
	MDB_dbi dbi;
	enum status st = lmdb_table(txn, t, &dbi);

	if (st != ST_OK)
		return st;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return backend_fail(ST_NO_MEMORY, "cursor", "no memory");
	st =
	    lmdb_status(mdb_cursor_open(lmdb_txn_of(txn)->txn, dbi, &c->cursor),
		table_name(t));
	if (st != ST_OK) {
		free(c);
		return st;
	}
	*ret_c = &c->base;
	return ST_OK;
}

static void
lmdb_cursor_close(struct backend_cursor *base)
{
	struct lmdb_cursor *c = (struct lmdb_cursor *)(void *)base;

	mdb_cursor_close(c->cursor);
	free(c);
}

static enum status
lmdb_move(struct backend_cursor *base, enum move how, struct bytes key,
    struct backend_entry *ret_entry)
{
	static const MDB_cursor_op ops[] = {
		[MOVE_FIRST] = MDB_FIRST,
		[MOVE_LAST] = MDB_LAST,
		[MOVE_SEEK] = MDB_SET_RANGE,
		[MOVE_BEFORE] = MDB_SET_RANGE,
		[MOVE_NEXT] = MDB_NEXT,
		[MOVE_PREV] = MDB_PREV,
	};
	MDB_cursor *c = ((struct lmdb_cursor *)(void *)base)->cursor;
	MDB_val k = lmdb_val(key), v;
	int rc = mdb_cursor_get(c, &k, &v, ops[how]);

	if (how == MOVE_BEFORE && rc == 0)
		rc = mdb_cursor_get(c, &k, &v, MDB_PREV);
	else if (how == MOVE_BEFORE && rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(c, &k, &v, MDB_LAST);
	if (rc == 0)
		*ret_entry =
		    (struct backend_entry){ lmdb_bytes(k), lmdb_bytes(v) };
	return lmdb_status(rc, table_name(base->table));
}

static enum status
lmdb_sync(struct backend *b)
{
	return lmdb_status(mdb_env_sync(lmdb_of(b)->env, 1), "sync");
}

static void
lmdb_usage(struct backend *base, struct backend_usage *ret_usage)
{
	struct lmdb *b = lmdb_of(base);
	unsigned flags = 0;
	MDB_envinfo info;
	MDB_stat stat;
	int rc = mdb_env_info(b->env, &info);

	if (rc == 0)
		rc = mdb_env_stat(b->env, &stat);
	if (rc == 0)
		rc = mdb_env_get_flags(b->env, &flags);
	assert(rc == 0); /* they refuse only a NULL */
	*ret_usage = (struct backend_usage){
		.used_bytes = (info.me_last_pgno + 1) * stat.ms_psize,
		.map_bytes = info.me_mapsize,
		.map_bytes_max = b->map_bytes_max,
		.readers = info.me_numreaders,
		.readers_max = info.me_maxreaders,
		.durability = (flags & MDB_NOSYNC) != 0       ? DURABLE_NONE
			      : (flags & MDB_NOMETASYNC) != 0 ? DURABLE_LAZY
							      : DURABLE_FULL,
	};
}

static enum status
lmdb_grow(struct backend *base)
{
	struct lmdb *b = lmdb_of(base);
	struct backend_usage u;
	enum status st;

	if (!gate_shut(&b->gate))
		return backend_fail(ST_BUSY, "grow", "transactions are open");
	lmdb_usage(base, &u);
	if (u.map_bytes >= u.map_bytes_max) {
		st = backend_fail(ST_FULL, "grow", "the map is at its limit");
	} else {
		uint64_t next = u.map_bytes * BACKEND_GROW_DEFAULT;

		if (next > u.map_bytes_max)
			next = u.map_bytes_max;
		st = lmdb_status(mdb_env_set_mapsize(b->env, next), "grow");
	}
	gate_open(&b->gate);
	return st;
}

static uint32_t
lmdb_check_readers(struct backend *b)
{
	int dead = 0;

	if (mdb_reader_check(lmdb_of(b)->env, &dead) != 0)
		return 0;
	return (uint32_t)dead;
}

static enum status
lmdb_copy_into(struct lmdb *b, const char *folder)
{
	char name[BACKEND_PATH_MAX + sizeof(FOLDER_DATA) + 1];
	enum status st;

	gate_enter(&b->gate);
	st = lmdb_status(mdb_env_copy2(b->env, folder, MDB_CP_COMPACT), folder);
	gate_leave(&b->gate);
	snprintf(name, sizeof(name), "%s/%s", folder, FOLDER_DATA);
	if (st == ST_OK && chmod(name, FILE_MODE) != 0)
		st = backend_fail(ST_IO, name, strerror(errno));
	if (st == ST_OK)
		st = folder_sync(folder);
	if (st != ST_OK)
		unlink(name);
	return st;
}

static enum status
lmdb_copy(struct backend *b, const char *folder)
{
	enum status st = folder_make(folder);

	if (st != ST_OK)
		return st;
	st = lmdb_copy_into(lmdb_of(b), folder);
	if (st != ST_OK)
		rmdir(folder);
	return st;
}

static enum status
lmdb_copy_fd(struct backend *base, int fd)
{
	struct lmdb *b = lmdb_of(base);
	enum status st;

	gate_enter(&b->gate);
	st = lmdb_status(mdb_env_copyfd2(b->env, fd, MDB_CP_COMPACT), "copy");
	gate_leave(&b->gate);
	return st;
}

const struct backend_class backend_lmdb = {
	.name = "lmdb",
	.open = lmdb_open,
	.close = lmdb_close,
	.begin = lmdb_begin,
	.commit = lmdb_commit,
	.abort = lmdb_abort,
	.reset = lmdb_reset,
	.renew = lmdb_renew,
	.create = lmdb_create,
	.count = lmdb_count,
	.get = lmdb_get,
	.put = lmdb_put,
	.delete = lmdb_delete,
	.cursor_open = lmdb_cursor_open,
	.cursor_close = lmdb_cursor_close,
	.move = lmdb_move,
	.sync = lmdb_sync,
	.usage = lmdb_usage,
	.grow = lmdb_grow,
	.check_readers = lmdb_check_readers,
	.copy = lmdb_copy,
	.copy_fd = lmdb_copy_fd,
};
