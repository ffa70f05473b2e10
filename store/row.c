#include "store/row.h"

#include <stdio.h>
#include <string.h>

#include "protocols/record.h"
#include "runtime/base/log.h"
#include "runtime/base/uuid.h"

#define NAME_SIZE (TXN_WHY_SIZE - 32)

static bool
key_is_uuid(struct bytes key)
{
	bool prints = true;

	for (size_t i = 0; i < key.size; i++)
		prints = prints && key.at[i] > 0x20 && key.at[i] < 0x7f;
	return key.size == sizeof(struct uuid) && !prints;
}

/* A key for people: what cannot be printed becomes a dot. */
static void
row_name(enum table table, struct bytes key, char ret_name[NAME_SIZE])
{
	int used = snprintf(ret_name, NAME_SIZE, "%s/", table_name(table));
	size_t at = (size_t)used;
	struct uuid id;

	if (key_is_uuid(key) && at + UUID_TEXT_SIZE <= NAME_SIZE) {
		memcpy(id.octets, key.at, sizeof(id.octets));
		uuid_text(&id, ret_name + at);
		return;
	}
	for (size_t i = 0; i < key.size && at < NAME_SIZE - 1; i++) {
		uint8_t c = key.at[i];

		ret_name[at++] = c > 0x20 && c < 0x7f ? (char)c : '.';
	}
	ret_name[at] = '\0';
}

void
row_tell(enum table table, struct bytes key, enum status st)
{
	char name[NAME_SIZE];

	row_name(table, key, name);
	LOG(PERSISTENCE_ROW_DESERIALIZE_FAILED, KV("row", name),
	    KV("error", status_name(st)));
}

static void
row_refuse(struct txn *t, enum table table, struct bytes key, enum status st)
{
	char name[NAME_SIZE];

	if (t->st != ST_OK)
		return;
	row_tell(table, key, st);
	row_name(table, key, name);
	(void)txn_fail(t, st, name);
}

void
row_is_corrupt(struct txn *t, enum table table, struct bytes key)
{
	row_refuse(t, table, key, ST_CORRUPT);
}

const void *
row_decode(struct txn *t, enum table table, const struct backend_entry *entry,
    const struct wire_type *type)
{
	const void *body = NULL;
	uint32_t version = 0;
	enum status st;

	if (t->st != ST_OK)
		return NULL;
	st = record_decode(type, &t->room->arena, entry->value.at,
	    entry->value.size, &version, &body);
	if (st == ST_NO_MEMORY)
		(void)txn_fail(t, ST_FULL, "the answer is too large");
	else if (st != ST_OK)
		row_refuse(t, table, entry->key, st);
	else if (version > ROW_VERSION)
		row_refuse(t, table, entry->key, ST_NEWER);
	return t->st == ST_OK ? body : NULL;
}

const void *
row_peek(struct txn *t, const struct wire_type *type, struct bytes value)
{
	const void *body = NULL;
	uint32_t version = 0;
	enum status st = record_decode(
	    type, &t->room->arena, value.at, value.size, &version, &body);

	return st == ST_OK && version <= ROW_VERSION ? body : NULL;
}

const void *
row_get(struct txn *t, enum table table, const struct key *key,
    const struct wire_type *type)
{
	struct backend_entry entry = { .key = key_bytes(key) };

	if (!txn_get(t, table, key, &entry.value))
		return NULL;
	return row_decode(t, table, &entry, type);
}

static bool
row_encode(struct txn *t, const struct wire_type *type, const void *body,
    struct bytes *ret_value)
{
	struct wire_out out = { .bytes = t->room->row, .size = TXN_ROW_MAX };
	enum status st;

	if (t->st != ST_OK)
		return false;
	st = record_encode(type, ROW_VERSION, body, &out);
	if (st != ST_OK)
		(void)txn_fail(t, st, type->name);
	*ret_value = (struct bytes){ out.bytes, out.used };
	return st == ST_OK;
}

void
row_put(struct txn *t, enum table table, const struct key *key,
    const struct wire_type *type, const void *body)
{
	struct bytes value;

	if (row_encode(t, type, body, &value))
		txn_put(t, table, key, value);
}

bool
row_put_new(struct txn *t, enum table table, const struct key *key,
    const struct wire_type *type, const void *body)
{
	struct bytes value;

	return row_encode(t, type, body, &value) &&
	       txn_put_new(t, table, key, value);
}
