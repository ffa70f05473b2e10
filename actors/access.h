/*
 * access - who may do what, by role alone.
 *
 * The gateway has found out who asks; whoever owns the state decides again,
 * so that a mistake in a table of routes opens nothing.  Stateless.
 */
#ifndef ACTORS_ACCESS_H
#define ACTORS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/messages.h"

#define ACCESS_KINDS(X) \
	X(READ)         \
	X(WRITE)        \
	X(SETTINGS)     \
	X(SECRETS)      \
	X(SERVICES)     \
	X(BUDGETS)

enum access {
#define X(kind) ACCESS_##kind,
	ACCESS_KINDS(X)
#undef X
};

/* A ceo, or the commands of the host over the control socket. */
bool access_is_operator(const struct principal *who);

/* A key is no proof of a person. */
bool access_is_person(const struct principal *who);

/*
 * They gave their password at most so long ago, or speak over the control
 * socket.  within_us 0: nobody asks.
 */
bool access_is_recent(
    const struct principal *who, uint64_t within_us, int64_t now);

/* 0, or the problem to refuse with: UNAUTHORIZED or FORBIDDEN. */
uint32_t access_check(const struct principal *who, enum access what);

#endif
