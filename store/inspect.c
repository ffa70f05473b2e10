#include "store/inspect.h"

#include <stdio.h>
#include <string.h>

#include "protocols/messages.h"
#include "protocols/record.h"
#include "store/cost.h"
#include "store/meta.h"
#include "store/row.h"
#include "store/shape.h"

static void
key_print(struct bytes key, char ret_text[INSPECT_KEY_SIZE])
{
	size_t at = 0;

	for (size_t i = 0; i < key.size && i < BACKEND_KEY_MAX; i++) {
		uint8_t c = key.at[i];

		if (c > 0x20 && c < 0x7f && c != '\\')
			ret_text[at++] = (char)c;
		else
			at += (size_t)snprintf(
			    ret_text + at, INSPECT_KEY_SIZE - at, "\\x%02x", c);
	}
	ret_text[at] = '\0';
}

void
inspect_wrong(
    struct inspection *i, enum table table, struct bytes key, const char *what)
{
	char text[INSPECT_KEY_SIZE];

	i->wrong++;
	key_print(key, text);
	i->tell(i->ctx, table_name(table), text, what);
}

bool
inspect_took(
    struct txn *t, struct inspection *i, const struct backend_entry *entry)
{
	if (pace_took(i->pace, entry->key.size + entry->value.size))
		return true;
	(void)txn_fail(t, ST_CANCELLED, "cancelled");
	return false;
}

static bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size &&
	       (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

/* ---- rows, and that each has its entries ---- */

static bool
entry_value_is(const struct shape *index, const void *row, struct bytes key,
    struct bytes value)
{
	struct key cost;

	switch (index->value) {
	case VALUE_KEY:
		return bytes_equal(value, key);
	case VALUE_COST:
		cost_index_value(row, &cost);
		return bytes_equal(value, key_bytes(&cost));
	case VALUE_NONE:
		break;
	}
	return value.size == 0;
}

static void
row_entries(struct txn *t, struct inspection *i, const struct shape *rows,
    struct bytes row_key, const void *row)
{
	const struct shape *index;
	struct bytes value;
	struct key k;

	for (uint32_t n = 0; (index = shape_index(rows->table, n)) != NULL;
	     n++) {
		if (shape_key(index, rows->type(), row, row_key, &k) ==
		    SHAPE_ABSENT)
			continue;
		if (!txn_get(t, index->table, &k, &value))
			inspect_wrong(i, index->table, key_bytes(&k),
			    "the entry of a row is missing");
		else if (!entry_value_is(index, row, row_key, value))
			inspect_wrong(i, index->table, key_bytes(&k),
			    "the entry of a row holds another value");
	}
}

static void
row_inspect(struct txn *t, struct inspection *i, const struct shape *s,
    const struct backend_entry *entry)
{
	const void *row = row_peek(t, s->type(), entry->value);
	const char *fault;
	struct key k;

	i->rows++;
	if (row == NULL) {
		inspect_wrong(i, s->table, entry->key,
		    "does not decode: its checksum or its content is wrong");
		return;
	}
	if (s->key[0] != '\0' &&
	    (shape_key(s, s->type(), row, (struct bytes){ 0 }, &k) ==
		    SHAPE_ABSENT ||
		!bytes_equal(key_bytes(&k), entry->key)))
		inspect_wrong(i, s->table, entry->key,
		    "its content belongs under another key");
	fault = s->fault == NULL ? NULL : s->fault(row);
	if (fault != NULL)
		inspect_wrong(i, s->table, entry->key, fault);
	row_entries(t, i, s, entry->key, row);
}

/* ---- entries, and that each has its row ---- */

/* NULL: nothing is wrong, or it is the row's and has been told. */
static const char *
entry_fault(
    struct txn *t, const struct shape *s, const struct backend_entry *entry)
{
	const struct shape *rows = shape_of(s->rows);
	struct key row_key, k;
	struct bytes value;
	const void *row;

	key_init(&row_key);
	key_raw(&row_key, s->value == VALUE_KEY ? entry->value
						: shape_row_key(s, entry->key));
	if (!key_is_good(&row_key))
		return "is no key of this index";
	if (!txn_get(t, s->rows, &row_key, &value))
		return "leads to no row";
	row = row_peek(t, rows->type(), value);
	if (row == NULL)
		return NULL;
	if (shape_key(s, rows->type(), row, key_bytes(&row_key), &k) ==
		SHAPE_ABSENT ||
	    !bytes_equal(key_bytes(&k), entry->key))
		return "its row says otherwise";
	return NULL;
}

static void
entry_inspect(struct txn *t, struct inspection *i, const struct shape *s,
    const struct backend_entry *entry)
{
	const char *fault = entry_fault(t, s, entry);

	i->entries++;
	if (fault != NULL)
		inspect_wrong(i, s->table, entry->key, fault);
}

static void
table_inspect(struct txn *t, struct inspection *i, const struct shape *s)
{
	size_t mark = txn_mark(t);
	struct backend_entry entry;
	struct scan scan;
	bool found;

	scan_open(&scan, t, s->table, NULL);
	found = scan_first(&scan, &entry);
	for (; found && inspect_took(t, i, &entry);
	     found = scan_next(&scan, &entry)) {
		if (s->type != NULL)
			row_inspect(t, i, s, &entry);
		else
			entry_inspect(t, i, s, &entry);
		txn_release(t, mark);
	}
	scan_close(&scan);
}

/* Numbers by name. */
static void
meta_inspect(struct txn *t, struct inspection *i)
{
	struct backend_entry entry;
	struct scan scan;
	bool found;

	scan_open(&scan, t, TABLE_META, NULL);
	found = scan_first(&scan, &entry);
	for (; found; found = scan_next(&scan, &entry)) {
		i->rows++;
		if (entry.value.size != sizeof(uint64_t))
			inspect_wrong(i, TABLE_META, entry.key, "is no number");
	}
	scan_close(&scan);
}

enum status
inspect_all(struct txn *t, struct inspection *i)
{
	meta_inspect(t, i);
	for (enum table table = 0; table < TABLE_COUNT; table++) {
		const struct shape *s = shape_of(table);

		if (s != NULL)
			table_inspect(t, i, s);
	}
	inspect_journal(t, i);
	inspect_audit(t, i);
	inspect_sums(t, i);
	inspect_redo(t, i);
	return txn_status(t);
}
