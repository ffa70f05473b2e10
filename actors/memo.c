#include "actors/memo.h"

#include <sodium.h>
#include <string.h>

static uint32_t
memo_digest(const struct memo *m, const char *text,
    uint8_t ret_digest[MEMO_DIGEST_SIZE])
{
	uint32_t set;

	crypto_generichash(ret_digest, MEMO_DIGEST_SIZE,
	    (const unsigned char *)text, strlen(text), m->key, sizeof(m->key));
	memcpy(&set, ret_digest, sizeof(set));
	return set % MEMO_SETS;
}

uint64_t
memo_get(const struct memo *m, const char *text)
{
	uint8_t digest[MEMO_DIGEST_SIZE];
	uint32_t set = memo_digest(m, text, digest);

	for (size_t i = 0; i < MEMO_WAYS; i++)
		if (memcmp(m->entries[set][i].digest, digest, sizeof(digest)) ==
		    0)
			return m->entries[set][i].number;
	return 0;
}

void
memo_put(struct memo *m, const char *text, uint64_t number)
{
	uint8_t digest[MEMO_DIGEST_SIZE];
	uint32_t set = memo_digest(m, text, digest);
	struct memo_entry *least = &m->entries[set][0];

	for (size_t i = 0; i < MEMO_WAYS; i++) {
		struct memo_entry *e = &m->entries[set][i];

		if (memcmp(e->digest, digest, sizeof(digest)) == 0) {
			e->number = number;
			return;
		}
		if (e->number < least->number)
			least = e;
	}
	memcpy(least->digest, digest, sizeof(digest));
	least->number = number;
}

/* The number is when the bucket will be full again. */
uint64_t
memo_throttle(struct memo *m, const char *text, uint64_t interval_us,
    uint32_t burst, uint64_t now_us)
{
	uint64_t full_at = memo_get(m, text);
	uint64_t room_us = interval_us * burst;

	if (interval_us == 0)
		return 0;
	if (full_at < now_us)
		full_at = now_us;
	if (full_at + interval_us > now_us + room_us)
		return full_at + interval_us - now_us - room_us;
	memo_put(m, text, full_at + interval_us);
	return 0;
}
