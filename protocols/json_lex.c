#include "protocols/json_lex.h"

#include <string.h>

#include "runtime/base/utf8.h"

#define SURROGATE_HIGH 0xd800u
#define SURROGATE_LOW 0xdc00u
#define SURROGATE_END 0xe000u

void
json_lex_fail(struct json_lex *l)
{
	l->bad = true;
}

static void
lex_space(struct json_lex *l)
{
	while (l->at < l->end && (*l->at == ' ' || *l->at == '\n' ||
				     *l->at == '\t' || *l->at == '\r'))
		l->at++;
}

bool
json_lex_eat(struct json_lex *l, char c)
{
	lex_space(l);
	if (l->bad || l->at == l->end || *l->at != c)
		return false;
	l->at++;
	return true;
}

static bool
lex_char(struct json_lex *l, char c)
{
	if (l->at == l->end || *l->at != c)
		return false;
	l->at++;
	return true;
}

/* 0 to 15, or more than that. */
static unsigned
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

/* The four digits after \u; past 0xffff if they are not. */
static uint32_t
hex_unit(const char *at, const char *end)
{
	uint32_t unit = 0;

	if (end - at < 4)
		return UINT32_MAX;
	for (int i = 0; i < 4; i++) {
		unsigned digit = hex_digit(at[i]);

		if (digit > 15)
			return UINT32_MAX;
		unit = unit << 4 | digit;
	}
	return unit;
}

/* at is after "\u": the scalar, and how many bytes say it; 0 if none. */
static size_t
escape_scalar(const char *at, const char *end, uint32_t *ret_scalar)
{
	uint32_t high = hex_unit(at, end);
	uint32_t low;

	if (high > UINT16_MAX ||
	    (high >= SURROGATE_LOW && high < SURROGATE_END))
		return 0;
	*ret_scalar = high;
	if (high < SURROGATE_HIGH || high >= SURROGATE_END)
		return 4;
	if (end - at < 10 || at[4] != '\\' || at[5] != 'u')
		return 0;
	low = hex_unit(at + 6, end);
	if (low < SURROGATE_LOW || low >= SURROGATE_END)
		return 0;
	*ret_scalar =
	    0x10000 + ((high - SURROGATE_HIGH) << 10) + (low - SURROGATE_LOW);
	return 10;
}

/* at is on the backslash. */
static void
lex_escape(struct json_lex *l)
{
	static const char escapes[] = { '"', '\\', '/', 'b', 'f', 'n', 'r',
		't' };
	uint32_t scalar;
	size_t n = 0;

	l->at++;
	if (l->at < l->end && *l->at == 'u') {
		n = escape_scalar(l->at + 1, l->end, &scalar);
		n += n > 0;
	} else if (l->at < l->end) {
		n = memchr(escapes, *l->at, sizeof(escapes)) != NULL;
	}
	l->at += n;
	if (n == 0)
		l->bad = true;
}

/* One character of a string, as it stands. */
static void
lex_string_char(struct json_lex *l)
{
	size_t n;

	if ((unsigned char)*l->at < 0x20) {
		l->bad = true;
		return;
	}
	n = utf8_char_size((const uint8_t *)l->at, (size_t)(l->end - l->at));
	l->bad = n == 0;
	l->at += n;
}

/* Past the closing quote. */
static struct json_token
lex_string(struct json_lex *l)
{
	struct json_token t = { JSON_STRING, l->at, 0, false };

	while (!l->bad && l->at < l->end && *l->at != '"') {
		if (*l->at == '\\') {
			t.escaped = true;
			lex_escape(l);
		} else {
			lex_string_char(l);
		}
	}
	t.size = (size_t)(l->at - t.text);
	if (l->bad || !lex_char(l, '"')) {
		l->bad = true;
		t.kind = JSON_BAD;
	}
	return t;
}

/* Digits, at least one. */
static void
lex_digits(struct json_lex *l)
{
	const char *start = l->at;

	while (l->at < l->end && *l->at >= '0' && *l->at <= '9')
		l->at++;
	if (l->at == start)
		l->bad = true;
}

