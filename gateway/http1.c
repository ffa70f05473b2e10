/*
 * Two layers: http1_line_find cuts the bytes into lines and refuses bytes
 * that may stand nowhere, http1_line_take reads a whole line.  Only the
 * first remembers anything between calls (scanned, line_at), which is why
 * cutting the input elsewhere cannot change the outcome.
 */
#include "gateway/http1.h"

#include <assert.h>
#include <string.h>

#include "gateway/chars.h"
#include "gateway/header.h"
#include "gateway/http1_field.h"
#include "gateway/target.h"

#define VERSION_SIZE 8 /* HTTP/1.1 */

static_assert(HTTP1_HEAD_MAX <= UINT16_MAX, "a span counts in 16 bits");
static_assert(HTTP1_LINE_MAX <= HTTP1_HEAD_MAX, "a line lies in the head");

static const char *const http1_methods[] = {
#define METHOD(name) #name,
	HTTP1_METHODS(METHOD)
#undef METHOD
};

#define METHODS_COUNT (sizeof(http1_methods) / sizeof(*http1_methods))

const char *
http1_method_name(enum http1_method m)
{
	assert((size_t)m < METHODS_COUNT);
	return http1_methods[m];
}

void
http1_head_init(struct http1_head *h)
{
	memset(h, 0, offsetof(struct http1_head, headers));
}

static void
http1_refuse(struct http1_head *h, uint32_t http, const char *reason)
{
	h->step = HTTP1_REFUSED;
	h->refusal = (struct http1_refusal){ http, reason };
}

/* Where the line that is being read must have ended. */
static size_t
http1_line_limit(const struct http1_head *h)
{
	if (!h->has_request)
		return h->line_at + HTTP1_LINE_MAX;
	return HTTP1_HEAD_MAX;
}

static void
http1_line_refuse_long(struct http1_head *h)
{
	if (h->has_request)
		http1_refuse(h, 431, "the head is too large");
	else
		http1_refuse(h, 414, "the request line is too long");
}

/* The byte at h->scanned is not one of a field: a line end, or wrong. */
static bool
http1_line_ends(struct http1_head *h, const uint8_t *at, size_t stop)
{
	const uint8_t *c = at + h->scanned;

	if (*c == '\n')
		http1_refuse(h, 400, "line feed without carriage return");
	else if (*c != '\r')
		http1_refuse(h, 400, "control byte in the head");
	else if (h->scanned + 1 == stop)
		return false;
	else if (c[1] != '\n')
		http1_refuse(h, 400, "carriage return without line feed");
	else
		return true;
	return false;
}

/* True when at[line_at .. scanned) is a line that CR LF follows. */
static bool
http1_line_find(struct http1_head *h, const uint8_t *at, size_t size)
{
	size_t limit = http1_line_limit(h);
	size_t stop = size < limit ? size : limit;

	h->scanned += chars_field_run(at + h->scanned, stop - h->scanned);
	if (h->scanned < stop && http1_line_ends(h, at, stop))
		return true;
	if (h->step == HTTP1_MORE && stop == limit)
		http1_line_refuse_long(h);
	return false;
}

static struct http1_span
http1_span_of(const uint8_t *at, struct bytes b)
{
	return (struct http1_span){ (uint16_t)(b.at - at), (uint16_t)b.size };
}

/* Cuts what stands before the first such byte off the front of rest. */
static bool
http1_cut(struct bytes *rest, uint8_t mark, struct bytes *ret_front)
{
	const uint8_t *end = NULL;

	if (rest->size > 0)
		end = memchr(rest->at, mark, rest->size);
	if (end == NULL)
		return false;
	*ret_front = (struct bytes){ rest->at, (size_t)(end - rest->at) };
	rest->at = end + 1;
	rest->size -= ret_front->size + 1;
	return true;
}

static void
http1_take_version(struct http1_head *h, struct bytes b)
{
	if (b.size != VERSION_SIZE || memcmp(b.at, "HTTP/", 5) != 0 ||
	    !chars_is(b.at[5], CHAR_DIGIT) || b.at[6] != '.' ||
	    !chars_is(b.at[7], CHAR_DIGIT))
		http1_refuse(h, 400, "bad version");
	else if (b.at[5] != '1' || b.at[7] > '1')
		http1_refuse(h, 505, "only HTTP/1.0 and HTTP/1.1 are spoken");
	else
		h->minor = (uint8_t)(b.at[7] - '0');
}

static void
http1_take_method(struct http1_head *h, struct bytes b)
{
	for (size_t i = 0; i < METHODS_COUNT; i++)
		if (strlen(http1_methods[i]) == b.size &&
		    memcmp(http1_methods[i], b.at, b.size) == 0) {
			h->method = (enum http1_method)i;
			return;
		}
	http1_refuse(h, 501, "unknown method");
}

