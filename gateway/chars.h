/*
 * chars - which bytes may stand where in a request (RFC 9110 and RFC 3986).
 *
 * One table, one bit per class.  CHAR_QUERY is wider than RFC 3986: it also
 * takes the brackets, braces, bar, caret, backslash and grave that browsers
 * leave unescaped in a query.
 */
#ifndef GATEWAY_CHARS_H
#define GATEWAY_CHARS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/bytes.h"

enum {
	CHAR_TOKEN = 1,    /* names of headers and methods, list tokens */
	CHAR_FIELD = 2,    /* a field value: printable, space, tab, obs-text */
	CHAR_PATH = 4,     /* a path: pchar, slash, percent */
	CHAR_QUERY = 8,    /* a query */
	CHAR_HOST = 16,    /* a name or IPv4 address in Host */
	CHAR_DIGIT = 32,   /* 0 to 9 */
	CHAR_HEX = 64,     /* either case */
	CHAR_BASE64 = 128, /* digits of base64, no pad */
};

extern const uint8_t chars_class[256];

static inline bool
chars_is(uint8_t c, uint8_t class)
{
	return (chars_class[c] & class) != 0;
}

/* True of no bytes at all. */
bool chars_all(struct bytes b, uint8_t class);

/* How many bytes from the front are CHAR_FIELD; eight at a time. */
size_t chars_field_run(const uint8_t *at, size_t size);

/* 0 to 15, or -1. */
int chars_hex_value(uint8_t c);

uint8_t chars_lower(uint8_t c);

#endif
