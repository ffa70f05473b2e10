#include "gateway/http1_body.h"

#include "gateway/chars.h"

static void
http1_body_refuse(struct http1_body *b, uint32_t http, const char *reason)
{
	b->step = HTTP1_REFUSED;
	b->refusal = (struct http1_refusal){ http, reason };
}

static void
http1_body_end(struct http1_body *b)
{
	b->state = HTTP1_BODY_END;
	b->step = HTTP1_DONE;
}

void
http1_body_init(
    struct http1_body *b, const struct http1_head *h, uint64_t body_max)
{
	*b = (struct http1_body){
		.step = HTTP1_MORE,
		.state = h->chunked ? HTTP1_CHUNK_SIZE : HTTP1_BODY_PLAIN,
		.left = h->has_length ? h->length : 0,
		.body_max = body_max,
	};
	if (b->left > body_max)
		http1_body_refuse(b, 413, "the body is too large");
	else if (!h->chunked && b->left == 0)
		http1_body_end(b);
}

/* The size line is over: a chunk, or with size 0 the trailers. */
static void
http1_chunk_begin(struct http1_body *b)
{
	b->digits = 0;
	if (b->left == 0)
		b->state = HTTP1_TRAILER_START;
	else if (b->left > b->body_max - b->size)
		http1_body_refuse(b, 413, "the body is too large");
	else
		b->state = HTTP1_CHUNK_DATA;
}

static void
http1_chunk_take_size(struct http1_body *b, uint8_t c)
{
	int digit = chars_hex_value(c);

	if (digit >= 0 && b->digits < HTTP1_CHUNK_DIGITS_MAX) {
		b->left = b->digits == 0 ? 0 : b->left * 16;
		b->left += (unsigned)digit;
		b->digits++;
	} else if (b->digits > 0 && c == ';') {
		b->state = HTTP1_EXTRA_NAME;
	} else if (b->digits > 0 && c == '\r') {
		b->state = HTTP1_CHUNK_SIZE_FEED;
	} else {
		http1_body_refuse(b, 400, "bad chunk size");
	}
}

/* After a name or a value: another extension, or the end of the line. */
static enum http1_body_state
http1_extra_end(uint8_t c)
{
	if (c == ';')
		return HTTP1_EXTRA_NAME;
	return c == '\r' ? HTTP1_CHUNK_SIZE_FEED : HTTP1_BODY_BAD;
}

static enum http1_body_state
http1_extra_quoted(uint8_t c)
{
	if (c == '"')
		return HTTP1_EXTRA_QUOTE_END;
	if (c == '\\')
		return HTTP1_EXTRA_ESCAPED;
	return chars_is(c, CHAR_FIELD) ? HTTP1_EXTRA_QUOTED : HTTP1_BODY_BAD;
}

/* name, name=value or name="value"; what follows the byte c. */
static enum http1_body_state
http1_extra_next(enum http1_body_state state, uint8_t c)
{
	bool is_token = chars_is(c, CHAR_TOKEN);

	switch (state) {
	case HTTP1_EXTRA_NAME:
		return is_token ? HTTP1_EXTRA_NAME_REST : HTTP1_BODY_BAD;
	case HTTP1_EXTRA_NAME_REST:
		if (c == '=')
			return HTTP1_EXTRA_VALUE;
		return is_token ? state : http1_extra_end(c);
	case HTTP1_EXTRA_VALUE:
		if (c == '"')
			return HTTP1_EXTRA_QUOTED;
		return is_token ? HTTP1_EXTRA_VALUE_REST : HTTP1_BODY_BAD;
	case HTTP1_EXTRA_VALUE_REST:
		return is_token ? state : http1_extra_end(c);
	case HTTP1_EXTRA_QUOTED:
		return http1_extra_quoted(c);
	case HTTP1_EXTRA_ESCAPED:
		return chars_is(c, CHAR_FIELD) ? HTTP1_EXTRA_QUOTED
					       : HTTP1_BODY_BAD;
	default:
		return http1_extra_end(c);
	}
}

static void
http1_chunk_take_extra(struct http1_body *b, uint8_t c)
{
	b->state = http1_extra_next(b->state, c);
	if (b->state == HTTP1_BODY_BAD)
		http1_body_refuse(b, 400, "bad chunk extension");
	else if (c != '\r' && ++b->extra > HTTP1_CHUNK_EXTRA_MAX)
		http1_body_refuse(b, 431, "chunk extensions are too long");
}

