/*
 * walk - reads JSON and msgpack by the same calls.
 *
 * Whole documents only: walk_open checks all of it, nesting and UTF-8 of
 * JSON too, so that what is read afterwards is well-formed.  Borrows the
 * bytes; a JSON string with escapes is decoded into the arena.
 * Bounds: JSON_DEPTH_MAX of JSON; msgpack is walked without a stack.
 */
#ifndef GATEWAY_WALK_H
#define GATEWAY_WALK_H

#include "gateway/websocket_handshake.h"
#include "protocols/cursor.h"
#include "protocols/json_lex.h"
#include "runtime/base/arena.h"

struct walk {
	enum websocket_subprotocol syntax;
	struct arena *arena;
	struct json_lex lex;
	struct cursor cursor;
	bool failed; /* the arena was full */
};

enum walk_kind { WALK_TEXT, WALK_LIST, WALK_MAP, WALK_OTHER };

struct walk_item {
	enum walk_kind kind;
	struct bytes text;
	uint64_t left; /* of a container: items or pairs not read yet */
	bool begun;
	struct json_token token;
	struct cursor_item packed;
};

/* MALFORMED if it is not one whole value. */
MUST_CHECK enum status walk_open(struct walk *w,
    enum websocket_subprotocol syntax, struct bytes bytes, struct arena *arena);

/* The next value; of a container its head. */
struct walk_item walk_next(struct walk *w);

/* One more in this container?  Then read its key, if a map, and its value. */
bool walk_more(struct walk *w, struct walk_item *container);

/* A key that is no text, as msgpack allows, is empty and odd. */
struct bytes walk_key(struct walk *w, bool *ret_odd);

/* A whole number of 64 bits, or the text of one; false: it is none. */
bool walk_number(
    const struct walk *w, const struct walk_item *item, uint64_t *ret);

/* Past what a value holds. */
void walk_skip(struct walk *w, const struct walk_item *value);

#endif