static struct json_token
lex_number(struct json_lex *l)
{
	struct json_token t = { JSON_NUMBER, l->at, 0, false };

	lex_char(l, '-');
	if (!lex_char(l, '0'))
		lex_digits(l);
	if (!l->bad && lex_char(l, '.'))
		lex_digits(l);
	if (!l->bad && (lex_char(l, 'e') || lex_char(l, 'E'))) {
		if (!lex_char(l, '+'))
			lex_char(l, '-');
		lex_digits(l);
	}
	t.size = (size_t)(l->at - t.text);
	if (l->bad)
		t.kind = JSON_BAD;
	return t;
}

static struct json_token
lex_word(struct json_lex *l)
{
	static const struct json_token words[] = {
		{ JSON_NULL, "null", 4, false },
		{ JSON_FALSE, "false", 5, false },
		{ JSON_TRUE, "true", 4, false },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((size_t)(l->end - l->at) < words[i].size ||
		    memcmp(l->at, words[i].text, words[i].size) != 0)
			continue;
		l->at += words[i].size;
		return words[i];
	}
	l->bad = true;
	return (struct json_token){ JSON_BAD, l->at, 0, false };
}

struct json_token
json_lex_token(struct json_lex *l)
{
	lex_space(l);
	if (l->bad || l->at == l->end) {
		l->bad = true;
		return (struct json_token){ JSON_BAD, l->at, 0, false };
	}
	if (lex_char(l, '"'))
		return lex_string(l);
	if (lex_char(l, '['))
		return (struct json_token){ JSON_ARRAY, l->at, 0, false };
	if (lex_char(l, '{'))
		return (struct json_token){ JSON_OBJECT, l->at, 0, false };
	if (*l->at == '-' || (*l->at >= '0' && *l->at <= '9'))
		return lex_number(l);
	return lex_word(l);
}

struct json_token
json_lex_string(struct json_lex *l)
{
	if (json_lex_eat(l, '"'))
		return lex_string(l);
	l->bad = true;
	return (struct json_token){ JSON_BAD, l->at, 0, false };
}

/* Where skipping stands: a bit per open bracket, set for an object. */
struct nest {
	uint64_t objects;
	unsigned depth;
};

static void
nest_open(struct nest *n, struct json_lex *l, bool object)
{
	if (n->depth == JSON_DEPTH_MAX) {
		l->bad = true;
		return;
	}
	n->objects = n->objects << 1 | object;
	n->depth++;
}

/* Closes all that ends here; false if that was all there was. */
static bool
nest_close(struct nest *n, struct json_lex *l)
{
	while (n->depth > 0 && json_lex_eat(l, n->objects & 1 ? '}' : ']')) {
		n->objects >>= 1;
		n->depth--;
	}
	return n->depth > 0;
}

static void
lex_key(struct json_lex *l)
{
	json_lex_string(l);
	if (!json_lex_eat(l, ':'))
		l->bad = true;
}

void
json_lex_skip(struct json_lex *l, const struct json_token *first)
{
	struct nest n = { 0, 0 };
	struct json_token t = *first;

	for (;; t = json_lex_token(l)) {
		bool fresh = t.kind == JSON_ARRAY || t.kind == JSON_OBJECT;
		unsigned depth;

		if (fresh)
			nest_open(&n, l, t.kind == JSON_OBJECT);
		depth = n.depth;
		if (l->bad || !nest_close(&n, l))
			return;
		fresh = fresh && n.depth == depth;
		if (!fresh && !json_lex_eat(l, ','))
			l->bad = true;
		if (n.objects & 1)
			lex_key(l);
	}
}

bool
json_lex_done(struct json_lex *l)
{
	lex_space(l);
	return !l->bad && l->at == l->end;
}

static char
escape_char(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c;
	}
}

/* The lexer has checked every escape. */
size_t
json_token_decode(const struct json_token *token, char *ret_text)
{
	const char *end = token->text + token->size;
	char *to = ret_text;
	uint32_t scalar = 0;

	if (!token->escaped) {
		memcpy(ret_text, token->text, token->size);
		return token->size;
	}
	for (const char *at = token->text; at < end; at++) {
		if (*at != '\\') {
			*to++ = *at;
		} else if (*++at != 'u') {
			*to++ = escape_char(*at);
		} else {
			at += escape_scalar(at + 1, end, &scalar);
			to += utf8_encode(scalar, to);
		}
	}
	return (size_t)(to - ret_text);
}
