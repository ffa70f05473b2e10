#include "store/txn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct txn_room *
txn_room_create(void)
{
	struct txn_room *room = calloc(1, sizeof(*room));

	if (room == NULL)
		return NULL;
	room->arena.base = malloc(TXN_ARENA_BYTES);
	room->arena.size = TXN_ARENA_BYTES;
	room->row = malloc(TXN_ROW_MAX);
	if (room->arena.base == NULL || room->row == NULL) {
		txn_room_destroy(room);
		return NULL;
	}
	return room;
}

void
txn_room_destroy(struct txn_room *room)
{
	if (room == NULL)
		return;
	free(room->arena.base);
	free(room->row);
	free(room);
}

void
txn_init(struct txn *t, struct backend_txn *inner, struct txn_room *room)
{
	arena_reset(&room->arena);
	t->inner = inner;
	t->room = room;
	t->st = ST_OK;
	t->dirty = false;
	t->map_full = false;
	t->swept = 0;
	t->why[0] = '\0';
}

enum status
txn_status(const struct txn *t)
{
	return t->st;
}

enum status
txn_fail(struct txn *t, enum status st, const char *why)
{
	if (t->st == ST_OK) {
		t->st = st;
		snprintf(t->why, sizeof(t->why), "%s", why);
	}
	return t->st;
}

/* What a backend said: true if all went well. */
static bool
txn_heard(struct txn *t, enum status st)
{
	if (st == ST_OK)
		return true;
	t->map_full = t->st == ST_OK && st == ST_FULL;
	(void)txn_fail(t, st, backend_why());
	return false;
}

void *
txn_take(struct txn *t, size_t size)
{
	void *memory;

	if (t->st != ST_OK)
		return NULL;
	memory = arena_take(&t->room->arena, size);
	if (memory == NULL)
		(void)txn_fail(t, ST_FULL, "the answer is too large");
	return memory;
}

size_t
txn_mark(const struct txn *t)
{
	return t->room->arena.used;
}

void
txn_release(struct txn *t, size_t mark)
{
	t->room->arena.used = mark;
}

const char *
txn_copy_text(struct txn *t, struct bytes text)
{
	char *copy = txn_take(t, text.size + 1);

	if (copy != NULL && text.size > 0)
		memcpy(copy, text.at, text.size);
	return copy;
}

/* A key that could not be built is the caller's mistake, told here. */
static bool
txn_may(struct txn *t, enum table table, const struct key *key)
{
	if (t->st == ST_OK && !key_is_good(key))
		(void)txn_fail(t, ST_INVALID, table_name(table));
	return t->st == ST_OK;
}

bool
txn_get(struct txn *t, enum table table, const struct key *key,
    struct bytes *ret_value)
{
	enum status st;

	if (!txn_may(t, table, key))
		return false;
	st = backend_get(t->inner, table, key_bytes(key), ret_value);
	return st != ST_NOT_FOUND && txn_heard(t, st);
}

void
txn_put(
    struct txn *t, enum table table, const struct key *key, struct bytes value)
{
	if (!txn_may(t, table, key))
		return;
	t->dirty = true;
	(void)txn_heard(t, backend_put(t->inner, table, key_bytes(key), value));
}

bool
txn_put_new(
    struct txn *t, enum table table, const struct key *key, struct bytes value)
{
	bool was_dirty = t->dirty;
	enum status st;

	if (!txn_may(t, table, key))
		return false;
	t->dirty = true;
	st = backend_put_new(t->inner, table, key_bytes(key), value);
	if (st == ST_EXISTS)
		t->dirty = was_dirty;
	return st != ST_EXISTS && txn_heard(t, st);
}

bool
txn_delete(struct txn *t, enum table table, const struct key *key)
{
	bool was_dirty = t->dirty;
	enum status st;

	if (!txn_may(t, table, key))
		return false;
	t->dirty = true;
	st = backend_delete(t->inner, table, key_bytes(key));
	if (st == ST_NOT_FOUND)
		t->dirty = was_dirty;
	return st != ST_NOT_FOUND && txn_heard(t, st);
}

uint64_t
txn_count(struct txn *t, enum table table)
{
	uint64_t count = 0;

	if (t->st == ST_OK)
		(void)txn_heard(t, backend_count(t->inner, table, &count));
	return count;
}

void
scan_open(
    struct scan *s, struct txn *t, enum table table, const struct key *prefix)
{
	s->t = t;
	s->table = table;
	s->cursor = NULL;
	key_init(&s->prefix);
	if (prefix != NULL) {
		if (!txn_may(t, table, prefix))
			return;
		s->prefix = *prefix;
	}
	if (t->st == ST_OK)
		(void)txn_heard(
		    t, backend_cursor_open(t->inner, table, &s->cursor));
}

void
scan_close(struct scan *s)
{
	backend_cursor_close(s->cursor);
	s->cursor = NULL;
}

static bool
scan_move(struct scan *s, enum move how, struct bytes key,
    struct backend_entry *ret_entry)
{
	enum status st;

	if (s->t->st != ST_OK)
		return false;
	st = backend_move(s->cursor, how, key, ret_entry);
	return st != ST_NOT_FOUND && txn_heard(s->t, st) &&
	       key_begins(ret_entry->key, &s->prefix);
}

bool
scan_first(struct scan *s, struct backend_entry *ret_entry)
{
	enum move how = s->prefix.size == 0 ? MOVE_FIRST : MOVE_SEEK;

	return scan_move(s, how, key_bytes(&s->prefix), ret_entry);
}

bool
scan_last(struct scan *s, struct backend_entry *ret_entry)
{
	struct key past = s->prefix;

	if (past.size == 0)
		return scan_move(s, MOVE_LAST, (struct bytes){ 0 }, ret_entry);
	key_past(&past);
	return scan_move(s, MOVE_BEFORE, key_bytes(&past), ret_entry);
}

bool
scan_seek(
    struct scan *s, const struct key *key, struct backend_entry *ret_entry)
{
	return txn_may(s->t, s->table, key) &&
	       scan_move(s, MOVE_SEEK, key_bytes(key), ret_entry);
}

bool
scan_before(
    struct scan *s, const struct key *key, struct backend_entry *ret_entry)
{
	return txn_may(s->t, s->table, key) &&
	       scan_move(s, MOVE_BEFORE, key_bytes(key), ret_entry);
}

bool
scan_next(struct scan *s, struct backend_entry *ret_entry)
{
	return scan_move(s, MOVE_NEXT, (struct bytes){ 0 }, ret_entry);
}

bool
scan_prev(struct scan *s, struct backend_entry *ret_entry)
{
	return scan_move(s, MOVE_PREV, (struct bytes){ 0 }, ret_entry);
}
