#include "gateway/http2.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http2_inside.h"

#define HTTP2_ROUNDS_MAX 16 /* of one send; then others have their turn */
#define HTTP2_LINGER_US 1000000

static void
http2_free(struct http2 *h)
{
	struct http2_all *all = h->gateway->http2;
	struct list *at;

	h->doomed = true;
	while ((at = list_first(&h->streams)) != NULL)
		http2_stream_destroy(LIST_OF(at, struct http2_stream, link));
	list_remove(&h->link);
	list_remove(&h->dirty);
	nghttp2_session_del(h->session);
	net_close(h->lower);
	h->gateway->connections--;
	pool_put(&all->sessions, h);
}

static bool
http2_put_out(struct http2 *h, const uint8_t *at, size_t size)
{
	const struct net_part part = { { at, size }, NULL };

	return size == 0 || net_write(h->lower, &part, 1) == ST_OK;
}

/* Frames of nghttp2 into the stream below, until it owes enough. */
static bool
http2_send_frames(struct http2 *h)
{
	uint8_t *out = h->gateway->http2->out;
	size_t used = 0;

	while (net_owed(h->lower) + used < HTTP2_OWED_MAX) {
		const uint8_t *at;
		ssize_t n = nghttp2_session_mem_send(h->session, &at);

		if (n < 0)
			return false;
		if (n == 0)
			break;
		if ((size_t)n > HTTP2_OUT_SIZE - used) {
			if (!http2_put_out(h, out, used) ||
			    !http2_put_out(h, at, (size_t)n))
				return false;
			used = 0;
			continue;
		}
		memcpy(out + used, at, (size_t)n);
		used += (size_t)n;
	}
	return http2_put_out(h, out, used);
}

/* Nothing more will be said on either side. */
static bool
http2_is_over(const struct http2 *h)
{
	return nghttp2_session_want_read(h->session) == 0 &&
	       nghttp2_session_want_write(h->session) == 0;
}

/* Our side ends first, so that the peer hears why. */
static void
http2_linger(struct http2 *h)
{
	if (h->lingers)
		return;
	h->lingers = true;
	h->due_us = actor_now_us(h->gateway->self) + HTTP2_LINGER_US;
	net_finish(h->lower);
}

/* When something must have happened again, as it is now. */
static void
http2_rest(struct http2 *h)
{
	const struct gateway_limits *l = &h->gateway->limits;
	uint64_t now_us = actor_now_us(h->gateway->self);

	if (net_owed(h->lower) > 0)
		h->due_us = now_us + l->write_us;
	else if (h->opening)
		h->due_us = now_us + l->header_us;
	else
		h->due_us = h->owned > 0 ? UINT64_MAX : now_us + l->idle_us;
}

/* Sends what there is; h may be gone when this returns. */
static void
http2_send(struct http2 *h)
{
	list_remove(&h->dirty);
	list_init(&h->dirty);
	if (h->lingers)
		return;
	h->busy = true;
	for (int i = 0; i < HTTP2_ROUNDS_MAX && !h->doomed; i++) {
		h->woken = false;
		if (!http2_send_frames(h))
			h->doomed = true;
		else
			http2_stream_tell_drained(h);
		if (!h->woken || net_owed(h->lower) >= HTTP2_OWED_MAX)
			break;
	}
	h->busy = false;
	if (h->doomed)
		http2_free(h);
	else if (http2_is_over(h))
		http2_linger(h);
	else
		http2_rest(h);
}

static enum status
http2_on_flush(struct actor *self, struct timer *t)
{
	struct gateway *g = actor_state(self);
	struct http2_all *all = g->http2;
	struct list *at;

	for (uint32_t i = all->sessions.used;
	     i > 0 && (at = list_first(&all->dirty)) != NULL; i--)
		http2_send(LIST_OF(at, struct http2, dirty));
	if (!list_empty(&all->dirty))
		timer_start(self, t, 0, http2_on_flush);
	return ST_OK;
}

void
http2_wake(struct http2 *h)
{
	struct gateway *g = h->gateway;

	h->woken = true;
	if (h->busy || h->doomed || !list_empty(&h->dirty))
		return;
	list_append(&g->http2->dirty, &h->dirty);
	if (!timer_is_running(&g->http2->flush))
		timer_start(g->self, &g->http2->flush, 0, http2_on_flush);
}

static void
http2_on_data(void *ctx, struct net_stream *lower, uint8_t *at, size_t size)
{
	struct http2 *h = ctx;
	struct actor *self = h->gateway->self;
	ssize_t used;

	(void)lower;
	actor_enter(self);
	if (!h->lingers) {
		h->busy = true;
		used = nghttp2_session_mem_recv(h->session, at, size);
		h->busy = false;
		if (used < 0) {
			h->gateway->counts.malformed++;
			h->doomed = true;
		}
		http2_send(h);
	}
	actor_leave(self, ST_OK);
}

