#include "store/redo_log.h"

#include <string.h>

#include "store/backend_class.h"
#include "store/key.h"

#define FORGET_EACH 16 /* rows a transaction forgets beside its own work */
#define PLACE 0

void
redo_log_init(struct redo_log *l, const struct clock *clock)
{
	memset(l, 0, sizeof(*l));
	redo_init(&l->redo);
	l->clock = clock;
}

void
redo_log_fini(struct redo_log *l)
{
	redo_fini(&l->redo);
}

/* ---- where it stands ---- */

static struct key
row_key(uint64_t txid)
{
	struct key k;

	key_init(&k);
	key_number(&k, txid);
	return k;
}

/* A database from before this table has no log. */
enum status
redo_place_get(struct backend_txn *txn, struct redo_place *p)
{
	struct key k = row_key(PLACE);
	struct key_reader r;
	struct bytes value;
	enum status st = backend_get(txn, TABLE_REDO, key_bytes(&k), &value);

	*p = (struct redo_place){ 0 };
	if (st != ST_OK)
		return st == ST_NOT_FOUND || st == ST_UNAVAILABLE ? ST_OK : st;
	key_read(&r, value);
	p->timeline = key_read_number(&r);
	p->txid = key_read_number(&r);
	p->at = key_read_time(&r);
	p->sum = key_read_number(&r);
	p->from = key_read_number(&r);
	p->first = key_read_number(&r);
	p->tail_bytes = key_read_number(&r);
	p->tail_max = key_read_number(&r);
	if (r.failed || r.rest.size > 0)
		return backend_fail(ST_CORRUPT, "redo", "its first row");
	return ST_OK;
}

enum status
redo_place_of(struct backend *b, struct redo_place *ret)
{
	struct backend_txn *txn;
	enum status st = backend_read(b, &txn);

	if (st != ST_OK)
		return st;
	st = redo_place_get(txn, ret);
	backend_abort(txn);
	return st;
}

enum status
redo_place_put(struct backend_txn *txn, const struct redo_place *p)
{
	struct key k = row_key(PLACE), value;

	key_init(&value);
	key_number(&value, p->timeline);
	key_number(&value, p->txid);
	key_time(&value, p->at);
	key_number(&value, p->sum);
	key_number(&value, p->from);
	key_number(&value, p->first);
	key_number(&value, p->tail_bytes);
	key_number(&value, p->tail_max);
	return backend_put(txn, TABLE_REDO, key_bytes(&k), key_bytes(&value));
}

/* ---- rows that go ---- */

/* The next row before from; NOT_FOUND: none is left. */
static enum status
next_gone(struct backend_txn *txn, struct redo_place *p, uint64_t *ret_txid,
    size_t *ret_size)
{
	struct key k = row_key(p->first == PLACE ? 1 : p->first);
	struct backend_cursor *c;
	struct backend_entry e;
	enum status st;

	if (p->first >= p->from)
		return ST_NOT_FOUND;
	st = backend_cursor_open(txn, TABLE_REDO, &c);
	if (st != ST_OK)
		return st;
	st = backend_move(c, MOVE_SEEK, key_bytes(&k), &e);
	if (st == ST_OK) {
		*ret_txid = key_first_number(e.key);
		*ret_size = e.value.size;
	}
	backend_cursor_close(c);
	if (st == ST_NOT_FOUND || (st == ST_OK && *ret_txid >= p->from)) {
		p->first = p->from;
		st = ST_NOT_FOUND;
	}
	return st;
}

static enum status
forget(struct backend_txn *txn, struct redo_place *p, uint32_t rows)
{
	enum status st = ST_OK;

	while (st == ST_OK && rows-- > 0) {
		uint64_t txid;
		size_t size;
		struct key k;

		st = next_gone(txn, p, &txid, &size);
		if (st != ST_OK)
			break;
		k = row_key(txid);
		st = backend_delete(txn, TABLE_REDO, key_bytes(&k));
		p->first = txid + 1;
		p->tail_bytes -= size < p->tail_bytes ? size : p->tail_bytes;
	}
	return st == ST_NOT_FOUND ? ST_OK : st;
}

/* ---- one transaction ---- */

