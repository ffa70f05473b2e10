#include <stdlib.h>
#include <string.h>

#include "gateway/conn_inside.h"
#include "gateway/http2.h"
#include "gateway/socket.h"
#include "gateway/stream.h"

/*
 * A connection reads a head, then a body, then waits for the answer; only
 * when the system has taken that does it look at what came after.  So answers
 * of a pipeline keep their order, what a client sends ahead is bounded by one
 * read, and what it is owed by one answer.
 *
 * It ends with our side first: a peer that still sends would otherwise meet a
 * closed socket, and the reset could overtake the answer (RFC 9112, 9.6).
 */

#define CONN_KEPT_MIN 1024u
#define CONN_LINGER_US 1000000 /* for the peer to end its side too */
#define CONN_REFUSAL                                             \
	"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n" \
	"Content-Length: 0\r\nConnection: close\r\n\r\n"

uint64_t
conn_handle(const struct conn *c)
{
	return pool_handle(&c->gateway->conns, c);
}

struct conn *
conn_find(struct gateway *g, uint64_t handle)
{
	return pool_find(&g->conns, handle);
}

static uint64_t
conn_state_us(const struct conn *c, enum conn_state state)
{
	const struct gateway_limits *l = &c->gateway->limits;

	switch (state) {
	case CONN_IDLE:
		return net_owed(c->stream) > 0 ? l->write_us : l->idle_us;
	case CONN_HEAD:
		return l->header_us;
	case CONN_BODY:
		return l->body_us;
	case CONN_WAITING:
		return l->request_us + GATEWAY_SWEEP_US;
	case CONN_CLOSING:
		return l->write_us;
	case CONN_SOCKET:
	case CONN_STREAM:
		break;
	}
	return UINT64_MAX / 2;
}

void
conn_become(struct conn *c, enum conn_state state)
{
	c->state = (uint8_t)state;
	c->due_us = actor_now_us(c->gateway->self) + conn_state_us(c, state);
}

static void
conn_drop_kept(struct conn *c)
{
	free(c->kept);
	c->kept = NULL;
	c->kept_size = 0;
	c->kept_room = 0;
}

static void
conn_end_stream(struct conn *c)
{
	const struct stream_events *on = c->streaming;

	c->streaming = NULL;
	if (on != NULL)
		on->on_end(c->streaming_ctx);
}

void
conn_close(struct conn *c)
{
	struct gateway *g = c->gateway;

	if (c->socket != NULL)
		socket_end(c);
	conn_end_stream(c);
	exchange_end(c);
	conn_drop_kept(c);
	list_remove(&c->link);
	if (!c->is_http2)
		g->connections--;
	net_close(c->stream);
	pool_put(&g->conns, c);
}

/* All has been sent; a socket has said good-bye and heard it by now. */
static void
conn_linger(struct conn *c)
{
	if (c->ended || c->socket != NULL || c->is_http2)
		conn_close(c);
	else
		c->due_us = actor_now_us(c->gateway->self) + CONN_LINGER_US;
}

void
conn_finish(struct conn *c)
{
	conn_drop_kept(c);
	exchange_end(c);
	conn_become(c, CONN_CLOSING);
	net_read(c->stream, true);
	net_finish(c->stream);
	if (net_owed(c->stream) == 0)
		conn_linger(c);
}

void
conn_read_on(struct conn *c)
{
	net_read(c->stream, net_owed(c->stream) == 0);
}

bool
conn_write(struct conn *c, const struct net_part *parts, size_t count)
{
	enum status st = net_write(c->stream, parts, count);

	if (st == ST_OK)
		return true;
	if (st == ST_FULL)
		c->gateway->counts.slow_clients++;
	conn_close(c);
	return false;
}

bool
conn_write_head(struct conn *c, struct bytes head, bool ends)
{
	const struct net_part part = { head, NULL };

	if (!c->is_http2)
		return conn_write(c, &part, 1);
	if (http2_head(c->stream, head, ends) == ST_OK)
		return true;
	conn_close(c);
	return false;
}

