/*
 * websocket_handshake - may this request become a WebSocket (RFC 6455, 4.2)?
 *
 * Pure: judges a head that http1 has read, and computes what the 101 must
 * say.  A client that names subprotocols must name one of ours; one that
 * names none speaks JSON and the reply names none.  Extensions: deflate.h.
 */
#ifndef GATEWAY_WEBSOCKET_HANDSHAKE_H
#define GATEWAY_WEBSOCKET_HANDSHAKE_H

#include "gateway/http1.h"

#define WEBSOCKET_VERSION "13"
#define WEBSOCKET_KEY_SIZE 24    /* 16 bytes in base64 */
#define WEBSOCKET_ACCEPT_SIZE 29 /* 20 bytes in base64 and a NUL */

#define WEBSOCKET_SUBPROTOCOLS(X) \
	X(JSON, "troupe.json.v1") \
	X(MSGPACK, "troupe.msgpack.v1")

enum websocket_subprotocol {
#define SUBPROTOCOL(id, name) WEBSOCKET_##id,
	WEBSOCKET_SUBPROTOCOLS(SUBPROTOCOL)
#undef SUBPROTOCOL
};

struct websocket_offer {
	struct bytes key; /* lies in the head */
	enum websocket_subprotocol subprotocol;
	bool subprotocol_named; /* then the reply names it too */
};

/* The head asks for an upgrade to websocket at all. */
bool websocket_handshake_wanted(const struct http1_head *h, const uint8_t *at);

/*
 * NULL and *ret_offer when the upgrade can be made, else what to answer:
 * 400, or 426 with Sec-WebSocket-Version for a version we do not speak.
 */
MUST_CHECK const struct http1_refusal *websocket_handshake_check(
    const struct http1_head *h, const uint8_t *at,
    struct websocket_offer *ret_offer);

/* Sec-WebSocket-Accept for a key; ST_UNAVAILABLE if SHA-1 is. */
MUST_CHECK enum status websocket_accept(
    struct bytes key, char ret_text[WEBSOCKET_ACCEPT_SIZE]);

const char *websocket_subprotocol_name(enum websocket_subprotocol s);

#endif
