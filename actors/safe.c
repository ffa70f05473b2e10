#include "actors/safe.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/base64url.h"
#include "runtime/seal_file.h"

#define FILE_MARK "troupe-settings-key 1 "
#define FILE_SIZE (sizeof(FILE_MARK) - 1 + 2 * SAFE_KEY_SIZE + 1)
#define MARK_SIZE (sizeof(SAFE_MARK) - 1)
#define BOX_MAX (SAFE_NONCE_SIZE + crypto_secretbox_MACBYTES + SAFE_TEXT_MAX)

static_assert(SAFE_NONCE_SIZE == crypto_secretbox_NONCEBYTES, "its nonce");
static_assert(SAFE_KEY_SIZE == crypto_secretbox_KEYBYTES, "its key");

static enum status
safe_take_key(struct safe *s, const uint8_t key[SAFE_KEY_SIZE])
{
	s->key = sodium_malloc(SAFE_KEY_SIZE);
	if (s->key == NULL)
		return ST_NO_MEMORY;
	memcpy(s->key, key, SAFE_KEY_SIZE);
	return ST_OK;
}

static enum status
safe_parse(struct safe *s, const char *text, size_t size)
{
	const char *end = NULL;
	uint8_t key[SAFE_KEY_SIZE];
	enum status st = ST_MALFORMED;

	if (size == FILE_SIZE &&
	    memcmp(text, FILE_MARK, sizeof(FILE_MARK) - 1) == 0 &&
	    sodium_hex2bin(key, sizeof(key), text + sizeof(FILE_MARK) - 1,
		2 * SAFE_KEY_SIZE, NULL, NULL, &end) == 0 &&
	    end == text + FILE_SIZE - 1 && *end == '\n')
		st = safe_take_key(s, key);
	sodium_memzero(key, sizeof(key));
	return st;
}

enum status
safe_open(struct safe *s, const char *folder)
{
	char text[FILE_SIZE + 1];
	size_t size = 0;
	enum status st;
	int n;

	*s = (struct safe){ 0 };
	if (sodium_init() < 0)
		return ST_IO;
	if (folder == NULL)
		return ST_OK;
	n = snprintf(s->path, sizeof(s->path), "%s/" SAFE_FILE, folder);
	if (n < 0 || (size_t)n >= sizeof(s->path))
		return ST_FULL;
	st = seal_file_read(s->path, text, sizeof(text), &size);
	if (st == ST_OK)
		st = safe_parse(s, text, size);
	sodium_memzero(text, sizeof(text));
	return st == ST_NOT_FOUND ? ST_OK : st == ST_FULL ? ST_MALFORMED : st;
}

void
safe_close(struct safe *s)
{
	sodium_free(s->key);
	s->key = NULL;
}

enum status
safe_make_key(struct safe *s, const uint8_t key[SAFE_KEY_SIZE])
{
	char text[FILE_SIZE + 1];
	enum status st = ST_OK;

	memcpy(text, FILE_MARK, sizeof(FILE_MARK) - 1);
	sodium_bin2hex(text + sizeof(FILE_MARK) - 1, 2 * SAFE_KEY_SIZE + 1, key,
	    SAFE_KEY_SIZE);
	text[FILE_SIZE - 1] = '\n';
	if (s->path[0] != '\0')
		st = seal_file_replace(s->path, text, FILE_SIZE);
	sodium_memzero(text, sizeof(text));
	return st == ST_OK ? safe_take_key(s, key) : st;
}

bool
safe_is_sealed(const char *text)
{
	return strncmp(text, SAFE_MARK, MARK_SIZE) == 0;
}

enum status
safe_seal(const struct safe *s, const char *name, const char *text,
    const uint8_t nonce[SAFE_NONCE_SIZE], char *ret_sealed, size_t size)
{
	size_t name_size = strlen(name) + 1, text_size = strlen(text);
	size_t plain = name_size + text_size;
	size_t boxed = SAFE_NONCE_SIZE + crypto_secretbox_MACBYTES + plain;
	uint8_t *box;

	if (s->key == NULL)
		return ST_NOT_FOUND;
	if (plain > SAFE_TEXT_MAX ||
	    MARK_SIZE + BASE64URL_TEXT_SIZE(boxed) + 1 > size)
		return ST_FULL;
	box = sodium_malloc(boxed);
	if (box == NULL)
		return ST_NO_MEMORY;
	memcpy(box, nonce, SAFE_NONCE_SIZE);
	memcpy(box + boxed - plain, name, name_size);
	/* Its end is the box's. NOLINTNEXTLINE(bugprone-not-null-*) */
	memcpy(box + boxed - text_size, text, text_size);
	crypto_secretbox_easy(
	    box + SAFE_NONCE_SIZE, box + boxed - plain, plain, nonce, s->key);
	snprintf(ret_sealed, size, "%s", SAFE_MARK);
	base64url_encode(box, boxed, ret_sealed + MARK_SIZE);
	ret_sealed[MARK_SIZE + BASE64URL_TEXT_SIZE(boxed)] = '\0';
	sodium_free(box);
	return ST_OK;
}

/* The text behind the name, if the name is the right one. */
static enum status
safe_take_text(const char *name, const uint8_t *plain, size_t plain_size,
    char *ret_text, size_t size)
{
	size_t name_size = strlen(name) + 1;

	if (plain_size < name_size || memcmp(plain, name, name_size) != 0)
		return ST_DENIED;
	if (plain_size - name_size >= size)
		return ST_FULL;
	memcpy(ret_text, plain + name_size, plain_size - name_size);
	ret_text[plain_size - name_size] = '\0';
	return ST_OK;
}

enum status
safe_unseal(const struct safe *s, const char *name, const char *sealed,
    char *ret_text, size_t size)
{
	const char *at = sealed + MARK_SIZE;
	size_t text_size, boxed;
	const size_t least = SAFE_NONCE_SIZE + crypto_secretbox_MACBYTES;
	uint8_t *box;
	enum status st;

	if (s->key == NULL)
		return ST_NOT_FOUND;
	if (!safe_is_sealed(sealed))
		return ST_MALFORMED;
	text_size = strlen(at);
	boxed = BASE64URL_BYTES_SIZE(text_size);
	if (boxed < least || boxed > BOX_MAX)
		return ST_MALFORMED;
	box = sodium_malloc(boxed);
	if (box == NULL)
		return ST_NO_MEMORY;
	st = base64url_decode(at, text_size, box);
	if (st == ST_OK &&
	    crypto_secretbox_open_easy(box + least, box + SAFE_NONCE_SIZE,
		boxed - SAFE_NONCE_SIZE, box, s->key) != 0)
		st = ST_DENIED;
	if (st == ST_OK)
		st = safe_take_text(
		    name, box + least, boxed - least, ret_text, size);
	sodium_free(box);
	return st;
}
