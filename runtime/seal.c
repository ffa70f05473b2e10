#include "runtime/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/seal_file.h"

#define MARK_SIZE (sizeof(SEAL_FILE_MARK) - 1)
#define FILE_SIZE (MARK_SIZE + 2 * SEAL_SEED_SIZE + 1)

struct seal_keypair {
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t public_key[SEAL_PUBLIC_SIZE];
};

struct seal_exchange {
	uint8_t secret[crypto_scalarmult_SCALARBYTES];
	uint8_t public_key[SEAL_PUBLIC_SIZE];
};

static_assert(SEAL_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519");
static_assert(SEAL_PUBLIC_SIZE == crypto_scalarmult_BYTES, "X25519");
static_assert(SEAL_SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519");
static_assert(SEAL_SEED_SIZE == crypto_sign_SEEDBYTES, "Ed25519");
static_assert(SEAL_SEED_SIZE == crypto_scalarmult_SCALARBYTES, "X25519");
static_assert(SEAL_SECRET_SIZE == crypto_generichash_BYTES, "BLAKE2b");

enum status
seal_start(void)
{
	return sodium_init() < 0 ? ST_IO : ST_OK;
}

enum status
seal_keypair_create(
    const uint8_t seed[SEAL_SEED_SIZE], struct seal_keypair **ret_keys)
{
	struct seal_keypair *keys = sodium_malloc(sizeof(*keys));

	if (keys == NULL)
		return ST_NO_MEMORY;
	if (seed != NULL)
		crypto_sign_seed_keypair(keys->public_key, keys->secret, seed);
	else
		crypto_sign_keypair(keys->public_key, keys->secret);
	sodium_mprotect_readonly(keys);
	*ret_keys = keys;
	return ST_OK;
}

void
seal_keypair_destroy(struct seal_keypair *keys)
{
	sodium_free(keys);
}

const uint8_t *
seal_keypair_public(const struct seal_keypair *keys)
{
	return keys->public_key;
}

/* libsodium keeps the seed in the first half of the secret key. */
void
seal_keypair_seed(
    const struct seal_keypair *keys, uint8_t ret_seed[SEAL_SEED_SIZE])
{
	memcpy(ret_seed, keys->secret, SEAL_SEED_SIZE);
}

static enum status
seal_parse(const char text[FILE_SIZE], struct seal_keypair **ret_keys)
{
	uint8_t *seed;
	const char *end = NULL;
	enum status st = ST_MALFORMED;

	if (memcmp(text, SEAL_FILE_MARK, MARK_SIZE) != 0 ||
	    text[FILE_SIZE - 1] != '\n')
		return ST_MALFORMED;
	seed = sodium_malloc(SEAL_SEED_SIZE);
	if (seed == NULL)
		return ST_NO_MEMORY;
	if (sodium_hex2bin(seed, SEAL_SEED_SIZE, text + MARK_SIZE,
		2 * SEAL_SEED_SIZE, NULL, NULL, &end) == 0 &&
	    end == text + FILE_SIZE - 1)
		st = seal_keypair_create(seed, ret_keys);
	sodium_free(seed);
	return st;
}

/* Only its owner may be able to read or write a key file. */
enum status
seal_keypair_load(const char *path, struct seal_keypair **ret_keys)
{
	char *text = sodium_malloc(FILE_SIZE);
	size_t size = 0;
	enum status st;

	if (text == NULL)
		return ST_NO_MEMORY;
	st = seal_file_read(path, text, FILE_SIZE, &size);
	if (st == ST_OK && size == FILE_SIZE)
		st = seal_parse(text, ret_keys);
	else if (st == ST_OK || st == ST_FULL)
		st = ST_MALFORMED;
	sodium_free(text);
	return st;
}

static enum status
seal_write(int fd, const struct seal_keypair *keys)
{
	char *text = sodium_malloc(FILE_SIZE + 1);
	enum status st = ST_OK;

	if (text == NULL)
		return ST_NO_MEMORY;
	memcpy(text, SEAL_FILE_MARK, MARK_SIZE);
	/* libsodium keeps the seed in the first half of the secret key. */
	sodium_bin2hex(text + MARK_SIZE, 2 * SEAL_SEED_SIZE + 1, keys->secret,
	    SEAL_SEED_SIZE);
	text[FILE_SIZE - 1] = '\n';
	if (write(fd, text, FILE_SIZE) != (ssize_t)FILE_SIZE || fsync(fd) != 0)
		st = ST_IO;
	sodium_free(text);
	return st;
}

enum status
seal_keypair_store(const struct seal_keypair *keys, const char *path)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	enum status st;

	if (fd < 0)
		return errno == EEXIST ? ST_EXISTS : ST_IO;
	st = seal_write(fd, keys);
	if (close(fd) != 0 && st == ST_OK)
		st = ST_IO;
	if (st != ST_OK)
		unlink(path);
	return st;
}

void
seal_sign(const struct seal_keypair *keys, struct bytes text,
    uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
	crypto_sign_detached(
	    ret_signature, NULL, text.at, text.size, keys->secret);
}

bool
seal_verify(const uint8_t public_key[SEAL_PUBLIC_SIZE], struct bytes text,
    const uint8_t signature[SEAL_SIGNATURE_SIZE])
{
	return crypto_sign_verify_detached(
		   signature, text.at, text.size, public_key) == 0;
}

struct seal_exchange *
seal_exchange_create(const uint8_t seed[SEAL_SEED_SIZE])
{
	struct seal_exchange *x = sodium_malloc(sizeof(*x));

	if (x == NULL)
		return NULL;
	memcpy(x->secret, seed, sizeof(x->secret));
	crypto_scalarmult_base(x->public_key, x->secret);
	return x;
}

void
seal_exchange_destroy(struct seal_exchange *x)
{
	sodium_free(x);
}

const uint8_t *
seal_exchange_public(const struct seal_exchange *x)
{
	return x->public_key;
}

enum status
seal_exchange_agree(const struct seal_exchange *x,
    const uint8_t peer[SEAL_PUBLIC_SIZE], struct bytes context,
    uint8_t ret_secret[SEAL_SECRET_SIZE])
{
	uint8_t shared[crypto_scalarmult_BYTES];

	if (crypto_scalarmult(shared, x->secret, peer) != 0)
		return ST_DENIED;
	crypto_generichash(ret_secret, SEAL_SECRET_SIZE, context.at,
	    context.size, shared, sizeof(shared));
	sodium_memzero(shared, sizeof(shared));
	return ST_OK;
}

uint64_t
seal_tag(
    const uint8_t secret[SEAL_SECRET_SIZE], const char *label, uint64_t number)
{
	crypto_generichash_state state;
	uint8_t digest[crypto_generichash_BYTES];
	uint8_t octets[sizeof(number)];
	uint64_t tag;

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(number >> (8 * i));
	crypto_generichash_init(
	    &state, secret, SEAL_SECRET_SIZE, sizeof(digest));
	crypto_generichash_update(
	    &state, (const uint8_t *)label, strlen(label) + 1);
	crypto_generichash_update(&state, octets, sizeof(octets));
	crypto_generichash_final(&state, digest, sizeof(digest));
	memcpy(&tag, digest, sizeof(tag));
	sodium_memzero(digest, sizeof(digest));
	return tag;
}

size_t
seal_mac_size(enum seal_hash hash)
{
	return hash == SEAL_SHA256 ? crypto_auth_hmacsha256_BYTES
				   : crypto_auth_hmacsha512_BYTES;
}

void
seal_mac(enum seal_hash hash, struct bytes secret, struct bytes text,
    uint8_t ret_mac[SEAL_MAC_MAX])
{
	crypto_auth_hmacsha256_state small;
	crypto_auth_hmacsha512_state large;

	if (hash == SEAL_SHA256) {
		crypto_auth_hmacsha256_init(&small, secret.at, secret.size);
		crypto_auth_hmacsha256_update(&small, text.at, text.size);
		crypto_auth_hmacsha256_final(&small, ret_mac);
		sodium_memzero(&small, sizeof(small));
	} else {
		crypto_auth_hmacsha512_init(&large, secret.at, secret.size);
		crypto_auth_hmacsha512_update(&large, text.at, text.size);
		crypto_auth_hmacsha512_final(&large, ret_mac);
		sodium_memzero(&large, sizeof(large));
	}
}

bool
seal_equal(const void *a, const void *b, size_t size)
{
	return sodium_memcmp(a, b, size) == 0;
}

void
seal_digest(struct bytes text, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
	(void)crypto_hash_sha256(ret_digest, text.at, text.size);
}

void
seal_random(void *ret_bytes, size_t size)
{
	randombytes_buf(ret_bytes, size);
}

void
seal_wipe(void *bytes, size_t size)
{
	sodium_memzero(bytes, size);
}
