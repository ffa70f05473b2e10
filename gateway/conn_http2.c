#include "gateway/conn_inside.h"
#include "gateway/socket.h"

/*
 * One stream of HTTP/2 as a connection: it is told what comes by http2.c,
 * which is always within a turn of the gateway.
 */

static void
conn_hear_body(struct conn *c, struct bytes data)
{
	struct gateway *g = c->gateway;
	struct exchange *x = c->exchange;

	x->body.size += data.size;
	if (x->body.size > g->limits.body_bytes_max) {
		respond_malformed(
		    c, &(struct http1_refusal){ 413, "the body is too large" });
	} else if (!exchange_hold(g, x, data)) {
		g->counts.full++;
		respond_problem(
		    c, PROBLEM_OVERLOADED, "too many bodies are on their way");
	}
}

static void
conn_http2_on_data(void *ctx, struct net_stream *s, uint8_t *at, size_t size)
{
	struct conn *c = ctx;

	(void)s;
	if (c->state == CONN_CLOSING)
		return;
	if (c->socket != NULL)
		socket_on_data(c, at, size);
	else if (c->state == CONN_BODY)
		conn_hear_body(c, (struct bytes){ at, size });
}

/* ST_CLOSED: the request is whole; anything else: it was given up. */
static void
conn_http2_on_end(void *ctx, struct net_stream *s, enum status why)
{
	struct conn *c = ctx;
	struct exchange *x = c->exchange;

	(void)s;
	c->ended = true;
	if (c->socket != NULL && c->state != CONN_CLOSING) {
		socket_on_end(c);
	} else if (why != ST_CLOSED) {
		conn_close(c);
	} else if (c->state == CONN_BODY) {
		x->body.step = HTTP1_DONE;
		conn_become(c, CONN_WAITING);
		exchange_act(c, NULL, (struct bytes){ x->held, x->held_size });
	}
}

static void
conn_http2_on_drained(void *ctx, struct net_stream *s)
{
	(void)s;
	conn_tell_drained(ctx);
}

static const struct net_events conn_http2_events = {
	.on_data = conn_http2_on_data,
	.on_end = conn_http2_on_end,
	.on_drained = conn_http2_on_drained,
};

/* Nothing in a head says that a body follows; its stream did. */
static void
conn_expect_body(struct exchange *x, bool whole)
{
	if (whole) {
		x->head.chunked = false;
		x->head.has_length = false;
		x->body.step = HTTP1_DONE;
	} else if (!x->head.has_length) {
		x->head.chunked = true;
		x->body.step = HTTP1_MORE;
	}
}

bool
conn_on_request(const struct listen_door *d, struct net_stream *s,
    struct bytes head, bool whole)
{
	struct gateway *g = d->gateway;
	struct conn *c = conn_create(d, s);
	struct exchange *x;

	if (c == NULL)
		return false;
	c->is_http2 = true;
	x = conn_take_exchange(c);
	if (x == NULL) {
		g->counts.full++;
		list_remove(&c->link);
		pool_put(&g->conns, c);
		return false;
	}
	conn_become(c, CONN_HEAD);
	net_own(s, &conn_http2_events, c);
	if (head.at == NULL ||
	    conn_feed_head(c, head.at, head.size) == HTTP1_MORE)
		x->head.refusal =
		    (struct http1_refusal){ 431, "the head is too large" };
	if (head.at == NULL || x->head.step != HTTP1_DONE) {
		respond_malformed(c, &x->head.refusal);
		return true;
	}
	conn_become(c, CONN_BODY);
	http1_body_init(&x->body, &x->head, g->limits.body_bytes_max);
	conn_expect_body(x, whole);
	exchange_begin(c, head.at);
	return true;
}
