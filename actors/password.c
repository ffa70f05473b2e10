#include "actors/password.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"
#include "runtime/base/utf8.h"

#define STRING_OF(n) #n
#define TEXT_OF(n) STRING_OF(n)
#define PASSWORD_MEMLIMIT_KIB 65536
#define SHA256_HALF (PASSWORD_SIG_MAX / 2)

static_assert(PASSWORD_MEMLIMIT == PASSWORD_MEMLIMIT_KIB * 1024u,
    "the dummy costs what a real one costs");

/*
 * Who is unknown must cost as much time as who is known: no password hashes
 * to all zeros under a salt of all zeros.
 */
static const char password_dummy[] =
    "$argon2id$v=19$m=" TEXT_OF(PASSWORD_MEMLIMIT_KIB) ",t=" TEXT_OF(
	PASSWORD_OPSLIMIT) ",p=1$AAAAAAAAAAAAAAAAAAAAAA$"
			   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

void
credential_init(struct credential *c, const char *password)
{
	snprintf(c->password, sizeof(c->password), "%s", password);
	snprintf(c->hash, sizeof(c->hash), "%s", password_dummy);
	c->good = false;
}

bool
credential_use(struct credential *c, const char *hash)
{
	static const char kind[] = crypto_pwhash_STRPREFIX;

	if (strncmp(hash, kind, sizeof(kind) - 1) != 0 ||
	    strlen(hash) >= sizeof(c->hash))
		return false;
	snprintf(c->hash, sizeof(c->hash), "%s", hash);
	return true;
}

void
credential_wipe(struct credential *c)
{
	sodium_memzero(c, sizeof(*c));
}

void
credential_check(void *credential)
{
	struct credential *c = credential;
	char text[crypto_pwhash_STRBYTES] = { 0 };

	memcpy(text, c->hash, sizeof(c->hash));
	c->good = crypto_pwhash_str_verify(
		      text, c->password, strlen(c->password)) == 0;
	sodium_memzero(c->password, sizeof(c->password));
}

void
credential_hash(void *credential)
{
	struct credential *c = credential;
	char text[crypto_pwhash_STRBYTES];

	c->good = crypto_pwhash_str(text, c->password, strlen(c->password),
		      PASSWORD_OPSLIMIT, PASSWORD_MEMLIMIT) == 0 &&
		  credential_use(c, text);
	sodium_memzero(c->password, sizeof(c->password));
}

bool
password_is_long(const char *password, uint64_t min)
{
	size_t size = strlen(password);
	uint64_t count = 0;

	for (size_t at = 0; at < size; count++) {
		size_t n =
		    utf8_char_size((const uint8_t *)password + at, size - at);

		if (n == 0)
			return false;
		at += n;
	}
	return count >= min;
}

void
password_sig(const char *hash, char ret_sig[PASSWORD_SIG_MAX + 1])
{
	unsigned char digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, (const unsigned char *)hash, strlen(hash));
	text_hex(digest, SHA256_HALF, ret_sig);
}
