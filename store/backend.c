#include "store/backend.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"
#include "store/backend_class.h"
#include "store/faults.h"
#include "store/marks.h"

#define WHY_SIZE 256

static _Thread_local char why_text[WHY_SIZE] = "";

static const struct backend_class *const classes[] = {
	&backend_lmdb,
	&backend_memory,
};

static const char *const table_names[] = {
#define TABLE(id, name, doc) name,
#include "store/tables.def"
#undef TABLE
};

/* Refusals carry this to whoever has asked, so it does not say where. */
enum status
backend_fail(enum status st, const char *what, const char *why)
{
	snprintf(
	    why_text, sizeof(why_text), "%s: %s", text_base_name(what), why);
	return st;
}

const char *
backend_why(void)
{
	return why_text;
}

static enum status
backend_fault(struct backend *b, enum fault_op op)
{
	enum status st = faults_check(b->faults, op);

	if (st != ST_OK)
		return backend_fail(st, "injected", status_text(st));
	return ST_OK;
}

static bool
key_is_legal(struct bytes key)
{
	return key.size > 0 && key.size <= BACKEND_KEY_MAX;
}

/* What each write checks first. */
static enum status
txn_write(struct backend_txn *txn, enum table t, struct bytes key)
{
	assert(txn->writes && t < TABLE_COUNT);
	if (!key_is_legal(key))
		return backend_fail(ST_INVALID, table_name(t), "key length");
	txn->edition++;
	return ST_OK;
}

const struct backend_class *
backend_find(const char *name)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strcmp(classes[i]->name, name) == 0)
			return classes[i];
	return NULL;
}

const char *
backend_name(const struct backend *b)
{
	return b->class->name;
}

const char *
table_name(enum table t)
{
	assert(t < TABLE_COUNT);
	return table_names[t];
}

/* What every backend must have, and this one has not; NULL: nothing. */
static const char *
class_lacks(const struct backend_class *c)
{
#define X(member)              \
	if (c->member == NULL) \
		return "lacks " #member;
	BACKEND_MUST_HAVE(X)
#undef X
	return NULL;
}

enum status
backend_open(const struct backend_class *class,
    const struct backend_options *options, struct backend **ret_b)
{
	struct backend_options o = *options;
	enum status st = faults_check(o.faults, FAULT_OPEN);
	struct backend *b;

	if (st != ST_OK)
		return backend_fail(st, o.path, "injected");
	if (class == NULL)
		return backend_fail(ST_INVALID, "backend", "no such backend");
	if (class_lacks(class) != NULL)
		return backend_fail(
		    ST_INVALID, class->name, class_lacks(class));
	if (o.path[0] == '\0' || strlen(o.path) >= BACKEND_PATH_MAX)
		return backend_fail(ST_INVALID, "path", "empty or too long");
	o.map_bytes = o.map_bytes == 0 ? BACKEND_MAP_DEFAULT : o.map_bytes;
	if (o.map_bytes_max == 0)
		o.map_bytes_max = BACKEND_MAP_MAX;
	if (o.readers_max == 0)
		o.readers_max = BACKEND_READERS_MAX;
	if (o.map_bytes < BACKEND_MAP_MIN || o.map_bytes > o.map_bytes_max)
		return backend_fail(ST_INVALID, "map", "size out of range");

	st = class->open(&o, &b);
	if (st != ST_OK)
		return st;
	b->class = class;
	b->faults = o.faults;
	*ret_b = b;
	return ST_OK;
}

enum status
backend_close(struct backend *b)
{
	enum status fault = backend_fault(b, FAULT_CLOSE);
	enum status st;

	marks_destroy(b->marks);
	st = b->class->close(b);
	return fault != ST_OK ? fault : st;
}

/* What begins a transaction says that the whole is not to be used. */
static enum status
backend_begun(struct backend *b, enum status st)
{
	if (st == ST_UNAVAILABLE)
		atomic_store(&b->broken, true);
	return st;
}

bool
backend_is_broken(struct backend *b)
{
	return atomic_load(&b->broken);
}

