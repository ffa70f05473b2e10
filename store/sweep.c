#include "store/sweep.h"

struct key
sweep_row_key(struct bytes entry_key)
{
	struct key_reader r;
	struct key k;

	key_read(&r, entry_key);
	(void)key_read_time(&r);
	key_init(&k);
	key_raw(&k, r.rest);
	return k;
}

/* The oldest entry, if it is due. */
static bool
sweep_oldest(
    struct txn *t, enum table index, int64_t until, struct key *ret_entry)
{
	struct backend_entry entry;
	struct key_reader r;
	bool due = false;
	struct scan s;

	key_init(ret_entry);
	scan_open(&s, t, index, NULL);
	if (scan_first(&s, &entry)) {
		key_read(&r, entry.key);
		due = key_read_time(&r) <= until;
		key_raw(ret_entry, entry.key);
	}
	scan_close(&s);
	return due;
}

uint32_t
sweep_old(struct txn *t, enum table index, enum table rows, int64_t until,
    uint32_t max)
{
	uint32_t n = 0;
	struct key entry, row;

	while (n < max && sweep_oldest(t, index, until, &entry)) {
		row = sweep_row_key(key_bytes(&entry));
		(void)txn_delete(t, index, &entry);
		(void)txn_delete(t, rows, &row);
		n++;
	}
	return n;
}
