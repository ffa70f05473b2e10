#include "gateway/document.h"

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
}
