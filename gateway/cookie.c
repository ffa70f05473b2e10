#include "gateway/cookie.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ATTRIBUTES "Path=/; Secure; HttpOnly; SameSite=Strict"

/* RFC 6265, 4.1.1: cookie-octet. */
static bool
cookie_is_octet(uint8_t c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' &&
	       c != '\\';
}

static struct bytes
cookie_trim(struct bytes b)
{
	while (b.size > 0 && (*b.at == ' ' || *b.at == '\t')) {
		b.at++;
		b.size--;
	}
	while (
	    b.size > 0 && (b.at[b.size - 1] == ' ' || b.at[b.size - 1] == '\t'))
		b.size--;
	return b;
}

/* What stands before the next semicolon; *rest is what stands behind it. */
static struct bytes
cookie_next(struct bytes *rest)
{
	const uint8_t *end = memchr(rest->at, ';', rest->size);
	struct bytes pair = { rest->at,
		end == NULL ? rest->size : (size_t)(end - rest->at) };
	size_t used = pair.size + (end != NULL);

	rest->at += used;
	rest->size -= used;
	return cookie_trim(pair);
}

static enum status
cookie_take(struct bytes value, struct bytes *ret_value)
{
	if (ret_value->at != NULL)
		return ST_EXISTS;
	if (value.size == 0)
		return ST_MALFORMED;
	for (size_t i = 0; i < value.size; i++)
		if (!cookie_is_octet(value.at[i]))
			return ST_MALFORMED;
	*ret_value = value;
	return ST_OK;
}

enum status
cookie_find(struct bytes header, const char *name, struct bytes *ret_value)
{
	size_t size = strlen(name);
	enum status st = ST_OK;

	while (st == ST_OK && header.size > 0) {
		struct bytes pair = cookie_next(&header);

		if (pair.size > size && pair.at[size] == '=' &&
		    memcmp(pair.at, name, size) == 0)
			st = cookie_take((struct bytes){ pair.at + size + 1,
					     pair.size - size - 1 },
			    ret_value);
	}
	return st;
}

enum status
cookie_write(const char *name, const char *value, uint32_t life_s,
    char *ret_line, size_t size)
{
	int n =
	    snprintf(ret_line, size, "%s=%s; " ATTRIBUTES "; Max-Age=%" PRIu32,
		name, life_s == 0 ? "" : value, life_s);

	return n < 0 || (size_t)n >= size ? ST_FULL : ST_OK;
}
