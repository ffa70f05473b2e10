#include "protocols/json_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/base64url.h"
#include "runtime/base/clock.h"
#include "runtime/base/decimal.h"
#include "runtime/base/utf8.h"
#include "runtime/base/uuid.h"

/* Longest text of a time, a uuid, an amount or an enum, as written. */
#define WORD_MAX 256

#define EXPECTED_TIME \
	"expected a time with an offset, such as 2026-04-03T10:00:00+00:00"

struct word {
	char text[WORD_MAX];
	size_t size;
};

/* A short string; INVALID if the token is none. */
static enum status
word_of(const struct json_token *token, struct word *ret_word)
{
	if (token->kind != JSON_STRING || token->size > WORD_MAX)
		return ST_INVALID;
	ret_word->size = json_token_decode(token, ret_word->text);
	return ST_OK;
}

/* Whatever the part said, to a client its input is invalid. */
static enum status
verdict(enum status st)
{
	return st == ST_OK || st == ST_NO_MEMORY ? st : ST_INVALID;
}

static enum status
digits_parse(const char *text, size_t size, uint64_t max, uint64_t *ret_n)
{
	return decimal_read(text, size, max, ret_n) ? ST_OK : ST_INVALID;
}

static enum status
uint_of(const struct json_token *token, uint64_t max, uint64_t *ret_n)
{
	if (token->kind != JSON_NUMBER)
		return ST_INVALID;
	return digits_parse(token->text, token->size, max, ret_n);
}

static enum status
set_u32(const struct json_token *token, uint64_t max, uint32_t *ret_n)
{
	uint64_t n;
	enum status st = uint_of(token, max, &n);

	if (st == ST_OK)
		*ret_n = (uint32_t)n;
	return st;
}

static enum status
set_i64(const struct json_token *token, int64_t *ret_n)
{
	bool negative = token->kind == JSON_NUMBER && token->text[0] == '-';
	uint64_t max = (uint64_t)INT64_MAX + negative;
	uint64_t n;
	enum status st;

	if (token->kind != JSON_NUMBER)
		return ST_INVALID;
	st = digits_parse(
	    token->text + negative, token->size - negative, max, &n);
	if (st == ST_OK)
		*ret_n = (int64_t)(negative ? 0 - n : n);
	return st;
}

static enum status
set_bool(const struct json_token *token, bool *ret_value)
{
	if (token->kind != JSON_TRUE && token->kind != JSON_FALSE)
		return ST_INVALID;
	*ret_value = token->kind == JSON_TRUE;
	return ST_OK;
}

static enum status
set_money(const struct json_token *token, money *ret_amount)
{
	struct word w;

	if (token->kind == JSON_NUMBER)
		return verdict(
		    money_parse(token->text, token->size, ret_amount));
	if (word_of(token, &w) != ST_OK)
		return ST_INVALID;
	return verdict(money_parse(w.text, w.size, ret_amount));
}

static enum status
set_time(const struct json_token *token, int64_t *ret_us)
{
	struct word w;

	if (word_of(token, &w) != ST_OK)
		return ST_INVALID;
	return verdict(clock_parse(w.text, w.size, ret_us));
}

static enum status
set_uuid(const struct json_token *token, struct uuid *ret_uuid)
{
	struct word w;

	if (word_of(token, &w) != ST_OK)
		return ST_INVALID;
	return verdict(uuid_parse(w.text, w.size, ret_uuid));
}

static enum status
set_enum(const struct json_token *token, const struct wire_enum *e,
    uint32_t *ret_value)
{
	struct word w;

	if (word_of(token, &w) != ST_OK)
		return ST_INVALID;
	for (uint32_t i = 0; i < e->count; i++) {
		if (strlen(e->texts[i]) == w.size &&
		    memcmp(e->texts[i], w.text, w.size) == 0) {
			*ret_value = i;
			return ST_OK;
		}
	}
	return ST_INVALID;
}

/* The string, decoded into the arena and ended by a NUL. */
static enum status
string_copy(const struct json_token *token, struct arena *a, char **ret_text,
    size_t *ret_size)
{
	char *text;

	if (token->kind != JSON_STRING)
		return ST_INVALID;
	text = arena_take_bytes(a, token->size + 1);
	if (text == NULL)
		return ST_NO_MEMORY;
	*ret_size = json_token_decode(token, text);
	text[*ret_size] = '\0';
	*ret_text = text;
	return ST_OK;
}

