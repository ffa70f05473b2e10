#include "store/meta.h"

static void
meta_key(struct key *k, const char *name)
{
	key_init(k);
	key_tail(k, name);
}

uint64_t
meta_get(struct txn *t, const char *name)
{
	struct key_reader r;
	struct bytes value;
	uint64_t number;
	struct key k;

	meta_key(&k, name);
	if (!txn_get(t, TABLE_META, &k, &value))
		return 0;
	key_read(&r, value);
	number = key_read_number(&r);
	if (r.failed || r.rest.size > 0)
		(void)txn_fail(t, ST_CORRUPT, name);
	return number;
}

void
meta_put(struct txn *t, const char *name, uint64_t number)
{
	struct key k, value;

	meta_key(&k, name);
	key_init(&value);
	key_number(&value, number);
	txn_put(t, TABLE_META, &k, key_bytes(&value));
}
