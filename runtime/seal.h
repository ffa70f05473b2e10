/*
 * seal - signatures, key agreement and keyed digests, over libsodium.
 *
 * The only file of the runtime that knows libsodium.  A node proves who it is
 * with an Ed25519 key pair; two nodes agree on a secret with X25519.  Secrets
 * live in guarded memory (sodium_malloc) and are wiped when destroyed.
 *
 * Keeps:   key files: SEAL_FILE_MARK, the seed in hex, a newline; mode 0600
 * Threads: call seal_start before any other; then any thread, a key pair is
 *          read-only once made
 */
#ifndef RUNTIME_SEAL_H
#define RUNTIME_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define SEAL_PUBLIC_SIZE 32
#define SEAL_SEED_SIZE 32
#define SEAL_SIGNATURE_SIZE 64
#define SEAL_SECRET_SIZE 32
#define SEAL_FILE_MARK "troupe-ed25519 "

struct seal_keypair;
struct seal_exchange;

/* Once per process or more often; IO if the system gives no randomness. */
MUST_CHECK enum status seal_start(void);

/* seed NULL: a random one.  The caller destroys it; NO_MEMORY. */
MUST_CHECK enum status seal_keypair_create(
    const uint8_t seed[SEAL_SEED_SIZE], struct seal_keypair **ret_keys);
void seal_keypair_destroy(struct seal_keypair *keys);
const uint8_t *seal_keypair_public(const struct seal_keypair *keys);
/* What it was made of; wipe it after use. */
void seal_keypair_seed(
    const struct seal_keypair *keys, uint8_t ret_seed[SEAL_SEED_SIZE]);

/*
 * NOT_FOUND, DENIED if others could read the file or it is not ours,
 * MALFORMED, IO.
 */
MUST_CHECK enum status seal_keypair_load(
    const char *path, struct seal_keypair **ret_keys);

/* Never overwrites: EXISTS.  Durable when it returns OK. */
MUST_CHECK enum status seal_keypair_store(
    const struct seal_keypair *keys, const char *path);

void seal_sign(const struct seal_keypair *keys, struct bytes text,
    uint8_t ret_signature[SEAL_SIGNATURE_SIZE]);
bool seal_verify(const uint8_t public_key[SEAL_PUBLIC_SIZE], struct bytes text,
    const uint8_t signature[SEAL_SIGNATURE_SIZE]);

/* One side of a key agreement, good for one session; NULL: no memory. */
struct seal_exchange *seal_exchange_create(const uint8_t seed[SEAL_SEED_SIZE]);
void seal_exchange_destroy(struct seal_exchange *x);
const uint8_t *seal_exchange_public(const struct seal_exchange *x);

/*
 * The secret both sides share, bound to context; wipe it after use.  DENIED
 * if peer is a point that would give away the secret.
 */
MUST_CHECK enum status seal_exchange_agree(const struct seal_exchange *x,
    const uint8_t peer[SEAL_PUBLIC_SIZE], struct bytes context,
    uint8_t ret_secret[SEAL_SECRET_SIZE]);

/* 64 bits that only holders of secret can derive for text (BLAKE2b). */
uint64_t seal_tag(
    const uint8_t secret[SEAL_SECRET_SIZE], const char *label, uint64_t number);

/* HMAC (RFC 2104) over SHA-256 or SHA-512, with a secret of any size. */
enum seal_hash { SEAL_SHA256, SEAL_SHA512 };
#define SEAL_MAC_MAX 64
size_t seal_mac_size(enum seal_hash hash);
void seal_mac(enum seal_hash hash, struct bytes secret, struct bytes text,
    uint8_t ret_mac[SEAL_MAC_MAX]);
/* In a time that tells nothing of where they differ. */
bool seal_equal(const void *a, const void *b, size_t size);

/* SHA-256. */
#define SEAL_DIGEST_SIZE 32
void seal_digest(struct bytes text, uint8_t ret_digest[SEAL_DIGEST_SIZE]);

void seal_random(void *ret_bytes, size_t size);
void seal_wipe(void *bytes, size_t size);

#endif