static void
http1_take_target(struct http1_head *h, const uint8_t *at, struct bytes b)
{
	struct bytes path = b, query = b;
	const char *fault;

	if (!http1_cut(&query, '?', &path))
		query = (struct bytes){ b.at + b.size, 0 };
	fault = target_path_fault(path);
	if (fault == NULL)
		fault = target_query_fault(query);
	if (fault != NULL)
		http1_refuse(h, 400, fault);
	h->path = http1_span_of(at, path);
	h->query = http1_span_of(at, query);
}

/* From the outside in: the parts, then the version, then the rest. */
static void
http1_take_request(struct http1_head *h, const uint8_t *at, struct bytes line)
{
	struct bytes method, target;

	h->has_request = true;
	if (!http1_cut(&line, ' ', &method) || method.size == 0 ||
	    !chars_all(method, CHAR_TOKEN) || !http1_cut(&line, ' ', &target)) {
		http1_refuse(h, 400, "bad request line");
		return;
	}
	http1_take_version(h, line);
	if (h->step == HTTP1_MORE)
		http1_take_method(h, method);
	if (h->step == HTTP1_MORE)
		http1_take_target(h, at, target);
}

/*
 * What says where the body ends has no tab beside it: others do not take it
 * for blank, and would see another body.
 */
static bool
http1_hides_framing(struct bytes name, struct bytes line)
{
	return memchr(line.at, '\t', line.size) != NULL &&
	       (header_is(name, "transfer-encoding") ||
		   header_is(name, "content-length"));
}

static void
http1_take_field(struct http1_head *h, const uint8_t *at, struct bytes line)
{
	struct http1_header *field = &h->headers[h->headers_count];
	const struct http1_refusal *refusal;
	struct bytes name;

	if (!http1_cut(&line, ':', &name) || name.size == 0 ||
	    !chars_all(name, CHAR_TOKEN)) {
		http1_refuse(h, 400, "bad header name");
		return;
	}
	if (http1_hides_framing(name, line)) {
		http1_refuse(h, 400, "a tab beside the length of the body");
		return;
	}
	if (h->headers_count == HTTP1_HEADERS_MAX) {
		http1_refuse(h, 431, "too many headers");
		return;
	}
	field->name = http1_span_of(at, name);
	field->value = http1_span_of(at, header_trim(line));
	h->headers_count++;
	refusal = http1_field_note(h, at, field);
	if (refusal != NULL)
		http1_refuse(h, refusal->http, refusal->reason);
}

/* An empty line: the end of the head, or one that a client sent too much. */
static void
http1_take_empty(struct http1_head *h)
{
	const struct http1_refusal *refusal;

	if (!h->has_request) {
		if (++h->empty_lines > HTTP1_EMPTY_LINES_MAX)
			http1_refuse(h, 400, "no request line");
		return;
	}
	refusal = http1_field_settle(h);
	if (refusal != NULL) {
		http1_refuse(h, refusal->http, refusal->reason);
		return;
	}
	h->size = h->line_at;
	h->step = HTTP1_DONE;
}

static void
http1_line_take(struct http1_head *h, const uint8_t *at)
{
	struct bytes line = { at + h->line_at, h->scanned - h->line_at };

	h->scanned += 2;
	h->line_at = h->scanned;
	if (line.size == 0)
		http1_take_empty(h);
	else if (!h->has_request)
		http1_take_request(h, at, line);
	else
		http1_take_field(h, at, line);
}

enum http1_step
http1_head_feed(struct http1_head *h, const uint8_t *at, size_t size)
{
	assert(size >= h->scanned);
	while (h->step == HTTP1_MORE && http1_line_find(h, at, size))
		http1_line_take(h, at);
	return h->step;
}

enum status
http1_head_find(const struct http1_head *h, const uint8_t *at, const char *name,
    struct bytes *ret_value)
{
	uint32_t cursor = 0;
	struct bytes value, other;

	if (!http1_head_next(h, at, name, &cursor, &value))
		return ST_NOT_FOUND;
	if (http1_head_next(h, at, name, &cursor, &other))
		return ST_CONFLICT;
	*ret_value = value;
	return ST_OK;
}

bool
http1_head_next(const struct http1_head *h, const uint8_t *at, const char *name,
    uint32_t *cursor, struct bytes *ret_value)
{
	while (*cursor < h->headers_count) {
		const struct http1_header *field = &h->headers[(*cursor)++];

		if (header_is(http1_bytes(at, field->name), name)) {
			*ret_value = http1_bytes(at, field->value);
			return true;
		}
	}
	return false;
}
