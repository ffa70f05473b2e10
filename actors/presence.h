/*
 * presence - how many sockets each user has open (sessions 2.5.8, P-1 to P-5).
 *
 * A socket is known by its gateway and its number there, so that telling
 * twice of one counts once, and a gateway's sockets can go all at once.  A
 * user without a socket is not in here at all.
 *
 * Keeps:   nothing on disk
 * Bounds:  PRESENCE_SOCKETS_MAX sockets
 */
#ifndef ACTORS_PRESENCE_H
#define ACTORS_PRESENCE_H

#include <stdbool.h>

#include "actors/chain.h"
#include "protocols/messages.h"
#include "runtime/base/pool.h"

#define PRESENCE_SOCKETS_MAX 65536u

struct presence {
	uint64_t seed;
	struct pool sockets;
	struct pool users;
	struct chain by_socket;
	struct chain by_user;
	struct chain_node *socket_buckets[PRESENCE_SOCKETS_MAX];
	struct chain_node *user_buckets[PRESENCE_SOCKETS_MAX];
};

/* user_id lives until the function returns. */
typedef void (*presence_gone_fn)(
    void *ctx, const char *user_id, uint32_t count);

void presence_init(struct presence *p, uint64_t seed);
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

#endif