static enum status
backend_begin(struct backend *b, bool writes, struct backend_txn **ret_txn)
{
	enum status st = backend_fault(b, FAULT_BEGIN);
	struct backend_txn *txn;

	if (st == ST_OK)
		st = b->class->begin(b, writes, &txn);
	if (st != ST_OK)
		return backend_begun(b, st);
	txn->backend = b;
	txn->writes = writes;
	txn->redo = NULL;
	list_init(&txn->cursors);
	*ret_txn = txn;
	return ST_OK;
}

enum status
backend_read(struct backend *b, struct backend_txn **ret_txn)
{
	return backend_begin(b, false, ret_txn);
}

enum status
backend_write(struct backend *b, struct backend_txn **ret_txn)
{
	return backend_begin(b, true, ret_txn);
}

void
backend_note(struct backend_txn *txn, struct redo *redo)
{
	assert(txn->writes);
	txn->redo = redo;
}

/* The log does not tell of itself. */
static struct redo *
txn_notes(struct backend_txn *txn, enum table t)
{
	return t == TABLE_REDO ? NULL : txn->redo;
}

enum status
backend_cursor_open(
    struct backend_txn *txn, enum table t, struct backend_cursor **ret_c)
{
	struct backend_cursor *c;
	enum status st;

	assert(!txn->resting && t < TABLE_COUNT);
	st = txn->backend->class->cursor_open(txn, t, &c);
	if (st != ST_OK)
		return st;
	c->txn = txn;
	c->table = t;
	list_append(&txn->cursors, &c->in_txn);
	*ret_c = c;
	return ST_OK;
}

void
backend_cursor_close(struct backend_cursor *c)
{
	if (c == NULL)
		return;
	list_remove(&c->in_txn);
	c->txn->backend->class->cursor_close(c);
}

static void
txn_close_cursors(struct backend_txn *txn)
{
	struct list *node;

	while ((node = list_first(&txn->cursors)) != NULL)
		backend_cursor_close(
		    LIST_OF(node, struct backend_cursor, in_txn));
}

enum status
backend_commit(struct backend_txn *txn)
{
	enum status st = backend_fault(txn->backend, FAULT_COMMIT);

	txn_close_cursors(txn);
	if (st == ST_OK)
		return txn->backend->class->commit(txn);
	txn->backend->class->abort(txn);
	return st;
}

void
backend_abort(struct backend_txn *txn)
{
	txn_close_cursors(txn);
	txn->backend->class->abort(txn);
}

void
backend_reset(struct backend_txn *txn)
{
	assert(!txn->writes && !txn->resting);
	txn_close_cursors(txn);
	txn->backend->class->reset(txn);
	txn->resting = true;
}

enum status
backend_renew(struct backend_txn *txn)
{
	enum status st = backend_fault(txn->backend, FAULT_BEGIN);

	assert(!txn->writes && txn->resting);
	if (st == ST_OK)
		st = txn->backend->class->renew(txn);
	if (st == ST_OK)
		txn->resting = false;
	return backend_begun(txn->backend, st);
}

enum status
backend_create(struct backend_txn *txn, enum table t)
{
	enum status st = backend_fault(txn->backend, FAULT_CREATE);

	assert(txn->writes && t < TABLE_COUNT);
	return st != ST_OK ? st : txn->backend->class->create(txn, t);
}

enum status
backend_count(struct backend_txn *txn, enum table t, uint64_t *ret_count)
{
	assert(!txn->resting && t < TABLE_COUNT);
	return txn->backend->class->count(txn, t, ret_count);
}

enum status
backend_get(struct backend_txn *txn, enum table t, struct bytes key,
    struct bytes *ret_value)
{
	enum status st = backend_fault(txn->backend, FAULT_GET);

	assert(!txn->resting && t < TABLE_COUNT);
	if (st != ST_OK)
		return st;
	if (!key_is_legal(key))
		return backend_fail(ST_INVALID, table_name(t), "key length");
	return txn->backend->class->get(txn, t, key, ret_value);
}

static enum status
backend_store(struct backend_txn *txn, enum table t, struct bytes key,
    struct bytes value, enum put_how how)
{
	struct redo *redo = txn_notes(txn, t);
	enum status st = txn_write(txn, t, key);
	struct redo_mark mark = { 0 };

