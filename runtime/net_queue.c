#include "runtime/net_queue.h"

#include <assert.h>
#include <string.h>

static void
net_copy_release(struct net_hold *hold)
{
	struct net_copy *c = (struct net_copy *)(void *)hold;

	pool_put(&c->net->copies, c);
}

bool
net_queue_admits(
    const struct net *n, const struct net_part *parts, size_t count)
{
	size_t copies = 0, refs = 0;

	for (size_t i = 0; i < count; i++) {
		size_t size = parts[i].bytes.size;

		refs++;
		if (parts[i].hold == NULL)
			copies += size / NET_COPY_SIZE + 1;
	}
	refs += copies;
	return copies <= n->copies.max - n->copies.used &&
	       refs <= n->refs.max - n->refs.used;
}

static struct net_ref *
net_queue_append(struct net *n, struct net_queue *q, const uint8_t *at,
    size_t size, struct net_hold *hold)
{
	struct net_ref *r = pool_take(&n->refs);

	if (r == NULL)
		return NULL;
	*r = (struct net_ref){ NULL, at, size, hold };
	hold->refs++;
	if (q->tail != NULL)
		q->tail->next = r;
	else
		q->head = r;
	q->tail = r;
	return r;
}

/* The copy that the queue ends with, if bytes can be added to it. */
static struct net_copy *
net_queue_open_copy(struct net_queue *q)
{
	struct net_copy *c;

	if (q->tail == NULL || q->tail->hold->release != net_copy_release)
		return NULL;
	c = (struct net_copy *)(void *)q->tail->hold;
	return c->used < NET_COPY_SIZE ? c : NULL;
}

/* A fresh copy at the end of the queue, still empty. */
static struct net_copy *
net_queue_add_copy(struct net *n, struct net_queue *q)
{
	struct net_copy *c = pool_take(&n->copies);

	if (c == NULL)
		return NULL;
	c->hold = (struct net_hold){ 0, net_copy_release };
	c->net = n;
	c->used = 0;
	if (net_queue_append(n, q, c->bytes, 0, &c->hold) != NULL)
		return c;
	pool_put(&n->copies, c);
	return NULL;
}

static enum status
net_queue_push_copied(struct net *n, struct net_queue *q, struct bytes b)
{
	while (b.size > 0) {
		struct net_copy *c = net_queue_open_copy(q);
		size_t size;

		if (c == NULL)
			c = net_queue_add_copy(n, q);
		if (c == NULL)
			return ST_NO_MEMORY;
		size = NET_COPY_SIZE - c->used;
		if (size > b.size)
			size = b.size;
		memcpy(c->bytes + c->used, b.at, size);
		c->used += size;
		q->tail->size += size;
		b.at += size;
		b.size -= size;
	}
	return ST_OK;
}

enum status
net_queue_push(struct net *n, struct net_queue *q, const struct net_part *parts,
    size_t count, size_t skip)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes b = parts[i].bytes;
		size_t skipped = skip < b.size ? skip : b.size;
		enum status st = ST_OK;

		skip -= skipped;
		b.size -= skipped;
		if (b.size == 0)
			continue;
		b.at += skipped;
		if (parts[i].hold == NULL)
			st = net_queue_push_copied(n, q, b);
		else if (net_queue_append(n, q, b.at, b.size, parts[i].hold) ==
			 NULL)
			st = ST_NO_MEMORY;
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static void
net_queue_pop(struct net *n, struct net_queue *q)
{
	struct net_ref *r = q->head;

	q->head = r->next;
	if (q->head == NULL)
		q->tail = NULL;
	assert(r->hold->refs > 0);
	if (--r->hold->refs == 0)
		r->hold->release(r->hold);
	pool_put(&n->refs, r);
}

void
net_queue_drop(struct net *n, struct net_queue *q, size_t size)
{
	while (size > 0) {
		assert(q->head != NULL);
		if (size < q->head->size) {
			q->head->at += size;
			q->head->size -= size;
			return;
		}
		size -= q->head->size;
		net_queue_pop(n, q);
	}
}

void
net_queue_clear(struct net *n, struct net_queue *q)
{
	while (q->head != NULL)
		net_queue_pop(n, q);
}
