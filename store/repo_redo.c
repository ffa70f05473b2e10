#include <string.h>

#include "protocols/messages.h"
#include "store/redo_log.h"
#include "store/requests.h"

/* The log of transactions, for whoever ships it: store/redo_log.h. */

static void
redo_went(struct txn *t, enum status st)
{
	t->map_full = t->st == ST_OK && st == ST_FULL;
	if (st != ST_OK)
		(void)txn_fail(t, st, backend_why());
}

static struct redo_stand
stand_of(const struct redo_place *p)
{
	return (struct redo_stand){ .timeline = p->timeline,
		.txid = p->txid,
		.at = p->at,
		.from = p->from,
		.tail_bytes = p->tail_bytes };
}

static enum status
redo_reply(struct txn *t, struct store_reply *ret)
{
	struct store_redo_stands *stands = txn_take(t, sizeof(*stands));
	struct redo_place p;

	redo_went(t, redo_place_get(t->inner, &p));
	if (txn_status(t) == ST_OK)
		stands->stand = stand_of(&p);
	return REQUEST_REPLY(t, ret, store_redo_stands, stands);
}

static enum status
repo_redo_begin(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_redo_begin *ask = request;
	struct redo_place p;

	if (ask->timeline == 0)
		return txn_fail(t, ST_INVALID, "timeline 0");
	redo_went(t, redo_place_get(t->inner, &p));
	if (txn_status(t) == ST_OK && (p.timeline == 0 || ask->anew)) {
		t->dirty = true;
		redo_went(t, redo_log_turn(t->inner, ask->timeline,
				 ask->tail_bytes_max, ask->now));
	}
	return redo_reply(t, ret);
}

static enum status
repo_redo_end(struct txn *t, const void *request, struct store_reply *ret)
{
	struct redo_place p;

	(void)request;
	redo_went(t, redo_place_get(t->inner, &p));
	if (txn_status(t) == ST_OK && (p.timeline != 0 || p.first < p.from)) {
		t->dirty = true;
		redo_went(t, redo_log_turn(t->inner, 0, p.tail_max, p.at));
	}
	return redo_reply(t, ret);
}

static enum status
repo_redo_shipped(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_redo_shipped *ask = request;

	t->dirty = true;
	redo_went(t, redo_log_shipped(t->inner, ask->timeline, ask->txid));
	return redo_reply(t, ret);
}

/* ---- read ---- */

/* Rows from where part stands, until limit bytes are full. */
static void
part_fill(
    struct txn *t, struct store_redo_part *part, uint8_t *at, uint32_t limit)
{
	struct backend_entry e;
	struct scan s;
	struct key k;
	bool found;

	key_init(&k);
	key_number(&k, part->next_txid);
	scan_open(&s, t, TABLE_REDO, NULL);
	found = scan_seek(&s, &k, &e);
	while (found && part->bytes.size < limit) {
		size_t size = limit - part->bytes.size;

		part->next_txid = key_first_number(e.key);
		if (part->next_offset >= e.value.size)
			break; /* an asker who is wrong gets nothing */
		if (size > e.value.size - part->next_offset)
			size = e.value.size - part->next_offset;
		memcpy(at + part->bytes.size, e.value.at + part->next_offset,
		    size);
		part->bytes.size += size;
		part->next_offset += (uint32_t)size;
		if (part->next_offset < e.value.size)
			break;
		part->next_txid++;
		part->next_offset = 0;
		found = scan_next(&s, &e);
	}
	scan_close(&s);
}

static enum status
repo_redo_read(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_redo_read *ask = request;
	struct store_redo_part *part = txn_take(t, sizeof(*part));
	uint32_t limit =
	    ask->limit < REDO_PART_MAX ? ask->limit : REDO_PART_MAX;
	uint8_t *at = txn_take(t, (size_t)limit + 1);
	struct redo_place p;

	redo_went(t, redo_place_get(t->inner, &p));
	if (txn_status(t) != ST_OK)
		return txn_status(t);
	part->stand = stand_of(&p);
	part->txid = ask->txid;
	part->offset = ask->offset;
	if (ask->timeline != p.timeline || ask->txid < p.from) {
		part->txid = p.from;
		part->offset = 0;
	}
	part->next_txid = part->txid;
	part->next_offset = part->offset;
	part->bytes.at = at;
	if (p.timeline != 0 && part->txid <= p.txid)
		part_fill(t, part, at, limit);
	return REQUEST_REPLY(t, ret, store_redo_part, part);
}

const struct request repo_redo[] = {
	{ MSG_store_redo_begin, true, repo_redo_begin },
	{ MSG_store_redo_end, true, repo_redo_end },
	{ MSG_store_redo_shipped, true, repo_redo_shipped },
	{ MSG_store_redo_read, false, repo_redo_read },
	{ 0 },
};
