/*
 * The virtual streams: a net whose bytes are DATA frames.  Nothing is sent
 * while its owner writes; nghttp2 asks for the queue's bytes when flow
 * control lets them go (http2_on_ask).
 */
#include <assert.h>
#include <string.h>

#include "gateway/chars.h"
#include "gateway/header.h"
#include "gateway/http2_inside.h"
#include "runtime/net_queue.h"

#define STREAM_PENDING_MAX 65535u /* one window */
#define REPLY_FIELDS_MAX 64

struct http2_stream *
http2_stream_create(struct http2 *h, int32_t id)
{
	struct gateway *g = h->gateway;
	struct http2_stream *s = pool_take(&g->http2->streams);

	if (s == NULL)
		return NULL;
	s->session = h;
	s->id = id;
	s->base.net = &g->http2->net;
	s->base.listener = &g->http2->listener;
	g->http2->listener.counts.streams++;
	list_init(&s->link);
	list_append(&h->streams, &s->link);
	h->count++;
	return s;
}

void
http2_stream_destroy(struct http2_stream *s)
{
	struct http2 *h = s->session;

	/* Also after the request has ended: nobody waits for its answer. */
	s->base.is_ended = true;
	if (!s->gone && s->base.on != NULL)
		s->base.on->on_end(s->base.ctx, &s->base, ST_IO);
	if (!s->gone)
		s->base.listener->counts.streams--;
	list_remove(&s->link);
	h->count--;
	http2_drop_head(s);
	http2_text_drop(&s->pending);
	net_stream_drop(&s->base);
	pool_put(&h->gateway->http2->streams, s);
}

static enum status
http2_try_write(struct net_stream *base, const struct net_part *parts,
    size_t count, size_t *ret_sent)
{
	(void)base;
	(void)parts;
	(void)count;
	*ret_sent = 0;
	return ST_OK;
}

static enum status
http2_flush(struct net_stream *base)
{
	struct http2_stream *s = http2_stream_of(base);

	(void)nghttp2_session_resume_data(s->session->session, s->id);
	http2_wake(s->session);
	return ST_OK;
}

/* What came while nobody wanted to hear. */
static void
http2_tell_pending(struct http2_stream *s)
{
	struct http2_text t = s->pending;
	struct http2 *h = s->session;
	int32_t id = s->id;

	s->pending = (struct http2_text){ NULL, 0, 0 };
	if (t.size > 0) {
		(void)nghttp2_session_consume_stream(h->session, id, t.size);
		http2_wake(h);
		s->base.on->on_data(s->base.ctx, &s->base, t.at, t.size);
	}
	http2_text_drop(&t);
}

static void
http2_read(struct net_stream *base, bool on)
{
	struct http2_stream *s = http2_stream_of(base);

	if (s->reads == on)
		return;
	s->reads = on;
	if (on && s->pending.size > 0)
		http2_tell_pending(s);
}

static void
http2_finish(struct net_stream *base)
{
	http2_stream_of(base)->finished = true;
	(void)http2_flush(base);
}

/*
 * If it finished first, nghttp2 still has to say so; anything else is cut.
 * The record lives until nghttp2 has closed the stream.
 */
