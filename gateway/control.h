/*
 * control - what a client's message asks for, from JSON or from msgpack.
 *
 *   {"action":"auth","ticket":"..."}
 *   {"action":"subscribe","channels":["..."],"filters":{"key":"value"},
 *    "since":{"epoch":1,"offset":2}}, or {"CHANNEL":{...}} for several
 *   {"action":"unsubscribe","channels":["..."]}
 *   {"action":"ping"}
 *
 * control_read finds the parts, whatever else is wrong; control_fault then
 * judges a message of an open socket.  The first message of a socket is
 * judged by socket_auth.c, which answers with other words.
 * Borrows the frame; lists and decoded texts lie in the arena.
 */
#ifndef GATEWAY_CONTROL_H
#define GATEWAY_CONTROL_H

#include "gateway/fields.h"
#include "gateway/websocket_handshake.h"
#include "runtime/base/arena.h"

#define CONTROL_FILTERS_MAX 10       /* keys of one frame */
#define CONTROL_FILTER_CHARS_MAX 256 /* of one value */

enum control_action {
	CONTROL_NONE, /* missing, no text, or unknown */
#define ACTION(id, text, may, must, doc) CONTROL_##id,
#include "gateway/control.def"
};

/* Keys of a message, as bits beside KEY_ACTION, which is 1. */
enum control_key_bit {
	KEY_BIT_ACTION,
#define KEY(id, name, schema, doc) KEY_BIT_##id,
#include "gateway/control.def"
};

enum control_key {
	KEY_ACTION = 1,
#define KEY(id, name, schema, doc) KEY_##id = 1 << KEY_BIT_##id,
#include "gateway/control.def"
};

/* What the server says, by the text of its "action". */
enum control_says {
#define SAYS(id, text, members, required, doc) SAYS_##id,
#include "gateway/control.def"
};

/* Close codes of ours; the protocol's own stand in websocket.h. */
enum socket_close_code {
#define CLOSES(id, code, doc) SOCKET_##id = (code),
#include "gateway/control.def"
};

enum control_form {
	CONTROL_UNREADABLE, /* no JSON, no msgpack */
	CONTROL_NO_OBJECT,
	CONTROL_OBJECT
};

/* Where a client stands in a channel; without a name: in the only one. */
struct control_since {
	struct bytes channel;
	uint64_t epoch;
	uint64_t offset;
};

struct control {
	enum control_form form;
	enum control_action action;
	bool odd; /* unknown or repeated keys, values of other kinds */
	bool has_channels;
	bool has_filters;
	bool has_since;
	bool filters_over;   /* past a bound */
	struct bytes ticket; /* empty: missing, or no text */
	const struct bytes *channels;
	uint32_t channels_count;
	struct fields filters; /* in the arena */
	uint32_t filters_count;
	const struct control_since *sinces;
	uint32_t sinces_count;
};

/* NO_MEMORY if the arena is too small, and nothing else. */
MUST_CHECK enum status control_read(enum websocket_subprotocol syntax,
    struct bytes frame, struct arena *a, struct control *ret_control);

const char *control_says_text(enum control_says what);

/* NULL, or what to answer an open socket. */
const char *control_fault(
    const struct control *c, enum websocket_subprotocol syntax);

#endif
