/*
 * mail - a message on its way: one frame and what the runtime keeps of it, in
 * one piece of memory; and a pool.
 *
 * The first line of a mail holds its head and the beginning of the frame, so
 * a message with a short body is two cache lines in all.  A mail that ends on
 * another loop than its home travels back in bundles.  Pools are for one
 * thread; a mail is its holder's.
 */
#ifndef RUNTIME_MAIL_H
#define RUNTIME_MAIL_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/frame.h"
#include "runtime/base/status.h"
#include "runtime/parcel.h"

#define MAIL_LINE 64        /* bytes of a cache line */
#define MAIL_ROOM_SMALL 544 /* what pooled mails can hold */
#define MAIL_HOMELESS UINT16_MAX
#define MAIL_POOL_MAX (1u << 16) /* kept free per loop; more are given back */
#define MAIL_AHEAD 4u            /* mails that are fetched before their turn */
#define MAIL_INFLIGHT_MAX (1u << 16) /* from one loop to another */
#define BUNDLE_MAX 64u               /* mails handed over at once */
#define BUNDLE_POOL_MAX 256u         /* kept free per loop */

struct edge;

struct mail {
	union {
		struct mail *next;    /* in a box */
		struct parcel parcel; /* alone on its way to another loop */
	};
	struct edge *edge; /* whose books have it */
	uint32_t size;     /* of the frame */
	uint16_t lines;    /* of memory that it takes */
	uint16_t home; /* loop whose pool it belongs to; none if it is big */
	alignas(32) uint8_t at[]; /* the frame: to its receiver in one line */
};

struct mail_list {
	struct mail *head;
	struct mail *tail;
	uint32_t count;
};

/*
 * Several mails for another loop.  An array and no list: the receiver can fetch
 * the next ones before it has seen the first.
 */
struct bundle {
	struct parcel parcel;
	struct bundle *next; /* in a pool */
	uint16_t source;
	uint32_t count;
	struct mail *mails[BUNDLE_MAX];
};

/* An array and no list: mails go in and out without being looked at. */
struct mail_pool {
	struct mail **free; /* MAIL_POOL_MAX, behind MAIL_AHEAD that are NULL */
	uint32_t count;
	uint16_t home;
	struct bundle *bundles;
	uint32_t bundle_count;
};

/* Bytes that a frame in it may have. */
static inline uint32_t
mail_room(const struct mail *m)
{
	uint32_t room =
	    m->lines * MAIL_LINE - (uint32_t)offsetof(struct mail, at);

	return room < FRAME_MAX ? room : FRAME_MAX;
}

/* A mail with at least room bytes (at most FRAME_MAX), or NULL. */
struct mail *mail_take_new(struct mail_pool *p, uint32_t room);

/*
 * Makes room bytes, keeping the contents; the mail may move.  NULL: it is as
 * before.
 */
struct mail *mail_grow(struct mail *m, uint32_t room);

/* Gives its memory back; for mails that no pool keeps.  Any thread. */
void mail_free(struct mail *m);

MUST_CHECK enum status mail_pool_init(struct mail_pool *p, uint16_t home);
/* Frees what the pool holds. */
void mail_pool_fini(struct mail_pool *p);

/* An empty one, or NULL. */
struct bundle *bundle_take(struct mail_pool *p);
void bundle_put(struct mail_pool *p, struct bundle *b);

/*
 * Starts to fetch the first lines of a mail, which another thread wrote.  m
 * may be NULL, to which nothing may be added but as a number.
 */
static inline void
mail_prefetch(const struct mail *m)
{
	__builtin_prefetch(m, 1);
	/* A number: there may be no mail at all. */
	__builtin_prefetch((const void *)((uintptr_t)m + MAIL_LINE), 1);
}

static inline struct mail *
mail_take(struct mail_pool *p, uint32_t room)
{
	struct mail *m;

	if (__builtin_expect(p->count == 0 || room > MAIL_ROOM_SMALL, 0))
		return mail_take_new(p, room);
	p->count--;
	mail_prefetch(p->free[(int64_t)p->count - MAIL_AHEAD]);
	m = p->free[p->count];
	if (m == NULL)
		__builtin_unreachable(); /* so that nobody asks again */
	return m;
}

/* To its own pool only; see loop_drop for a mail that may be a stranger. */
static inline void
mail_put(struct mail_pool *p, struct mail *m)
{
	if (__builtin_expect(p->count >= MAIL_POOL_MAX, 0)) {
		mail_free(m);
		return;
	}
	p->free[p->count++] = m;
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