	if (st == ST_OK)
		st = backend_fault(txn->backend, FAULT_PUT);
	if (st != ST_OK)
		return st;
	/* Before: value may lie in a page that the write moves. */
	if (redo != NULL)
		mark = redo_put(redo, t, key, value);
	st = txn->backend->class->put(txn, t, key, value, how);
	if (redo != NULL && st != ST_OK)
		redo_take_back(redo, mark);
	return st;
}

enum status
backend_put(
    struct backend_txn *txn, enum table t, struct bytes key, struct bytes value)
{
	return backend_store(txn, t, key, value, PUT_ANY);
}

enum status
backend_put_new(
    struct backend_txn *txn, enum table t, struct bytes key, struct bytes value)
{
	return backend_store(txn, t, key, value, PUT_NEW);
}

enum status
backend_append(
    struct backend_txn *txn, enum table t, struct bytes key, struct bytes value)
{
	return backend_store(txn, t, key, value, PUT_APPEND);
}

enum status
backend_delete(struct backend_txn *txn, enum table t, struct bytes key)
{
	struct redo *redo = txn_notes(txn, t);
	enum status st = txn_write(txn, t, key);
	struct redo_mark mark = { 0 };

	if (st == ST_OK)
		st = backend_fault(txn->backend, FAULT_DELETE);
	if (st != ST_OK)
		return st;
	if (redo != NULL)
		mark = redo_delete(redo, t, key);
	st = txn->backend->class->delete (txn, t, key);
	if (redo != NULL && st != ST_OK)
		redo_take_back(redo, mark);
	return st;
}

/* After a write the implementation's place may be gone; the key is not. */
static enum status
cursor_step(
    struct backend_cursor *c, enum move how, struct backend_entry *ret_entry)
{
	const struct backend_class *class = c->txn->backend->class;
	struct bytes key = { c->key, c->key_size };
	enum status st;

	if (!c->placed)
		return class->move(c, how == MOVE_NEXT ? MOVE_FIRST : MOVE_LAST,
		    key, ret_entry);
	if (c->edition == c->txn->edition)
		return class->move(c, how, key, ret_entry);
	if (how == MOVE_PREV)
		return class->move(c, MOVE_BEFORE, key, ret_entry);
	st = class->move(c, MOVE_SEEK, key, ret_entry);
	if (st == ST_OK && ret_entry->key.size == key.size &&
	    memcmp(ret_entry->key.at, key.at, key.size) == 0)
		st = class->move(c, MOVE_NEXT, key, ret_entry);
	return st;
}

enum status
backend_move(struct backend_cursor *c, enum move how, struct bytes key,
    struct backend_entry *ret_entry)
{
	enum status st = backend_fault(c->txn->backend, FAULT_MOVE);
	struct backend_entry e;

	if (st != ST_OK)
		return st;
	if (how == MOVE_NEXT || how == MOVE_PREV)
		st = cursor_step(c, how, &e);
	else if ((how == MOVE_SEEK || how == MOVE_BEFORE) && !key_is_legal(key))
		st = backend_fail(
		    ST_INVALID, table_name(c->table), "key length");
	else
		st = c->txn->backend->class->move(c, how, key, &e);
	c->placed = st == ST_OK;
	if (st != ST_OK)
		return st;

	c->edition = c->txn->edition;
	if (c->txn->writes) {
		memcpy(c->key, e.key.at, e.key.size);
		c->key_size = e.key.size;
	}
	*ret_entry = e;
	return ST_OK;
}

enum status
backend_sync(struct backend *b)
{
	enum status st = backend_fault(b, FAULT_SYNC);

	return st != ST_OK ? st : b->class->sync(b);
}

void
backend_usage(struct backend *b, struct backend_usage *ret_usage)
{
	b->class->usage(b, ret_usage);
}

enum status
backend_grow(struct backend *b)
{
	enum status st = backend_fault(b, FAULT_GROW);

	return st != ST_OK ? st : b->class->grow(b);
}

uint32_t
backend_check_readers(struct backend *b)
{
	return b->class->check_readers(b);
}

enum status
backend_copy_allowed(struct backend *b)
{
	return backend_fault(b, FAULT_COPY);
}

enum status
backend_copy(struct backend *b, const char *folder)
{
	enum status st = backend_fault(b, FAULT_COPY);

	return st != ST_OK ? st : b->class->copy(b, folder);
}
