/*
 * presence - how many sockets each user has open (sessions 2.5.8, P-1 to P-5),
 * in all and on each channel.
 *
 * A socket is known by its gateway and its number there, so that telling
 * twice of one counts once, and a gateway's sockets can go all at once.  A
 * user without a socket is not in here at all, nor is a channel without one.
 * Whatever ends a socket takes it out of its channels too.
 *
 * Keeps:   nothing on disk
 * Bounds:  PRESENCE_SOCKETS_MAX sockets, PRESENCE_MEMBERS_MAX users on
 *          channels, each counted once for each of its channels
 */
#ifndef ACTORS_PRESENCE_H
#define ACTORS_PRESENCE_H

#include <stdbool.h>

#include "actors/chain.h"
#include "protocols/messages.h"
#include "runtime/base/pool.h"

#define PRESENCE_SOCKETS_MAX 65536u
#define PRESENCE_MEMBERS_MAX 65536u
#define PRESENCE_CHANNELS_MAX 16384u
/* A quarter of what they may hold, which is rare: they are zeroed at start. */
#define PRESENCE_MEMBER_BUCKETS (PRESENCE_MEMBERS_MAX / 4)
#define PRESENCE_CHANNEL_BUCKETS (PRESENCE_CHANNELS_MAX / 4)

/* A first socket of the user is on the channel now, or the last one left. */
typedef void (*presence_moved_fn)(
    void *ctx, const char *channel, const char *user_id, bool joined);

struct presence {
	uint64_t seed;
	struct pool sockets;
	struct pool users;
	struct pool members;
	struct pool channels;
	struct chain by_socket;
	struct chain by_user;
	struct chain by_member;
	struct chain by_channel;
	presence_moved_fn moved; /* NULL: nobody wants to know */
	void *ctx;
	struct chain_node *socket_buckets[PRESENCE_SOCKETS_MAX];
	struct chain_node *user_buckets[PRESENCE_SOCKETS_MAX];
	struct chain_node *member_buckets[PRESENCE_MEMBER_BUCKETS];
	struct chain_node *channel_buckets[PRESENCE_CHANNEL_BUCKETS];
};

/* user_id lives until the function returns. */
typedef void (*presence_gone_fn)(
    void *ctx, const char *user_id, uint32_t count);

void presence_init(
    struct presence *p, uint64_t seed, presence_moved_fn moved, void *ctx);
void presence_fini(struct presence *p);

/* INVALID: blank id.  EXISTS: counted already.  FULL: not counted. */
MUST_CHECK enum status presence_up(struct presence *p, uint32_t gateway,
    uint64_t socket, const char *user_id, uint32_t *ret_count);

/* NOT_FOUND: no such socket of this user; nothing has changed. */
MUST_CHECK enum status presence_down(struct presence *p, uint32_t gateway,
    uint64_t socket, const char *user_id, uint32_t *ret_count);

/* All sockets of a gateway: gone is called for each.  Returns how many. */
uint32_t presence_drop_gateway(
    struct presence *p, uint32_t gateway, presence_gone_fn gone, void *ctx);

bool presence_is_online(const struct presence *p, const char *user_id);
uint32_t presence_count(const struct presence *p, const char *user_id);

/* Users online. */
uint32_t presence_online(const struct presence *p);

/*
 * The first ones after an id, by id, at most max; returns how many.  Their
 * names are good until somebody goes.
 */
uint32_t presence_after(const struct presence *p, const char *after,
    struct present *ret_users, uint32_t max);

/* ---- presence_channel.c ---- */

/*
 * All channels that a socket is on, in place of those it was on.  NOT_FOUND:
 * no such socket of this user.  NO_MEMORY, FULL: on some of them it is not
 * counted.
 */
MUST_CHECK enum status presence_set_channels(struct presence *p,
    uint32_t gateway, uint64_t socket, const char *user_id,
    const char *const *channels, uint32_t count);

/* Sockets of a user on a channel; users on it; the first ones after an id. */
uint32_t presence_count_on(
    const struct presence *p, const char *channel, const char *user_id);
uint32_t presence_online_on(const struct presence *p, const char *channel);
uint32_t presence_after_on(const struct presence *p, const char *channel,
    const char *after, struct present *ret_users, uint32_t max);

#endif