enum status
json_value_text(const struct json_token *token, uint64_t max, struct arena *a,
    const char **ret_text)
{
	char *text;
	size_t size;
	enum status st;

	if (token->kind == JSON_STRING && !token->escaped && token->size > max)
		return ST_INVALID;
	st = string_copy(token, a, &text, &size);
	if (st != ST_OK)
		return st;
	if (size > max || memchr(text, '\0', size) != NULL)
		return ST_INVALID;
	*ret_text = text;
	return ST_OK;
}

static enum status
set_bytes(const struct json_token *token, uint64_t max, struct arena *a,
    struct bytes *ret_bytes)
{
	char *text;
	size_t size;
	uint8_t *bytes;
	enum status st = string_copy(token, a, &text, &size);

	if (st != ST_OK)
		return st;
	if (BASE64URL_BYTES_SIZE(size) > max)
		return ST_INVALID;
	bytes = arena_take_bytes(a, BASE64URL_BYTES_SIZE(size));
	if (bytes == NULL)
		return ST_NO_MEMORY;
	st = base64url_decode(text, size, bytes);
	if (st == ST_OK)
		*ret_bytes =
		    (struct bytes){ bytes, BASE64URL_BYTES_SIZE(size) };
	return verdict(st);
}

enum status
json_value_set(const struct wire_field *f, const struct json_token *token,
    struct arena *a, void *at)
{
	switch (f->kind) {
	case WIRE_BOOL:
		return set_bool(token, at);
	case WIRE_U32:
		return set_u32(token, f->max, at);
	case WIRE_U64:
		return uint_of(token, f->max, at);
	case WIRE_I64:
		return set_i64(token, at);
	case WIRE_MONEY:
		return set_money(token, at);
	case WIRE_TEXT:
		return json_value_text(token, f->max, a, at);
	case WIRE_BYTES:
		return set_bytes(token, f->max, a, at);
	case WIRE_TIME:
		return set_time(token, at);
	case WIRE_UUID:
		return set_uuid(token, at);
	case WIRE_ENUM:
		return set_enum(token, f->values(), at);
	case WIRE_RECORD:
	case WIRE_LIST:
	case WIRE_TEXTS:
		break;
	}
	return ST_INVALID;
}

enum status
json_value_set_text(
    const struct wire_field *f, const char *text, struct arena *a, void *at)
{
	size_t size = strlen(text);
	struct json_lex l = { text, text + size, false };
	struct json_token token = { JSON_STRING, text, size, false };
	bool bare = f->kind == WIRE_BOOL || f->kind == WIRE_U32 ||
		    f->kind == WIRE_U64 || f->kind == WIRE_I64 ||
		    f->kind == WIRE_MONEY;

	if (bare)
		token = json_lex_token(&l);
	if (l.bad || token.size != size || !utf8_valid(text, size))
		return ST_INVALID;
	return json_value_set(f, &token, a, at);
}

static void
expect_enum(const struct wire_enum *e, char *ret_text, size_t size)
{
	size_t used;

	snprintf(ret_text, size, "expected one of ");
	for (uint32_t i = 0; i < e->count; i++) {
		used = strlen(ret_text);
		snprintf(ret_text + used, size - used, "%s%s",
		    i == 0 ? "" : ", ", e->texts[i]);
	}
}

void
json_value_expect(const struct wire_field *f, char *ret_text, size_t size)
{
	static const char *const fixed[] = {
		[WIRE_BOOL] = "expected true or false",
		[WIRE_I64] = "expected an integer of 64 bits",
		[WIRE_MONEY] = "expected an amount with 12 decimals at most",
		[WIRE_TIME] = EXPECTED_TIME,
		[WIRE_UUID] = "expected a uuid",
		[WIRE_RECORD] = "expected an object",
	};

	if (f->kind == WIRE_U32 || f->kind == WIRE_U64)
		snprintf(ret_text, size,
		    "expected an integer from 0 to %" PRIu64, f->max);
	else if (f->kind == WIRE_TEXT)
		snprintf(ret_text, size,
		    "expected a text of %" PRIu64 " bytes at most", f->max);
	else if (f->kind == WIRE_BYTES)
		snprintf(ret_text, size,
		    "expected base64url of %" PRIu64 " bytes at most", f->max);
	else if (f->kind == WIRE_ENUM)
		expect_enum(f->values(), ret_text, size);
	else if (f->kind == WIRE_LIST)
		snprintf(ret_text, size,
		    "expected a list of %" PRIu32 " objects at most",
		    f->list_max);
	else if (f->kind == WIRE_TEXTS)
		snprintf(ret_text, size,
		    "expected a list of %" PRIu32 " texts of %" PRIu64
		    " bytes at most",
		    f->list_max, f->max);
	else
		snprintf(ret_text, size, "%s", fixed[f->kind]);
}
