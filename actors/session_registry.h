/*
 * session-registry - who may come in: accounts, sessions, revocations.
 *
 * Speaks:  protocols/auth.def, keys.def, replica.def; service_run of
 *          "session-cleanup"
 * Keeps:   users, sessions and tombstones through the store; the keys of
 *          tokens in keys/tokens.keys of the data folder, 0600; in memory every
 * account and every unexpired revocation Bounds:  ACCOUNTS_MAX, REVOKED_MAX,
 * LOGINS_MAX log-ins at once, GATEWAYS_MAX followers, CHANGES_MAX changes on
 * their way to them
 *
 * It starts slowly: until the store has told it everything it answers
 * nobody, and if the store does not, it fails and the node with it.
 *
 * A revocation is durable first, then in memory, then on every gateway that
 * follows, then its tickets are dropped; only then is it answered.  It works
 * by session id, with or without a row.
 */
#ifndef ACTORS_SESSION_REGISTRY_H
#define ACTORS_SESSION_REGISTRY_H

#include "runtime/actor.h"

#define ACCOUNTS_MAX 100000u
#define REVOKED_MAX 200000u
#define LOGINS_MAX 256u
#define GATEWAYS_MAX 64u
#define CHANGES_MAX 8192u

extern const struct actor_class session_registry_class;

#endif
