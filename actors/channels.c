#include "actors/channels.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void
channels_init(struct channels *c, uint64_t seed)
{
	memset(c, 0, sizeof(*c));
	c->seed = seed;
	pool_init(&c->pool, sizeof(struct channel_entry), CHANNELS_MAX, 0);
	chain_init(&c->by_name, c->buckets, CHANNELS_MAX);
	list_init(&c->idle);
}

void
channels_fini(struct channels *c)
{
	pool_fini(&c->pool);
}

static uint64_t
channels_hash(const struct channels *c, const char *name)
{
	return chain_hash(name, strlen(name), c->seed);
}

struct channel_entry *
channels_find(const struct channels *c, const char *name)
{
	struct chain_node *n = chain_first(&c->by_name, channels_hash(c, name));

	for (; n != NULL; n = chain_next(n)) {
		struct channel_entry *e =
		    CHAIN_OF(n, struct channel_entry, node);

		if (strcmp(e->name, name) == 0)
			return e;
	}
	return NULL;
}

static bool
channels_drop_idle(struct channels *c)
{
	struct list *link = list_first(&c->idle);
	struct channel_entry *e;

	if (link == NULL)
		return false;
	e = LIST_OF(link, struct channel_entry, idle);
	assert(e->window.count == 0);
	list_remove(&e->idle);
	chain_take(&c->by_name, &e->node);
	pool_put(&c->pool, e);
	return true;
}

struct channel_entry *
channels_take(struct channels *c, const char *name)
{
	struct channel_entry *e = channels_find(c, name);

	if (e != NULL)
		return e;
	assert(strlen(name) <= CHANNEL_MAX);
	e = pool_take(&c->pool);
	if (e == NULL && channels_drop_idle(c))
		e = pool_take(&c->pool);
	if (e == NULL)
		return NULL;
	snprintf(e->name, sizeof(e->name), "%s", name);
	dedup_window_init(&e->window);
	list_init(&e->idle);
	list_append(&c->idle, &e->idle);
	chain_put(&c->by_name, &e->node, channels_hash(c, name));
	return e;
}

bool
channel_has_listener(const struct channel_entry *e, uint32_t gateway)
{
	assert(gateway < LISTENERS_MAX);
	return (e->listeners[gateway / 64] >> gateway % 64 & 1) != 0;
}

bool
channel_set_listener(struct channel_entry *e, uint32_t gateway, bool on)
{
	if (channel_has_listener(e, gateway) == on)
		return false;
	e->listeners[gateway / 64] ^= UINT64_C(1) << gateway % 64;
	return true;
}

bool
channel_has_listeners(const struct channel_entry *e)
{
	uint64_t any = 0;

	for (size_t i = 0; i < LISTENERS_MAX / 64; i++)
		any |= e->listeners[i];
	return any != 0;
}

bool
channel_is_idle(const struct channel_entry *e)
{
	return e->asking == 0 && !channel_has_listeners(e);
}

void
channel_unlearn(struct channel_entry *e)
{
	assert(channel_is_idle(e));
	e->is_known = e->is_unsure = false;
	e->epoch = e->head = e->wanted = 0;
}

void
channels_settle(struct channels *c, struct channel_entry *e)
{
	list_remove(&e->idle);
	if (channel_is_idle(e))
		list_append(&c->idle, &e->idle);
}