static void
http1_trailer_take_start(struct http1_body *b, uint8_t c)
{
	if (c == '\r')
		b->state = HTTP1_BODY_FEED;
	else if (chars_is(c, CHAR_TOKEN))
		b->state = HTTP1_TRAILER_NAME;
	else
		http1_body_refuse(b, 400, "bad trailer");
}

static void
http1_trailer_take_name(struct http1_body *b, uint8_t c)
{
	if (c == ':')
		b->state = HTTP1_TRAILER_VALUE;
	else if (!chars_is(c, CHAR_TOKEN))
		http1_body_refuse(b, 400, "bad trailer");
}

static void
http1_trailer_take_value(struct http1_body *b, uint8_t c)
{
	if (c == '\r')
		b->state = HTTP1_TRAILER_FEED;
	else if (!chars_is(c, CHAR_FIELD))
		http1_body_refuse(b, 400, "bad trailer");
}

/* A byte that must be just this one. */
static bool
http1_body_expect(struct http1_body *b, uint8_t c, uint8_t wanted)
{
	if (c == wanted)
		return true;
	http1_body_refuse(b, 400, "bad line end in the body");
	return false;
}

static void
http1_trailer_take(struct http1_body *b, uint8_t c)
{
	if (++b->trailers > HTTP1_TRAILERS_MAX)
		http1_body_refuse(b, 431, "the trailers are too large");
	else if (b->state == HTTP1_TRAILER_START)
		http1_trailer_take_start(b, c);
	else if (b->state == HTTP1_TRAILER_NAME)
		http1_trailer_take_name(b, c);
	else if (b->state == HTTP1_TRAILER_VALUE)
		http1_trailer_take_value(b, c);
	else if (!http1_body_expect(b, c, '\n'))
		return;
	else if (b->state == HTTP1_BODY_FEED)
		http1_body_end(b);
	else
		b->state = HTTP1_TRAILER_START;
}

/* One byte of what stands around the data. */
static void
http1_chunk_take(struct http1_body *b, uint8_t c)
{
	if (b->state >= HTTP1_EXTRA_NAME && b->state <= HTTP1_EXTRA_QUOTE_END) {
		http1_chunk_take_extra(b, c);
		return;
	}
	switch (b->state) {
	case HTTP1_CHUNK_SIZE:
		http1_chunk_take_size(b, c);
		break;
	case HTTP1_CHUNK_SIZE_FEED:
		if (http1_body_expect(b, c, '\n'))
			http1_chunk_begin(b);
		break;
	case HTTP1_CHUNK_DATA_RETURN:
		if (http1_body_expect(b, c, '\r'))
			b->state = HTTP1_CHUNK_DATA_FEED;
		break;
	case HTTP1_CHUNK_DATA_FEED:
		if (http1_body_expect(b, c, '\n'))
			b->state = HTTP1_CHUNK_SIZE;
		break;
	default:
		http1_trailer_take(b, c);
		break;
	}
}

static enum http1_step
http1_body_take_data(struct http1_body *b, const uint8_t *at, size_t size,
    struct bytes *ret_data)
{
	size_t n = size < b->left ? size : (size_t)b->left;

	*ret_data = (struct bytes){ at, n };
	b->left -= n;
	b->size += n;
	if (b->left == 0 && b->state == HTTP1_BODY_PLAIN)
		http1_body_end(b);
	else if (b->left == 0)
		b->state = HTTP1_CHUNK_DATA_RETURN;
	return HTTP1_DATA;
}

static bool
http1_body_in_data(const struct http1_body *b)
{
	return b->state == HTTP1_BODY_PLAIN || b->state == HTTP1_CHUNK_DATA;
}

enum http1_step
http1_body_feed(struct http1_body *b, const uint8_t *at, size_t size,
    size_t *ret_used, struct bytes *ret_data)
{
	size_t used = 0;
	enum http1_step step;

	while (b->step == HTTP1_MORE && used < size) {
		if (!http1_body_in_data(b)) {
			http1_chunk_take(b, at[used++]);
			continue;
		}
		step =
		    http1_body_take_data(b, at + used, size - used, ret_data);
		*ret_used = used + ret_data->size;
		return step;
	}
	*ret_used = used;
	return b->step;
}
