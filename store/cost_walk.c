#include "store/cost_walk.h"

#include "store/row.h"

#define SEQ_SIZE 8

void
cost_walk_prefix(struct key *k, uint64_t seq, const char *id)
{
	key_init(k);
	key_number(k, seq / COST_BLOCK);
	key_text(k, id);
}

void
cost_walk_open(
    struct cost_walk *w, struct txn *t, enum table table, const char *id)
{
	w->id = id;
	w->block = 0;
	w->blocks_left = 0;
	w->cut_off = false;
	scan_open(&w->scan, t, table, NULL);
}

void
cost_walk_close(struct cost_walk *w)
{
	scan_close(&w->scan);
}

/* On from what was found, into the blocks behind it, to one of ours. */
static bool
walk_settle(struct cost_walk *w, bool found, struct backend_entry *entry)
{
	while (found) {
		struct key prefix;
		uint64_t block;

		cost_walk_prefix(&prefix, w->block * COST_BLOCK, w->id);
		if (key_begins(entry->key, &prefix))
			return true;
		if (w->blocks_left-- == 0) {
			w->cut_off = true;
			return false;
		}
		block = key_first_number(entry->key);
		w->block = block > w->block ? block : w->block + 1;
		cost_walk_prefix(&prefix, w->block * COST_BLOCK, w->id);
		found = scan_seek(&w->scan, &prefix, entry);
	}
	return false;
}

bool
cost_walk_first(struct cost_walk *w, uint64_t after, uint64_t blocks_max,
    struct backend_entry *ret_entry)
{
	struct key from;
	bool found;

	if (w->id == NULL)
		key_init(&from);
	else
		cost_walk_prefix(&from, after + 1, w->id);
	key_number(&from, after + 1);
	w->block = (after + 1) / COST_BLOCK;
	w->blocks_left = blocks_max;
	found = scan_seek(&w->scan, &from, ret_entry);
	return w->id == NULL ? found : walk_settle(w, found, ret_entry);
}

bool
cost_walk_next(struct cost_walk *w, struct backend_entry *ret_entry)
{
	bool found = scan_next(&w->scan, ret_entry);

	return w->id == NULL ? found : walk_settle(w, found, ret_entry);
}

const struct cost_record *
cost_walk_record(struct cost_walk *w, const struct backend_entry *entry)
{
	struct txn *t = w->scan.t;
	struct backend_entry row = *entry;
	const struct cost_record *r;
	struct key k;

	if (w->id != NULL) {
		key_init(&k);
		key_raw(&k,
		    (struct bytes){
			entry->key.at + entry->key.size - SEQ_SIZE, SEQ_SIZE });
		row.key = key_bytes(&k);
		if (!txn_get(t, TABLE_COST_RECORDS, &k, &row.value)) {
			row_is_corrupt(t, w->scan.table, entry->key);
			return NULL;
		}
	}
	r = ROW_DECODE(t, TABLE_COST_RECORDS, &row, cost_record);
	if (r == NULL || cost_fault(r) == NULL)
		return r;
	row_is_corrupt(t, TABLE_COST_RECORDS, row.key);
	return NULL;
}
