/*
 * The head of a request in HTTP/1.1's words, so that one parser judges both.
 * nghttp2 has seen to it that pseudo fields come first and once, that names
 * are lower-case, and that no value holds a control character.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/header.h"
#include "gateway/http2_inside.h"

#define TEXT_ROOM_MIN 512u
/* A socket by RFC 8441 brings no key, and its answer has none. */
#define UPGRADE_LINES                                   \
	"Connection: Upgrade\r\nUpgrade: websocket\r\n" \
	"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

void
http2_text_drop(struct http2_text *t)
{
	free(t->at);
	*t = (struct http2_text){ NULL, 0, 0 };
}

bool
http2_text_add(struct http2_text *t, const void *at, size_t size, size_t max)
{
	size_t room = t->room == 0 ? TEXT_ROOM_MIN : t->room;
	uint8_t *grown;

	if (size > max - t->size)
		return false;
	while (room < t->size + size)
		room *= 2;
	if (room > t->room) {
		grown = realloc(t->at, room);
		if (grown == NULL)
			return false;
		t->at = grown;
		t->room = room;
	}
	if (size > 0)
		memcpy(t->at + t->size, at, size);
	t->size += size;
	return true;
}

static struct bytes
http2_bytes(nghttp2_rcbuf *b)
{
	nghttp2_vec v;

	if (b == NULL)
		return (struct bytes){ NULL, 0 };
	v = nghttp2_rcbuf_get_buf(b);
	return (struct bytes){ v.base, v.len };
}

static bool
http2_add_text(struct http2_stream *s, const char *text, size_t max)
{
	return http2_text_add(&s->head, text, strlen(text), max);
}

static bool
http2_add_field(
    struct http2_stream *s, struct bytes name, struct bytes value, size_t max)
{
	return http2_text_add(&s->head, name.at, name.size, max) &&
	       http2_add_text(s, ": ", max) &&
	       http2_text_add(&s->head, value.at, value.size, max) &&
	       http2_add_text(s, "\r\n", max);
}

/* The request line, and the host; then the pseudo fields are done with. */
static bool
http2_write_line(struct http2_stream *s, size_t max)
{
	static const uint8_t host_name[] = "Host";
	struct bytes method = http2_bytes(s->pseudo[PSEUDO_METHOD]);
	struct bytes path = http2_bytes(s->pseudo[PSEUDO_PATH]);
	struct bytes host = http2_bytes(s->pseudo[PSEUDO_AUTHORITY]);
	bool ok;

	s->has_line = true;
	s->connects =
	    header_is(http2_bytes(s->pseudo[PSEUDO_PROTOCOL]), "websocket");
	ok = (s->connects
		     ? http2_add_text(s, "GET", max)
		     : http2_text_add(&s->head, method.at, method.size, max)) &&
	     http2_add_text(s, " ", max) &&
	     http2_text_add(&s->head, path.at, path.size, max) &&
	     http2_add_text(s, " HTTP/1.1\r\n", max);
	if (ok && host.size > 0)
		ok = http2_add_field(
		    s, (struct bytes){ host_name, 4 }, host, max);
	if (ok && s->connects)
		ok = http2_add_text(s, UPGRADE_LINES, max);
	return ok;
}

static bool
http2_take_pseudo(
    struct http2_stream *s, struct bytes name, nghttp2_rcbuf *value)
{
	static const char *const names[PSEUDOS] = { ":method", ":path",
		":authority", ":protocol" };

	for (size_t i = 0; i < PSEUDOS; i++)
		if (header_is(name, names[i])) {
			nghttp2_rcbuf_incref(value);
			s->pseudo[i] = value;
		}
	return true;
}

/* The same as :authority, which was written; another is a lie. */
static bool
http2_take_host(
    struct http2_stream *s, struct bytes name, struct bytes value, size_t max)
{
	struct bytes host = http2_bytes(s->pseudo[PSEUDO_AUTHORITY]);

	if (host.size > 0 && host.size == value.size &&
	    memcmp(host.at, value.at, value.size) == 0)
		return true;
	return http2_add_field(s, name, value, max);
}

enum status
http2_take_field(struct http2_stream *s, nghttp2_rcbuf *name_buffer,
    nghttp2_rcbuf *value_buffer, size_t max)
{
	struct bytes name = http2_bytes(name_buffer);
	struct bytes value = http2_bytes(value_buffer);
	bool ok = true;

	if (s->too_large)
		return ST_OK;
	if (name.size > 0 && name.at[0] == ':')
		ok = http2_take_pseudo(s, name, value_buffer);
	else if (!s->has_line)
		ok = http2_write_line(s, max);
	if (ok && name.size > 0 && name.at[0] != ':') {
		if (header_is(name, "cookie"))
			ok = (s->cookies.size == 0 ||
				 http2_text_add(&s->cookies, "; ", 2, max)) &&
			     http2_text_add(
				 &s->cookies, value.at, value.size, max);
		else if (header_is(name, "host"))
			ok = http2_take_host(s, name, value, max);
		else
			ok = http2_add_field(s, name, value, max);
	}
	if (!ok) {
		s->too_large = true;
		http2_text_drop(&s->head);
		http2_text_drop(&s->cookies);
	}
	return ST_OK;
}

enum status
http2_end_head(struct http2_stream *s, size_t max)
{
	static const uint8_t cookie[] = "cookie";
	bool ok = !s->too_large;

	if (ok && !s->has_line)
		ok = http2_write_line(s, max);
	if (ok && s->cookies.size > 0)
		ok = http2_add_field(s, (struct bytes){ cookie, 6 },
		    (struct bytes){ s->cookies.at, s->cookies.size }, max);
	if (ok)
		ok = http2_add_text(s, "\r\n", max);
	return ok ? ST_OK : ST_FULL;
}

void
http2_drop_head(struct http2_stream *s)
{
	for (size_t i = 0; i < PSEUDOS; i++) {
		if (s->pseudo[i] != NULL)
			nghttp2_rcbuf_decref(s->pseudo[i]);
		s->pseudo[i] = NULL;
	}
	http2_text_drop(&s->head);
	http2_text_drop(&s->cookies);
}
