#include "gateway/walk.h"

#include "protocols/json.h"
#include "runtime/base/utf8.h"

enum status
walk_open(struct walk *w, enum websocket_subprotocol syntax, struct bytes bytes,
    struct arena *arena)
{
	const char *text = (const char *)bytes.at;
	struct cursor c;

	*w = (struct walk){ .syntax = syntax, .arena = arena };
	if (bytes.size == 0)
		return ST_MALFORMED;
	w->lex = (struct json_lex){ text, text + bytes.size, false };
	w->cursor = cursor_of(bytes.at, bytes.size);
	if (syntax == WEBSOCKET_JSON)
		return json_valid(text, bytes.size) ? ST_OK : ST_MALFORMED;
	c = w->cursor;
	cursor_skip(&c);
	return !c.bad && cursor_left(&c) == 0 ? ST_OK : ST_MALFORMED;
}

static struct bytes
walk_decode(struct walk *w, const struct json_token *token)
{
	struct bytes b = { (const uint8_t *)token->text, token->size };
	char *text;

	if (!token->escaped)
		return b;
	text = arena_take_bytes(w->arena, token->size);
	if (text == NULL) {
		w->failed = true;
		return (struct bytes){ NULL, 0 };
	}
	return (
	    struct bytes){ (uint8_t *)text, json_token_decode(token, text) };
}

static struct walk_item
walk_next_json(struct walk *w)
{
	struct walk_item item = { .kind = WALK_OTHER };

	item.token = json_lex_token(&w->lex);
	if (item.token.kind == JSON_STRING) {
		item.kind = WALK_TEXT;
		item.text = walk_decode(w, &item.token);
	} else if (item.token.kind == JSON_ARRAY) {
		item.kind = WALK_LIST;
	} else if (item.token.kind == JSON_OBJECT) {
		item.kind = WALK_MAP;
	}
	return item;
}

static struct walk_item
walk_next_packed(struct walk *w)
{
	struct walk_item item = { .kind = WALK_OTHER };

	item.packed = cursor_head(&w->cursor);
	item.left = item.packed.n;
	if (item.packed.kind == CURSOR_TEXT) {
		item.kind = WALK_TEXT;
		item.text.at = cursor_take(&w->cursor, item.packed.n);
		item.text.size = item.text.at == NULL ? 0 : item.packed.n;
		if (item.text.size > 0 &&
		    !utf8_valid(item.text.at, item.text.size))
			item = (struct walk_item){ .kind = WALK_OTHER,
				.packed.kind = CURSOR_NIL };
	} else if (item.packed.kind == CURSOR_ARRAY) {
		item.kind = WALK_LIST;
	} else if (item.packed.kind == CURSOR_MAP) {
		item.kind = WALK_MAP;
	}
	return item;
}

struct walk_item
walk_next(struct walk *w)
{
	return w->syntax == WEBSOCKET_JSON ? walk_next_json(w)
					   : walk_next_packed(w);
}

bool
walk_more(struct walk *w, struct walk_item *container)
{
	char end = container->kind == WALK_MAP ? '}' : ']';
	bool begun = container->begun;

	if (w->syntax != WEBSOCKET_JSON)
		return !w->cursor.bad && container->left-- > 0;
	container->begun = true;
	if (json_lex_eat(&w->lex, end))
		return false;
	return !begun || json_lex_eat(&w->lex, ',');
}

struct bytes
walk_key(struct walk *w, bool *ret_odd)
{
	struct walk_item item;
	struct json_token token;
	struct bytes key;

	*ret_odd = false;
	if (w->syntax == WEBSOCKET_JSON) {
		token = json_lex_string(&w->lex);
		key = walk_decode(w, &token);
		(void)json_lex_eat(&w->lex, ':');
		return key;
	}
	item = walk_next(w);
	*ret_odd = item.kind != WALK_TEXT;
	walk_skip(w, &item);
	return item.text;
}

void
walk_skip(struct walk *w, const struct walk_item *value)
{
	if (w->syntax == WEBSOCKET_JSON)
		json_lex_skip(&w->lex, &value->token);
	else if (value->kind != WALK_TEXT)
		cursor_skip_rest(&w->cursor, value->packed);
}

static bool
walk_number_of_text(const char *text, size_t size, uint64_t *ret_number)
{
	uint64_t n = 0;

	if (size == 0 || size > 20 || (size > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < size; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = 10 * n + digit;
	}
	*ret_number = n;
	return true;
}

bool
walk_number(
    const struct walk *w, const struct walk_item *item, uint64_t *ret_number)
{
	if (item->kind == WALK_TEXT)
		return walk_number_of_text(
		    (const char *)item->text.at, item->text.size, ret_number);
	if (w->syntax == WEBSOCKET_JSON)
		return item->token.kind == JSON_NUMBER &&
		       walk_number_of_text(
			   item->token.text, item->token.size, ret_number);
	if (item->packed.kind != CURSOR_UINT)
		return false;
	*ret_number = item->packed.n;
	return true;
}
