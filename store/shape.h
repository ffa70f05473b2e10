/*
 * shape - how the key of a row or of an index entry is made of its fields.
 *
 * Reads store/shapes.def, so that one who verifies a table need not repeat
 * what the repository that writes it does.  Stateless; any thread.
 */
#ifndef STORE_SHAPE_H
#define STORE_SHAPE_H

#include "protocols/catalogue.h"
#include "store/txn.h"

enum shape_value {
	VALUE_NONE, /* empty */
	VALUE_KEY,  /* the row's key */
	VALUE_COST, /* its cost and currency: cost_index_value of cost.h */
};

struct shape {
	enum table table;
	enum table rows; /* an index: of which table; else as table */
	const char *key;
	const struct wire_type *(*type)(void); /* of rows, not of indexes */
	const char *(*fault)(const void *row); /* NULL: no more to say */
	enum shape_value value;                /* of indexes */
	bool (*when)(const void *row);         /* NULL: always */
};

/* NULL: verified by code of its own. */
const struct shape *shape_of(enum table table);
/* The indexes of a table, n from 0 until NULL. */
const struct shape *shape_index(enum table rows, uint32_t n);

enum shape_made { SHAPE_ABSENT, SHAPE_MADE };

/*
 * The key that a row belongs under: in its table, row_key empty, or in an
 * index.  ABSENT: it has no entry there.
 */
enum shape_made shape_key(const struct shape *s, const struct wire_type *type,
    const void *row, struct bytes row_key, struct key *ret_key);

/* The row's key at the end of an index entry's; empty: it has none. */
struct bytes shape_row_key(const struct shape *s, struct bytes entry_key);

#endif
