#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/list.h"
#include "store/backend_class.h"
#include "store/memory.h"
#include "store/tree.h"

/*
 * A version is one root per table; a reader holds a version, the writer
 * changes a private one and commit puts it in place of the last.  What a
 * folder is to LMDB, a volume is here: it keeps its last version while no
 * backend has it open.
 */

#define ITEM_OVERHEAD_BYTES 64

struct version {
	struct tree *roots[TABLE_COUNT];
	uint64_t counts[TABLE_COUNT];
	bool present[TABLE_COUNT];
	uint64_t bytes;
};

struct volume {
	struct list in_volumes;
	bool open;
	bool lasting;
	struct version last;
	char path[BACKEND_PATH_MAX];
};

struct memory {
	struct backend base;
	struct volume *volume;
	pthread_mutex_t lock;   /* over volume->last and the numbers below */
	pthread_mutex_t writer; /* held by the write transaction */
	uint64_t map_bytes;
	uint64_t map_bytes_max;
	uint32_t readers;
	uint32_t readers_max;
};

struct memory_txn {
	struct backend_txn base;
	struct version v;
};

struct memory_cursor {
	struct backend_cursor base;
	struct tree_item at;
};

static pthread_mutex_t volumes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list volumes = { &volumes, &volumes };

static struct memory *
memory_of(struct backend *b)
{
	return (struct memory *)(void *)b;
}

static struct memory_txn *
memory_txn_of(struct backend_txn *txn)
{
	return (struct memory_txn *)(void *)txn;
}

static void
version_retain(struct version *to, const struct version *from)
{
	*to = *from;
	for (enum table t = 0; t < TABLE_COUNT; t++)
		tree_retain(to->roots[t]);
}

static void
version_release(struct version *v)
{
	for (enum table t = 0; t < TABLE_COUNT; t++)
		tree_release(v->roots[t]);
	*v = (struct version){ 0 };
}

/* Under volumes_lock. */
static struct volume *
volume_find(const char *path)
{
	for (struct list *n = volumes.next; n != &volumes; n = n->next) {
		struct volume *v = LIST_OF(n, struct volume, in_volumes);

		if (strcmp(v->path, path) == 0)
			return v;
	}
	return NULL;
}

/* Under volumes_lock unless it is private. */
static struct volume *
volume_create(const char *path, bool lasting)
{
	struct volume *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	list_init(&v->in_volumes);
	v->lasting = lasting;
	memcpy(v->path, path, strlen(path) + 1);
	if (lasting)
		list_append(&volumes, &v->in_volumes);
	return v;
}

static void
volume_destroy(struct volume *v)
{
	list_remove(&v->in_volumes);
	version_release(&v->last);
	free(v);
}

static enum status
volume_open(const char *path, struct volume **ret_volume)
{
	bool lasting = strcmp(path, MEMORY_PATH) != 0;
	enum status st = ST_OK;
	struct volume *v;

	pthread_mutex_lock(&volumes_lock);
	v = lasting ? volume_find(path) : NULL;
	if (v == NULL)
		v = volume_create(path, lasting);
	if (v == NULL)
		st = backend_fail(ST_NO_MEMORY, path, "no memory");
	else if (v->open)
		st = backend_fail(
		    ST_EXISTS, path, "already open in this process");
	else
		v->open = true;
	pthread_mutex_unlock(&volumes_lock);
	if (st == ST_OK)
		*ret_volume = v;
	return st;
}

void
memory_forget(const char *path)
{
	struct volume *v;

	pthread_mutex_lock(&volumes_lock);
	v = volume_find(path);
	if (v != NULL) {
		assert(!v->open);
		volume_destroy(v);
	}
	pthread_mutex_unlock(&volumes_lock);
}

static enum status
memory_open(const struct backend_options *o, struct backend **ret_b)
{
	struct memory *b = calloc(1, sizeof(*b));
	enum status st;

	if (b == NULL)
		return backend_fail(ST_NO_MEMORY, o->path, "no memory");
	st = volume_open(o->path, &b->volume);
	if (st != ST_OK) {
		free(b);
		return st;
	}
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->writer, NULL);
	b->map_bytes = o->map_bytes;
	b->map_bytes_max = o->map_bytes_max;
	b->readers_max = o->readers_max;
	*ret_b = &b->base;
	return ST_OK;
}

static enum status
memory_close(struct backend *base)
{
	struct memory *b = memory_of(base);

	assert(b->readers == 0);
	pthread_mutex_lock(&volumes_lock);
	b->volume->open = false;
	if (!b->volume->lasting)
		volume_destroy(b->volume);
	pthread_mutex_unlock(&volumes_lock);
	pthread_mutex_destroy(&b->lock);
	pthread_mutex_destroy(&b->writer);
	free(b);
	return ST_OK;
}

