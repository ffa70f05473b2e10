#include "actors/keyring_file.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/decimal.h"
#include "runtime/seal_file.h"

#define FILE_MARK "troupe-keys 1\n"
#define LINE_MAX_SIZE 512
#define FILE_MAX_SIZE (sizeof(FILE_MARK) + KEYRING_MAX * LINE_MAX_SIZE)
#define REFRESH_NAME "refresh"
#define KEY_ID_DIGITS "0123456789abcdef"

enum status
keyring_file_open(struct keyring_file *f, const char *path)
{
	size_t size = 0;
	enum status st;

	f->text = sodium_malloc(FILE_MAX_SIZE + 1);
	if (f->text == NULL)
		return ST_NO_MEMORY;
	st = seal_file_read(path, f->text, FILE_MAX_SIZE, &size);
	f->text[st == ST_OK ? size : 0] = '\0';
	f->at = f->text + sizeof(FILE_MARK) - 1;
	if (st == ST_OK &&
	    (strlen(f->text) != size || size < sizeof(FILE_MARK) - 1 ||
		memcmp(f->text, FILE_MARK, sizeof(FILE_MARK) - 1) != 0))
		st = ST_MALFORMED;
	if (st != ST_OK)
		keyring_file_close(f);
	return st;
}

void
keyring_file_close(struct keyring_file *f)
{
	sodium_free(f->text);
	f->text = NULL;
}

/* The next word, ended by `end`; NULL: there is none. */
static char *
file_word(char **at, char end)
{
	char *word = *at;
	char *stop = strchr(word, end);

	if (stop == NULL)
		return NULL;
	*stop = '\0';
	*at = stop + 1;
	return word;
}

static bool
file_number(char **at, uint64_t *ret_number)
{
	const char *word = file_word(at, ' ');

	return word != NULL && decimal_parse(word, INT64_MAX, ret_number);
}

static bool
file_kind(const char *word, struct keyring_key *key)
{
	if (strcmp(word, REFRESH_NAME) == 0) {
		key->kind = KEYRING_REFRESH;
		return true;
	}
	key->kind = KEYRING_TOKEN;
	for (enum token_algorithm a = TOKEN_EDDSA; a <= TOKEN_HS512; a++)
		if (strcmp(word, token_algorithm_name(a)) == 0) {
			key->algorithm = a;
			return true;
		}
	return false;
}

static bool
file_key_id(const char *word, struct keyring_key *key)
{
	if (word == NULL || strlen(word) != TOKEN_KEY_ID_MAX ||
	    strspn(word, KEY_ID_DIGITS) != TOKEN_KEY_ID_MAX)
		return false;
	memcpy(key->key_id, word, TOKEN_KEY_ID_MAX + 1);
	return true;
}

enum status
keyring_file_next(struct keyring_file *f, struct keyring_key *ret_key)
{
	struct keyring_key *key = ret_key;
	uint64_t created, until, known;
	const char *word, *hex, *end = NULL;

	*key = (struct keyring_key){ 0 };
	if (*f->at == '\0')
		return ST_NOT_FOUND;
	word = file_word(&f->at, ' ');
	if (word == NULL || !file_kind(word, key) ||
	    !file_key_id(file_word(&f->at, ' '), key) ||
	    !file_number(&f->at, &created) || !file_number(&f->at, &until) ||
	    !file_number(&f->at, &key->life_us) ||
	    !file_number(&f->at, &known) || known > 1 ||
	    (hex = file_word(&f->at, '\n')) == NULL)
		return ST_MALFORMED;
	key->created_at = (int64_t)created;
	key->until = (int64_t)until;
	key->known = known == 1;
	return sodium_hex2bin(key->secret, sizeof(key->secret), hex,
		   strlen(hex), NULL, &key->size, &end) == 0 &&
		       *end == '\0'
		   ? ST_OK
		   : ST_MALFORMED;
}

static size_t
file_write_key(char *text, size_t size, const struct keyring_key *key)
{
	char hex[2 * TOKEN_VERIFIER_MAX + 1];
	int n;

	sodium_bin2hex(hex, sizeof(hex), key->secret, key->size);
	n = snprintf(text, size,
	    "%s %s %" PRId64 " %" PRId64 " %" PRIu64 " %d %s\n",
	    key->kind == KEYRING_REFRESH ? REFRESH_NAME
					 : token_algorithm_name(key->algorithm),
	    key->key_id, key->created_at, key->until, key->life_us,
	    key->known ? 1 : 0, hex);
	sodium_memzero(hex, sizeof(hex));
	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

enum status
keyring_file_write(
    const char *path, const struct keyring_key *keys, uint32_t count)
{
	char *text = sodium_malloc(FILE_MAX_SIZE);
	size_t used = sizeof(FILE_MARK) - 1;
	enum status st = ST_OK;

	if (text == NULL)
		return ST_NO_MEMORY;
	memcpy(text, FILE_MARK, used);
	for (uint32_t i = 0; st == ST_OK && i < count; i++) {
		size_t n =
		    file_write_key(text + used, FILE_MAX_SIZE - used, &keys[i]);

		if (n == 0)
			st = ST_FULL;
		used += n;
	}
	if (st == ST_OK)
		st = seal_file_replace(path, text, used);
	sodium_free(text);
	return st;
}
