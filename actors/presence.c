#include "actors/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/presence_inside.h"
#include "runtime/base/text.h"

void
presence_init(
    struct presence *p, uint64_t seed, presence_moved_fn moved, void *ctx)
{
	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->moved = moved;
	p->ctx = ctx;
	pool_init(&p->sockets, sizeof(struct present_socket),
	    PRESENCE_SOCKETS_MAX, 0);
	pool_init(
	    &p->users, sizeof(struct present_user), PRESENCE_SOCKETS_MAX, 0);
	pool_init(&p->members, sizeof(struct present_member),
	    PRESENCE_MEMBERS_MAX, 0);
	pool_init(&p->channels, sizeof(struct present_channel),
	    PRESENCE_CHANNELS_MAX, 0);
	chain_init(&p->by_socket, p->socket_buckets, PRESENCE_SOCKETS_MAX);
	chain_init(&p->by_user, p->user_buckets, PRESENCE_SOCKETS_MAX);
	chain_init(&p->by_member, p->member_buckets, PRESENCE_MEMBER_BUCKETS);
	chain_init(
	    &p->by_channel, p->channel_buckets, PRESENCE_CHANNEL_BUCKETS);
}

void
presence_fini(struct presence *p)
{
	struct present_socket *s;

	for (uint32_t i = 0; (s = pool_next(&p->sockets, &i)) != NULL;)
		free(s->on);
	pool_fini(&p->sockets);
	pool_fini(&p->users);
	pool_fini(&p->members);
	pool_fini(&p->channels);
}

static uint64_t
presence_user_hash(const struct presence *p, const char *id)
{
	return chain_hash(id, strlen(id), p->seed);
}

static struct present_user *
presence_find_user(const struct presence *p, const char *id)
{
	struct chain_node *n =
	    chain_first(&p->by_user, presence_user_hash(p, id));

	for (; n != NULL; n = chain_next(n)) {
		struct present_user *u = CHAIN_OF(n, struct present_user, node);

		if (strcmp(u->id, id) == 0)
			return u;
	}
	return NULL;
}

static uint64_t
presence_socket_hash(
    const struct presence *p, uint32_t gateway, uint64_t number)
{
	return chain_hash(&number, sizeof(number), p->seed ^ gateway);
}

struct present_socket *
presence_find_socket(
    const struct presence *p, uint32_t gateway, uint64_t number)
{
	struct chain_node *n = chain_first(
	    &p->by_socket, presence_socket_hash(p, gateway, number));

	for (; n != NULL; n = chain_next(n)) {
		struct present_socket *s =
		    CHAIN_OF(n, struct present_socket, node);

		if (s->gateway == gateway && s->number == number)
			return s;
	}
	return NULL;
}

/* NULL at the bound. */
static struct present_user *
presence_take_user(struct presence *p, const char *id)
{
	struct present_user *u = presence_find_user(p, id);

	if (u != NULL)
		return u;
	u = pool_take(&p->users);
	if (u == NULL)
		return NULL;
	snprintf(u->id, sizeof(u->id), "%s", id);
	chain_put(&p->by_user, &u->node, presence_user_hash(p, id));
	return u;
}

enum status
presence_up(struct presence *p, uint32_t gateway, uint64_t socket,
    const char *user_id, uint32_t *ret_count)
{
	struct present_socket *s;

	if (text_is_blank(user_id) || strlen(user_id) > ID_MAX)
		return ST_INVALID;
	if (presence_find_socket(p, gateway, socket) != NULL)
		return ST_EXISTS;
	s = pool_take(&p->sockets);
	if (s == NULL)
		return ST_FULL;
	s->user = presence_take_user(p, user_id);
	if (s->user == NULL) {
		pool_put(&p->sockets, s);
		return ST_FULL;
	}
	s->number = socket;
	s->gateway = gateway;
	chain_put(
	    &p->by_socket, &s->node, presence_socket_hash(p, gateway, socket));
	*ret_count = ++s->user->count;
	return ST_OK;
}

static uint32_t
presence_remove(struct presence *p, struct present_socket *s)
{
	struct present_user *u = s->user;
	uint32_t left = --u->count;

	presence_leave_channels(p, s);
	chain_take(&p->by_socket, &s->node);
	pool_put(&p->sockets, s);
	if (left == 0) {
		chain_take(&p->by_user, &u->node);
		pool_put(&p->users, u);
	}
	return left;
}

enum status
presence_down(struct presence *p, uint32_t gateway, uint64_t socket,
    const char *user_id, uint32_t *ret_count)
{
	struct present_socket *s = presence_find_socket(p, gateway, socket);

	if (s == NULL || strcmp(s->user->id, user_id) != 0)
		return ST_NOT_FOUND;
	*ret_count = presence_remove(p, s);
	return ST_OK;
}

uint32_t
presence_drop_gateway(
    struct presence *p, uint32_t gateway, presence_gone_fn gone, void *ctx)
{
	struct present_socket *s;
	uint32_t dropped = 0;

	for (uint32_t i = 0; (s = pool_next(&p->sockets, &i)) != NULL;) {
		char id[ID_MAX + 1];

		if (s->gateway != gateway)
			continue;
		memcpy(id, s->user->id, sizeof(id));
		gone(ctx, id, presence_remove(p, s));
		dropped++;
	}
	return dropped;
}

bool
presence_is_online(const struct presence *p, const char *user_id)
{
	return presence_find_user(p, user_id) != NULL;
}

uint32_t
presence_count(const struct presence *p, const char *user_id)
{
	const struct present_user *u = presence_find_user(p, user_id);

	return u == NULL ? 0 : u->count;
}

uint32_t
presence_online(const struct presence *p)
{
	return p->users.used;
}

uint32_t
present_insert(struct present *list, uint32_t count, uint32_t max,
    const struct present *one)
{
	uint32_t at = count;

	if (count == max && strcmp(one->user_id, list[count - 1].user_id) > 0)
		return count;
	if (count == max)
		at--;
	else
		count++;
	for (; at > 0 && strcmp(list[at - 1].user_id, one->user_id) > 0; at--)
		list[at] = list[at - 1];
	list[at] = *one;
	return count;
}

uint32_t
presence_after(const struct presence *p, const char *after,
    struct present *ret_users, uint32_t max)
{
	const struct present_user *u;
	uint32_t count = 0;

	for (uint32_t i = 0; (u = pool_next(&p->users, &i)) != NULL;)
		if (strcmp(u->id, after) > 0)
			count = present_insert(ret_users, count, max,
			    &(struct present){ u->id, u->count });
	return count;
}