static void
http2_on_end(void *ctx, struct net_stream *lower, enum status why)
{
	struct http2 *h = ctx;
	struct actor *self = h->gateway->self;

	(void)lower;
	(void)why;
	actor_enter(self);
	http2_free(h);
	actor_leave(self, ST_OK);
}

static void
http2_on_drained(void *ctx, struct net_stream *lower)
{
	struct http2 *h = ctx;
	struct actor *self = h->gateway->self;

	(void)lower;
	actor_enter(self);
	http2_send(h);
	actor_leave(self, ST_OK);
}

static const struct net_events http2_events = {
	.on_data = http2_on_data,
	.on_end = http2_on_end,
	.on_drained = http2_on_drained,
};

void
http2_on_accept(const struct listen_door *d, struct net_stream *lower)
{
	struct gateway *g = d->gateway;
	struct http2 *h = pool_take(&g->http2->sessions);

	if (h == NULL) {
		g->counts.full++;
		net_close(lower);
		return;
	}
	actor_enter(g->self);
	h->gateway = g;
	h->door = d;
	h->lower = lower;
	list_init(&h->link);
	list_init(&h->dirty);
	list_init(&h->streams);
	h->opening = true;
	g->connections++;
	list_append(&g->http2->open, &h->link);
	net_own(lower, &http2_events, h);
	if (http2_begin(h) == ST_OK)
		http2_send(h);
	else
		http2_free(h);
	actor_leave(g->self, ST_OK);
}

void
http2_leave(struct http2 *h)
{
	if (h->leaving)
		return;
	h->leaving = true;
	(void)nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h->session),
	    NGHTTP2_NO_ERROR, NULL, 0);
	http2_wake(h);
}

static void
http2_check_time(struct http2 *h, uint64_t now_us)
{
	if (now_us < h->due_us)
		return;
	h->gateway->counts.timeouts++;
	if (h->lingers || h->leaving || h->opening || net_owed(h->lower) > 0) {
		http2_free(h);
		return;
	}
	http2_leave(h);
	h->due_us = now_us + h->gateway->limits.write_us;
}

void
http2_tick(struct gateway *g, uint64_t now_us)
{
	struct list *at = g->http2->open.next;

	while (at != &g->http2->open) {
		struct http2 *h = LIST_OF(at, struct http2, link);

		at = at->next;
		http2_check_time(h, now_us);
	}
}

void
http2_drain(struct gateway *g)
{
	struct list *at = g->http2->open.next;

	while (at != &g->http2->open) {
		struct http2 *h = LIST_OF(at, struct http2, link);

		at = at->next;
		http2_leave(h);
	}
}

/* What is owed, and what is still to be said. */
bool
http2_is_busy(const struct gateway *g)
{
	const struct list *open = &g->http2->open;

	for (struct list *at = open->next; at != open; at = at->next) {
		const struct http2 *h = LIST_OF(at, struct http2, link);

		if (!h->lingers &&
		    (net_owed(h->lower) > 0 || h->owned > 0 ||
			nghttp2_session_want_write(h->session) != 0))
			return true;
	}
	return false;
}

enum status
http2_init(struct gateway *g)
{
	struct http2_all *all = calloc(1, sizeof(*all));
	const struct config *c = actor_config(g->self);

	if (all == NULL)
		return ST_NO_MEMORY;
	g->http2 = all;
	net_init(&all->net, &http2_net_ops);
	all->listener = (struct net_listener){ .net = &all->net,
		.streams_max = UINT32_MAX,
		.owed_max = g->limits.owed_bytes_max,
		.pins = 1 };
	pool_init(&all->sessions, sizeof(struct http2), HTTP2_SESSIONS_MAX, 0);
	pool_init(
	    &all->streams, sizeof(struct http2_stream), HTTP2_STREAMS_MAX, 0);
	list_init(&all->open);
	list_init(&all->dirty);
	all->streams_max =
	    (uint32_t)config_u64(c, SETTING_api_server_http2_streams_max);
	return ST_OK;
}

void
http2_fini(struct gateway *g)
{
	struct http2_all *all = g->http2;
	struct list *at;

	if (all == NULL)
		return;
	while ((at = list_first(&all->open)) != NULL)
		http2_free(LIST_OF(at, struct http2, link));
	timer_stop(&all->flush);
	pool_fini(&all->sessions);
	pool_fini(&all->streams);
	net_fini(&all->net);
	free(all);
	g->http2 = NULL;
}
