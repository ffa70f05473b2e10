#include "runtime/refresh.h"

#include <string.h>

#include "runtime/base/base64url.h"

#define SESSION_SIZE 16
#define NUMBER_SIZE 8
#define SIGNED_SIZE (SESSION_SIZE + NUMBER_SIZE)
#define MAC_SIZE (REFRESH_BYTES - SIGNED_SIZE)
#define PURPOSE "troupe refresh"

_Static_assert(REFRESH_TEXT == BASE64URL_TEXT_SIZE(REFRESH_BYTES), "its size");
_Static_assert(REFRESH_TEXT <= REFRESH_TOKEN_MAX, "it fits a message");
_Static_assert(sizeof(((struct uuid *)0)->octets) == SESSION_SIZE, "an id");

/* A MAC for this purpose alone. */
static void
refresh_mac(struct bytes secret, const uint8_t said[SIGNED_SIZE],
    uint8_t ret_mac[SEAL_MAC_MAX])
{
	uint8_t text[sizeof(PURPOSE) + SIGNED_SIZE];

	memcpy(text, PURPOSE, sizeof(PURPOSE));
	memcpy(text + sizeof(PURPOSE), said, SIGNED_SIZE);
	seal_mac(
	    SEAL_SHA256, secret, (struct bytes){ text, sizeof(text) }, ret_mac);
}

void
refresh_mint(struct bytes secret, const struct uuid *session_id,
    uint64_t generation, char ret_token[REFRESH_TEXT + 1])
{
	uint8_t all[REFRESH_BYTES];
	uint8_t mac[SEAL_MAC_MAX];

	memcpy(all, session_id->octets, SESSION_SIZE);
	for (size_t i = 0; i < NUMBER_SIZE; i++)
		all[SESSION_SIZE + i] =
		    (uint8_t)(generation >> (8 * (NUMBER_SIZE - 1 - i)));
	refresh_mac(secret, all, mac);
	memcpy(all + SIGNED_SIZE, mac, MAC_SIZE);
	base64url_encode(all, sizeof(all), ret_token);
	ret_token[REFRESH_TEXT] = '\0';
}

enum status
refresh_verify(struct bytes secret, const char *token,
    struct uuid *ret_session_id, uint64_t *ret_generation)
{
	uint8_t all[REFRESH_BYTES];
	uint8_t mac[SEAL_MAC_MAX];
	uint64_t generation = 0;

	if (strnlen(token, REFRESH_TEXT + 1) != REFRESH_TEXT ||
	    base64url_decode(token, REFRESH_TEXT, all) != ST_OK)
		return ST_MALFORMED;
	refresh_mac(secret, all, mac);
	if (!seal_equal(mac, all + SIGNED_SIZE, MAC_SIZE))
		return ST_DENIED;
	for (size_t i = 0; i < NUMBER_SIZE; i++)
		generation = generation << 8 | all[SESSION_SIZE + i];
	memcpy(ret_session_id->octets, all, SESSION_SIZE);
	*ret_generation = generation;
	return ST_OK;
}
