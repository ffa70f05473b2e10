#include "actors/keyring.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/keyring_file.h"
#include "runtime/base/text.h"

struct keyring *
keyring_create(void)
{
	struct keyring *k;

	if (sodium_init() < 0)
		return NULL;
	k = sodium_malloc(sizeof(*k));
	if (k != NULL)
		sodium_memzero(k, sizeof(*k));
	return k;
}

static void
keyring_key_fini(struct keyring_key *key)
{
	seal_keypair_destroy(key->pair);
	sodium_memzero(key, sizeof(*key));
}

void
keyring_destroy(struct keyring *k)
{
	if (k == NULL)
		return;
	for (uint32_t i = 0; i < k->count; i++)
		keyring_key_fini(&k->keys[i]);
	sodium_free(k);
}

/* What the algorithm needs beside the bytes. */
static enum status
keyring_key_init(struct keyring_key *key)
{
	if (key->kind == KEYRING_REFRESH)
		return key->size == KEYRING_REFRESH_SIZE ? ST_OK : ST_MALFORMED;
	if (key->algorithm != TOKEN_EDDSA)
		return key->size >= token_secret_min(key->algorithm)
			   ? ST_OK
			   : ST_MALFORMED;
	if (key->size != SEAL_SEED_SIZE)
		return ST_MALFORMED;
	if (seal_keypair_create(key->secret, &key->pair) != ST_OK)
		return ST_NO_MEMORY;
	token_key_id(seal_keypair_public(key->pair), key->key_id);
	return ST_OK;
}

static uint32_t
keyring_count(const struct keyring *k, enum keyring_kind kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->count; i++)
		n += k->keys[i].kind == kind;
	return n;
}

/* Takes the key over, before all others or behind them. */
static enum status
keyring_insert(struct keyring *k, struct keyring_key *key, uint32_t at)
{
	enum status st;

	if (k->count == KEYRING_MAX ||
	    keyring_count(k, key->kind) == TOKEN_KEYS_MAX)
		return ST_FULL;
	st = keyring_key_init(key);
	if (st != ST_OK)
		return st;
	memmove(&k->keys[at + 1], &k->keys[at],
	    (k->count - at) * sizeof(k->keys[0]));
	k->keys[at] = *key;
	k->count++;
	return ST_OK;
}

enum status
keyring_add(struct keyring *k, enum keyring_kind kind,
    enum token_algorithm algorithm, struct bytes bytes,
    const uint8_t key_id[TOKEN_KEY_ID_MAX / 2], int64_t now)
{
	struct keyring_key key = { .kind = kind,
		.algorithm = algorithm,
		.size = bytes.size,
		.created_at = now,
		.known = kind == KEYRING_REFRESH };
	enum status st;

	if (bytes.size > sizeof(key.secret))
		return ST_MALFORMED;
	memcpy(key.secret, bytes.at, bytes.size);
	text_hex(key_id, TOKEN_KEY_ID_MAX / 2, key.key_id);
	st = keyring_insert(k, &key, 0);
	sodium_memzero(key.secret, sizeof(key.secret));
	return st;
}

/* The first key of a data folder that knows no ring yet. */
static enum status
keyring_import(struct keyring *k, const char *path)
{
	struct keyring_key key = { .kind = KEYRING_TOKEN,
		.algorithm = TOKEN_EDDSA,
		.size = SEAL_SEED_SIZE,
		.life_us = TOKEN_LIFE_MAX_S * UINT64_C(1000000),
		.known = true };
	struct seal_keypair *pair;
	enum status st = seal_keypair_load(path, &pair);

	if (st != ST_OK)
		return st;
	seal_keypair_seed(pair, key.secret);
	seal_keypair_destroy(pair);
	st = keyring_insert(k, &key, 0);
	sodium_memzero(key.secret, sizeof(key.secret));
	if (st == ST_OK)
		st = keyring_save(k);
	/* The ring has it now, durably: a copy would only be one to lose. */
	return st == ST_OK && unlink(path) != 0 ? ST_IO : st;
}

