/*
 * registry - the state of the session-registry, for its own files alone.
 *
 * registry_load.c     start: the key, accounts, revocations
 * registry_keys.c     the keys of tokens, and their rotation
 * registry_login.c    set-up and log-in
 * registry_session.c  what comes after a log-in: session, limit, token
 * registry_refresh.c  the next access token for a refresh token
 * registry_revoke.c   log-out and revocation
 * registry_settle.c   revocations that the store did not answer for
 * registry_list.c     listing sessions
 * registry_clean.c    forgetting what has expired
 * registry_replica.c  gateways that follow, and waiting for them
 * registry_audit.c    reading the audit log
 * registry_measure.c  what it counts, for /metrics
 * registry_who.c      who asks, for the audit log, and whether they may
 * registry_account.h  accounts and API keys: what the rest of the files shares
 */
#ifndef ACTORS_REGISTRY_H
#define ACTORS_REGISTRY_H

#include <assert.h>

#include "actors/auditor.h"
#include "actors/id.h"
#include "actors/keyring.h"
#include "actors/lockout.h"
#include "actors/memo.h"
#include "actors/password.h"
#include "actors/replica.h"
#include "actors/session_registry.h"
#include "actors/table.h"
#include "actors/wordlist.h"
#include "runtime/actor.h"
#include "runtime/base/network.h"
#include "runtime/base/pool.h"
#include "runtime/seal.h"
#include "runtime/token.h"
#include "runtime/watch.h"

/* Rows beyond the bound, for revocations that were on their way at it. */
#define REVOKED_RESERVE 16384u
#define UNSETTLED_MAX 4096u

struct account_row {
	struct table_row row; /* by user id */
	char username[USERNAME_MAX + 1];
	char password_sig[PASSWORD_SIG_MAX + 1];
	uint8_t role; /* enum role */
	bool must_change_password;
	bool gone;
};

struct revoked_row {
	struct table_row row; /* by session id */
	struct uuid user_id;
	int64_t expires_at;
	bool unsettled; /* not known to be durable: registry_settle.c */
};

struct key_row {
	struct table_row row; /* by key id */
	struct uuid user_id;
	int64_t expires_at; /* 0: never */
	uint8_t digest[SEAL_DIGEST_SIZE];
	uint8_t scope; /* enum key_scope */
};

struct registry {
	struct table accounts;
	struct table revoked;
	struct table api_keys;
	struct replica replica;
	struct lockout lockout;
	struct auditor auditor;
	struct memo rates;     /* of log-ins by network, of refreshes */
	struct wordlist words; /* that are no passwords */
	uint8_t
	    key_secret[SEAL_SECRET_SIZE]; /* API keys are digested with it */
	bool key_secret_missing;          /* there is no file of it */
	bool ring_made;                   /* there was no file of token keys */
	struct pool logins;               /* struct login */
	struct pool chores;               /* struct chore */
	bool logins_open;
	struct keyring *keys;
	struct watch watch;
	bool has_begun; /* the settings have answered */
	uint64_t expiry_minutes;
	uint64_t refresh_life_minutes; /* 0: none are given */
	uint64_t refresh_grace_s;
	uint64_t password_min;
	uint64_t sessions_max;     /* per user; 0: unlimited */
	uint64_t touch_us;         /* how often last activity is written */
	uint64_t reauth_us;        /* how old a password's proof may be; 0 */
	bool reauth_sessions;      /* also to end sessions */
	uint64_t idle_minutes;     /* 0: a session is never too idle */
	uint64_t tries_per_minute; /* from one address; 0: unlimited */
	uint64_t cancelled;        /* generation of a clean-up */
	uint64_t audit_cancelled;  /* and of a pruning of the audit log */
	struct uuid swept;         /* how far the sweep of `revoked` has come */
	struct uuid unsettled[UNSETTLED_MAX]; /* ids of such rows */
	uint32_t unsettled_count;
	uint64_t unsettled_refused; /* for which there was no room */
	uint64_t doubts;  /* writes of many that may or may not be done */
	uint64_t certain; /* so many of them are known of since */
	bool settling;    /* the timer or an op is at it */
	struct timer settle;
};