/* Room for size more bytes; doubles up to a head or a body and one read. */
static bool
conn_reserve(struct conn *c, size_t size)
{
	size_t wanted = c->kept_size + size;
	size_t room = c->kept_room == 0 ? CONN_KEPT_MIN : c->kept_room;
	uint8_t *kept;

	if (wanted > c->gateway->limits.header_bytes_max +
			 c->gateway->limits.body_bytes_max + NET_READ_SIZE)
		return false;
	while (room < wanted)
		room *= 2;
	if (room == c->kept_room)
		return true;
	kept = realloc(c->kept, room);
	if (kept == NULL)
		return false;
	c->kept = kept;
	c->kept_room = (uint32_t)room;
	return true;
}

bool
conn_keep(struct conn *c, const uint8_t *at, size_t size)
{
	if (size == 0)
		return true;
	if (!conn_reserve(c, size))
		return false;
	memcpy(c->kept + c->kept_size, at, size);
	c->kept_size += (uint32_t)size;
	return true;
}

void
conn_forget(struct conn *c, size_t size)
{
	c->kept_size -= (uint32_t)size;
	if (c->kept_size == 0)
		conn_drop_kept(c);
	else
		memmove(c->kept, c->kept + size, c->kept_size);
}

struct exchange *
conn_take_exchange(struct conn *c)
{
	struct exchange *x = c->exchange;

	if (x == NULL) {
		x = pool_take(&c->gateway->exchanges);
		if (x == NULL)
			return NULL;
		c->exchange = x;
		http1_head_init(&x->head);
		list_init(&x->waiting);
		x->begun_us = actor_now_us(c->gateway->self);
		actor_random(
		    c->gateway->self, x->request_id, sizeof(x->request_id));
	}
	return x;
}

enum http1_step
conn_feed_head(struct conn *c, const uint8_t *at, size_t size)
{
	const struct gateway_limits *l = &c->gateway->limits;
	struct http1_head *h = &c->exchange->head;
	enum http1_step step = http1_head_feed(h, at, size);

	if (step == HTTP1_DONE)
		size = h->size;
	if (step == HTTP1_REFUSED ||
	    (size <= l->header_bytes_max && h->headers_count <= l->headers_max))
		return step;
	h->step = HTTP1_REFUSED;
	h->refusal = (struct http1_refusal){ 431, "the head is too large" };
	return h->step;
}

/* Without an exchange there is nothing to answer with but this. */
static void
conn_refuse(struct conn *c)
{
	static const char text[] = CONN_REFUSAL;
	const struct net_part part = {
		{ (const uint8_t *)text, sizeof(text) - 1 }, NULL
	};

	c->gateway->counts.full++;
	if (conn_write(c, &part, 1))
		conn_finish(c);
}

/* How many of the bytes were used; SIZE_MAX: the connection has gone. */
static size_t
conn_read_head(struct conn *c, const uint8_t *at, size_t size)
{
	uint64_t handle = conn_handle(c);
	struct gateway *g = c->gateway;
	struct exchange *x = conn_take_exchange(c);

	if (x == NULL) {
		conn_refuse(c);
		return SIZE_MAX;
	}
	switch (conn_feed_head(c, at, size)) {
	case HTTP1_MORE:
	case HTTP1_DATA:
		if (c->state == CONN_IDLE)
			conn_become(c, CONN_HEAD);
		return 0;
	case HTTP1_REFUSED:
		respond_malformed(c, &x->head.refusal);
		return SIZE_MAX;
	case HTTP1_DONE:
		break;
	}
	conn_become(c, CONN_BODY);
	http1_body_init(&x->body, &x->head, g->limits.body_bytes_max);
	size = x->head.size;
	exchange_begin(c, at);
	return conn_find(g, handle) == NULL ? SIZE_MAX : size;
}

