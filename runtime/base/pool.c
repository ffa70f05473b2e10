#include "runtime/base/pool.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct pool_head {
	alignas(max_align_t) uint32_t index;
	uint32_t generation; /* odd: in use */
	uint32_t next_free;  /* index + 1; 0: none */
};

static struct pool_head *
pool_head_of(const struct pool *p, uint32_t index)
{
	char *slab = p->slabs[index / POOL_SLAB];

	return (
	    struct pool_head *)(void *)(slab + p->size * (index % POOL_SLAB));
}

static void *
pool_record(struct pool_head *h)
{
	return h + 1;
}

static struct pool_head *
pool_head(const void *record)
{
	union {
		const void *given;
		struct pool_head *head;
	} u = { record };

	return u.head - 1;
}

void
pool_init(struct pool *p, size_t record_size, uint32_t max, uint32_t salt)
{
	const size_t align = alignof(max_align_t);

	memset(p, 0, sizeof(*p));
	p->size =
	    (sizeof(struct pool_head) + record_size + align - 1) & ~(align - 1);
	p->max =
	    max < POOL_SLAB * POOL_SLABS_MAX ? max : POOL_SLAB * POOL_SLABS_MAX;
	p->salt = salt & ~1u;
}

void
pool_fini(struct pool *p)
{
	for (size_t i = 0; i < POOL_SLABS_MAX && p->slabs[i] != NULL; i++)
		free(p->slabs[i]);
	memset(p, 0, sizeof(*p));
}

/* Another record at the end, with a slab for it if need be. */
static bool
pool_grow(struct pool *p)
{
	uint32_t index = p->made;
	struct pool_head *h;

	if (index >= p->max)
		return false;
	if (index % POOL_SLAB == 0) {
		p->slabs[index / POOL_SLAB] = calloc(POOL_SLAB, p->size);
		if (p->slabs[index / POOL_SLAB] == NULL)
			return false;
	}
	h = pool_head_of(p, index);
	h->index = index;
	p->free_head = index + 1;
	p->made++;
	return true;
}

void *
pool_take(struct pool *p)
{
	struct pool_head *h;

	if (p->free_head == 0 && !pool_grow(p))
		return NULL;
	h = pool_head_of(p, p->free_head - 1);
	p->free_head = h->next_free;
	h->generation++;
	p->used++;
	return memset(pool_record(h), 0, p->size - sizeof(*h));
}

void
pool_put(struct pool *p, void *record)
{
	struct pool_head *h = pool_head(record);

	assert((h->generation & 1) != 0);
	h->generation++;
	h->next_free = p->free_head;
	p->free_head = h->index + 1;
	p->used--;
}

uint64_t
pool_handle(const struct pool *p, const void *record)
{
	const struct pool_head *h = pool_head(record);

	return (uint64_t)h->index << 32 | (h->generation ^ p->salt);
}

uint64_t
pool_renew(const struct pool *p, void *record)
{
	pool_head(record)->generation += 2;
	return pool_handle(p, record);
}

void *
pool_find(const struct pool *p, uint64_t handle)
{
	uint32_t index = (uint32_t)(handle >> 32);
	struct pool_head *h;

	if (index >= p->made || (handle & 1) == 0)
		return NULL;
	h = pool_head_of(p, index);
	return h->generation == ((uint32_t)handle ^ p->salt) ? pool_record(h)
							     : NULL;
}

void *
pool_next(const struct pool *p, uint32_t *i)
{
	while (*i < p->made) {
		struct pool_head *h = pool_head_of(p, (*i)++);

		if ((h->generation & 1) != 0)
			return pool_record(h);
	}
	return NULL;
}
