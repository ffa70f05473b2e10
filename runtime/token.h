/*
 * token - access tokens: signed JSON (RFC 7519) under a ring of keys.
 *
 * The registry mints with a signing key; a gateway verifies with a ring of
 * verifiers.  Each key id has one algorithm (EdDSA of RFC 8037, HS256 or
 * HS512), which is the ring's word and never the token's (RFC 8725, 3.1).
 * Strict: kid is required, no padding, no second spelling of a token; sub,
 * jti, iat, exp, iss and aud are required, and jti is 32 hex digits.  A token
 * is judged by its signature before its claims are read.
 *
 * Threads: any; a ring is read-only while it is used
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

/* What signs; secret is of HS256 and HS512, pair of EdDSA. */
struct token_signer {
	char key_id[TOKEN_KEY_ID_MAX + 1];
	enum token_algorithm algorithm;
	const struct seal_keypair *pair;
	struct bytes secret;
};

struct token_verifier {
	char key_id[TOKEN_KEY_ID_MAX + 1];
	enum token_algorithm algorithm;
	uint8_t bytes[TOKEN_VERIFIER_MAX];
	size_t size;
	int64_t until; /* refuses everything from then on; 0: no end */
};

struct token_ring {
	struct token_verifier keys[TOKEN_KEYS_MAX];
	uint32_t count;
};

/* The kid of an Ed25519 key. */
void token_key_id(const uint8_t public_key[SEAL_PUBLIC_SIZE],
    char ret_key_id[TOKEN_KEY_ID_MAX + 1]);

/* As in a token's header; NULL for a number that is none. */
const char *token_algorithm_name(enum token_algorithm algorithm);

/*
 * Bytes a secret has at least: as many as the hash gives (RFC 7518, 3.2).
 * 0 for EdDSA.
 */
size_t token_secret_min(enum token_algorithm algorithm);

/* MALFORMED, FULL: ret_ring stays as it was. */
MUST_CHECK enum status token_ring_fill(
    struct token_ring *ret_ring, const struct token_key *keys, uint32_t count);

/* FULL past TOKEN_MAX; iss and aud are filled in. */
MUST_CHECK enum status token_mint(const struct token_signer *signer,
    const struct token_claims *claims, char ret_token[TOKEN_MAX + 1]);

/*
 * EXPIRED: good once, but exp <= now.  DENIED: not signed with a key of the
 * ring.  MALFORMED: anything else.  The claims live in a; they need
 * TOKEN_ROOM.
 */
#define TOKEN_ROOM 8192
MUST_CHECK enum status token_verify(const struct token_ring *ring,
    const char *token, int64_t wall_us, struct arena *a,
    const struct token_claims **ret_claims);

#endif
