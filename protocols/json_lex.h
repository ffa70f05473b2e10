/*
 * json_lex - the tokens of RFC 8259, strictly: no comments, no byte order
 * mark, no lone surrogates, UTF-8 checked.
 *
 * Borrows the text, allocates nothing, never recurses; what it skips may nest
 * JSON_DEPTH_MAX deep.  The first mistake sticks in bad, and at then says
 * where it is.
 */
#ifndef PROTOCOLS_JSON_LEX_H
#define PROTOCOLS_JSON_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 64

struct json_lex {
	const char *at;
	const char *end;
	bool bad;
};

/* A token as it stands in the text; a string without its quotes. */
struct json_token {
	enum {
		JSON_BAD,
		JSON_NULL,
		JSON_FALSE,
		JSON_TRUE,
		JSON_NUMBER,
		JSON_STRING,
		JSON_ARRAY,  /* its bracket has been read */
		JSON_OBJECT, /* its brace has been read */
	} kind;
	const char *text;
	size_t size;
	bool escaped; /* a string that has to be decoded */
};

void json_lex_fail(struct json_lex *l);

/* Past white space, then past c if c comes next. */
bool json_lex_eat(struct json_lex *l, char c);

/* The next token. */
struct json_token json_lex_token(struct json_lex *l);

/* The string that must come next: a key. */
struct json_token json_lex_string(struct json_lex *l);

/* Past what follows the token of an array or object, up to its end. */
void json_lex_skip(struct json_lex *l, const struct json_token *first);

/* Whether nothing but white space is left, and all was well. */
bool json_lex_done(struct json_lex *l);

/*
 * What the string means, at most token->size bytes; returns how many.  It may
 * hold a NUL, if somebody wrote \u0000.
 */
size_t json_token_decode(const struct json_token *token, char *ret_text);

#endif
