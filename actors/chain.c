#include "actors/chain.h"

#include <assert.h>

#include "runtime/base/fnv.h"

void
chain_init(struct chain *c, struct chain_node **buckets, size_t count)
{
	assert(count > 0 && (count & (count - 1)) == 0);
	c->buckets = buckets;
	c->mask = count - 1;
}

void
chain_put(struct chain *c, struct chain_node *node, uint64_t hash)
{
	struct chain_node **bucket = &c->buckets[hash & c->mask];

	node->hash = hash;
	node->next = *bucket;
	*bucket = node;
}

void
chain_take(struct chain *c, struct chain_node *node)
{
	struct chain_node **at = &c->buckets[node->hash & c->mask];

	while (*at != node) {
		assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = node->next;
	node->next = NULL;
}

static struct chain_node *
chain_skip(struct chain_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

struct chain_node *
chain_first(const struct chain *c, uint64_t hash)
{
	return chain_skip(c->buckets[hash & c->mask], hash);
}

struct chain_node *
chain_next(const struct chain_node *node)
{
	return chain_skip(node->next, node->hash);
}

/* FNV-1a, its bits mixed once more at the end. */
uint64_t
chain_hash(const void *bytes, size_t size, uint64_t seed)
{
	const unsigned char *b = bytes;
	uint64_t h = FNV_BASIS ^ seed;

	for (size_t i = 0; i < size; i++)
		h = fnv_byte(h, b[i]);
	h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}