enum status
redo_log_begin(struct redo_log *l, struct backend_txn *txn)
{
	enum status st = redo_place_get(txn, &l->was);

	redo_begin(&l->redo);
	memset(&l->next, 0, sizeof(l->next));
	if (st == ST_OK && l->was.timeline != 0)
		backend_note(txn, &l->redo);
	return st;
}

static void
give_up(struct redo_log *l, struct redo_place *p)
{
	p->timeline = 0;
	p->from = p->txid + 1;
	l->next.given_up++;
}

static enum status
put_record(struct redo_log *l, struct backend_txn *txn, struct redo_place *p)
{
	struct redo_head h = { .timeline = p->timeline,
		.txid = p->txid,
		.at = p->at,
		.size = (uint32_t)l->redo.used,
		.count = l->redo.count,
		.before = (uint32_t)p->sum };
	size_t size = REDO_HEAD + l->redo.used;
	struct key k = row_key(p->txid);

	redo_seal(l->redo.record, &h);
	p->sum = h.sum;
	p->tail_bytes += size;
	l->next.records++;
	l->next.bytes += size;
	return backend_append(txn, TABLE_REDO, key_bytes(&k),
	    (struct bytes){ l->redo.record, size });
}

/* Of a timeline that began in this very transaction there is no record. */
enum status
redo_log_end(struct redo_log *l, struct backend_txn *txn)
{
	struct redo_place p;
	enum status st = redo_place_get(txn, &p);
	int64_t now = clock_wall_us(l->clock);

	backend_note(txn, NULL);
	if (st != ST_OK)
		return st;
	if (p.timeline != 0 && p.timeline == l->was.timeline &&
	    (l->redo.count > 0 || l->redo.lost)) {
		p.txid++;
		p.at = now > p.at ? now : p.at;
		if (l->redo.lost || l->give_up ||
		    p.tail_bytes + l->redo.used > p.tail_max)
			give_up(l, &p);
		else
			st = put_record(l, txn, &p);
	} else if (p.first >= p.from) {
		return ST_OK;
	}
	if (st == ST_OK)
		st = forget(txn, &p, FORGET_EACH);
	return st == ST_OK ? redo_place_put(txn, &p) : st;
}

void
redo_log_committed(struct redo_log *l)
{
	atomic_fetch_add(&l->records, l->next.records);
	atomic_fetch_add(&l->bytes, l->next.bytes);
	atomic_fetch_add(&l->given_up, l->next.given_up);
}

/* ---- timelines ---- */

enum status
redo_log_turn(
    struct backend_txn *txn, uint64_t timeline, uint64_t tail_max, int64_t now)
{
	struct redo_place p;
	enum status st = redo_place_get(txn, &p);

	if (st != ST_OK)
		return st;
	p.timeline = timeline;
	p.tail_max = tail_max;
	p.sum = 0;
	p.at = now > p.at ? now : p.at;
	p.txid++;
	p.from = p.txid + 1;
	st = forget(txn, &p, REDO_FORGET_MORE);
	return st == ST_OK ? redo_place_put(txn, &p) : st;
}

enum status
redo_log_cut(struct backend_txn *txn, uint64_t txid_floor)
{
	struct redo_place p;
	enum status st = redo_place_get(txn, &p);

	if (st != ST_OK || (p.timeline == 0 && p.txid >= txid_floor))
		return st;
	p.timeline = 0;
	p.txid = p.txid > txid_floor ? p.txid : txid_floor;
	p.from = p.txid + 1;
	return redo_place_put(txn, &p);
}

enum status
redo_log_stop(struct backend *b)
{
	struct backend_txn *txn;
	enum status st = backend_write(b, &txn);

	if (st != ST_OK)
		return st;
	st = redo_log_cut(txn, 0);
	if (st == ST_OK)
		return backend_commit(txn);
	backend_abort(txn);
	return st;
}

enum status
redo_log_shipped(struct backend_txn *txn, uint64_t timeline, uint64_t txid)
{
	struct redo_place p;
	enum status st = redo_place_get(txn, &p);

	if (st != ST_OK)
		return st;
	if (p.timeline == timeline && txid >= p.from && txid <= p.txid)
		p.from = txid + 1;
	else if (p.first >= p.from)
		return ST_OK;
	st = forget(txn, &p, REDO_FORGET_MORE);
	return st == ST_OK ? redo_place_put(txn, &p) : st;
}
