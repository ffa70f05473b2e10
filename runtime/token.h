/*
 * token - access tokens: signed JSON (RFC 7519), EdDSA (RFC 8037) alone.
 *
 * The registry mints with the secret key; a gateway verifies with the public
 * one.  Strict: no other algorithm, no padding, no second spelling of a
 * token; sub, jti, iat, exp, iss and aud are required, and jti is 32 hex
 * digits.  A token is judged by its signature before its claims are read.
 *
 * Threads: any
 */
#ifndef RUNTIME_TOKEN_H
#define RUNTIME_TOKEN_H

#include "protocols/messages.h"
#include "runtime/base/arena.h"
#include "runtime/seal.h"

#define TOKEN_ISSUER "troupe"
#define TOKEN_AUDIENCE "troupe-api"
#define TOKEN_SKEW_S 60           /* how far a minter's clock may be ahead */
#define TOKEN_LIFE_MAX_S 2592000u /* 30 days, as auth_token.expires_in */

/* The kid of a key. */
void token_key_id(const uint8_t public_key[SEAL_PUBLIC_SIZE],
    char ret_key_id[TOKEN_KEY_ID_MAX + 1]);

/* FULL past TOKEN_MAX; iss and aud are filled in. */
MUST_CHECK enum status token_mint(const struct seal_keypair *keys,
    const struct token_claims *claims, char ret_token[TOKEN_MAX + 1]);

/*
 * EXPIRED: good once, but exp <= now.  DENIED: not signed with that key.
 * MALFORMED: anything else.  The claims live in a; they need TOKEN_ROOM.
 */
#define TOKEN_ROOM 8192
MUST_CHECK enum status token_verify(const uint8_t public_key[SEAL_PUBLIC_SIZE],
    const char *token, int64_t wall_us, struct arena *a,
    const struct token_claims **ret_claims);

#endif
