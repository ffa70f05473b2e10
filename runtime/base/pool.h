/*
 * pool - records of one size, at most so many, never moved.
 *
 * Memory is taken in slabs as it is needed and kept until pool_fini.  Each
 * record has an index, and a generation that changes when it is put back, so
 * that a number can name it and a stale number is found out.  One thread.
 */
#ifndef RUNTIME_BASE_POOL_H
#define RUNTIME_BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_SLAB 64        /* records */
#define POOL_SLABS_MAX 1024 /* so a pool holds at most 65536 */

struct pool {
	void *slabs[POOL_SLABS_MAX];
	size_t size; /* of a record, with its head */
	uint32_t max;
	uint32_t made;
	uint32_t used;
	uint32_t free_head; /* index + 1; 0: none */
	uint32_t salt;      /* even; makes handles of two pools differ */
};

/* salt: any number; random where handles leave the process. */
void pool_init(struct pool *p, size_t record_size, uint32_t max, uint32_t salt);
void pool_fini(struct pool *p);

/* Zeroed; NULL at the bound or without memory. */
void *pool_take(struct pool *p);
void pool_put(struct pool *p, void *record);

/* index << 32 | generation; never 0, never the same twice in a row. */
uint64_t pool_handle(const struct pool *p, const void *record);
/* A new handle for a record in use; the old one is stale from now on. */
uint64_t pool_renew(const struct pool *p, void *record);
/* NULL if it was put back meanwhile, or never was. */
void *pool_find(const struct pool *p, uint64_t handle);

/* The nth record in use, counting from i; NULL past the end; moves *i. */
void *pool_next(const struct pool *p, uint32_t *i);

#endif
