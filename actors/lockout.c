#include "actors/lockout.h"

#include <sodium.h>
#include <string.h>

static uint32_t
lockout_digest(const struct lockout *l, const char *name,
    uint8_t ret_digest[LOCKOUT_DIGEST_SIZE])
{
	uint32_t set;

	crypto_generichash(ret_digest, LOCKOUT_DIGEST_SIZE,
	    (const unsigned char *)name, strlen(name), l->key, sizeof(l->key));
	memcpy(&set, ret_digest, sizeof(set));
	return set % LOCKOUT_SETS;
}

static const struct lockout_entry *
lockout_find(const struct lockout *l, const char *name)
{
	uint8_t digest[LOCKOUT_DIGEST_SIZE];
	uint32_t set = lockout_digest(l, name, digest);

	for (size_t i = 0; i < LOCKOUT_WAYS; i++) {
		const struct lockout_entry *e = &l->entries[set][i];

		if (e->failures > 0 &&
		    memcmp(e->digest, digest, sizeof(digest)) == 0)
			return e;
	}
	return NULL;
}

/* a should make room rather than b: vacant, lapsed, unlocked, few, old. */
static bool
lockout_is_lesser(const struct lockout_entry *a, const struct lockout_entry *b,
    uint64_t now_us)
{
	bool a_dead = a->failures == 0 || a->until_us <= now_us;
	bool b_dead = b->failures == 0 || b->until_us <= now_us;

	if (a_dead != b_dead)
		return a_dead;
	if (a->locked != b->locked)
		return b->locked;
	if (a->failures != b->failures)
		return a->failures < b->failures;
	return a->until_us < b->until_us;
}

/* The entry of name; if it has none, the one that makes room for it. */
static struct lockout_entry *
lockout_take(struct lockout *l, const char *name, uint64_t now_us)
{
	uint8_t digest[LOCKOUT_DIGEST_SIZE];
	uint32_t set = lockout_digest(l, name, digest);
	struct lockout_entry *least = &l->entries[set][0];

	for (size_t i = 0; i < LOCKOUT_WAYS; i++) {
		struct lockout_entry *e = &l->entries[set][i];

		if (e->failures > 0 &&
		    memcmp(e->digest, digest, sizeof(digest)) == 0)
			return e;
		if (lockout_is_lesser(e, least, now_us))
			least = e;
	}
	memset(least, 0, sizeof(*least));
	memcpy(least->digest, digest, sizeof(digest));
	return least;
}

uint64_t
lockout_wait_us(const struct lockout *l, const char *name, uint64_t now_us)
{
	const struct lockout_entry *e = lockout_find(l, name);

	return e != NULL && e->locked && e->until_us > now_us
		   ? e->until_us - now_us
		   : 0;
}

bool
lockout_fail(struct lockout *l, const char *name, uint64_t now_us)
{
	struct lockout_entry *e = lockout_take(l, name, now_us);

	if (e->failures == 0 || e->until_us <= now_us) {
		e->failures = 0;
		e->locked = false;
		e->until_us = now_us + l->window_us;
	}
	if (e->locked || ++e->failures < l->threshold)
		return false;
	e->locked = true;
	e->until_us = now_us + l->duration_us;
	return true;
}

void
lockout_forget(struct lockout *l, const char *name)
{
	uint8_t digest[LOCKOUT_DIGEST_SIZE];
	uint32_t set = lockout_digest(l, name, digest);

	for (size_t i = 0; i < LOCKOUT_WAYS; i++) {
		struct lockout_entry *e = &l->entries[set][i];

		if (memcmp(e->digest, digest, sizeof(digest)) == 0)
			e->failures = 0;
	}
}