enum status
keyring_load(struct keyring *k, const char *folder, const char *first_key)
{
	struct keyring_key key;
	struct keyring_file f;
	char path[KEYRING_PATH_SIZE];
	enum status st;
	int n = snprintf(k->path, sizeof(k->path), "%s/" KEYRING_FILE, folder);

	if (n < 0 || (size_t)n >= sizeof(k->path))
		return ST_FULL;
	st = keyring_file_open(&f, k->path);
	if (st == ST_NOT_FOUND && first_key != NULL) {
		n = snprintf(path, sizeof(path), "%s/%s", folder, first_key);
		return n < 0 || (size_t)n >= sizeof(path)
			   ? ST_FULL
			   : keyring_import(k, path);
	}
	if (st != ST_OK)
		return st;
	while ((st = keyring_file_next(&f, &key)) == ST_OK)
		if ((st = keyring_insert(k, &key, k->count)) != ST_OK)
			break;
	sodium_memzero(&key, sizeof(key));
	keyring_file_close(&f);
	if (st != ST_NOT_FOUND)
		return st == ST_FULL ? ST_MALFORMED : st;
	return keyring_signing(k) == NULL ? ST_MALFORMED : ST_OK;
}

enum status
keyring_save(const struct keyring *k)
{
	return k->path[0] == '\0'
		   ? ST_OK
		   : keyring_file_write(k->path, k->keys, k->count);
}

struct keyring_key *
keyring_signing(struct keyring *k)
{
	for (uint32_t i = 0; i < k->count; i++)
		if (k->keys[i].kind == KEYRING_TOKEN && k->keys[i].known)
			return &k->keys[i];
	return NULL;
}

struct keyring_key *
keyring_waiting(struct keyring *k)
{
	for (uint32_t i = 0; i < k->count; i++)
		if (k->keys[i].kind == KEYRING_TOKEN)
			return k->keys[i].known ? NULL : &k->keys[i];
	return NULL;
}

void
keyring_drop_waiting(struct keyring *k)
{
	struct keyring_key *key = keyring_waiting(k);

	if (key == NULL)
		return;
	key->until = 1;
	(void)keyring_sweep(k, 1);
}

struct keyring_key *
keyring_refresh(struct keyring *k, uint32_t n)
{
	for (uint32_t i = 0; i < k->count; i++)
		if (k->keys[i].kind == KEYRING_REFRESH && n-- == 0)
			return &k->keys[i];
	return NULL;
}

static int64_t
keyring_life(const struct keyring_key *key)
{
	return (int64_t)(key->kind == KEYRING_REFRESH && key->life_us == 0
			     ? KEYRING_REFRESH_LIFE_US
			     : key->life_us);
}

void
keyring_retire(struct keyring *k, int64_t now, bool drop)
{
	const struct keyring_key *signing = keyring_signing(k);
	const struct keyring_key *minting = keyring_refresh(k, 0);

	for (uint32_t i = 0; i < k->count; i++) {
		struct keyring_key *key = &k->keys[i];

		if (key == signing || key == minting ||
		    (key->until != 0 && !drop))
			continue;
		key->until = drop ? now : now + keyring_life(key);
	}
}

bool
keyring_sweep(struct keyring *k, int64_t now)
{
	uint32_t kept = 0;
	uint32_t count = k->count;

	for (uint32_t i = 0; i < count; i++) {
		struct keyring_key *key = &k->keys[i];

		if (key->until != 0 && key->until <= now) {
			keyring_key_fini(key);
			continue;
		}
		if (kept != i)
			k->keys[kept] = *key;
		kept++;
	}
	k->count = kept;
	sodium_memzero(
	    &k->keys[kept], (KEYRING_MAX - kept) * sizeof(k->keys[0]));
	return kept != count;
}

struct token_signer
keyring_signer(const struct keyring_key *key)
{
	struct token_signer s = { .algorithm = key->algorithm,
		.pair = key->pair,
		.secret = { key->secret, key->size } };

	memcpy(s.key_id, key->key_id, sizeof(s.key_id));
	return s;
}

uint32_t
keyring_verifiers(
    const struct keyring *k, struct token_key ret_keys[TOKEN_KEYS_MAX])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->count && n < TOKEN_KEYS_MAX; i++) {
		const struct keyring_key *key = &k->keys[i];

		if (key->kind != KEYRING_TOKEN)
			continue;
		ret_keys[n++] = (struct token_key){ .key_id = key->key_id,
			.algorithm = key->algorithm,
			.verifier = { key->pair == NULL
					  ? key->secret
					  : seal_keypair_public(key->pair),
			    key->pair == NULL ? key->size : SEAL_PUBLIC_SIZE },
			.until = key->until };
	}
	return n;
}
