#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/presence_inside.h"

static uint64_t
channel_hash(const struct presence *p, const char *name)
{
	return chain_hash(name, strlen(name), p->seed);
}

static struct present_channel *
channel_find(const struct presence *p, const char *name)
{
	struct chain_node *n =
	    chain_first(&p->by_channel, channel_hash(p, name));

	for (; n != NULL; n = chain_next(n)) {
		struct present_channel *c =
		    CHAIN_OF(n, struct present_channel, node);

		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

static struct present_channel *
channel_take(struct presence *p, const char *name)
{
	struct present_channel *c = channel_find(p, name);

	if (c != NULL)
		return c;
	c = pool_take(&p->channels);
	if (c == NULL)
		return NULL;
	list_init(&c->members);
	snprintf(c->name, sizeof(c->name), "%s", name);
	chain_put(&p->by_channel, &c->node, channel_hash(p, name));
	return c;
}

static void
channel_free_if_empty(struct presence *p, struct present_channel *c)
{
	if (c->count > 0)
		return;
	chain_take(&p->by_channel, &c->node);
	pool_put(&p->channels, c);
}

/* Of the user, in the channel it is looked for in. */
static uint64_t
member_hash(const struct presence *p, const struct present_channel *c,
    const char *user_id)
{
	return chain_hash(user_id, strlen(user_id), p->seed ^ (uintptr_t)c);
}

static struct present_member *
member_find(const struct presence *p, const struct present_channel *c,
    const char *user_id)
{
	struct chain_node *n =
	    chain_first(&p->by_member, member_hash(p, c, user_id));

	for (; n != NULL; n = chain_next(n)) {
		struct present_member *m =
		    CHAIN_OF(n, struct present_member, node);

		if (m->channel == c && strcmp(m->user_id, user_id) == 0)
			return m;
	}
	return NULL;
}

static struct present_member *
member_create(
    struct presence *p, struct present_channel *c, const char *user_id)
{
	struct present_member *m = pool_take(&p->members);

	if (m == NULL)
		return NULL;
	m->channel = c;
	c->count++;
	list_init(&m->of_channel);
	list_append(&c->members, &m->of_channel);
	snprintf(m->user_id, sizeof(m->user_id), "%s", user_id);
	chain_put(&p->by_member, &m->node, member_hash(p, c, user_id));
	return m;
}

/* One more socket of the user on the channel; NULL at a bound. */
static struct present_member *
member_take(struct presence *p, const char *channel, const char *user_id)
{
	struct present_channel *c = channel_take(p, channel);
	struct present_member *m;

	if (c == NULL)
		return NULL;
	m = member_find(p, c, user_id);
	if (m == NULL)
		m = member_create(p, c, user_id);
	if (m == NULL) {
		channel_free_if_empty(p, c);
		return NULL;
	}
	if (++m->count == 1 && p->moved != NULL)
		p->moved(p->ctx, c->name, user_id, true);
	return m;
}

static void
member_put(struct presence *p, struct present_member *m)
{
	struct present_channel *c = m->channel;

	if (--m->count > 0)
		return;
	if (p->moved != NULL)
		p->moved(p->ctx, c->name, m->user_id, false);
	chain_take(&p->by_member, &m->node);
	list_remove(&m->of_channel);
	pool_put(&p->members, m);
	c->count--;
	channel_free_if_empty(p, c);
}

void
presence_leave_channels(struct presence *p, struct present_socket *s)
{
	for (uint32_t i = 0; i < s->on_count; i++)
		member_put(p, s->on[i]);
	free(s->on);
	s->on = NULL;
	s->on_count = 0;
}

/* Joins before it leaves, so that nobody goes and comes who stays. */
enum status
presence_set_channels(struct presence *p, uint32_t gateway, uint64_t socket,
    const char *user_id, const char *const *channels, uint32_t count)
{
	struct present_socket *s = presence_find_socket(p, gateway, socket);
	struct present_member **on = NULL;
	uint32_t joined = 0;

	if (s == NULL || strcmp(s->user->id, user_id) != 0)
		return ST_NOT_FOUND;
	if (count > 0 && (on = calloc(count, sizeof(*on))) == NULL)
		return ST_NO_MEMORY;
	for (uint32_t i = 0; i < count; i++) {
		struct present_member *m = member_take(p, channels[i], user_id);

		if (m != NULL)
			on[joined++] = m;
	}
	presence_leave_channels(p, s);
	s->on = on;
	s->on_count = joined;
	return joined == count ? ST_OK : ST_FULL;
}

uint32_t
presence_count_on(
    const struct presence *p, const char *channel, const char *user_id)
{
	const struct present_channel *c = channel_find(p, channel);
	const struct present_member *m =
	    c == NULL ? NULL : member_find(p, c, user_id);

	return m == NULL ? 0 : m->count;
}

uint32_t
presence_online_on(const struct presence *p, const char *channel)
{
	const struct present_channel *c = channel_find(p, channel);

	return c == NULL ? 0 : c->count;
}

uint32_t
presence_after_on(const struct presence *p, const char *channel,
    const char *after, struct present *ret_users, uint32_t max)
{
	const struct present_channel *c = channel_find(p, channel);
	struct list *at = c == NULL ? NULL : c->members.next;
	uint32_t count = 0;

	for (; at != NULL && at != &c->members; at = at->next) {
		const struct present_member *m =
		    LIST_OF(at, struct present_member, of_channel);

		if (strcmp(m->user_id, after) > 0)
			count = present_insert(ret_users, count, max,
			    &(struct present){ m->user_id, m->count });
	}
	return count;
}
