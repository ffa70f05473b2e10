#include "runtime/etag.h"

#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "runtime/base/items.h"
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
static struct bytes
if_match_trim(struct bytes b)
{
	while (b.size > 0 && strchr(ETAG_BLANKS, b.at[0]) != NULL) {
		b.at++;
		b.size--;
	}
	while (b.size > 0 && strchr(ETAG_BLANKS, b.at[b.size - 1]) != NULL)
		b.size--;
	return b;
}

bool
if_match_allows(const char *header, const char *etag)
{
	struct bytes rest = { (const uint8_t *)header, strlen(header) };
	struct bytes item = if_match_trim(rest);

	assert(etag[0] == '"');
	if (item.size == 1 && item.at[0] == '*')
		return true;
	while (items_next(&rest, ',', &item)) {
		item = if_match_trim(item);
		if (item.size == strlen(etag) &&
		    memcmp(item.at, etag, item.size) == 0)
			return true;
	}
	return false;
}
