/*
 * keyring - the keys of access and refresh tokens, and the file they rest in.
 *
 * Newest first.  The first token key that is `known` signs; one that no
 * gateway may know yet waits for its turn; older ones verify until every
 * token they signed has expired.  Refresh keys are of the same ring: the
 * newest makes refresh tokens, all of them recognise them.
 *
 * Keeps:   FILE: a line per key, mode 0600; replaced whole, durable before it
 *          is used.  Without a path, as in simulation, nothing.
 * Memory:  guarded (sodium_malloc), wiped at the end.
 */
#ifndef ACTORS_KEYRING_H
#define ACTORS_KEYRING_H

#include "runtime/token.h"

#define KEYRING_FILE "tokens.keys"
#define KEYRING_MAX (2 * TOKEN_KEYS_MAX)
#define KEYRING_PATH_SIZE 4352
#define KEYRING_REFRESH_SIZE 32
/* Of a refresh key of which nobody noted how long its tokens live: a year. */
#define KEYRING_REFRESH_LIFE_US UINT64_C(31536000000000)

enum keyring_kind { KEYRING_TOKEN, KEYRING_REFRESH };

struct keyring_key {
	enum keyring_kind kind;
	enum token_algorithm algorithm; /* of a token key */
	char key_id[TOKEN_KEY_ID_MAX + 1];
	uint8_t secret[TOKEN_VERIFIER_MAX]; /* or an Ed25519 seed */
	size_t size;
	struct seal_keypair *pair; /* of EdDSA; owned */
	int64_t created_at;
	int64_t until;    /* verifies until then; 0: as long as it signs */
	uint64_t life_us; /* the longest life of a token it has signed */
	bool known;       /* to every gateway: it may sign */
};

struct keyring {
	struct keyring_key keys[KEYRING_MAX];
	uint32_t count;
	char path[KEYRING_PATH_SIZE]; /* empty: none */
};

struct keyring *keyring_create(void); /* NULL without memory */
void keyring_destroy(struct keyring *k);

/*
 * Takes what stands in folder, which must exist; an Ed25519 key file of that
 * name (NULL: none) is taken in when there is no ring yet.  NOT_FOUND: no
 * key at all, and the path is set; DENIED: others can read the file;
 * MALFORMED, IO.
 */
MUST_CHECK enum status keyring_load(
    struct keyring *k, const char *folder, const char *first_key);
/* Replaces the file; the ring in memory counts in any case. */
MUST_CHECK enum status keyring_save(const struct keyring *k);

/*
 * Puts a new key before all others.  bytes: of EdDSA a seed; else the secret.
 * key_id: 16 random bytes for HS256 and HS512.  FULL when KEYRING_MAX or,
 * of token keys, TOKEN_KEYS_MAX are there.
 */
MUST_CHECK enum status keyring_add(struct keyring *k, enum keyring_kind kind,
    enum token_algorithm algorithm, struct bytes bytes,
    const uint8_t key_id[TOKEN_KEY_ID_MAX / 2], int64_t now);

/* What signs now; NULL: nothing yet. */
struct keyring_key *keyring_signing(struct keyring *k);
/* What will sign when every gateway knows it; NULL: what signs now. */
struct keyring_key *keyring_waiting(struct keyring *k);
/* A waiting key that could not be stored. */
void keyring_drop_waiting(struct keyring *k);
/* The nth refresh key, newest first; NULL past the last. */
struct keyring_key *keyring_refresh(struct keyring *k, uint32_t n);

/* Those that sign no more end when their last token has; drop: now. */
void keyring_retire(struct keyring *k, int64_t now, bool drop);
/* Forgets what has ended; true if there was any. */
bool keyring_sweep(struct keyring *k, int64_t now);

struct token_signer keyring_signer(const struct keyring_key *key);
/* As gateways hear of them; they point into k.  How many. */
uint32_t keyring_verifiers(
    const struct keyring *k, struct token_key ret_keys[TOKEN_KEYS_MAX]);

#endif
