/*
 * control_fuzz - any bytes as a client's message, in both syntaxes; and as
 * JSON to be told in msgpack, which msgpack-c must read as the same value.
 */
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control.h"
#include "gateway/transcode.h"
#include "gateway/walk.h"
#include "protocols/json.h"
#include "tests/fuzz/fuzz.h"

#define ARENA_SIZE (4u << 20)
#define INPUT_MAX 32768
static struct arena arena;

static void
check_control(enum websocket_subprotocol syntax, struct bytes frame)
{
	struct control c;
	size_t seen = 0;

	arena_reset(&arena);
	CHECK(control_read(syntax, frame, &arena, &c) == ST_OK);
	if (c.form == CONTROL_UNREADABLE)
		CHECK(control_fault(&c, syntax) != NULL);
	CHECK(c.filters_count <= CONTROL_FILTERS_MAX);
	CHECK(c.ticket.size <= frame.size);
	for (uint32_t i = 0; i < c.channels_count; i++)
		seen += c.channels[i].size;
	CHECK(seen <= frame.size);
}

/* A number means the same; a double is what strtod says. */
static void
check_number(const struct json_token *t, const msgpack_object *o)
{
	double value = strtod(t->text, NULL);

	if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		CHECK((double)o->via.u64 == value);
	else if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		CHECK((double)o->via.i64 == value);
	else
		CHECK((o->type == MSGPACK_OBJECT_FLOAT32 ||
			  o->type == MSGPACK_OBJECT_FLOAT64) &&
		      o->via.f64 == value);
}

static void
check_text(const struct json_token *t, const msgpack_object *o)
{
	char *text = malloc(t->size + 1);
	size_t size;

	CHECK(text != NULL && o->type == MSGPACK_OBJECT_STR);
	size = json_token_decode(t, text);
	CHECK(o->via.str.size == size);
	CHECK(size == 0 || memcmp(o->via.str.ptr, text, size) == 0);
	free(text);
}

static void check_value(struct json_lex *l, const msgpack_object *o);

static void
check_map(struct json_lex *l, const msgpack_object *o)
{
	CHECK(o->type == MSGPACK_OBJECT_MAP);
	for (uint32_t i = 0; i < o->via.map.size; i++) {
		struct json_token key;

		CHECK(i == 0 || json_lex_eat(l, ','));
		key = json_lex_string(l);
		check_text(&key, &o->via.map.ptr[i].key);
		CHECK(json_lex_eat(l, ':'));
		check_value(l, &o->via.map.ptr[i].val);
	}
	CHECK(json_lex_eat(l, '}'));
}

static void
check_list(struct json_lex *l, const msgpack_object *o)
{
	CHECK(o->type == MSGPACK_OBJECT_ARRAY);
	for (uint32_t i = 0; i < o->via.array.size; i++) {
		CHECK(i == 0 || json_lex_eat(l, ','));
		check_value(l, &o->via.array.ptr[i]);
	}
	CHECK(json_lex_eat(l, ']'));
}

/* As deep as JSON_DEPTH_MAX lets it be. */
static void
check_value(struct json_lex *l, const msgpack_object *o)
{
	struct json_token t = json_lex_token(l);

	if (t.kind == JSON_OBJECT)
		check_map(l, o);
	else if (t.kind == JSON_ARRAY)
		check_list(l, o);
	else if (t.kind == JSON_STRING)
		check_text(&t, o);
	else if (t.kind == JSON_NUMBER)
		check_number(&t, o);
	else if (t.kind == JSON_NULL)
		CHECK(o->type == MSGPACK_OBJECT_NIL);
	else
		CHECK(o->type == MSGPACK_OBJECT_BOOLEAN &&
		      o->via.boolean == (t.kind == JSON_TRUE));
}

static void
check_transcode(const char *text, size_t size)
{
	static unsigned char bytes[TRANSCODE_SIZE(INPUT_MAX)];
	struct wire_out out = { bytes, TRANSCODE_SIZE(size), 0 };
	struct json_lex l = { text, text + size, false };
	enum status st = transcode_json(text, size, &out);
	msgpack_unpacked u;
	size_t used = 0;

	CHECK((st == ST_OK) == json_valid(text, size));
	CHECK(st == ST_OK || (st == ST_MALFORMED && out.used == 0));
	if (st != ST_OK)
		return;
	msgpack_unpacked_init(&u);
	CHECK(msgpack_unpack_next(&u, (const char *)bytes, out.used, &used) >=
	      MSGPACK_UNPACK_EXTRA_BYTES);
	CHECK(used == out.used);
	check_value(&l, &u.data);
	msgpack_unpacked_destroy(&u);
}

/* The flat form never outgrows the JSON, and matches itself. */
static void
check_fields(struct bytes json)
{
	static uint8_t bytes[INPUT_MAX];
	struct fields f = { bytes, 0 };

	if (fields_of_json(json, &f) != ST_OK)
		return;
	CHECK(json_valid(json.at, json.size) && f.size <= json.size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size > INPUT_MAX)
		return 0;
	if (arena.base == NULL) {
		arena.base = malloc(ARENA_SIZE);
		arena.size = ARENA_SIZE;
	}
	text = malloc(size + 1);
	CHECK(text != NULL && arena.base != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (memchr(text, '\0', size) == NULL)
		check_transcode(text, size);
	check_fields((struct bytes){ (const uint8_t *)text, size });
	check_control(
	    WEBSOCKET_JSON, (struct bytes){ (const uint8_t *)text, size });
	check_control(
	    WEBSOCKET_MSGPACK, (struct bytes){ (const uint8_t *)text, size });
	free(text);
	return 0;
}
