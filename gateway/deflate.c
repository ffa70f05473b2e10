#include "gateway/deflate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* zlib reads what is const: ask it to say so. */
#define ZLIB_CONST
#include <zlib.h>

#include "gateway/header.h"
#include "runtime/base/decimal.h"

#define EXTENSION "permessage-deflate"
#define LEVEL 1  /* CPU time is dearer here than a few bytes */
#define MEMORY 8 /* zlib's own default */
#define TAIL_SIZE 4
#define BETWEEN_BLOCKS 128 /* of zlib's data_type */

/* What a sender leaves away at the end of each message. */
static const uint8_t tail[TAIL_SIZE] = { 0x00, 0x00, 0xff, 0xff };

struct deflater {
	z_stream out, in;
};

/* ---- what is agreed on ---- */

/* Up to the next semicolon, trimmed; false: there is no more. */
static bool
offer_next(struct bytes *rest, struct bytes *ret_item)
{
	const uint8_t *end;
	size_t size;

	if (rest->size == 0)
		return false;
	end = memchr(rest->at, ';', rest->size);
	size = end == NULL ? rest->size : (size_t)(end - rest->at);
	*ret_item = header_trim((struct bytes){ rest->at, size });
	size += end != NULL;
	*rest = (struct bytes){ rest->at + size, rest->size - size };
	return true;
}

/* Cuts "name=value", whose value may stand in quotes; false: no value. */
static bool
offer_cut(struct bytes *name, struct bytes *ret_value)
{
	const uint8_t *equals = memchr(name->at, '=', name->size);
	struct bytes value;

	if (equals == NULL)
		return false;
	value = (struct bytes){ equals + 1,
		name->size - (size_t)(equals + 1 - name->at) };
	name->size = (size_t)(equals - name->at);
	*name = header_trim(*name);
	value = header_trim(value);
	if (value.size >= 2 && value.at[0] == '"' &&
	    value.at[value.size - 1] == '"')
		value = (struct bytes){ value.at + 1, value.size - 2 };
	*ret_value = value;
	return true;
}

/* 8 to 15 without a leading zero; 0: something else. */
static uint8_t
window_parse(struct bytes b)
{
	uint64_t n;

	if (!decimal_read(b.at, b.size, DEFLATE_WINDOW_MAX, &n) ||
	    n < DEFLATE_WINDOW_MIN || b.at[0] == '0')
		return 0;
	return (uint8_t)n;
}

enum parameter {
	SERVER_ALONE,
	CLIENT_ALONE,
	SERVER_WINDOW,
	CLIENT_WINDOW,
	PARAMETERS
};

static const char *const parameter_names[PARAMETERS] = {
	[SERVER_ALONE] = "server_no_context_takeover",
	[CLIENT_ALONE] = "client_no_context_takeover",
	[SERVER_WINDOW] = "server_max_window_bits",
	[CLIENT_WINDOW] = "client_max_window_bits",
};

/* False: unknown, twice, or with a value it cannot have. */
static bool
parameter_take(
    struct bytes item, bool seen[PARAMETERS], struct deflate_offer *offer)
{
	struct bytes value;
	bool has_value = offer_cut(&item, &value);
	uint8_t window = has_value ? window_parse(value) : 0;
	int p = 0;

	while (p < PARAMETERS && !header_is(item, parameter_names[p]))
		p++;
	if (p == PARAMETERS || seen[p])
		return false;
	seen[p] = true;
	if (p == SERVER_ALONE || p == CLIENT_ALONE)
		return !has_value;
	if (p == CLIENT_WINDOW)
		return !has_value || window != 0;
	offer->window = window;
	offer->window_is_named = true;
	return window != 0;
}

static bool
offer_read(struct bytes item, struct deflate_offer *ret_offer)
{
	bool seen[PARAMETERS] = { false };
	struct bytes part;

	*ret_offer = (struct deflate_offer){ DEFLATE_WINDOW_MAX, false };
	if (!offer_next(&item, &part) || !header_is(part, EXTENSION))
		return false;
	while (offer_next(&item, &part))
		if (!parameter_take(part, seen, ret_offer))
			return false;
	return true;
}

