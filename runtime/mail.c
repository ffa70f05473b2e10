#include "runtime/mail.h"

#include <stdlib.h>
#include <string.h>

/* In front of the frame; the struct itself may end with padding. */
#define MAIL_HEAD offsetof(struct mail, at)

_Static_assert((MAIL_HEAD + MAIL_ROOM_SMALL) % MAIL_LINE == 0,
    "a small mail is a whole number of lines");

void
mail_free(struct mail *m)
{
	free(m);
}

static struct mail *
mail_create(uint16_t home, uint32_t room)
{
	size_t lines = (MAIL_HEAD + room + MAIL_LINE - 1) / MAIL_LINE;
	struct mail *m = aligned_alloc(MAIL_LINE, lines * MAIL_LINE);

	if (m == NULL)
		return NULL;
	memset(m, 0, MAIL_HEAD);
	m->lines = (uint16_t)lines;
	/* Pools keep no big ones: a burst would hold its memory for ever. */
	m->home = room > MAIL_ROOM_SMALL ? MAIL_HOMELESS : home;
	return m;
}

struct mail *
mail_take_new(struct mail_pool *p, uint32_t room)
{
	return mail_create(
	    p->home, room < MAIL_ROOM_SMALL ? MAIL_ROOM_SMALL : room);
}

struct mail *
mail_grow(struct mail *m, uint32_t room)
{
	struct mail *bigger;

	if (room <= mail_room(m))
		return m;
	bigger = room > FRAME_MAX ? NULL : mail_create(m->home, room);
	if (bigger == NULL)
		return NULL;
	memcpy(bigger->at, m->at, mail_room(m));
	bigger->next = m->next;
	bigger->edge = m->edge;
	bigger->size = m->size;
	mail_free(m);
	return bigger;
}

struct bundle *
bundle_take(struct mail_pool *p)
{
	struct bundle *b = p->bundles;

	if (b == NULL) {
		b = aligned_alloc(MAIL_LINE,
		    (sizeof(*b) + MAIL_LINE - 1) / MAIL_LINE * MAIL_LINE);
		if (b == NULL)
			return NULL;
	} else {
		p->bundles = b->next;
		p->bundle_count--;
	}
	b->count = 0;
	b->source = p->home;
	return b;
}

void
bundle_put(struct mail_pool *p, struct bundle *b)
{
	if (p->bundle_count >= BUNDLE_POOL_MAX) {
		free(b);
		return;
	}
	b->next = p->bundles;
	p->bundles = b;
	p->bundle_count++;
}

/* Pages of the array that are never reached cost nothing. */
enum status
mail_pool_init(struct mail_pool *p, uint16_t home)
{
	struct mail **slots =
	    calloc(MAIL_AHEAD + MAIL_POOL_MAX, sizeof(p->free[0]));

	if (slots == NULL)
		return ST_NO_MEMORY;
	p->free = slots + MAIL_AHEAD;
	p->home = home;
	return ST_OK;
}

void
mail_pool_fini(struct mail_pool *p)
{
	while (p->count > 0)
		mail_free(p->free[--p->count]);
	if (p->free != NULL)
		free(p->free - MAIL_AHEAD);
	p->free = NULL;
	while (p->bundles != NULL) {
		struct bundle *b = p->bundles;

		p->bundles = b->next;
		free(b);
	}
	p->bundle_count = 0;
}
