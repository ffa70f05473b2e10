#include "store/carry.h"

#include <stdlib.h>
#include <string.h>

#include "store/key_row.h"
#include "store/meta.h"
#include "store/redo_log.h"
#include "store/row.h"
#include "store/session_row.h"

#define GROW_FROM 4096u

/* Rows as they lie in the database: what stands in a head, key, value. */
struct carry_head {
	uint32_t table;
	uint32_t key_size;
	uint32_t value_size;
};

struct carry {
	uint8_t *at;
	size_t used;
	size_t size;
	uint64_t txid; /* of the last transaction */
};

static const enum table carried[] = {
	TABLE_TOMBSTONES,
	TABLE_KEYS_GONE,
	TABLE_REFRESH,
	TABLE_SESSIONS,
};

#define CARRIED (sizeof(carried) / sizeof(carried[0]))

/* ---- take ---- */

static bool
carry_grow(struct carry *c, size_t need)
{
	size_t size = c->size == 0 ? GROW_FROM : c->size;
	uint8_t *at;

	while (size < c->used + need)
		size *= 2;
	if (size == c->size)
		return true;
	at = realloc(c->at, size);
	if (at == NULL)
		return false;
	c->at = at;
	c->size = size;
	return true;
}

static void
carry_bytes(struct carry *c, const void *at, size_t size)
{
	if (size > 0)
		memcpy(c->at + c->used, at, size);
	c->used += size;
}

static enum status
carry_add(struct carry *c, enum table table, const struct backend_entry *e)
{
	struct carry_head head = { (uint32_t)table, (uint32_t)e->key.size,
		(uint32_t)e->value.size };
	size_t need = sizeof(head) + e->key.size + e->value.size;

	if (c->used + need > CARRY_BYTES_MAX)
		return ST_FULL;
	if (!carry_grow(c, need))
		return ST_NO_MEMORY;
	carry_bytes(c, &head, sizeof(head));
	carry_bytes(c, e->key.at, e->key.size);
	carry_bytes(c, e->value.at, e->value.size);
	return ST_OK;
}

static void
carry_table(struct carry *c, struct txn *t, enum table table)
{
	struct backend_entry entry;
	struct scan s;
	bool found;

	scan_open(&s, t, table, NULL);
	found = scan_first(&s, &entry);
	while (found && txn_fail(t, carry_add(c, table, &entry),
			    "what is revoked passes a bound") == ST_OK)
		found = scan_next(&s, &entry);
	scan_close(&s);
}

static enum status
carry_read(struct carry *c, struct backend *b, struct txn_room *room)
{
	struct redo_place place = { 0 };
	struct backend_txn *inner;
	struct txn t;
	enum status st = backend_read(b, &inner);

	if (st != ST_OK)
		return st;
	txn_init(&t, inner, room);
	for (size_t i = 0; i < CARRIED && txn_status(&t) == ST_OK; i++)
		carry_table(c, &t, carried[i]);
	st = txn_status(&t);
	if (st == ST_OK)
		st = redo_place_get(inner, &place);
	c->txid = place.txid;
	backend_abort(inner);
	return st;
}

enum status
carry_take(struct backend *b, struct carry **ret_carry)
{
	struct txn_room *room = txn_room_create();
	struct carry *c = calloc(1, sizeof(*c));
	enum status st = ST_NO_MEMORY;

	if (room != NULL && c != NULL)
		st = b == NULL ? ST_OK : carry_read(c, b, room);
	txn_room_destroy(room);
	if (st != ST_OK) {
		carry_destroy(c);
		c = NULL;
	}
	*ret_carry = c;
	return st;
}

void
carry_destroy(struct carry *c)
{
	if (c != NULL)
		free(c->at);
	free(c);
}

/* ---- put ---- */

static void
put_tombstone(struct txn *t, const struct backend_entry *e)
{
	const struct revocation *r =
	    ROW_DECODE(t, TABLE_TOMBSTONES, e, revocation);
	struct revocation refused;

	if (r != NULL)
		(void)session_refuse(t, r, &refused);
}