static bool
exchange_reserve(struct gateway *g, struct exchange *x, size_t wanted)
{
	size_t room = x->held_room == 0 ? CONN_KEPT_MIN : x->held_room;
	uint8_t *held;

	while (room < wanted)
		room *= 2;
	if (room == x->held_room)
		return true;
	if (room - x->held_room > GATEWAY_HELD_MAX - g->held)
		return false;
	held = realloc(x->held, room);
	if (held == NULL)
		return false;
	g->held += room - x->held_room;
	x->held = held;
	x->held_room = room;
	return true;
}

bool
exchange_hold(struct gateway *g, struct exchange *x, struct bytes data)
{
	if (!exchange_reserve(g, x, x->held_size + data.size))
		return false;
	memcpy(x->held + x->held_size, data.at, data.size);
	x->held_size += data.size;
	return true;
}

/* As conn_read_head, for the body; the whole of it is gathered first. */
static size_t
conn_read_body(struct conn *c, const uint8_t *at, size_t size)
{
	uint64_t handle = conn_handle(c);
	struct gateway *g = c->gateway;
	struct exchange *x = c->exchange;
	struct bytes data = { NULL, 0 };
	size_t used = 0;
	enum http1_step step =
	    http1_body_feed(&x->body, at, size, &used, &data);

	if (step == HTTP1_REFUSED) {
		respond_malformed(c, &x->body.refusal);
		return SIZE_MAX;
	}
	if (step == HTTP1_DATA && !exchange_hold(g, x, data)) {
		g->counts.full++;
		respond_problem(
		    c, PROBLEM_OVERLOADED, "too many bodies are on their way");
		return SIZE_MAX;
	}
	if (step == HTTP1_DONE) {
		conn_become(c, CONN_WAITING);
		exchange_act(c, NULL, (struct bytes){ x->held, x->held_size });
	}
	return conn_find(g, handle) == NULL ? SIZE_MAX : used;
}

static size_t
conn_read_some(struct conn *c, const uint8_t *at, size_t size)
{
	if (c->state == CONN_BODY)
		return conn_read_body(c, at, size);
	if (c->state <= CONN_HEAD && size > 0 && net_owed(c->stream) == 0)
		return conn_read_head(c, at, size);
	return 0;
}

/* Reads on until the bytes end or an answer must be waited for. */
static size_t
conn_read_all(struct conn *c, const uint8_t *at, size_t size)
{
	size_t done = 0;

	for (;;) {
		enum conn_state was = (enum conn_state)c->state;
		size_t used = conn_read_some(c, at + done, size - done);

		if (used == SIZE_MAX)
			return SIZE_MAX;
		done += used;
		if (used == 0 && c->state == was)
			return done;
	}
}

/*
 * While an answer is awaited we go on reading, for stopping and starting are
 * calls of the system, and clients rarely send ahead.  One that does is read
 * no further: the rest stays with the kernel.
 */
static void
conn_hold_back(struct conn *c)
{
	if (c->state > CONN_BODY && c->kept_size > 0)
		net_read(c->stream, false);
}

/* Bytes that begin where kept ones ended are looked at together with them. */
static void
conn_take(struct conn *c, const uint8_t *at, size_t size)
{
	size_t used;

	if (c->kept_size > 0 || c->state > CONN_BODY) {
		if (!conn_keep(c, at, size)) {
			conn_close(c);
			return;
		}
		if (c->state <= CONN_BODY)
			conn_go_on(c);
		else
			conn_hold_back(c);
		return;
	}
	used = conn_read_all(c, at, size);
	if (used == SIZE_MAX || c->state == CONN_CLOSING)
		return;
	if (!conn_keep(c, at + used, size - used))
		conn_close(c);
	else if (c->socket != NULL)
		socket_go_on(c);
	else
		conn_hold_back(c);
}

void
conn_go_on(struct conn *c)
{
	size_t used;

	if (c->kept_size > 0) {
		used = conn_read_all(c, c->kept, c->kept_size);
		if (used == SIZE_MAX || c->state == CONN_CLOSING)
			return; /* what was kept has been dropped */
		conn_forget(c, used);
	}
	if (c->socket != NULL) {
		socket_go_on(c);
		return;
	}
	if (c->state > CONN_BODY) {
		conn_hold_back(c);
		return;
	}
	if (c->ended && net_owed(c->stream) == 0)
		conn_close(c);
	else
		conn_read_on(c);
}

