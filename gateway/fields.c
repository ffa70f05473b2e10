#include "gateway/fields.h"

#include <assert.h>
#include <string.h>

#include "protocols/json_lex.h"

#define SIZES (2 * sizeof(uint16_t))

size_t
fields_need(struct bytes name, struct bytes value)
{
	return SIZES + name.size + value.size;
}

static void
fields_put_size(uint8_t *at, size_t size)
{
	uint16_t n = (uint16_t)size;

	assert(size <= FIELDS_TEXT_MAX);
	memcpy(at, &n, sizeof(n));
}

static size_t
fields_size_at(const uint8_t *at)
{
	uint16_t n;

	memcpy(&n, at, sizeof(n));
	return n;
}

void
fields_append(struct fields *f, struct bytes name, struct bytes value)
{
	uint8_t *at = f->at + f->size;

	fields_put_size(at, name.size);
	fields_put_size(at + SIZES / 2, value.size);
	if (name.size > 0)
		memcpy(at + SIZES, name.at, name.size);
	if (value.size > 0)
		memcpy(at + SIZES + name.size, value.at, value.size);
	f->size += fields_need(name, value);
}

/* Writes name and value where the field is to be, then their sizes. */
static void
fields_append_tokens(struct fields *f, const struct json_token *name,
    const struct json_token *value)
{
	uint8_t *at = f->at + f->size;
	size_t n, m;

	n = json_token_decode(name, (char *)at + SIZES);
	m = json_token_decode(value, (char *)at + SIZES + n);
	fields_put_size(at, n);
	fields_put_size(at + SIZES / 2, m);
	f->size += SIZES + n + m;
}

static bool
token_is_scalar(const struct json_token *t)
{
	return t->kind == JSON_STRING || t->kind == JSON_NUMBER ||
	       t->kind == JSON_TRUE || t->kind == JSON_FALSE;
}

static void
fields_take_member(struct json_lex *l, struct fields *into)
{
	struct json_token name = json_lex_string(l);
	struct json_token value;

	if (!json_lex_eat(l, ':'))
		json_lex_fail(l);
	value = json_lex_token(l);
	json_lex_skip(l, &value);
	if (!l->bad && token_is_scalar(&value))
		fields_append_tokens(into, &name, &value);
}

enum status
fields_of_json(struct bytes json, struct fields *into)
{
	const char *text = (const char *)json.at;
	struct json_lex l = { text, text + json.size, false };

	assert(json.size <= FIELDS_TEXT_MAX);
	into->size = 0;
	if (!json_lex_eat(&l, '{'))
		return ST_MALFORMED;
	if (!json_lex_eat(&l, '}')) {
		do
			fields_take_member(&l, into);
		while (json_lex_eat(&l, ','));
		if (!json_lex_eat(&l, '}'))
			json_lex_fail(&l);
	}
	return json_lex_done(&l) ? ST_OK : ST_MALFORMED;
}

static size_t
fields_span(const uint8_t *at)
{
	return SIZES + fields_size_at(at) + fields_size_at(at + SIZES / 2);
}

/* The first of that name; NULL: there is none. */
static const uint8_t *
fields_find(const struct fields *f, struct bytes name)
{
	const uint8_t *at = f->at;

	while (at < f->at + f->size) {
		if (fields_size_at(at) == name.size &&
		    (name.size == 0 ||
			memcmp(at + SIZES, name.at, name.size) == 0))
			return at;
		at += fields_span(at);
	}
	return NULL;
}

bool
fields_has(const struct fields *f, struct bytes name)
{
	return fields_find(f, name) != NULL;
}

/* Is there such a field?  Name and value of it lie at want + SIZES. */
static bool
fields_have(const struct fields *f, const uint8_t *want)
{
	struct bytes name = { want + SIZES, fields_size_at(want) };
	const uint8_t *at = fields_find(f, name);
	size_t size = fields_span(want);

	return at != NULL && fields_span(at) == size &&
	       memcmp(at, want, size) == 0;
}

bool
fields_match(const struct fields *wanted, const struct fields *there)
{
	const uint8_t *at = wanted->at;

	while (at < wanted->at + wanted->size) {
		if (!fields_have(there, at))
			return false;
		at += fields_span(at);
	}
	return true;
}