static void
memory_snapshot(struct memory *b, struct version *ret_v)
{
	pthread_mutex_lock(&b->lock);
	version_retain(ret_v, &b->volume->last);
	pthread_mutex_unlock(&b->lock);
}

static bool
memory_reader_enter(struct memory *b)
{
	bool fits;

	pthread_mutex_lock(&b->lock);
	fits = b->readers < b->readers_max;
	b->readers += fits ? 1 : 0;
	pthread_mutex_unlock(&b->lock);
	return fits;
}

static void
memory_reader_leave(struct memory *b)
{
	pthread_mutex_lock(&b->lock);
	assert(b->readers > 0);
	b->readers--;
	pthread_mutex_unlock(&b->lock);
}

static enum status
memory_begin(struct backend *base, bool writes, struct backend_txn **ret_txn)
{
	struct memory *b = memory_of(base);
	struct memory_txn *txn = calloc(1, sizeof(*txn));

	if (txn == NULL)
		return backend_fail(ST_NO_MEMORY, "begin", "no memory");
	if (!writes && !memory_reader_enter(b)) {
		free(txn);
		return backend_fail(ST_FULL, "begin", "too many readers");
	}
	if (writes)
		pthread_mutex_lock(&b->writer);
	memory_snapshot(b, &txn->v);
	*ret_txn = &txn->base;
	return ST_OK;
}

static void
memory_abort(struct backend_txn *base)
{
	struct memory_txn *txn = memory_txn_of(base);
	struct memory *b = memory_of(base->backend);

	version_release(&txn->v);
	if (base->writes)
		pthread_mutex_unlock(&b->writer);
	else
		memory_reader_leave(b);
	free(txn);
}

static enum status
memory_commit(struct backend_txn *base)
{
	struct memory_txn *txn = memory_txn_of(base);
	struct memory *b = memory_of(base->backend);
	struct version old;

	if (base->writes) {
		pthread_mutex_lock(&b->lock);
		old = b->volume->last;
		b->volume->last = txn->v;
		pthread_mutex_unlock(&b->lock);
		txn->v = old;
	}
	memory_abort(base);
	return ST_OK;
}

static void
memory_reset(struct backend_txn *base)
{
	version_release(&memory_txn_of(base)->v);
}

static enum status
memory_renew(struct backend_txn *base)
{
	memory_snapshot(memory_of(base->backend), &memory_txn_of(base)->v);
	return ST_OK;
}

static enum status
memory_table(struct backend_txn *txn, enum table t)
{
	if (memory_txn_of(txn)->v.present[t])
		return ST_OK;
	return backend_fail(ST_UNAVAILABLE, table_name(t), "no such table");
}

static enum status
memory_create(struct backend_txn *txn, enum table t)
{
	memory_txn_of(txn)->v.present[t] = true;
	return ST_OK;
}

static enum status
memory_count(struct backend_txn *txn, enum table t, uint64_t *ret_count)
{
	enum status st = memory_table(txn, t);

	if (st == ST_OK)
		*ret_count = memory_txn_of(txn)->v.counts[t];
	return st;
}

static enum status
memory_get(struct backend_txn *txn, enum table t, struct bytes key,
    struct bytes *ret_value)
{
	enum status st = memory_table(txn, t);
	struct tree_item item;

	if (st != ST_OK)
		return st;
	if (!tree_find(memory_txn_of(txn)->v.roots[t], key, &item))
		return ST_NOT_FOUND;
	*ret_value = item.value;
	return ST_OK;
}

/* Adds the item's bytes to the map, or says that it is full. */
static enum status
memory_charge(struct backend_txn *txn, uint64_t more, uint64_t less)
{
	struct memory *b = memory_of(txn->backend);
	struct version *v = &memory_txn_of(txn)->v;
	uint64_t room;

	pthread_mutex_lock(&b->lock);
	room = b->map_bytes;
	pthread_mutex_unlock(&b->lock);
	if (v->bytes - less + more > room)
		return backend_fail(ST_FULL, "put", "the map is full");
	v->bytes = v->bytes - less + more;
	return ST_OK;
}

static bool
memory_is_last(const struct tree *root, struct bytes key)
{
	struct tree_item next;

	return !tree_seek(root, TREE_AT_LEAST, key, &next);
}

static enum status
memory_put(struct backend_txn *txn, enum table t, struct bytes key,
    struct bytes value, enum put_how how)
{
	struct version *v = &memory_txn_of(txn)->v;
	enum status st = memory_table(txn, t);
	struct tree_item old = { 0 };
	uint64_t size = key.size + value.size + ITEM_OVERHEAD_BYTES;
	bool found;

	if (st != ST_OK)
		return st;
	found = tree_find(v->roots[t], key, &old);
	if ((how == PUT_NEW && found) ||
	    (how == PUT_APPEND && !memory_is_last(v->roots[t], key)))
		return ST_EXISTS;
	st = memory_charge(txn, size,
	    found ? old.key.size + old.value.size + ITEM_OVERHEAD_BYTES : 0);
	if (st == ST_OK)
		st = tree_put(&v->roots[t], key, value);
	if (st == ST_OK && !found)
		v->counts[t]++;
	return st;
}

