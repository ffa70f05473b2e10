#include "actors/dedup.h"

#include <string.h>

struct dedup_id {
	struct chain_node node;
	struct list in_window;
	struct list in_order;
	struct dedup_window *window;
	struct uuid id;
	uint64_t at_us;
	uint32_t told; /* gateways that may yet say that nobody took it */
};

enum status
dedup_init(struct dedup *d, uint64_t ttl_us, uint64_t window_max, uint64_t seed)
{
	if (window_max < 1 || window_max > DEDUP_IDS_MAX)
		return ST_INVALID;
	memset(d, 0, sizeof(*d));
	d->ttl_us = ttl_us;
	d->window_max = (uint32_t)window_max;
	d->seed = seed;
	pool_init(&d->pool, sizeof(struct dedup_id), DEDUP_IDS_MAX, 0);
	list_init(&d->order);
	chain_init(&d->by_id, d->buckets, DEDUP_IDS_MAX);
	return ST_OK;
}

void
dedup_fini(struct dedup *d)
{
	pool_fini(&d->pool);
}

void
dedup_window_init(struct dedup_window *w)
{
	list_init(&w->ids);
	w->count = 0;
}

static void
dedup_remove(struct dedup *d, struct dedup_id *e)
{
	chain_take(&d->by_id, &e->node);
	list_remove(&e->in_window);
	list_remove(&e->in_order);
	e->window->count--;
	pool_put(&d->pool, e);
}

static struct dedup_id *
dedup_oldest(const struct dedup *d)
{
	struct list *link = list_first(&d->order);

	return link == NULL ? NULL : LIST_OF(link, struct dedup_id, in_order);
}

/* Time is the same for all windows, so the oldest ones stand first. */
static void
dedup_expire(struct dedup *d, uint64_t now_us)
{
	struct dedup_id *e;

	while (d->ttl_us > 0 && (e = dedup_oldest(d)) != NULL &&
	       now_us - e->at_us > d->ttl_us)
		dedup_remove(d, e);
}

static uint64_t
dedup_hash(
    const struct dedup *d, const struct dedup_window *w, const struct uuid *id)
{
	return chain_hash(
	    id->octets, sizeof(id->octets), d->seed ^ (uintptr_t)w);
}

static struct dedup_id *
dedup_find(
    const struct dedup *d, const struct dedup_window *w, const struct uuid *id)
{
	struct chain_node *n = chain_first(&d->by_id, dedup_hash(d, w, id));

	for (; n != NULL; n = chain_next(n)) {
		struct dedup_id *e = CHAIN_OF(n, struct dedup_id, node);

		if (e->window == w && memcmp(&e->id, id, sizeof(*id)) == 0)
			return e;
	}
	return NULL;
}

/* A record, if need be the oldest one of all. */
static struct dedup_id *
dedup_make_room(struct dedup *d, struct dedup_window *w)
{
	struct dedup_id *e;

	if (w->count == d->window_max)
		dedup_remove(
		    d, LIST_OF(w->ids.next, struct dedup_id, in_window));
	e = pool_take(&d->pool);
	if (e != NULL || dedup_oldest(d) == NULL)
		return e;
	d->pushed_out++;
	dedup_remove(d, dedup_oldest(d));
	return pool_take(&d->pool);
}

enum status
dedup_record(struct dedup *d, struct dedup_window *w, const struct uuid *id,
    uint64_t now_us)
{
	struct dedup_id *e;

	dedup_expire(d, now_us);
	if (dedup_find(d, w, id) != NULL)
		return ST_EXISTS;
	e = dedup_make_room(d, w);
	if (e == NULL)
		return ST_NO_MEMORY;
	e->window = w;
	e->id = *id;
	e->at_us = now_us;
	chain_put(&d->by_id, &e->node, dedup_hash(d, w, id));
	list_append(&w->ids, &e->in_window);
	list_append(&d->order, &e->in_order);
	w->count++;
	return ST_OK;
}

void
dedup_told(struct dedup *d, struct dedup_window *w, const struct uuid *id,
    uint32_t told)
{
	struct dedup_id *e = dedup_find(d, w, id);

	if (e == NULL)
		return;
	e->told = told;
	if (told == 0)
		dedup_remove(d, e);
}

void
dedup_unheard(struct dedup *d, struct dedup_window *w, const struct uuid *id)
{
	struct dedup_id *e = dedup_find(d, w, id);

	if (e != NULL && e->told > 0 && --e->told == 0)
		dedup_remove(d, e);
}

void
dedup_forget(struct dedup *d, struct dedup_window *w)
{
	struct list *link;

	while ((link = list_first(&w->ids)) != NULL)
		dedup_remove(d, LIST_OF(link, struct dedup_id, in_window));
}
