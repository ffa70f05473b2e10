/*
 * presence_inside - what presence.c (sockets and users) and
 * presence_channel.c (who is on which channel) share.
 */
#ifndef ACTORS_PRESENCE_INSIDE_H
#define ACTORS_PRESENCE_INSIDE_H

#include "actors/presence.h"
#include "runtime/base/list.h"

struct present_user {
	struct chain_node node;
	char id[ID_MAX + 1];
	uint32_t count; /* never 0 */
};

struct present_channel {
	struct chain_node node;
	struct list members;
	uint32_t count; /* never 0 */
	char name[CHANNEL_MAX + 1];
};

/* A user on a channel. */
struct present_member {
	struct chain_node node;
	struct list of_channel;
	struct present_channel *channel;
	uint32_t count; /* sockets; never 0 */
	char user_id[ID_MAX + 1];
};

struct present_socket {
	struct chain_node node;
	uint64_t number;
	uint32_t gateway;
	struct present_user *user;
	struct present_member **on; /* its channels; NULL: none */
	uint32_t on_count;
};

/* ---- presence.c ---- */
struct present_socket *presence_find_socket(
    const struct presence *p, uint32_t gateway, uint64_t number);
/* Keeps the list sorted by id, and of the smallest; how many it has now. */
uint32_t present_insert(struct present *list, uint32_t count, uint32_t max,
    const struct present *one);

/* ---- presence_channel.c ---- */
void presence_leave_channels(struct presence *p, struct present_socket *s);

#endif
