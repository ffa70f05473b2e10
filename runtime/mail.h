/*
 * mail - a message on its way: an nng_msg holding one frame, and a pool.
 *
 * Allocating an nng_msg costs more than handing it over, so each loop keeps
 * a pool of them.  A mail that ends on another loop than its home travels
 * back in batches.  Pools are for one thread; a mail is its holder's.
 */
#ifndef RUNTIME_MAIL_H
#define RUNTIME_MAIL_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocols/frame.h"
#include "runtime/base/status.h"
#include "runtime/parcel.h"

#define MAIL_ROOM_SMALL 512      /* what pooled mails can hold */
#define MAIL_POOL_MAX (1u << 16) /* kept free per loop; more are given back */

struct nng_msg;

#define MAIL_LINE 64 /* bytes of a cache line */

/* One line, so that handing a mail to another thread moves one. */
struct mail {
	alignas(MAIL_LINE) struct mail *next; /* in a box, a batch or a pool */
	uint8_t *at;                          /* the frame */
	uint32_t size;                        /* of the frame */
	uint32_t room;                        /* at `at` */
	uint16_t home;        /* loop whose pool it belongs to */
	uint16_t source;      /* loop that sent it; set on hand-over */
	uint32_t count;       /* mails in the batch this one heads */
	struct parcel parcel; /* used by the first of a batch */
	struct nng_msg *msg;
	struct mail *last; /* of the batch this one heads */
};

struct mail_list {
	struct mail *head;
	struct mail *tail;
	uint32_t count;
};

struct mail_pool {
	struct mail *free;
	uint32_t count;
	uint16_t home;
};

/* A mail with at least room bytes (at most FRAME_MAX), or NULL. */
struct mail *mail_take(struct mail_pool *p, uint32_t room);

/* Makes room bytes, keeping the contents; false: the mail is as before. */
MUST_CHECK bool mail_grow(struct mail *m, uint32_t room);

/* To its own pool only; see loop_drop for a mail that may be a stranger. */
void mail_put(struct mail_pool *p, struct mail *m);

/*
 * A batch, from first to first->last, of mails that are all of this pool and
 * MAIL_ROOM_SMALL.  Looks at none of them: another thread wrote them last.
 */
void mail_put_batch(struct mail_pool *p, struct mail *first);

/* Gives its memory back; for mails that no pool keeps.  Any thread. */
void mail_free(struct mail *m);

/* Frees what the pool holds. */
void mail_pool_fini(struct mail_pool *p);

/* Starts to fetch the first lines of a frame, which another thread wrote. */
static inline void
mail_prefetch(const struct mail *m)
{
	__builtin_prefetch(m->at);
	__builtin_prefetch(m->at + MAIL_LINE);
	__builtin_prefetch(m->at + 2 * MAIL_LINE);
}

static inline void
mail_list_append(struct mail_list *l, struct mail *m)
{
	m->next = NULL;
	if (l->tail == NULL)
		l->head = m;
	else
		l->tail->next = m;
	l->tail = m;
	l->count++;
}

static inline struct mail *
mail_list_pop(struct mail_list *l)
{
	struct mail *m = l->head;

	if (m != NULL) {
		l->head = m->next;
		if (l->head == NULL)
			l->tail = NULL;
		l->count--;
	}
	return m;
}

#endif