static void
http2_close(struct net_stream *base)
{
	struct http2_stream *s = http2_stream_of(base);

	s->gone = true;
	s->session->owned--;
	base->on = NULL;
	if (!s->answered || (!s->ends && !s->finished)) {
		net_stream_drop(base);
		(void)nghttp2_submit_rst_stream(s->session->session,
		    NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
	}
	(void)nghttp2_session_resume_data(s->session->session, s->id);
	http2_wake(s->session);
}

static void
http2_peer(const struct net_stream *base, struct net_peer *ret_peer)
{
	net_peer(http2_stream_of(base)->session->lower, ret_peer);
}

const struct net_ops http2_net_ops = {
	.try_write = http2_try_write,
	.flush = http2_flush,
	.read = http2_read,
	.finish = http2_finish,
	.close = http2_close,
	.peer = http2_peer,
};

struct net_stream *
http2_lower(const struct net_stream *base)
{
	return http2_stream_of(base)->session->lower;
}

enum status
http2_stream_hear(struct http2_stream *s, const uint8_t *at, size_t size)
{
	union {
		const uint8_t *given;
		uint8_t *at; /* ours to change until this returns: nghttp2's
				buffer is the one of the stream below */
	} u = { at };

	if (s->base.on != NULL && !s->reads)
		return http2_text_add(&s->pending, at, size, STREAM_PENDING_MAX)
			   ? ST_OK
			   : ST_NO_MEMORY;
	(void)nghttp2_session_consume_stream(s->session->session, s->id, size);
	if (s->base.on != NULL)
		s->base.on->on_data(s->base.ctx, &s->base, u.at, size);
	else if ((s->unheard += size) > HTTP2_UNHEARD_MAX)
		(void)nghttp2_submit_rst_stream(s->session->session,
		    NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
	return ST_OK;
}

void
http2_stream_tell_drained(struct http2 *h)
{
	struct list *at = h->streams.next;

	while (at != &h->streams) {
		struct http2_stream *s = LIST_OF(at, struct http2_stream, link);

		at = at->next;
		if (!s->drained)
			continue;
		s->drained = false;
		if (s->base.on != NULL && s->base.owed == 0)
			s->base.on->on_drained(s->base.ctx, &s->base);
	}
}

/* nghttp2 asks for the next bytes of a body. */
static ssize_t
http2_on_ask(nghttp2_session *session, int32_t id, uint8_t *at, size_t size,
    uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct http2_stream *s = source->ptr;
	size_t used = 0;

	(void)session;
	(void)id;
	(void)ctx;
	while (used < size && s->base.queue.head != NULL) {
		struct net_ref *r = s->base.queue.head;
		size_t n = r->size < size - used ? r->size : size - used;

		memcpy(at + used, r->at, n);
		net_queue_drop(s->base.net, &s->base.queue, n);
		used += n;
	}
	s->base.owed -= used;
	if (s->base.owed == 0 && (s->gone || s->base.state == NET_FINISHING)) {
		s->ends = true;
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	} else if (used == 0) {
		return NGHTTP2_ERR_DEFERRED;
	}
	if (used > 0 && s->base.owed == 0)
		s->drained = true;
	return (ssize_t)used;
}

/* Means something in HTTP/1.1 alone. */
static bool
http2_is_left_out(struct bytes name)
{
	static const char *const out[] = { "connection", "keep-alive",
		"transfer-encoding", "upgrade", "sec-websocket-accept" };

	for (size_t i = 0; i < sizeof(out) / sizeof(*out); i++)
		if (header_is(name, out[i]))
			return true;
	return false;
}

/* The next line of a head that http1_reply has written; false at its end. */
static bool
http2_next_line(
    struct bytes *rest, struct bytes *ret_name, struct bytes *ret_value)
{
	const uint8_t *end = memchr(rest->at, '\r', rest->size);
	const uint8_t *colon;
	size_t size;

	if (end == NULL || end == rest->at)
		return false;
	size = (size_t)(end - rest->at);
	colon = memchr(rest->at, ':', size);
	if (colon != NULL) {
		*ret_name =
		    (struct bytes){ rest->at, (size_t)(colon - rest->at) };
		*ret_value = header_trim(
		    (struct bytes){ colon + 1, size - ret_name->size - 1 });
	} else {
		*ret_name = (struct bytes){ rest->at, 0 };
		*ret_value = *ret_name;
	}
	rest->at += size + 2;
	rest->size -= size + 2;
	return true;
}

static nghttp2_nv
http2_nv(struct bytes name, struct bytes value)
{
	union {
		const uint8_t *given;
		uint8_t *at; /* which nghttp2 does not change */
	} n = { name.at }, v = { value.at };

	return (nghttp2_nv){ n.at, v.at, name.size, value.size,
		NGHTTP2_NV_FLAG_NONE };
}

/* Lower-case names lie in names; returns how many fields there are. */
static size_t
http2_reply_fields(struct bytes head, uint8_t *names, nghttp2_nv *ret_fields)
{
	static const uint8_t status_name[] = ":status";
	struct bytes name, value, rest = head;
	size_t n = 0, used = 0;

	/* "HTTP/1.1 200 OK" */
	(void)http2_next_line(&rest, &name, &value);
	ret_fields[n++] = http2_nv(
	    (struct bytes){ status_name, 7 }, (struct bytes){ head.at + 9, 3 });
	while (n < REPLY_FIELDS_MAX && http2_next_line(&rest, &name, &value)) {
		if (name.size == 0 || http2_is_left_out(name))
			continue;
		for (size_t i = 0; i < name.size; i++)
			names[used + i] = chars_lower(name.at[i]);
		ret_fields[n++] =
		    http2_nv((struct bytes){ names + used, name.size }, value);
		used += name.size;
	}
	return n;
}

enum status
http2_head(struct net_stream *base, struct bytes head, bool ends)
{
	static const uint8_t ok[] = "200";
	struct http2_stream *s = http2_stream_of(base);
	uint8_t names[HTTP1_REPLY_HEAD_MAX];
	nghttp2_nv fields[REPLY_FIELDS_MAX];
	nghttp2_data_provider body = { { .ptr = s }, http2_on_ask };
	size_t n = http2_reply_fields(head, names, fields);
	int code;

	if (memcmp(fields[0].value, "101", 3) == 0)
		fields[0] = http2_nv((struct bytes){ fields[0].name, 7 },
		    (struct bytes){ ok, 3 });
	if (fields[0].value[0] == '1') {
		code = nghttp2_submit_headers(s->session->session,
		    NGHTTP2_FLAG_NONE, s->id, NULL, fields, n, NULL);
	} else {
		s->answered = true;
		s->ends = ends;
		code = nghttp2_submit_response(
		    s->session->session, s->id, fields, n, ends ? NULL : &body);
	}
	http2_wake(s->session);
	return code == 0 ? ST_OK : ST_NO_MEMORY;
}
