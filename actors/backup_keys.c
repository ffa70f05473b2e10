#include "actors/backup_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "actors/backup_tree.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define KEY_MODE 0600
#define KEY_END ".key"
#define KEY_PATH_SIZE (BACKUP_PATH_MAX + 1)
#define KEY_TEXT (2 * crypto_kdf_KEYBYTES)
#define CONTEXT "trpbckup"
enum { FOR_ID = 1, FOR_SIGNING = 2, FOR_SEALING = 3 };

struct backup_key {
	char id[BACKUP_KEY_ID_MAX + 1];
	int64_t made_ns;
	uint8_t sealing[crypto_secretstream_xchacha20poly1305_KEYBYTES];
	uint8_t public[crypto_sign_PUBLICKEYBYTES];
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
};

struct backup_keys {
	uint32_t count;
	struct backup_key at[BACKUP_KEYS_MAX];
};

static void
key_derive(const uint8_t *master, struct backup_key *ret)
{
	uint8_t id[crypto_kdf_BYTES_MIN], seed[crypto_sign_SEEDBYTES];

	crypto_kdf_derive_from_key(id, sizeof(id), FOR_ID, CONTEXT, master);
	text_hex(id, BACKUP_KEY_ID_MAX / 2, ret->id);
	crypto_kdf_derive_from_key(
	    seed, sizeof(seed), FOR_SIGNING, CONTEXT, master);
	crypto_sign_seed_keypair(ret->public, ret->secret, seed);
	crypto_kdf_derive_from_key(
	    ret->sealing, sizeof(ret->sealing), FOR_SEALING, CONTEXT, master);
	sodium_memzero(seed, sizeof(seed));
}

static enum status
key_read(int folder, const char *name, struct backup_key *ret, char *why)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t master[crypto_kdf_KEYBYTES];
	char text[KEY_TEXT + 2] = "";
	enum status st = ST_CORRUPT;
	size_t size = 0;
	struct stat s;

	if (fd < 0 || fstat(fd, &s) != 0)
		st = ST_IO;
	else if (s.st_mode & 077)
		st = ST_DENIED;
	else if (read(fd, text, KEY_TEXT + 1) == KEY_TEXT + 1 &&
		 text[KEY_TEXT] == '\n' &&
		 sodium_hex2bin(master, sizeof(master), text, KEY_TEXT, NULL,
		     &size, NULL) == 0 &&
		 size == sizeof(master))
		st = ST_OK;
	if (st == ST_OK) {
		key_derive(master, ret);
		ret->made_ns =
		    (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
	} else {
		snprintf(why, BACKUP_WHY_SIZE, "key %.100s: %s", name,
		    st == ST_DENIED ? "others could read it"
		    : st == ST_IO   ? strerror(errno)
				    : "is not a key");
	}
	if (fd >= 0)
		close(fd);
	sodium_memzero(master, sizeof(master));
	sodium_memzero(text, sizeof(text));
	return st;
}

/* By time, oldest first; ties by id, so that all agree. */
static int
key_compare(const void *a, const void *b)
{
	const struct backup_key *x = a, *y = b;

	if (x->made_ns != y->made_ns)
		return x->made_ns < y->made_ns ? -1 : 1;
	return strcmp(x->id, y->id);
}

static bool
is_key_name(const char *name)
{
	size_t n = strlen(name), end = strlen(KEY_END);

	return n > end && strcmp(name + n - end, KEY_END) == 0;
}

static enum status
keys_read(DIR *dir, struct backup_keys *k, char *why)
{
	enum status st = ST_OK;
	struct dirent *e;

	while (st == ST_OK && (e = readdir(dir)) != NULL) {
		if (!is_key_name(e->d_name))
			continue;
		if (k->count == BACKUP_KEYS_MAX) {
			snprintf(why, BACKUP_WHY_SIZE, "more than %d keys",
			    BACKUP_KEYS_MAX);
			return ST_FULL;
		}
		st = key_read(dirfd(dir), e->d_name, &k->at[k->count], why);
		if (st == ST_OK)
			k->count++;
	}
	qsort(k->at, k->count, sizeof(k->at[0]), key_compare);
	return st;
}

static enum status
keys_load_there(const char *folder, struct backup_keys *k, char *why)
{
	DIR *dir = opendir(folder);
	enum status st;

	if (dir == NULL && errno == ENOENT)
		return ST_OK;
	if (dir == NULL) {
		snprintf(why, BACKUP_WHY_SIZE, "%s", strerror(errno));
		return ST_IO;
	}
	k->count = 0;
	st = keys_read(dir, k, why);
	closedir(dir);
	return st;
}

enum status
backup_keys_load(
    const char *folder, bool make, struct backup_keys **ret_keys, char *ret_why)
{
	char id[BACKUP_KEY_ID_MAX + 1];
	struct backup_keys *k;
	enum status st;

	if (sodium_init() < 0 || (k = sodium_malloc(sizeof(*k))) == NULL) {
		snprintf(ret_why, BACKUP_WHY_SIZE, "no guarded memory");
		return ST_NO_MEMORY;
	}
	memset(k, 0, sizeof(*k));
	st = keys_load_there(folder, k, ret_why);
	if (st == ST_OK && k->count == 0 && make) {
		st = backup_keys_add(folder, id);
		if (st != ST_OK)
			snprintf(ret_why, BACKUP_WHY_SIZE,
			    "a key cannot be made: %s", strerror(errno));
		else
			st = keys_load_there(folder, k, ret_why);
	}
	if (st != ST_OK) {
		sodium_free(k);
		return st;
	}
	sodium_mprotect_readonly(k);
	*ret_keys = k;
	return ST_OK;
}

