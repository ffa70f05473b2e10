#include "gateway/lookup.h"

#include <stdlib.h>
#include <string.h>

#define LOOKUP_SLOTS_MIN 64u

struct lookup {
	size_t value_size;
	uint32_t max;
	uint32_t count;
	uint32_t slots;
	uint64_t secret[2];
	uint32_t *hashes; /* 0: vacant */
	unsigned char *values;
};

/* A keyed mix of eight bytes at a time; collisions cost time, not safety. */
static uint32_t
lookup_hash(const struct lookup *t, const char *key)
{
	uint64_t h = t->secret[0];
	size_t size = strlen(key);
	uint64_t word;

	for (; size > 0; key += 8, size -= size < 8 ? size : 8) {
		word = 0;
		memcpy(&word, key, size < 8 ? size : 8);
		h = (h ^ word) * UINT64_C(0x9fb21c651e98df25) + t->secret[1];
		h ^= h >> 29;
	}
	h ^= h >> 32;
	return (uint32_t)h | 1u;
}

static void *
lookup_value(const struct lookup *t, uint32_t slot)
{
	return t->values + t->value_size * slot;
}

static bool
lookup_alloc(struct lookup *t, uint32_t slots)
{
	t->slots = slots;
	t->hashes = calloc(slots, sizeof(t->hashes[0]));
	t->values = calloc(slots, t->value_size);
	return t->hashes != NULL && t->values != NULL;
}

struct lookup *
lookup_create(size_t value_size, uint32_t max, const uint64_t secret[2])
{
	struct lookup *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->value_size = value_size;
	t->max = max;
	t->secret[0] = secret[0];
	t->secret[1] = secret[1];
	if (!lookup_alloc(t, LOOKUP_SLOTS_MIN)) {
		lookup_destroy(t);
		return NULL;
	}
	return t;
}

void
lookup_destroy(struct lookup *t)
{
	if (t == NULL)
		return;
	free(t->hashes);
	free(t->values);
	free(t);
}

/* The slot of key, or the vacant one where it would go. */
static uint32_t
lookup_slot(const struct lookup *t, const char *key, uint32_t hash)
{
	uint32_t i = (hash >> 1) & (t->slots - 1);

	while (t->hashes[i] != 0 &&
	       (t->hashes[i] != hash || strcmp(lookup_value(t, i), key) != 0))
		i = (i + 1) & (t->slots - 1);
	return i;
}

void *
lookup_find(const struct lookup *t, const char *key)
{
	uint32_t i = lookup_slot(t, key, lookup_hash(t, key));

	return t->hashes[i] == 0 ? NULL : lookup_value(t, i);
}

static enum status
lookup_grow(struct lookup *t)
{
	struct lookup old = *t;

	if (!lookup_alloc(t, old.slots * 2)) {
		free(t->hashes);
		free(t->values);
		*t = old;
		return ST_NO_MEMORY;
	}
	for (uint32_t i = 0; i < old.slots; i++) {
		uint32_t to;

		if (old.hashes[i] == 0)
			continue;
		to = lookup_slot(t, lookup_value(&old, i), old.hashes[i]);
		t->hashes[to] = old.hashes[i];
		memcpy(
		    lookup_value(t, to), lookup_value(&old, i), t->value_size);
	}
	free(old.hashes);
	free(old.values);
	return ST_OK;
}

enum status
lookup_put(struct lookup *t, const void *value)
{
	const char *key = value;
	uint32_t hash = lookup_hash(t, key);
	uint32_t i = lookup_slot(t, key, hash);

	if (t->hashes[i] == 0) {
		if (t->count >= t->max)
			return ST_FULL;
		if (t->count >= t->slots / 4 * 3) {
			enum status st = lookup_grow(t);

			if (st != ST_OK)
				return st;
			i = lookup_slot(t, key, hash);
		}
		t->count++;
		t->hashes[i] = hash;
	}
	memcpy(lookup_value(t, i), value, t->value_size);
	return ST_OK;
}

/* Closes the gap, so that no search stops at it. */
static void
lookup_shift_back(struct lookup *t, uint32_t gap)
{
	uint32_t mask = t->slots - 1;

	for (uint32_t i = (gap + 1) & mask; t->hashes[i] != 0;
	     i = (i + 1) & mask) {
		uint32_t home = (t->hashes[i] >> 1) & mask;

		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		t->hashes[gap] = t->hashes[i];
		memcpy(lookup_value(t, gap), lookup_value(t, i), t->value_size);
		gap = i;
	}
	t->hashes[gap] = 0;
}

void
lookup_remove(struct lookup *t, const char *key)
{
	uint32_t i = lookup_slot(t, key, lookup_hash(t, key));

	if (t->hashes[i] == 0)
		return;
	t->count--;
	lookup_shift_back(t, i);
}

void
lookup_clear(struct lookup *t)
{
	memset(t->hashes, 0, t->slots * sizeof(t->hashes[0]));
	t->count = 0;
}

uint32_t
lookup_count(const struct lookup *t)
{
	return t->count;
}
