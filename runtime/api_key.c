#include "runtime/api_key.h"

#include <string.h>

#define PREFIX_SIZE (sizeof(API_KEY_PREFIX) - 1)

_Static_assert(
    PREFIX_SIZE + API_KEY_ID_SIZE + 1 + API_KEY_SECRET_TEXT == API_KEY_TEXT,
    "one length");

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool
is_base64url(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

bool
api_key_parse(const char *text, char ret_id[API_KEY_ID_SIZE + 1])
{
	const char *id = text + PREFIX_SIZE;
	const char *secret = id + API_KEY_ID_SIZE + 1;

	if (strlen(text) != API_KEY_TEXT ||
	    memcmp(text, API_KEY_PREFIX, PREFIX_SIZE) != 0 || secret[-1] != '_')
		return false;
	for (size_t i = 0; i < API_KEY_ID_SIZE; i++)
		if (!is_hex(id[i]))
			return false;
	for (size_t i = 0; i < API_KEY_SECRET_TEXT; i++)
		if (!is_base64url(secret[i]))
			return false;
	memcpy(ret_id, id, API_KEY_ID_SIZE);
	ret_id[API_KEY_ID_SIZE] = '\0';
	return true;
}

void
api_key_digest(const uint8_t secret[SEAL_SECRET_SIZE], const char *text,
    uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
	uint8_t mac[SEAL_MAC_MAX];

	seal_mac(SEAL_SHA256, (struct bytes){ secret, SEAL_SECRET_SIZE },
	    (struct bytes){ (const uint8_t *)text, strlen(text) }, mac);
	memcpy(ret_digest, mac, SEAL_DIGEST_SIZE);
}
