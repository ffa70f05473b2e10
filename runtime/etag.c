#include "runtime/etag.h"

#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "runtime/base/text.h"

#define ETAG_OCTETS 8
#define ETAG_BLANKS " \t"

_Static_assert(ETAG_SIZE == 2 * ETAG_OCTETS + 3, "hex, two quotes, NUL");

static void
etag_hash(crypto_hash_sha256_state *state, const char *text)
{
	(void)crypto_hash_sha256_update(
	    state, (const unsigned char *)text, strlen(text));
}

void
etag_of(const char *value, const char *updated_at, char ret_etag[ETAG_SIZE])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	(void)crypto_hash_sha256_init(&state);
	etag_hash(&state, value);
	etag_hash(&state, ":");
	etag_hash(&state, updated_at == NULL ? "" : updated_at);
	(void)crypto_hash_sha256_final(&state, digest);
	ret_etag[0] = '"';
	text_hex(digest, ETAG_OCTETS, ret_etag + 1);
	ret_etag[ETAG_SIZE - 2] = '"';
	ret_etag[ETAG_SIZE - 1] = '\0';
}

bool
if_match_is_given(const char *header)
{
	return header != NULL && header[0] != '\0';
}

/* Without the blanks around it. */
static size_t
if_match_trim(const char **at, size_t size)
{
	while (size > 0 && strchr(ETAG_BLANKS, **at) != NULL) {
		(*at)++;
		size--;
	}
	while (size > 0 && strchr(ETAG_BLANKS, (*at)[size - 1]) != NULL)
		size--;
	return size;
}

bool
if_match_allows(const char *header, const char *etag)
{
	const char *at = header;
	size_t size = if_match_trim(&at, strlen(at));

	assert(etag[0] == '"');
	if (size == 1 && *at == '*')
		return true;
	for (at = header; at != NULL;) {
		const char *comma = strchr(at, ',');
		const char *item = at;

		size = comma == NULL ? strlen(at) : (size_t)(comma - at);
		size = if_match_trim(&item, size);
		if (size == strlen(etag) && memcmp(item, etag, size) == 0)
			return true;
		at = comma == NULL ? NULL : comma + 1;
	}
	return false;
}
