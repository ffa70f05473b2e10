#include "runtime/mail.h"

#include <nng/nng.h>
#include <stdlib.h>
#include <string.h>

void
mail_free(struct mail *m)
{
	nng_msg_free(m->msg);
	free(m);
}

/* The frame begins a line, so that it covers as few of them as it can. */
static void
mail_align(struct mail *m, uint32_t room)
{
	uintptr_t at = (uintptr_t)nng_msg_body(m->msg);

	(void)nng_msg_trim(m->msg, -at % MAIL_LINE);
	m->at = nng_msg_body(m->msg);
	m->room = room;
}

static struct mail *
mail_create(uint16_t home, uint32_t room)
{
	struct mail *m = aligned_alloc(MAIL_LINE, sizeof(*m));

	if (m == NULL)
		return NULL;
	memset(m, 0, sizeof(*m));
	if (nng_msg_alloc(&m->msg, room + MAIL_LINE) != 0) {
		free(m);
		return NULL;
	}
	mail_align(m, room);
	m->home = home;
	return m;
}

struct mail *
mail_take(struct mail_pool *p, uint32_t room)
{
	struct mail *m = p->free;

	if (m == NULL)
		return mail_create(
		    p->home, room < MAIL_ROOM_SMALL ? MAIL_ROOM_SMALL : room);
	if (room > m->room && !mail_grow(m, room))
		return NULL;
	p->free = m->next;
	if (p->free != NULL)
		__builtin_prefetch(p->free);
	p->count--;
	m->size = 0;
	return m;
}

bool
mail_grow(struct mail *m, uint32_t room)
{
	if (room > FRAME_MAX)
		return false;
	if (nng_msg_realloc(m->msg, room) != 0)
		return false;
	m->at = nng_msg_body(m->msg);
	m->room = room;
	return true;
}

/* Big ones are not kept: a burst of them would hold its memory for ever. */
void
mail_put(struct mail_pool *p, struct mail *m)
{
	if (m->room > MAIL_ROOM_SMALL || p->count >= MAIL_POOL_MAX) {
		mail_free(m);
		return;
	}
	m->next = p->free;
	p->free = m;
	p->count++;
}

void
mail_put_batch(struct mail_pool *p, struct mail *first)
{
	if (p->count + first->count > MAIL_POOL_MAX) {
		while (first != NULL) {
			struct mail *next = first->next;

			mail_free(first);
			first = next;
		}
		return;
	}
	first->last->next = p->free;
	p->free = first;
	p->count += first->count;
}

void
mail_pool_fini(struct mail_pool *p)
{
	while (p->free != NULL) {
		struct mail *m = p->free;

		p->free = m->next;
		mail_free(m);
	}
	p->count = 0;
}
