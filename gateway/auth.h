/*
 * auth - who sends this request.
 *
 * Order (sessions.md 2.3): credential, signature and claims, revoked, the
 * account as it is now, its password signature.  A verified token is kept,
 * byte for byte, so that its signature is checked once; everything else is
 * checked every time.
 *
 * Bounds: AUTH_CACHE_SLOTS tokens; a newer one takes the slot of an older
 *         one of its set.
 */
#ifndef GATEWAY_AUTH_H
#define GATEWAY_AUTH_H

#include "gateway/replica.h"
#include "runtime/token.h"

#define AUTH_CACHE_SLOTS 4096u
/* What stands for the session of a live socket that an API key opened. */
#define AUTH_KEY_SESSION "key:"

struct auth_cache;

/* What a good credential says. */
struct auth_result {
	char user_id[64 + 1];
	char session_id[SESSION_ID_MAX + 1];
	char key_id[32 + 1]; /* of an API key */
	int64_t expires_at;
	int64_t authenticated_at; /* 0: nobody knows */
	enum auth_method method;
	enum key_scope scope;                /* of an API key */
	const struct account_entry *account; /* until the next message */
	uint64_t *told_us; /* see seen.h; likewise; NULL: nothing to tell */
};

/* Whoever comes through the control socket; every right of an operator. */
extern const struct account_entry auth_system;

struct auth_cache *auth_cache_create(void); /* NULL without memory */
void auth_cache_destroy(struct auth_cache *c);

/*
 * OK, or DENIED with the problem and, for the log, the reason: `invalid_token`,
 * `expired`, `session_unsettled` (UNAVAILABLE: it may not last),
 * `session_revoked`, `no_account`, `password_changed`.
 */
MUST_CHECK enum status auth_verify(struct auth_cache *c,
    const struct replica *r, struct arena *a, const char *token,
    int64_t wall_us, struct auth_result *ret, uint32_t *ret_problem,
    const char **ret_reason);

/*
 * The same of an API key, for which the problem is always UNAUTHORIZED:
 * `invalid_key`, `key_expired`, `no_account`.
 */
MUST_CHECK enum status auth_verify_key(const struct replica *r,
    const char *text, int64_t wall_us, struct auth_result *ret,
    const char **ret_reason);

/* AUTH_KEY_SESSION and the key's id. */
void auth_key_session(const char *key_id, char ret_session[SESSION_ID_MAX + 1]);
/* Its session, or what stands for it. */
void auth_session(
    const struct auth_result *who, char ret_session[SESSION_ID_MAX + 1]);
/* The id of the API key that it stands for; NULL: it is a session's. */
const char *auth_session_key(const char *session);
/* The session, or the API key, is revoked. */
bool auth_session_is_over(const struct replica *r, const char *session);

#endif
