/*
 * What nghttp2 tells of the frames that come.  These run within
 * nghttp2_session_mem_recv: nothing here frees a session.
 */
#include <string.h>

#include "gateway/http2_inside.h"

/* What a client sends that costs us and brings nothing has a price. */
static bool
http2_pay(struct http2 *h, uint32_t price)
{
	uint64_t now_us = actor_now_us(h->gateway->self);
	uint64_t more = (now_us - h->tokens_us) * HTTP2_TOKENS_PER_S / 1000000;

	if (more > 0) {
		h->tokens_us = now_us;
		h->tokens = more > HTTP2_TOKENS_MAX - h->tokens
				? HTTP2_TOKENS_MAX
				: h->tokens + (uint32_t)more;
	}
	if (h->tokens >= price) {
		h->tokens -= price;
		return true;
	}
	if (!h->leaving) {
		h->leaving = true;
		h->gateway->counts.http2_floods++;
		(void)nghttp2_session_terminate_session(
		    h->session, NGHTTP2_ENHANCE_YOUR_CALM);
	}
	return false;
}

static uint32_t
http2_price(const nghttp2_frame *f)
{
	switch (f->hd.type) {
	case NGHTTP2_RST_STREAM:
		return HTTP2_TOKENS_OF_RESET;
	case NGHTTP2_PING:
	case NGHTTP2_SETTINGS:
	case NGHTTP2_PRIORITY:
		return HTTP2_TOKENS_OF_CONTROL;
	case NGHTTP2_DATA:
		return f->hd.length == 0 &&
			       (f->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0
			   ? HTTP2_TOKENS_OF_CONTROL
			   : 0;
	default:
		return 0;
	}
}

static size_t
http2_head_max(const struct http2 *h)
{
	uint64_t max = h->gateway->limits.header_bytes_max;

	return max < HTTP1_HEAD_MAX ? (size_t)max : HTTP1_HEAD_MAX;
}

static bool
http2_is_request(const nghttp2_frame *f)
{
	return f->hd.type == NGHTTP2_HEADERS &&
	       f->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int
http2_on_begin_headers(
    nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
	struct http2 *h = ctx;
	struct http2_stream *s;

	if (!http2_is_request(f))
		return 0;
	s = http2_stream_create(h, f->hd.stream_id);
	if (s == NULL) {
		h->gateway->counts.full++;
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	h->opening = true;
	return nghttp2_session_set_stream_user_data(
	    session, f->hd.stream_id, s);
}

static int
http2_on_header(nghttp2_session *session, const nghttp2_frame *f,
    nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *ctx)
{
	struct http2_stream *s =
	    nghttp2_session_get_stream_user_data(session, f->hd.stream_id);

	(void)flags;
	if (s != NULL && http2_is_request(f))
		http2_take_field(s, name, value, http2_head_max(ctx));
	return 0;
}

/* The head is whole: from here on it is a request like any other. */
static void
http2_on_request(struct http2 *h, struct http2_stream *s, bool whole)
{
	struct bytes head = { NULL, 0 };

	h->opening = false;
	h->owned++;
	if (++h->requests >= h->gateway->limits.requests_max)
		http2_leave(h);
	if (http2_end_head(s, http2_head_max(h)) == ST_OK)
		head = (struct bytes){ s->head.at, s->head.size };
	if (!conn_on_request(h->door, &s->base, head, whole || s->connects)) {
		h->owned--;
		(void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE,
		    s->id, NGHTTP2_REFUSED_STREAM);
	}
	http2_drop_head(s);
}

/* The client has said all it will on this stream. */
static void
http2_on_whole(struct http2_stream *s)
{
	if (s->base.on != NULL)
		net_stream_end(&s->base, ST_CLOSED);
}

static int
http2_on_frame(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
	struct http2 *h = ctx;
	bool ends = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	struct http2_stream *s;

	if (!http2_pay(h, http2_price(f)))
		return 0;
	if (f->hd.type == NGHTTP2_SETTINGS && h->count == 0)
		h->opening = false;
	s = f->hd.stream_id == 0 ? NULL
				 : nghttp2_session_get_stream_user_data(
				       session, f->hd.stream_id);
	if (s == NULL)
		return 0;
	if (http2_is_request(f))
		http2_on_request(h, s, ends);
	else if (ends &&
		 (f->hd.type == NGHTTP2_DATA || f->hd.type == NGHTTP2_HEADERS))
		http2_on_whole(s);
	return 0;
}

static int
http2_on_invalid_frame(
    nghttp2_session *session, const nghttp2_frame *f, int code, void *ctx)
{
	struct http2 *h = ctx;

	(void)session;
	(void)f;
	(void)code;
	h->gateway->counts.malformed++;
	(void)http2_pay(h, HTTP2_TOKENS_OF_CONTROL);
	return 0;
}

static int
http2_on_chunk(nghttp2_session *session, uint8_t flags, int32_t id,
    const uint8_t *at, size_t size, void *ctx)
{
	struct http2_stream *s =
	    nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	(void)ctx;
	(void)nghttp2_session_consume_connection(session, size);
	if (s == NULL)
		(void)nghttp2_session_consume_stream(session, id, size);
	else if (http2_stream_hear(s, at, size) != ST_OK)
		(void)nghttp2_submit_rst_stream(
		    session, NGHTTP2_FLAG_NONE, id, NGHTTP2_FLOW_CONTROL_ERROR);
	return 0;
}

static int
http2_on_stream_close(
    nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
	struct http2_stream *s =
	    nghttp2_session_get_stream_user_data(session, id);

	(void)code;
	(void)ctx;
	if (s != NULL)
		http2_stream_destroy(s);
	return 0;
}

static enum status
http2_callbacks(nghttp2_session_callbacks **ret_callbacks)
{
	nghttp2_session_callbacks *c;

	if (nghttp2_session_callbacks_new(&c) != 0)
		return ST_NO_MEMORY;
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    c, http2_on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback2(c, http2_on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, http2_on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
	    c, http2_on_invalid_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    c, http2_on_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(
	    c, http2_on_stream_close);
	*ret_callbacks = c;
	return ST_OK;
}

static enum status
http2_options(nghttp2_option **ret_options)
{
	nghttp2_option *o;

	if (nghttp2_option_new(&o) != 0)
		return ST_NO_MEMORY;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_outbound_ack(o, HTTP2_ACKS_MAX);
	*ret_options = o;
	return ST_OK;
}

enum status
http2_begin(struct http2 *h)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		    h->gateway->http2->streams_max },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		    (uint32_t)http2_head_max(h) },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
	};
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *options = NULL;
	enum status st = http2_callbacks(&callbacks);

	h->tokens = HTTP2_TOKENS_MAX;
	h->tokens_us = actor_now_us(h->gateway->self);
	if (st == ST_OK)
		st = http2_options(&options);
	if (st == ST_OK && nghttp2_session_server_new2(
			       &h->session, callbacks, h, options) != 0)
		st = ST_NO_MEMORY;
	if (st == ST_OK &&
	    (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
		 sizeof(settings) / sizeof(*settings)) != 0 ||
		nghttp2_session_set_local_window_size(
		    h->session, NGHTTP2_FLAG_NONE, 0, HTTP2_WINDOW) != 0))
		st = ST_NO_MEMORY;
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	return st;
}
