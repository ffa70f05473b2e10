/*
<<<<<<< HEAD
 * document - reads JSON and msgpack by the same calls.
 *
 * Whole documents only: document_open checks all of it, nesting and UTF-8 of
 * JSON too, so that what is read afterwards is well-formed.  Borrows the
 * bytes; a JSON string with escapes is decoded into the arena.
 * Bounds: JSON_DEPTH_MAX of JSON; msgpack is walked without a stack.
=======
 * document - writes a JSON text that is no message, member by member.
 *
 * Indented by a space a level, since people read its changes.  The first
 * failure sticks: ask document_done once at the end.  name is the key within
 * an object, NULL within a list and for the whole.
>>>>>>> main
 */
#ifndef GATEWAY_DOCUMENT_H
#define GATEWAY_DOCUMENT_H

<<<<<<< HEAD
#include "gateway/websocket_handshake.h"
#include "protocols/cursor.h"
#include "protocols/json_lex.h"
#include "runtime/base/arena.h"

struct document {
	enum websocket_subprotocol syntax;
	struct arena *arena;
	struct json_lex lex;
	struct cursor cursor;
	bool failed; /* the arena was full */
};

enum document_kind {
	DOCUMENT_TEXT,
	DOCUMENT_LIST,
	DOCUMENT_MAP,
	DOCUMENT_OTHER
};

struct document_item {
	enum document_kind kind;
	struct bytes text;
	uint64_t left; /* of a container: items or pairs not read yet */
	bool begun;
	struct json_token token;
	struct cursor_item packed;
};

/* MALFORMED if it is not one whole value. */
MUST_CHECK enum status document_open(struct document *d,
    enum websocket_subprotocol syntax, struct bytes bytes, struct arena *arena);

/* The next value; of a container its head. */
struct document_item document_next(struct document *d);

/* One more in this container?  Then read its key, if a map, and its value. */
bool document_more(struct document *d, struct document_item *container);

/* A key that is no text, as msgpack allows, is empty and odd. */
struct bytes document_key(struct document *d, bool *ret_odd);

/* Past what a value holds. */
void document_skip(struct document *d, const struct document_item *value);
=======
#include "protocols/wire.h"

#define DOCUMENT_DEPTH_MAX 24

struct document {
	struct wire_out *out;
	size_t start; /* of out, to go back to */
	enum status status;
	uint32_t depth;
	char closers[DOCUMENT_DEPTH_MAX];
	bool bare; /* nothing stands yet in what was opened last */
};

void document_init(struct document *d, struct wire_out *out);

void document_object(struct document *d, const char *name);
void document_list(struct document *d, const char *name);
void document_end(struct document *d);

void document_text(struct document *d, const char *name, const char *text);
void document_number(struct document *d, const char *name, uint64_t number);
void document_bool(struct document *d, const char *name, bool value);
/* A value that is JSON already. */
void document_raw(struct document *d, const char *name, const char *json);

/* Everything is closed.  A failure leaves out as it was. */
MUST_CHECK enum status document_done(struct document *d);
>>>>>>> main

#endif
