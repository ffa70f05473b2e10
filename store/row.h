/*
 * row - tables of records: structs of the catalogue, by key.
 *
 * A row that does not decode sticks the transaction at CORRUPT, or at NEWER
 * if a later version wrote it, with the row's name as the reason, and is
 * logged; the other rows are not concerned.
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "protocols/catalogue.h"
#include "store/txn.h"

#define ROW_VERSION 1

/* NULL: absent, or stuck.  In the arena, so it outlives the next write. */
const void *row_get(struct txn *t, enum table table, const struct key *key,
    const struct wire_type *type);
const void *row_decode(struct txn *t, enum table table,
    const struct backend_entry *entry, const struct wire_type *type);
void row_put(struct txn *t, enum table table, const struct key *key,
    const struct wire_type *type, const void *body);
/* False, and unchanged, if the key is there. */
bool row_put_new(struct txn *t, enum table table, const struct key *key,
    const struct wire_type *type, const void *body);

/* NULL: it does not decode, and nobody minds: not logged, nothing sticks. */
const void *row_peek(
    struct txn *t, const struct wire_type *type, struct bytes value);
/* Logs that it does not decode. */
void row_tell(enum table table, struct bytes key, enum status st);

/* The row breaks a rule that its type cannot express. */
void row_is_corrupt(struct txn *t, enum table table, struct bytes key);

#define ROW_GET(t, table, key, type) \
	((const struct type *)row_get(t, table, key, CATALOGUE_TYPE(type)))
#define ROW_DECODE(t, table, entry, type) \
	((const struct type *)row_decode(t, table, entry, CATALOGUE_TYPE(type)))

#endif
