#include "protocols/redo.h"

#include <assert.h>
#include <string.h>

#include "runtime/base/crc32c.h"

#define MARK 0x54584e31u /* TXN1 */
#define SUMMED 4u        /* the sum itself is not */

/* ---- numbers ---- */

static void
put(uint8_t *at, uint64_t n, size_t size)
{
	for (size_t i = size; i > 0; i--, n >>= 8)
		at[i - 1] = (uint8_t)n;
}

static uint64_t
get(const uint8_t *at, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | at[i];
	return n;
}

/* ---- heads ---- */

void
redo_seal(uint8_t *record, struct redo_head *h)
{
	put(record + 4, MARK, 4);
	put(record + 8, h->timeline, 8);
	put(record + 16, h->txid, 8);
	put(record + 24, (uint64_t)h->at, 8);
	put(record + 32, h->size, 4);
	put(record + 36, h->count, 4);
	put(record + 40, h->before, 4);
	h->sum = crc32c(record + SUMMED, REDO_HEAD - SUMMED + h->size);
	put(record, h->sum, 4);
}

enum status
redo_read_head(struct bytes b, struct redo_head *h)
{
	if (b.size < REDO_HEAD)
		return ST_FULL;
	if (get(b.at + 4, 4) != MARK)
		return ST_MALFORMED;
	*h = (struct redo_head){
		.sum = (uint32_t)get(b.at, 4),
		.timeline = get(b.at + 8, 8),
		.txid = get(b.at + 16, 8),
		.at = (int64_t)get(b.at + 24, 8),
		.size = (uint32_t)get(b.at + 32, 4),
		.count = (uint32_t)get(b.at + 36, 4),
		.before = (uint32_t)get(b.at + 40, 4),
	};
	return h->size > REDO_SIZE_MAX ? ST_MALFORMED : ST_OK;
}

enum status
redo_read(struct bytes b, struct redo_head *h)
{
	enum status st = redo_read_head(b, h);

	if (st != ST_OK)
		return st;
	if (b.size - REDO_HEAD < h->size)
		return ST_FULL;
	return crc32c(b.at + SUMMED, REDO_HEAD - SUMMED + h->size) == h->sum
		   ? ST_OK
		   : ST_CORRUPT;
}

/* ---- changes ---- */

void
redo_reader_init(
    struct redo_reader *r, struct bytes record, const struct redo_head *h)
{
	assert(record.size >= REDO_HEAD + h->size);
	*r = (struct redo_reader){
		.rest = { record.at + REDO_HEAD, h->size },
	};
}

/* NULL: the rest is shorter. */
static const uint8_t *
take(struct redo_reader *r, size_t size)
{
	const uint8_t *at = r->rest.at;

	if (r->rest.size < size)
		return NULL;
	r->rest.at += size;
	r->rest.size -= size;
	return at;
}

static bool
take_bytes(struct redo_reader *r, size_t size, struct bytes *ret)
{
	const uint8_t *at = take(r, size);

	*ret = (struct bytes){ at, size };
	return at != NULL;
}

static bool
take_number(struct redo_reader *r, size_t size, uint64_t *ret)
{
	const uint8_t *at = take(r, size);

	if (at != NULL)
		*ret = get(at, size);
	return at != NULL;
}

static bool
take_table(struct redo_reader *r)
{
	uint64_t size;

	return take_number(r, 1, &size) && size > 0 && size <= REDO_TABLE_MAX &&
	       take_bytes(r, size, &r->table);
}

static bool
take_change(struct redo_reader *r, struct redo_change *c)
{
	uint64_t key, value = 0;

	if (r->table.size == 0 || !take_number(r, 2, &key) ||
	    (c->op == REDO_PUT && !take_number(r, 4, &value)))
		return false;
	c->table = r->table;
	return key > 0 && key <= REDO_KEY_MAX && take_bytes(r, key, &c->key) &&
	       take_bytes(r, value, &c->value);
}

enum status
redo_next(struct redo_reader *r, struct redo_change *c)
{
	uint64_t op;

	while (take_number(r, 1, &op)) {
		*c = (struct redo_change){ .op = (enum redo_op)op };
		if (op == REDO_TABLE && take_table(r))
			continue;
		if ((op == REDO_PUT || op == REDO_DELETE) && take_change(r, c))
			return ST_OK;
		return ST_MALFORMED;
	}
	return ST_NOT_FOUND;
}

size_t
redo_change_size(const struct redo_change *c)
{
	switch (c->op) {
	case REDO_TABLE:
		return 2 + c->table.size;
	case REDO_PUT:
		return 7 + c->key.size + c->value.size;
	case REDO_DELETE:
		break;
	}
	return 3 + c->key.size;
}

void
redo_change_write(uint8_t *at, const struct redo_change *c)
{
	at[0] = (uint8_t)c->op;
	if (c->op == REDO_TABLE) {
		put(at + 1, c->table.size, 1);
		memcpy(at + 2, c->table.at, c->table.size);
		return;
	}
	put(at + 1, c->key.size, 2);
	at += 3;
	if (c->op == REDO_PUT) {
		put(at, c->value.size, 4);
		at += 4;
	}
	memcpy(at, c->key.at, c->key.size);
	if (c->op == REDO_PUT && c->value.size > 0)
		memcpy(at + c->key.size, c->value.at, c->value.size);
}
