#include "gateway/shared.h"

#include <stdbool.h>
#include <stdlib.h>

static const struct shared_kind {
	size_t room;
	uint32_t count;
} shared_kinds[] = {
#define KIND(room, count) { (room), (count) },
	SHARED_KINDS(KIND)
#undef KIND
};

#define SHARED_POOLS (sizeof(shared_kinds) / sizeof(shared_kinds[0]))

struct shareds {
	struct pool pools[SHARED_POOLS];
	uint32_t used;
	bool retired;
};

struct shareds *
shareds_create(void)
{
	struct shareds *s = calloc(1, sizeof(*s));

	for (size_t i = 0; s != NULL && i < SHARED_POOLS; i++)
		pool_init(&s->pools[i],
		    sizeof(struct shared) + shared_kinds[i].room,
		    shared_kinds[i].count, 0);
	return s;
}

static void
shareds_free_if_done(struct shareds *s)
{
	if (!s->retired || s->used > 0)
		return;
	for (size_t i = 0; i < SHARED_POOLS; i++)
		pool_fini(&s->pools[i]);
	free(s);
}

void
shareds_destroy(struct shareds *s)
{
	if (s == NULL)
		return;
	s->retired = true;
	shareds_free_if_done(s);
}

static void
shared_release(struct net_hold *hold)
{
	struct shared *b = (struct shared *)(void *)hold;
	struct shareds *s = b->home;

	pool_put(&s->pools[b->kind], b);
	s->used--;
	shareds_free_if_done(s);
}

struct shared *
shared_take(struct shareds *s, size_t size)
{
	for (uint32_t i = 0; i < SHARED_POOLS; i++) {
		struct shared *b;

		if (size > shared_kinds[i].room)
			continue;
		b = pool_take(&s->pools[i]);
		if (b == NULL)
			continue;
		b->hold = (struct net_hold){ 1, shared_release };
		b->home = s;
		b->kind = i;
		b->size = size;
		s->used++;
		return b;
	}
	return NULL;
}

void
shared_drop(struct shared *b)
{
	if (b != NULL && --b->hold.refs == 0)
		shared_release(&b->hold);
}