static enum status
memory_delete(struct backend_txn *txn, enum table t, struct bytes key)
{
	struct version *v = &memory_txn_of(txn)->v;
	enum status st = memory_table(txn, t);
	struct tree_item old;
	uint64_t size;

	if (st != ST_OK)
		return st;
	if (!tree_find(v->roots[t], key, &old))
		return ST_NOT_FOUND;
	size = old.key.size + old.value.size + ITEM_OVERHEAD_BYTES;
	st = tree_delete(&v->roots[t], key);
	if (st != ST_OK)
		return st;
	v->bytes -= size;
	v->counts[t]--;
	return ST_OK;
}

static enum status
memory_cursor_open(
    struct backend_txn *txn, enum table t, struct backend_cursor **ret_c)
{
	enum status st = memory_table(txn, t);
	struct memory_cursor *c;

	if (st != ST_OK)
		return st;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return backend_fail(ST_NO_MEMORY, "cursor", "no memory");
	*ret_c = &c->base;
	return ST_OK;
}

static void
memory_cursor_close(struct backend_cursor *c)
{
	free(c);
}

static enum status
memory_move(struct backend_cursor *base, enum move how, struct bytes key,
    struct backend_entry *ret_entry)
{
	static const enum tree_side sides[] = {
		[MOVE_FIRST] = TREE_FIRST,
		[MOVE_LAST] = TREE_LAST,
		[MOVE_SEEK] = TREE_AT_LEAST,
		[MOVE_BEFORE] = TREE_BELOW,
		[MOVE_NEXT] = TREE_ABOVE,
		[MOVE_PREV] = TREE_BELOW,
	};
	struct memory_cursor *c = (struct memory_cursor *)(void *)base;
	const struct version *v = &memory_txn_of(base->txn)->v;

	if (how == MOVE_NEXT || how == MOVE_PREV)
		key = c->at.key;
	if (!tree_seek(v->roots[base->table], sides[how], key, &c->at))
		return ST_NOT_FOUND;
	*ret_entry = (struct backend_entry){ c->at.key, c->at.value };
	return ST_OK;
}

static enum status
memory_sync(struct backend *b)
{
	(void)b;
	return ST_OK;
}

static void
memory_usage(struct backend *base, struct backend_usage *ret_usage)
{
	struct memory *b = memory_of(base);

	pthread_mutex_lock(&b->lock);
	*ret_usage = (struct backend_usage){
		.used_bytes = b->volume->last.bytes,
		.map_bytes = b->map_bytes,
		.map_bytes_max = b->map_bytes_max,
		.readers = b->readers,
		.readers_max = b->readers_max,
		.durability = DURABLE_NONE,
	};
	pthread_mutex_unlock(&b->lock);
}

static enum status
memory_grow(struct backend *base)
{
	struct memory *b = memory_of(base);
	enum status st = ST_OK;

	pthread_mutex_lock(&b->lock);
	if (b->map_bytes >= b->map_bytes_max)
		st = backend_fail(ST_FULL, "grow", "the map is at its limit");
	else if (b->map_bytes > b->map_bytes_max / BACKEND_GROW_DEFAULT)
		b->map_bytes = b->map_bytes_max;
	else
		b->map_bytes *= BACKEND_GROW_DEFAULT;
	pthread_mutex_unlock(&b->lock);
	return st;
}

static uint32_t
memory_check_readers(struct backend *b)
{
	(void)b;
	return 0;
}

static enum status
memory_copy(struct backend *base, const char *folder)
{
	struct memory *b = memory_of(base);
	enum status st = ST_OK;
	struct volume *v = NULL;

	pthread_mutex_lock(&volumes_lock);
	if (volume_find(folder) != NULL)
		st = backend_fail(ST_EXISTS, folder, "it is there already");
	else
		v = volume_create(folder, true);
	if (v != NULL)
		memory_snapshot(b, &v->last);
	else if (st == ST_OK)
		st = backend_fail(ST_NO_MEMORY, folder, "no memory");
	pthread_mutex_unlock(&volumes_lock);
	return st;
}

const struct backend_class backend_memory = {
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.begin = memory_begin,
	.commit = memory_commit,
	.abort = memory_abort,
	.reset = memory_reset,
	.renew = memory_renew,
	.create = memory_create,
	.count = memory_count,
	.get = memory_get,
	.put = memory_put,
	.delete = memory_delete,
	.cursor_open = memory_cursor_open,
	.cursor_close = memory_cursor_close,
	.move = memory_move,
	.sync = memory_sync,
	.usage = memory_usage,
	.grow = memory_grow,
	.check_readers = memory_check_readers,
	.copy = memory_copy,
};
