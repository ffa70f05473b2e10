#include "gateway/document.h"

<<<<<<< HEAD
#include "protocols/json.h"

enum status
document_open(struct document *d, enum websocket_subprotocol syntax,
    struct bytes bytes, struct arena *arena)
{
	const char *text = (const char *)bytes.at;
	struct cursor c = cursor_of(bytes.at, bytes.size);

	*d = (struct document){ .syntax = syntax,
		.arena = arena,
		.lex = { text, text + bytes.size, false },
		.cursor = c };
	if (syntax == WEBSOCKET_JSON)
		return bytes.size > 0 && json_valid(text, bytes.size)
			   ? ST_OK
			   : ST_MALFORMED;
	cursor_skip(&c);
	return !c.bad && cursor_left(&c) == 0 ? ST_OK : ST_MALFORMED;
}

static struct bytes
document_decode(struct document *d, const struct json_token *token)
{
	struct bytes b = { (const uint8_t *)token->text, token->size };
	char *text;

	if (!token->escaped)
		return b;
	text = arena_take_bytes(d->arena, token->size);
	if (text == NULL) {
		d->failed = true;
		return (struct bytes){ NULL, 0 };
	}
	return (
	    struct bytes){ (uint8_t *)text, json_token_decode(token, text) };
}

static struct document_item
document_next_json(struct document *d)
{
	struct document_item item = { .kind = DOCUMENT_OTHER };

	item.token = json_lex_token(&d->lex);
	if (item.token.kind == JSON_STRING) {
		item.kind = DOCUMENT_TEXT;
		item.text = document_decode(d, &item.token);
	} else if (item.token.kind == JSON_ARRAY) {
		item.kind = DOCUMENT_LIST;
	} else if (item.token.kind == JSON_OBJECT) {
		item.kind = DOCUMENT_MAP;
	}
	return item;
}

static struct document_item
document_next_packed(struct document *d)
{
	struct document_item item = { .kind = DOCUMENT_OTHER };

	item.packed = cursor_head(&d->cursor);
	item.left = item.packed.n;
	if (item.packed.kind == CURSOR_TEXT) {
		item.kind = DOCUMENT_TEXT;
		item.text.at = cursor_take(&d->cursor, item.packed.n);
		item.text.size = item.text.at == NULL ? 0 : item.packed.n;
		if (item.text.size > 0 &&
		    !utf8_valid(item.text.at, item.text.size))
			item = (struct document_item){ .kind = DOCUMENT_OTHER,
				.packed.kind = CURSOR_NIL };
	} else if (item.packed.kind == CURSOR_ARRAY) {
		item.kind = DOCUMENT_LIST;
	} else if (item.packed.kind == CURSOR_MAP) {
		item.kind = DOCUMENT_MAP;
	}
	return item;
}

struct document_item
document_next(struct document *d)
{
	return d->syntax == WEBSOCKET_JSON ? document_next_json(d)
					   : document_next_packed(d);
}

bool
document_more(struct document *d, struct document_item *container)
{
	char end = container->kind == DOCUMENT_MAP ? '}' : ']';
	bool begun = container->begun;

	if (d->syntax != WEBSOCKET_JSON)
		return !d->cursor.bad && container->left-- > 0;
	container->begun = true;
	if (json_lex_eat(&d->lex, end))
		return false;
	return !begun || json_lex_eat(&d->lex, ',');
}

struct bytes
document_key(struct document *d, bool *ret_odd)
{
	struct document_item item;
	struct json_token token;
	struct bytes key;

	*ret_odd = false;
	if (d->syntax == WEBSOCKET_JSON) {
		token = json_lex_string(&d->lex);
		key = document_decode(d, &token);
		(void)json_lex_eat(&d->lex, ':');
		return key;
	}
	item = document_next(d);
	*ret_odd = item.kind != DOCUMENT_TEXT;
	document_skip(d, &item);
	return item.text;
}

void
document_skip(struct document *d, const struct document_item *value)
{
	if (d->syntax == WEBSOCKET_JSON)
		json_lex_skip(&d->lex, &value->token);
	else if (value->kind != DOCUMENT_TEXT)
		cursor_skip_rest(&d->cursor, value->packed);
=======
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocols/json.h"

#define NUMBER_SIZE 21

void
document_init(struct document *d, struct wire_out *out)
{
	*d = (struct document){
		.out = out, .start = out->used, .status = ST_OK, .bare = true
	};
}

static void
document_put(struct document *d, const char *bytes, size_t size)
{
	if (d->status == ST_OK && size > d->out->size - d->out->used)
		d->status = ST_FULL;
	if (d->status != ST_OK)
		return;
	memcpy(d->out->bytes + d->out->used, bytes, size);
	d->out->used += size;
}

static void
document_put_string(struct document *d, const char *text)
{
	if (d->status == ST_OK)
		d->status = json_encode_text(text, d->out);
}

static void
document_put_line(struct document *d)
{
	document_put(d, "\n", 1);
	for (uint32_t i = 0; i < d->depth; i++)
		document_put(d, " ", 1);
}

/* All that stands before a value. */
static void
document_begin(struct document *d, const char *name)
{
	if (!d->bare)
		document_put(d, ",", 1);
	if (d->depth > 0)
		document_put_line(d);
	d->bare = false;
	if (name == NULL)
		return;
	document_put_string(d, name);
	document_put(d, ": ", 2);
}

static void
document_open(struct document *d, const char *name, const char *brackets)
{
	assert(d->depth < DOCUMENT_DEPTH_MAX);
	document_begin(d, name);
	document_put(d, brackets, 1);
	d->closers[d->depth++] = brackets[1];
	d->bare = true;
}

void
document_object(struct document *d, const char *name)
{
	document_open(d, name, "{}");
}

void
document_list(struct document *d, const char *name)
{
	document_open(d, name, "[]");
}

void
document_end(struct document *d)
{
	assert(d->depth > 0);
	d->depth--;
	if (!d->bare)
		document_put_line(d);
	document_put(d, &d->closers[d->depth], 1);
	d->bare = false;
}

void
document_text(struct document *d, const char *name, const char *text)
{
	document_begin(d, name);
	document_put_string(d, text);
}

void
document_number(struct document *d, const char *name, uint64_t number)
{
	char text[NUMBER_SIZE];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	document_raw(d, name, text);
}

void
document_bool(struct document *d, const char *name, bool value)
{
	document_raw(d, name, value ? "true" : "false");
}

void
document_raw(struct document *d, const char *name, const char *json)
{
	document_begin(d, name);
	document_put(d, json, strlen(json));
}

enum status
document_done(struct document *d)
{
	assert(d->depth == 0);
	document_put(d, "\n", 1);
	if (d->status != ST_OK)
		d->out->used = d->start;
	return d->status;
>>>>>>> main
}
