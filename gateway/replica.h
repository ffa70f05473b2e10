/*
 * replica - who may come in, as the session-registry last told this gateway.
 *
 * Contract: protocols/replica.def.  The replica joins, reads pages, and from
 * then on applies changes in order; it is fresh while it has heard a beat
 * less than REPLICA_LEASE_MS ago.  A gateway whose replica is not fresh lets
 * nobody in.  Look-ups are constant time and do no I/O.
 *
 * Bounds: REPLICA_ACCOUNTS_MAX, REPLICA_REVOKED_MAX, REPLICA_KEYS_MAX; past
 * them the replica is never fresh: closed, not open.
 */
#ifndef GATEWAY_REPLICA_H
#define GATEWAY_REPLICA_H

#include "runtime/actor.h"
#include "runtime/token.h"

#define REPLICA_ACCOUNTS_MAX 100000u
#define REPLICA_REVOKED_MAX 200000u
#define REPLICA_KEYS_MAX 10000u
#define REPLICA_PATIENCE_US 1000000 /* in which a join is worth waiting for */

struct account_entry {
	char user_id[64 + 1];
	char username[USERNAME_MAX + 1];
	char password_sig[PASSWORD_SIG_MAX + 1];
	enum role role;
	bool must_change_password;
	bool gone;
};

struct key_entry {
	char key_id[32 + 1];
	char user_id[64 + 1];
	uint8_t digest[32];
	enum key_scope scope;
	int64_t expires_at; /* 0: never */
	uint64_t told_us;   /* when the registry was last told of its use */
};

struct lookup;

struct replica {
	struct actor *self;
	struct lookup *accounts;
	struct lookup *revoked;
	struct lookup *api_keys;
	uint8_t api_key_secret[32];
	struct token_ring keys;
	uint64_t keys_life; /* another one: what was verified may not hold */
	uint64_t epoch;
	uint64_t heard_us; /* the last beat, or change, of this epoch */
	uint64_t whole_us; /* since when it is complete */
	uint64_t lost_us;  /* since when it last was not */
	bool complete;     /* every page has been read */
	bool joining;
	bool overflowed;
	struct timer retry;
	/* Told of each id as it becomes revoked, and of each changed account.
	 */
	void (*on_revoked)(void *ctx, const char *session_id);
	void (*on_key_gone)(void *ctx, const char *key_id);
	void (*on_account)(
	    void *ctx, const struct account_entry *a, bool password_changed);
	/* Told whenever it has become complete; its failure ends the actor. */
	enum status (*on_ready)(void *ctx);
	void *ctx;
};

MUST_CHECK enum status replica_init(struct replica *r, struct actor *self);
void replica_fini(struct replica *r);

/* Joins, and joins again when it has to. */
void replica_start(struct replica *r);
/* Now and then: a lapsed lease is not renewed by a beat but by a new join,
 * since the registry may have stopped telling changes meanwhile. */
void replica_check(struct replica *r);

bool replica_is_fresh(const struct replica *r);
/* It is not fresh, but has not been for less than REPLICA_PATIENCE_US: the
 * registry may have started again, which takes it a moment. */
bool replica_is_coming(const struct replica *r);
bool replica_is_revoked(const struct replica *r, const char *session_id);
/* It is, and that is not known to be durable. */
bool replica_is_unsettled(const struct replica *r, const char *session_id);
/* NULL: unknown.  Valid until the next message is handled. */
const struct account_entry *replica_account(
    const struct replica *r, const char *user_id);
/* NULL: unknown or revoked.  Likewise. */
struct key_entry *replica_api_key(const struct replica *r, const char *key_id);
size_t replica_revoked_count(const struct replica *r);

/* Handlers of the gateway's table. */
enum status replica_on_change(struct replica *r, const struct msg *in);
enum status replica_on_beat(struct replica *r, const struct msg *in);

#endif