static void
put_key_gone(struct txn *t, const struct backend_entry *e)
{
	struct key_reader r;
	const char *id;

	key_read(&r, e->key);
	id = txn_copy_text(t, key_read_tail(&r));
	if (r.failed)
		row_is_corrupt(t, TABLE_KEYS_GONE, e->key);
	else if (id != NULL)
		key_row_revoke(t, id);
}

/* Of a session that the backup knows; another has no use for it. */
static void
put_refresh(struct txn *t, const struct backend_entry *e)
{
	struct bytes old;
	struct key k;

	key_init(&k);
	key_raw(&k, e->key);
	if (txn_get(t, TABLE_REFRESH, &k, &old))
		txn_put(t, TABLE_REFRESH, &k, e->value);
}

/* One that the backup does not know could neither be seen nor ended later. */
static void
put_session(struct txn *t, const struct backend_entry *e, int64_t now)
{
	const struct session *s = ROW_DECODE(t, TABLE_SESSIONS, e, session);
	struct revocation r, refused;

	if (s == NULL || !session_is_active(s, now) ||
	    session_get(t, s->session_id) != NULL)
		return;
	r = session_revocation(s);
	(void)session_refuse(t, &r, &refused);
}

static void
put_row(
    struct txn *t, enum table table, const struct backend_entry *e, int64_t now)
{
	if (table == TABLE_TOMBSTONES)
		put_tombstone(t, e);
	else if (table == TABLE_KEYS_GONE)
		put_key_gone(t, e);
	else if (table == TABLE_REFRESH)
		put_refresh(t, e);
	else
		put_session(t, e, now);
}

static void
put_rows(struct txn *t, const struct carry *c, int64_t now)
{
	size_t mark = txn_mark(t);
	size_t at = 0;

	while (at < c->used && txn_status(t) == ST_OK) {
		struct carry_head head;
		struct backend_entry e;

		memcpy(&head, c->at + at, sizeof(head));
		at += sizeof(head);
		e.key = (struct bytes){ c->at + at, head.key_size };
		at += head.key_size;
		e.value = (struct bytes){ c->at + at, head.value_size };
		at += head.value_size;
		put_row(t, (enum table)head.table, &e, now);
		txn_release(t, mark);
	}
	if (txn_count(t, TABLE_TOMBSTONES) > CARRY_REFUSED_MAX)
		(void)txn_fail(t, ST_FULL, "more is revoked than can be known");
}

static void
put_epoch(struct txn *t, uint64_t epoch)
{
	size_t mark = txn_mark(t);
	struct backend_entry entry;
	struct scan s;
	bool found;

	meta_put(t, META_EPOCH, epoch);
	scan_open(&s, t, TABLE_CHANNELS, NULL);
	found = scan_first(&s, &entry);
	while (found) {
		const struct channel_head *old =
		    ROW_DECODE(t, TABLE_CHANNELS, &entry, channel_head);
		struct channel_head head;
		struct key k;

		if (old == NULL)
			break;
		head = *old;
		head.epoch = epoch;
		key_init(&k);
		key_raw(&k, entry.key);
		row_put(
		    t, TABLE_CHANNELS, &k, CATALOGUE_TYPE(channel_head), &head);
		txn_release(t, mark);
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
}

static enum status
carry_write(struct backend *b, const struct carry *c,
    const struct carry_new *to, struct txn_room *room)
{
	uint64_t floor = c->txid > to->txid_floor ? c->txid : to->txid_floor;
	struct backend_txn *inner;
	struct txn t;
	enum status st = backend_write(b, &inner);

	if (st != ST_OK)
		return st;
	txn_init(&t, inner, room);
	put_rows(&t, c, to->now);
	put_epoch(&t, to->epoch);
	st = txn_status(&t);
	if (st == ST_OK)
		st = redo_log_cut(inner, floor);
	if (st == ST_OK)
		return backend_commit(inner);
	backend_abort(inner);
	return st;
}

enum status
carry_put(struct backend *b, const struct carry *c, const struct carry_new *to)
{
	struct txn_room *room = txn_room_create();
	enum status st = ST_NO_MEMORY;

	if (room != NULL)
		st = carry_write(b, c, to, room);
	txn_room_destroy(room);
	return st;
}
