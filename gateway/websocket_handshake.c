#include "gateway/websocket_handshake.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "gateway/chars.h"
#include "gateway/header.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define WEBSOCKET_KEY_DIGITS 22
#define SHA1_BYTES 20

#define REFUSE(code, text)                                                   \
	do {                                                                 \
		static const struct http1_refusal refusal_ = { code, text }; \
		return &refusal_;                                            \
	} while (0)

static const char *const websocket_subprotocols[] = {
#define SUBPROTOCOL(id, name) name,
	WEBSOCKET_SUBPROTOCOLS(SUBPROTOCOL)
#undef SUBPROTOCOL
};

#define SUBPROTOCOLS_COUNT \
	(sizeof(websocket_subprotocols) / sizeof(*websocket_subprotocols))

const char *
websocket_subprotocol_name(enum websocket_subprotocol s)
{
	assert((size_t)s < SUBPROTOCOLS_COUNT);
	return websocket_subprotocols[s];
}

bool
websocket_handshake_wanted(const struct http1_head *h, const uint8_t *at)
{
	return h->upgrade.size > 0 &&
	       header_list_has(http1_bytes(at, h->upgrade), "websocket");
}

/* 22 digits of base64 and two pads are 16 bytes, whatever they say. */
static bool
websocket_key_fits(struct bytes key)
{
	if (key.size != WEBSOCKET_KEY_SIZE)
		return false;
	for (size_t i = 0; i < WEBSOCKET_KEY_DIGITS; i++)
		if (!chars_is(key.at[i], CHAR_BASE64))
			return false;
	return memcmp(key.at + WEBSOCKET_KEY_DIGITS, "==", 2) == 0;
}

/* The first of the client's that is ours: the order is its preference. */
static bool
websocket_choose(struct bytes list, struct websocket_offer *offer)
{
	struct bytes item;

	while (header_list_next(&list, &item))
		for (size_t i = 0; i < SUBPROTOCOLS_COUNT; i++)
			if (strlen(websocket_subprotocols[i]) == item.size &&
			    memcmp(websocket_subprotocols[i], item.at,
				item.size) == 0) {
				offer->subprotocol =
				    (enum websocket_subprotocol)i;
				offer->subprotocol_named = true;
				return true;
			}
	return false;
}

static const struct http1_refusal *
websocket_check_subprotocols(const struct http1_head *h, const uint8_t *at,
    struct websocket_offer *offer)
{
	struct bytes list;
	uint32_t cursor = 0;
	bool named = false;

	while (
	    http1_head_next(h, at, "Sec-WebSocket-Protocol", &cursor, &list)) {
		named = true;
		if (websocket_choose(list, offer))
			return NULL;
	}
	if (named)
		REFUSE(400, "no subprotocol in common");
	return NULL;
}

const struct http1_refusal *
websocket_handshake_check(const struct http1_head *h, const uint8_t *at,
    struct websocket_offer *ret_offer)
{
	struct websocket_offer offer = { .subprotocol = WEBSOCKET_JSON };
	const struct http1_refusal *refusal;
	struct bytes version;

	if (!websocket_handshake_wanted(h, at))
		REFUSE(426, "this is a WebSocket endpoint");
	if (h->method != HTTP1_GET)
		REFUSE(400, "a WebSocket begins with GET");
	if (h->chunked || h->length > 0)
		REFUSE(400, "a WebSocket begins without a body");
	if (http1_head_find(h, at, "Sec-WebSocket-Version", &version) !=
		ST_OK ||
	    !header_is(version, WEBSOCKET_VERSION))
		REFUSE(426, "only version " WEBSOCKET_VERSION " is spoken");
	if (http1_head_find(h, at, "Sec-WebSocket-Key", &offer.key) != ST_OK ||
	    !websocket_key_fits(offer.key))
		REFUSE(400, "bad Sec-WebSocket-Key");
	refusal = websocket_check_subprotocols(h, at, &offer);
	if (refusal == NULL)
		*ret_offer = offer;
	return refusal;
}

/* SHA-1 is what the RFC asks for: a checksum here, it protects nothing. */
static enum status
websocket_sha1(const void *at, size_t size, uint8_t ret_hash[SHA1_BYTES])
{
	unsigned int used = 0;

	if (EVP_Digest(at, size, ret_hash, &used, EVP_sha1(), NULL) != 1 ||
	    used != SHA1_BYTES)
		return ST_UNAVAILABLE;
	return ST_OK;
}

enum status
websocket_accept(struct bytes key, char ret_text[WEBSOCKET_ACCEPT_SIZE])
{
	uint8_t text[WEBSOCKET_KEY_SIZE + sizeof(GUID) - 1];
	uint8_t hash[SHA1_BYTES];
	enum status st;

	assert(key.size == WEBSOCKET_KEY_SIZE);
	memcpy(text, key.at, key.size);
	memcpy(text + key.size, GUID, sizeof(GUID) - 1);
	st = websocket_sha1(text, sizeof(text), hash);
	if (st == ST_OK)
		EVP_EncodeBlock((unsigned char *)ret_text, hash, SHA1_BYTES);
	return st;
}