void
backup_keys_destroy(struct backup_keys *k)
{
	sodium_free(k);
}

/* Whole or not there: half a key would be in the way of every backup. */
static enum status
key_write(const char *path, const uint8_t *master)
{
	char text[KEY_TEXT + 2];
	enum status st;

	sodium_bin2hex(text, KEY_TEXT + 1, master, crypto_kdf_KEYBYTES);
	text[KEY_TEXT] = '\n';
	st = backup_file_write(path, text, KEY_TEXT + 1);
	sodium_memzero(text, sizeof(text));
	return st;
}

/* One more than can be loaded would stand in the way of every backup. */
static enum status
keys_have_room(const char *folder)
{
	char why[BACKUP_WHY_SIZE];
	struct backup_keys *k = NULL;
	enum status st = backup_keys_load(folder, false, &k, why);

	if (st == ST_OK && k->count == BACKUP_KEYS_MAX)
		st = ST_FULL;
	backup_keys_destroy(k);
	return st;
}

enum status
backup_keys_add(const char *folder, char ret_id[BACKUP_KEY_ID_MAX + 1])
{
	uint8_t master[crypto_kdf_KEYBYTES];
	char path[KEY_PATH_SIZE];
	struct backup_key key;
	enum status st;

	if (sodium_init() < 0)
		return ST_IO;
	st = keys_have_room(folder);
	if (st == ST_OK)
		st = backup_folder_make(folder);
	if (st != ST_OK)
		return st;
	crypto_kdf_keygen(master);
	key_derive(master, &key);
	snprintf(ret_id, BACKUP_KEY_ID_MAX + 1, "%s", key.id);
	snprintf(path, sizeof(path), "%s/%s" KEY_END, folder, key.id);
	st = key_write(path, master);
	if (st == ST_OK)
		st = backup_folder_sync(folder);
	if (st == ST_OK)
		LOG(BACKUP_KEY_MADE, KV("key_id", key.id), KV("file", path));
	sodium_memzero(master, sizeof(master));
	sodium_memzero(&key, sizeof(key));
	return st;
}

const struct backup_key *
backup_keys_newest(const struct backup_keys *k)
{
	return k == NULL || k->count == 0 ? NULL : &k->at[k->count - 1];
}

const struct backup_key *
backup_keys_find(const struct backup_keys *k, const char *id)
{
	for (uint32_t i = 0; k != NULL && i < k->count; i++)
		if (strcmp(k->at[i].id, id) == 0)
			return &k->at[i];
	return NULL;
}

const char *
backup_key_id(const struct backup_key *key)
{
	return key->id;
}

const uint8_t *
backup_key_sealing(const struct backup_key *key)
{
	return key->sealing;
}

/* What is signed: the manifest, as we write it, without its signature. */
static enum status
signed_text(
    const struct backup_facts *f, unsigned char *text, struct wire_out *ret_out)
{
	*ret_out = (struct wire_out){ text, BACKUP_MANIFEST_MAX, 0 };
	return backup_facts_write(f, false, ret_out);
}

enum status
backup_keys_sign(const struct backup_key *key, struct backup_facts *f)
{
	unsigned char *text = malloc(BACKUP_MANIFEST_MAX);
	uint8_t signature[crypto_sign_BYTES];
	enum status st = ST_NO_MEMORY;
	struct wire_out out;

	snprintf(f->signed_by, sizeof(f->signed_by), "%s", key->id);
	if (text != NULL)
		st = signed_text(f, text, &out);
	if (st == ST_OK) {
		crypto_sign_detached(
		    signature, NULL, out.bytes, out.used, key->secret);
		text_hex(signature, sizeof(signature), f->signature);
	}
	free(text);
	return st;
}

static bool
signature_is_good(const struct backup_key *key, const struct backup_facts *f)
{
	unsigned char *text = malloc(BACKUP_MANIFEST_MAX);
	uint8_t signature[crypto_sign_BYTES];
	struct wire_out out;
	size_t size = 0;
	bool good;

	good = text != NULL && signed_text(f, text, &out) == ST_OK &&
	       sodium_hex2bin(signature, sizeof(signature), f->signature,
		   strlen(f->signature), NULL, &size, NULL) == 0 &&
	       size == sizeof(signature) &&
	       crypto_sign_verify_detached(
		   signature, out.bytes, out.used, key->public) == 0;
	free(text);
	return good;
}

enum backup_trust
backup_keys_trust(const struct backup_keys *k, const struct backup_facts *f)
{
	const struct backup_key *key = backup_keys_find(k, f->signed_by);

	if (f->signed_by[0] == '\0' && f->signature[0] == '\0')
		return TRUST_UNSIGNED;
	if (key == NULL)
		return TRUST_UNKNOWN;
	return signature_is_good(key, f) ? TRUST_SIGNED : TRUST_FORGED;
}

void
backup_keys_prove(
    const struct backup_keys *k, struct backup_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		entries[i].trust = backup_keys_trust(k, &entries[i].facts);
}
