#include "gateway/forwarded.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "gateway/chars.h"
#include "gateway/header.h"
#include "runtime/base/decimal.h"

static bool
forwarded_is_port(struct bytes b)
{
	uint16_t port;

	return decimal_port(b.at, b.size, &port);
}

/* Takes "[address]" or "[address]:port" apart. */
static bool
forwarded_unbracket(struct bytes *b)
{
	const uint8_t *end = memchr(b->at, ']', b->size);
	size_t inner, rest;

	if (end == NULL)
		return false;
	inner = (size_t)(end - b->at) - 1;
	rest = b->size - inner - 2;
	if (rest > 0 && (end[1] != ':' || !forwarded_is_port((struct bytes){
					      end + 2, rest - 1 })))
		return false;
	*b = (struct bytes){ b->at + 1, inner };
	return memchr(b->at, ':', b->size) != NULL;
}

/* "1.2.3.4:5": one colon, so it is no IPv6. */
static bool
forwarded_cut_port(struct bytes *b)
{
	const uint8_t *colon = memchr(b->at, ':', b->size);
	struct bytes port;

	if (colon == NULL)
		return true;
	port =
	    (struct bytes){ colon + 1, b->size - (size_t)(colon - b->at) - 1 };
	if (memchr(port.at, ':', port.size) != NULL)
		return true;
	b->size = (size_t)(colon - b->at);
	return forwarded_is_port(port);
}

enum status
forwarded_address(struct bytes element, char ret_text[FORWARDED_TEXT_SIZE],
    struct network *ret_address)
{
	struct bytes b = header_trim(element);
	char text[FORWARDED_TEXT_SIZE];
	uint8_t octets[16];
	int family;

	if (b.size == 0 || b.size >= sizeof(text) ||
	    memchr(b.at, '/', b.size) != NULL ||
	    memchr(b.at, '\0', b.size) != NULL)
		return ST_MALFORMED;
	if (b.at[0] == '[' ? !forwarded_unbracket(&b) : !forwarded_cut_port(&b))
		return ST_MALFORMED;
	memcpy(text, b.at, b.size);
	text[b.size] = '\0';
	family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, octets) != 1 ||
	    network_parse(text, ret_address) != ST_OK ||
	    inet_ntop(family, octets, ret_text, FORWARDED_TEXT_SIZE) == NULL)
		return ST_MALFORMED;
	return ST_OK;
}

/* The next ;-separated part; a semicolon in quotes separates nothing. */
static bool
forwarded_next_pair(struct bytes *rest, struct bytes *ret_pair)
{
	bool quoted = false;
	size_t i;

	if (rest->size == 0)
		return false;
	for (i = 0; i < rest->size; i++) {
		if (rest->at[i] == '"')
			quoted = !quoted;
		else if (rest->at[i] == ';' && !quoted)
			break;
	}
	*ret_pair = header_trim((struct bytes){ rest->at, i });
	i += i < rest->size;
	rest->at += i;
	rest->size -= i;
	return true;
}

/* A token as it is; a quoted string without quotes and without escapes. */
static enum status
forwarded_value(struct bytes v, char *ret_text, size_t size)
{
	bool quoted = v.size > 1 && v.at[0] == '"' && v.at[v.size - 1] == '"';

	if (quoted)
		v = (struct bytes){ v.at + 1, v.size - 2 };
	if (v.size == 0 || v.size >= size ||
	    memchr(v.at, '\\', v.size) != NULL ||
	    memchr(v.at, '"', v.size) != NULL ||
	    (!quoted && !chars_all(v, CHAR_TOKEN)))
		return ST_MALFORMED;
	memcpy(ret_text, v.at, v.size);
	ret_text[v.size] = '\0';
	return ST_OK;
}

enum status
forwarded_pair(
    struct bytes element, const char *name, char *ret_text, size_t size)
{
	struct bytes pair;

	while (forwarded_next_pair(&element, &pair)) {
		const uint8_t *equals = memchr(pair.at, '=', pair.size);
		size_t n;

		if (equals == NULL)
			return pair.size == 0 ? ST_NOT_FOUND : ST_MALFORMED;
		n = (size_t)(equals - pair.at);
		if (header_is((struct bytes){ pair.at, n }, name))
			return forwarded_value(
			    (struct bytes){ equals + 1, pair.size - n - 1 },
			    ret_text, size);
	}
	return ST_NOT_FOUND;
}

/* The last comma outside quotes; SIZE_MAX if there is none. */
static size_t
forwarded_last_comma(struct bytes b)
{
	size_t last = SIZE_MAX;
	bool quoted = false;

	for (size_t i = 0; i < b.size; i++) {
		if (b.at[i] == '"')
			quoted = !quoted;
		else if (b.at[i] == ',' && !quoted)
			last = i;
	}
	return last;
}

/* One element further to the left. */
static void
forwarded_step(struct forwarded *f, struct bytes element, bool is_rfc7239)
{
	char node[FORWARDED_TEXT_SIZE];
	char text[FORWARDED_TEXT_SIZE];
	struct network address;
	enum status st = ST_OK;

	if (is_rfc7239) {
		st = forwarded_pair(element, "for", node, sizeof(node));
		element = (struct bytes){ (const uint8_t *)node,
			st == ST_OK ? strlen(node) : 0 };
	}
	if (st != ST_OK || ++f->hops > FORWARDED_HOPS_MAX ||
	    forwarded_address(element, text, &address) != ST_OK) {
		f->done = true;
		return;
	}
	memcpy(f->client, text, sizeof(text));
	f->done = !f->is_trusted(f->ctx, &address);
}

void
forwarded_walk(struct forwarded *f, struct bytes line, bool is_rfc7239)
{
	while (!f->done) {
		size_t comma = forwarded_last_comma(line);
		size_t from = comma == SIZE_MAX ? 0 : comma + 1;

		forwarded_step(f,
		    header_trim(
			(struct bytes){ line.at + from, line.size - from }),
		    is_rfc7239);
		if (comma == SIZE_MAX)
			return;
		line.size = comma;
	}
}