/* A client that listens has no more to say: what it says is kept, once. */
static void
conn_hear_listener(struct conn *c, const uint8_t *at, size_t size)
{
	if (!conn_keep(c, at, size))
		conn_close(c);
	else
		net_read(c->stream, false);
}

static void
conn_on_data(void *ctx, struct net_stream *s, uint8_t *at, size_t size)
{
	struct conn *c = ctx;
	struct actor *self = c->gateway->self;

	(void)s;
	actor_enter(self);
	if (c->socket != NULL && c->state != CONN_CLOSING)
		socket_on_data(c, at, size);
	else if (c->state == CONN_STREAM)
		conn_hear_listener(c, at, size);
	else if (c->state != CONN_CLOSING)
		conn_take(c, at, size);
	actor_leave(self, ST_OK);
}

/* It sends no more, but may still read: false if it waits for nothing. */
static bool
conn_is_awaited(const struct conn *c)
{
	return c->state == CONN_WAITING || net_owed(c->stream) > 0;
}

/* A client may end its side and still wait for its answer. */
static void
conn_on_end(void *ctx, struct net_stream *s, enum status why)
{
	struct conn *c = ctx;
	struct actor *self = c->gateway->self;

	(void)s;
	actor_enter(self);
	c->ended = true;
	if (c->socket != NULL && c->state != CONN_CLOSING)
		socket_on_end(c);
	else if (why != ST_CLOSED || !conn_is_awaited(c))
		conn_close(c);
	actor_leave(self, ST_OK);
}

void
conn_tell_drained(struct conn *c)
{
	if (c->state == CONN_CLOSING) {
		conn_linger(c);
	} else if (c->socket != NULL) {
		socket_on_drained(c);
	} else if (c->streaming != NULL) {
		c->due_us = UINT64_MAX;
		c->streaming->on_drained(c->streaming_ctx);
	} else if (c->state == CONN_IDLE) {
		conn_become(c, CONN_IDLE);
		conn_go_on(c);
	}
}

static void
conn_on_drained(void *ctx, struct net_stream *s)
{
	struct conn *c = ctx;
	struct actor *self = c->gateway->self;

	(void)s;
	actor_enter(self);
	conn_tell_drained(c);
	actor_leave(self, ST_OK);
}

static const struct net_events conn_events = {
	.on_data = conn_on_data,
	.on_end = conn_on_end,
	.on_drained = conn_on_drained,
};

struct conn *
conn_create(const struct listen_door *d, struct net_stream *s)
{
	struct gateway *g = d->gateway;
	struct conn *c = pool_take(&g->conns);

	if (c == NULL) {
		g->counts.full++;
		return NULL;
	}
	c->gateway = g;
	c->door = d;
	c->stream = s;
	list_init(&c->link);
	list_append(&g->open, &c->link);
	return c;
}

void
conn_on_accept(const struct listen_door *d, struct net_stream *s)
{
	struct gateway *g = d->gateway;
	struct conn *c = conn_create(d, s);

	if (c == NULL) {
		net_close(s);
		return;
	}
	actor_enter(g->self);
	g->connections++;
	conn_become(c, CONN_IDLE);
	if (g->limits.header_us < g->limits.idle_us)
		c->due_us = actor_now_us(g->self) + g->limits.header_us;
	net_own(s, &conn_events, c);
	actor_leave(g->self, ST_OK);
}

void
conn_check_time(struct conn *c, uint64_t now_us)
{
	if (c->state == CONN_SOCKET || now_us < c->due_us)
		return;
	c->gateway->counts.timeouts++;
	if (c->state == CONN_HEAD || c->state == CONN_BODY)
		respond_malformed(
		    c, &(struct http1_refusal){ 408, "too slow" });
	else
		conn_close(c);
}
