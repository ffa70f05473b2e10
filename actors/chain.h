/*
 * chain - finds records by the hash of their key.
 *
 * Chains go through the records themselves, so it takes no memory: its
 * owner gives the buckets and the bound.  Whoever looks compares the key;
 * a hash is only where to look.  One thread.
 */
#ifndef ACTORS_CHAIN_H
#define ACTORS_CHAIN_H

#include <stddef.h>
#include <stdint.h>

struct chain_node {
	struct chain_node *next;
	uint64_t hash;
};

struct chain {
	struct chain_node **buckets;
	uint64_t mask;
};

#define CHAIN_OF(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/* buckets: all NULL; count is a power of two. */
void chain_init(struct chain *c, struct chain_node **buckets, size_t count);

void chain_put(struct chain *c, struct chain_node *node, uint64_t hash);
void chain_take(struct chain *c, struct chain_node *node);

/* All with that hash, one after the other; NULL at the end. */
struct chain_node *chain_first(const struct chain *c, uint64_t hash);
struct chain_node *chain_next(const struct chain_node *node);

/* seed: random where keys come from clients. */
uint64_t chain_hash(const void *bytes, size_t size, uint64_t seed);

#endif