struct deflate_offer
deflate_choose(const struct http1_head *h, const uint8_t *at)
{
	struct deflate_offer offer;
	struct bytes list, item;
	uint32_t cursor = 0;

	while (
	    http1_head_next(h, at, "Sec-WebSocket-Extensions", &cursor, &list))
		while (header_list_next(&list, &item))
			if (offer_read(item, &offer))
				return offer;
	return (struct deflate_offer){ 0, false };
}

void
deflate_reply(
    const struct deflate_offer *offer, char ret_text[DEFLATE_REPLY_MAX])
{
	int used =
	    snprintf(ret_text, DEFLATE_REPLY_MAX, "%s; %s; %s", EXTENSION,
		parameter_names[SERVER_ALONE], parameter_names[CLIENT_ALONE]);

	if (offer->window_is_named)
		snprintf(ret_text + used, DEFLATE_REPLY_MAX - (size_t)used,
		    "; %s=%u", parameter_names[SERVER_WINDOW], offer->window);
}

/* ---- messages ---- */

struct deflater *
deflater_create(void)
{
	struct deflater *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	if (deflateInit2(&d->out, LEVEL, Z_DEFLATED, -DEFLATE_WINDOW_MAX,
		MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(d);
		return NULL;
	}
	if (inflateInit2(&d->in, -DEFLATE_WINDOW_MAX) != Z_OK) {
		(void)deflateEnd(&d->out);
		free(d);
		return NULL;
	}
	return d;
}

void
deflater_destroy(struct deflater *d)
{
	if (d == NULL)
		return;
	(void)deflateEnd(&d->out);
	(void)inflateEnd(&d->in);
	free(d);
}

enum status
deflate_message(struct deflater *d, struct bytes message, uint8_t *out,
    size_t out_size, size_t *ret_size)
{
	size_t room = out_size < message.size ? out_size : message.size;
	size_t used;

	if (message.size < DEFLATE_WORTH_MIN || message.size > UINT32_MAX)
		return ST_FULL;
	if (deflateReset(&d->out) != Z_OK)
		return ST_UNAVAILABLE;
	d->out.next_in = message.at;
	d->out.avail_in = (uInt)message.size;
	d->out.next_out = out;
	d->out.avail_out = (uInt)room;
	if (deflate(&d->out, Z_SYNC_FLUSH) != Z_OK || d->out.avail_in > 0 ||
	    d->out.avail_out == 0)
		return ST_FULL;
	used = room - d->out.avail_out;
	if (used < TAIL_SIZE ||
	    memcmp(out + used - TAIL_SIZE, tail, TAIL_SIZE) != 0)
		return ST_FULL;
	*ret_size = used - TAIL_SIZE;
	return ST_OK;
}

/* All of this piece; a block may say that it is the last, and others follow. */
static enum status
inflate_piece(struct deflater *d, struct bytes piece)
{
	z_stream *z = &d->in;
	int said;

	z->next_in = piece.at;
	z->avail_in = (uInt)piece.size;
	while (z->avail_in > 0) {
		said = inflate(z, Z_SYNC_FLUSH);
		if (said == Z_STREAM_END)
			said = inflateReset(z);
		else if (said == Z_BUF_ERROR)
			return ST_FULL;
		if (said != Z_OK)
			return ST_MALFORMED;
	}
	return ST_OK;
}

enum status
inflate_message(struct deflater *d, struct bytes message, uint8_t *out,
    size_t out_size, size_t *ret_size)
{
	enum status st;

	if (message.size > UINT32_MAX || inflateReset(&d->in) != Z_OK)
		return ST_UNAVAILABLE;
	d->in.next_out = out;
	d->in.avail_out = (uInt)out_size;
	st = inflate_piece(d, message);
	if (st == ST_OK)
		st = inflate_piece(d, (struct bytes){ tail, TAIL_SIZE });
	if (st == ST_OK && (d->in.data_type & BETWEEN_BLOCKS) == 0)
		return ST_MALFORMED;
	if (st == ST_OK)
		*ret_size = out_size - d->in.avail_out;
	return st;
}