/* ---- registry_who.c ---- */
#define REGISTRY_SYSTEM "system"

/* Who asked, for as long as an op lives. */
struct registry_who {
	struct uuid user_id; /* zero: the system, or nobody */
	uint8_t role;        /* enum role */
	uint8_t method;      /* enum auth_method */
	char session[AUDIT_SESSION_MAX + 1];
	char address[ADDRESS_MAX + 1];
};

void registry_who_take(struct registry_who *w, const struct principal *caller);
/* Their note; the id of who it was is in text. */
struct audit_note registry_note(struct actor *self,
    const struct registry_who *w, char text[ID_TEXT + 1], const char *action,
    const char *target);

/* NULL: nobody may come in as user_id, or no more with that password. */
const struct account_row *registry_account_of(
    const struct registry *s, const struct uuid *user_id, const char *sig);

/* Refused, and noted for the audit log as what they tried. */
enum status registry_refuse(struct actor *self, const struct msg *in,
    const struct principal *by, const char *action, const char *target,
    uint32_t problem, const char *detail);
#define REGISTRY_REFUSE(self, in, by, action, target, problem, detail) \
	registry_refuse(self, in, by, action, target, PROBLEM_##problem, detail)
/* Only noted: of an op, when a worker or the store has said no. */
void registry_note_refused(struct actor *self, const struct registry_who *by,
    const char *action, const char *target, const char *why);

/* ---- registry_load.c ---- */
/* Everything that must be there before the first request. */
MUST_CHECK enum status registry_load(struct actor *self);
void registry_unload(struct registry *s);
/* Puts an account as stored; true if it was new or another. */
MUST_CHECK enum status registry_put_account(
    struct registry *s, const struct user *u, bool *ret_changed);
/* FULL, past REVOKED_RESERVE. */
MUST_CHECK enum status registry_put_revoked(
    struct registry *s, const struct revocation *r);

/* ---- registry_keys.c ---- */
MUST_CHECK enum status registry_load_keys(struct actor *self);
/* Who and which session; the times are the caller's.  Borrows all. */
struct token_claims registry_claims(
    const struct account_row *a, const char *user_id, const char *session_id);
/* With the key that signs now. */
MUST_CHECK enum status registry_mint(struct actor *self,
    const struct token_claims *claims, char ret_token[TOKEN_MAX + 1]);
/* Forgets keys that have ended; brings a waiting one on its way again. */
enum status registry_keys_go_on(struct actor *self);
enum status registry_on_keys_rotate(struct actor *self, const struct msg *in);
enum status registry_on_keys_list(struct actor *self, const struct msg *in);

/* ---- registry_login.c ---- */
enum status registry_on_setup(struct actor *self, const struct msg *in);
enum status registry_on_login(struct actor *self, const struct msg *in);

/* ---- registry_session.c ---- */
#define LOGIN_VICTIMS 16 /* sessions over the limit, revoked in one go */

/* A log-in on its way.  Strings are copies, cut to their bounds. */
struct login {
	struct uuid user_id;
	char username[USERNAME_MAX + 1];
	char password_sig[PASSWORD_SIG_MAX + 1];
	char address[ADDRESS_MAX + 1];
	char network[NETWORK_OF_CLIENT_SIZE]; /* of the address */
	char user_agent[USER_AGENT_MAX + 1];
	enum role role;
	bool must_change_password;
	bool known;         /* there is such a user, who may log in */
	bool network_known; /* to that user */
	struct uuid session_id;
	int64_t created_at;
	int64_t expires_at;       /* of the session */
	int64_t token_expires_at; /* of its first access token */
	bool wants_refresh;
	bool wants_cookies;
	bool has_refresh; /* its family is stored */
	struct revoked_row victims[LOGIN_VICTIMS];
	uint32_t victims_count;
	uint32_t victims_at;
	uint32_t revoked;
};

struct login_op {
	union {
		struct replica_wait wait; /* first: see replica_wait_for */
		struct credential credential;
	};
	struct login *login;
};

static_assert(sizeof(struct login_op) <= OP_DATA_MAX, "it fits an op");

/* Where it comes from. */
void login_set_address(struct login *login, const struct principal *caller);
/* NULL: nobody knows. */
const char *login_network(const struct login *login);
/* Gives the record back. */
void login_end(struct registry *s, struct op *op);
struct audit_note login_good_note(struct actor *self, const struct login *login,
    const char *action, const char *user_id);
/* From a good credential to the answer; never fails the log-in. */
enum status login_begin_session(struct actor *self, struct op *op);

/* ---- registry_refresh.c ---- */
enum status registry_on_refresh(struct actor *self, const struct msg *in);
/* A session that was just made, and can be refreshed. */
void registry_refresh_begin(struct registry *s, const struct uuid *session_id,
    const struct uuid *user_id);
/* expires_at: when its session can be refreshed no more. */
void registry_mint_refresh(struct actor *self, const struct uuid *session_id,
    uint64_t generation, int64_t expires_at,
    char ret_token[REFRESH_TOKEN_MAX + 1]);

/* ---- registry_revoke.c ---- */
enum status registry_on_logout(struct actor *self, const struct msg *in);
enum status registry_on_revoke(struct actor *self, const struct msg *in);
enum status registry_on_revoke_user(struct actor *self, const struct msg *in);
enum status registry_on_revoke_mine(struct actor *self, const struct msg *in);
/* True if there is room for one more. */
bool registry_may_revoke(const struct registry *s);
/* In memory and on its way to the gateways; FULL as above. */
MUST_CHECK enum status registry_apply_revoked(
    struct actor *self, const struct revocation *r);

/* ---- registry_settle.c ---- */
/* The store did not say whether it is done; otherwise it is not. */
bool registry_is_unknown(const struct msg *reply);
/* A revocation of unknown outcome: refused from now on, written until it is. */
enum status registry_apply_unknown(
    struct actor *self, const struct revocation *r);
/* If many revocations have an unknown outcome: read them again. */
void registry_doubt(struct actor *self, const struct msg *reply);
bool registry_is_in_doubt(const struct registry *s);

/* ---- registry_list.c ---- */
enum status registry_on_sessions(struct actor *self, const struct msg *in);
/* The caller has a user behind it; else reason is logged. */
bool registry_knows(const struct principal *caller, const char *reason);

/* ---- registry_audit.c ---- */
/* A ceo.  Else in has been refused. */
bool registry_may_audit(
    struct actor *self, const struct msg *in, const struct principal *caller);
enum status registry_on_audit(struct actor *self, const struct msg *in);
enum status registry_on_refusals(struct actor *self, const struct msg *in);

/* ---- registry_measure.c ---- */
struct metric_page;
void registry_measure(struct actor *self, struct metric_page *to);

/* ---- registry_audit_prune.c ---- */
enum status registry_on_prunable(struct actor *self, const struct msg *in);
/* A run of the service audit-prune. */
enum status registry_audit_run(struct actor *self, const struct msg *in);

/* ---- registry_tries.c ---- */
/* The refusal of whoever has to wait so long; 0: of whoever need not. */
struct refused registry_wait(
    uint32_t problem, const char *detail, uint64_t wait_us);
#define TRIES_LOCKED "Too many failed log-ins"
#define TRIES_NAME_SIZE \
	(USERNAME_MAX + NETWORK_OF_CLIENT_SIZE + sizeof("name: "))
/* Under which name a failed log-in counts, and is locked. */
void registry_lock_name(const char *username, const char *network,
    bool is_known, char ret_name[TRIES_NAME_SIZE]);
/* The user that was found has logged in from the network lately. */
bool registry_knows_network(
    const struct actor *self, const struct store_user_found *found);

/* ---- registry_seen.c ---- */
/* Revokes what has been idle too long; nobody is answered. */
enum status registry_end_idle(struct actor *self);

/* ---- registry_clean.c ---- */
enum status registry_on_clean(struct actor *self, const struct msg *in);
enum status registry_on_service_run(struct actor *self, const struct msg *in);
enum status registry_on_service_cancel(
    struct actor *self, const struct msg *in);

/* ---- for all ---- */
static inline uint64_t
registry_store(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

#endif
