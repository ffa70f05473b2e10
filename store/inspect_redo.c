#include <inttypes.h>
#include <stdio.h>

#include "store/inspect.h"
#include "store/key.h"
#include "store/redo_log.h"

#define WHAT_SIZE 128

/*
 * The log of transactions that wait to be shipped: where it stands, then each
 * record whole, under its number, behind the one before it, up to there.
 */

struct redo_look {
	struct inspection *i;
	struct redo_place place;
	bool is_blind; /* where it stands is not known */
	uint64_t bytes;
	uint64_t last;   /* 0: no record yet */
	uint64_t wanted; /* of those that are not shipped, the next */
	struct redo_head head;
};

static void
look_wrong(struct redo_look *l, struct bytes key, const char *what)
{
	inspect_wrong(l->i, TABLE_REDO, key, what);
}

/* What has been shipped goes bit by bit: there it may begin anywhere. */
static void
look_number(struct redo_look *l, struct bytes key, uint64_t txid)
{
	char what[WHAT_SIZE];

	if (txid >= l->place.from && txid != l->wanted) {
		snprintf(what, sizeof(what),
		    "the records from %" PRIu64 " to before it are missing",
		    l->wanted);
		look_wrong(l, key, what);
	}
	if (txid > l->place.txid)
		look_wrong(l, key, "is later than where the log stands");
	if (txid >= l->place.from)
		l->wanted = txid + 1;
}

static void
look_record(struct redo_look *l, const struct backend_entry *e, uint64_t txid)
{
	struct redo_head h, was = l->head;
	struct redo_reader r;
	struct redo_change c;
	enum status st = redo_read(e->value, &h);
	uint32_t count = 0;

	l->head = (struct redo_head){ 0 };
	if (st != ST_OK || e->value.size != REDO_HEAD + (size_t)h.size) {
		look_wrong(l, e->key, "is not what was written: its sum");
		return;
	}
	redo_reader_init(&r, e->value, &h);
	while ((st = redo_next(&r, &c)) == ST_OK)
		count++;
	if (st != ST_NOT_FOUND || count != h.count)
		look_wrong(l, e->key, "its changes do not decode");
	else if (h.txid != txid)
		look_wrong(l, e->key, "stands under another's number");
	else if (was.timeline == h.timeline && was.txid + 1 == h.txid &&
		 (was.sum != h.before || was.at > h.at))
		look_wrong(l, e->key, "does not follow the one before it");
	else
		l->head = h;
}

static void
look_row(struct redo_look *l, const struct backend_entry *e)
{
	struct key_reader r;
	uint64_t txid;

	key_read(&r, e->key);
	txid = key_read_number(&r);
	l->i->rows++;
	if (r.failed || r.rest.size > 0) {
		look_wrong(l, e->key, "is no number");
		return;
	}
	if (txid == 0)
		return; /* where it stands */
	l->bytes += e->value.size;
	if (!l->is_blind)
		look_number(l, e->key, txid);
	look_record(l, e, txid);
	l->last = txid;
}

static void
look_end(struct redo_look *l)
{
	const struct redo_place *p = &l->place;
	struct key k;
	char what[WHAT_SIZE];

	key_init(&k);
	key_number(&k, 0);
	if (p->timeline != 0 && l->wanted != p->txid + 1)
		snprintf(what, sizeof(what),
		    "it says %" PRIu64 " transactions, the last record is "
		    "%" PRIu64,
		    p->txid, l->last);
	else if (p->tail_bytes != l->bytes)
		snprintf(what, sizeof(what),
		    "its records have %" PRIu64 " bytes, it says %" PRIu64,
		    l->bytes, p->tail_bytes);
	else if (l->head.txid == p->txid && l->head.timeline == p->timeline &&
		 l->head.sum != p->sum)
		snprintf(
		    what, sizeof(what), "its sum is not the last record's");
	else
		return;
	look_wrong(l, key_bytes(&k), what);
}

void
inspect_redo(struct txn *t, struct inspection *i)
{
	struct redo_look l = { .i = i };
	struct backend_entry entry;
	struct scan scan;
	struct key k;
	bool found;

	key_init(&k);
	key_number(&k, 0);
	l.is_blind = redo_place_get(t->inner, &l.place) != ST_OK;
	if (l.is_blind)
		look_wrong(&l, key_bytes(&k), "does not decode");
	l.wanted = l.place.from;
	scan_open(&scan, t, TABLE_REDO, NULL);
	found = scan_first(&scan, &entry);
	for (; found && inspect_took(t, i, &entry);
	     found = scan_next(&scan, &entry))
		look_row(&l, &entry);
	scan_close(&scan);
	if (!l.is_blind && txn_status(t) == ST_OK)
		look_end(&l);
}
