#include "store/known_row.h"

#include <string.h>

#include "store/row.h"

static void
known_key(struct key *k, const char *user_id, const char *network)
{
	key_init(k);
	key_text(k, user_id);
	key_tail(k, network);
}

const struct known_network *
known_get(struct txn *t, const char *user_id, const char *network)
{
	struct key k;

	known_key(&k, user_id, network);
	return ROW_GET(t, TABLE_KNOWN, &k, known_network);
}

/* Those of a user but one, at most KNOWN_MAX; how many. */
static uint32_t
known_collect(struct txn *t, const char *user_id, const char *but,
    const struct known_network *rows[KNOWN_MAX])
{
	struct backend_entry entry;
	struct key prefix;
	struct scan s;
	uint32_t n = 0;
	bool found;

	key_init(&prefix);
	key_text(&prefix, user_id);
	scan_open(&s, t, TABLE_KNOWN, &prefix);
	found = scan_first(&s, &entry);
	for (; found && n < KNOWN_MAX; found = scan_next(&s, &entry)) {
		rows[n] = ROW_DECODE(t, TABLE_KNOWN, &entry, known_network);
		if (rows[n] == NULL)
			break;
		n += strcmp(rows[n]->network, but) != 0;
	}
	scan_close(&s);
	return n;
}

static void
known_delete(struct txn *t, const struct known_network *n)
{
	struct key k;

	known_key(&k, n->user_id, n->network);
	(void)txn_delete(t, TABLE_KNOWN, &k);
}

void
known_put(struct txn *t, const struct known_network *n)
{
	const struct known_network *rows[KNOWN_MAX], *oldest;
	uint32_t count = known_collect(t, n->user_id, n->network, rows);
	struct key k;

	if (count == KNOWN_MAX) {
		oldest = rows[0];
		for (uint32_t i = 1; i < count; i++)
			if (rows[i]->at < oldest->at)
				oldest = rows[i];
		known_delete(t, oldest);
	}
	known_key(&k, n->user_id, n->network);
	row_put(t, TABLE_KNOWN, &k, CATALOGUE_TYPE(known_network), n);
}

void
known_forget(struct txn *t, const char *user_id)
{
	const struct known_network *rows[KNOWN_MAX];
	uint32_t count = known_collect(t, user_id, "", rows);

	for (uint32_t i = 0; i < count; i++)
		known_delete(t, rows[i]);
}
