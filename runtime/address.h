/*
 * address - where an actor lives, as a number.
 *
 *   node 12 bits | number 24 | shard 8 | generation 20
 *
 * Actors of protocols/actors.def have their number from there and generation
 * 0 for ever; actors made later get a number from ADDRESS_SPAWNED on and a
 * generation that changes when the number is used again.  0 is nobody.
 */
#ifndef RUNTIME_ADDRESS_H
#define RUNTIME_ADDRESS_H

#include <stdint.h>

#define ADDRESS_NODES_MAX 4096u
#define ADDRESS_SHARDS_MAX 256u
#define ADDRESS_LISTED_MAX 64u /* numbers of actors.def are below this */
#define ADDRESS_SPAWNED 64u
#define ADDRESS_NUMBERS_MAX (1u << 24)
#define ADDRESS_OUTSIDE (ADDRESS_NUMBERS_MAX - 1) /* no actor: node_signal */
#define ADDRESS_LINK (ADDRESS_NUMBERS_MAX - 2)    /* no actor: of the books */
#define ADDRESS_GENERATIONS (1u << 20)

static inline uint64_t
address_make(uint32_t node, uint32_t number, uint32_t shard, uint32_t gen)
{
	return (uint64_t)node << 52 | (uint64_t)number << 28 |
	       (uint64_t)shard << 20 | gen;
}

static inline uint32_t
address_node(uint64_t a)
{
	return (uint32_t)(a >> 52);
}

static inline uint32_t
address_number(uint64_t a)
{
	return (uint32_t)(a >> 28) & (ADDRESS_NUMBERS_MAX - 1);
}

static inline uint32_t
address_shard(uint64_t a)
{
	return (uint32_t)(a >> 20) & (ADDRESS_SHARDS_MAX - 1);
}

static inline uint32_t
address_generation(uint64_t a)
{
	return (uint32_t)a & (ADDRESS_GENERATIONS - 1);
}

#endif
