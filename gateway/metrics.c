#include "gateway/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http1.h"
#include "gateway/http1_reply.h"
#include "runtime/address.h"
#include "runtime/base/log.h"
#include "runtime/config.h"
#include "runtime/door.h"
#include "runtime/metric.h"
#include "runtime/net.h"

#define METRICS_MEDIA "text/plain; version=0.0.4"
#define METRICS_SWEEP_US 1000000u
#define METRICS_REPLY_MAX 512u /* the head of an answer */

struct metrics_state;

struct scrape {
	struct metrics_state *of;
	struct net_stream *stream; /* NULL: free */
	struct http1_head head;
	size_t used;
	uint64_t due_us;
	bool waits;    /* for the page */
	bool answered; /* what still comes is dropped */
	bool ended;    /* the peer sends no more */
	uint8_t at[METRICS_HEAD_MAX];
};

struct metrics_state {
	struct actor *self;
	struct net_listener *listener;
	struct timer sweep;
	struct http1_date date;
	struct door_spec door;
	struct scrape scrapes[METRICS_SCRAPES_MAX];
};

static void
scrape_end(struct scrape *s)
{
	net_close(s->stream);
	s->stream = NULL;
}

static void
scrape_answer(struct scrape *s, uint32_t http, struct bytes body)
{
	struct metrics_state *m = s->of;
	uint8_t head[METRICS_REPLY_MAX];
	struct http1_reply r;
	size_t size = 0;
	bool bare = s->head.step == HTTP1_DONE && s->head.method == HTTP1_HEAD;
	bool sent;

	http1_reply_begin(&r, head, sizeof(head), http,
	    http1_date_text(&m->date, actor_wall_us(m->self)));
	http1_reply_field(&r, "Content-Type", METRICS_MEDIA);
	http1_reply_length(&r, body.size);
	http1_reply_connection(&r, 1, false);
	s->waits = false;
	s->answered = true;
	sent =
	    http1_reply_end(&r, &size) == ST_OK &&
	    net_write(s->stream,
		(struct net_part[]){ { { head, size }, NULL }, { body, NULL } },
		bare ? 1 : 2) == ST_OK;
	if (!sent || (s->ended && net_owed(s->stream) == 0))
		scrape_end(s);
	else
		net_finish(s->stream);
}

static void
scrape_refuse(struct scrape *s, uint32_t http, const char *why)
{
	scrape_answer(
	    s, http, (struct bytes){ (const uint8_t *)why, strlen(why) });
}

static void
metrics_on_read(struct actor *self, struct metric_page *p)
{
	struct metrics_state *m = actor_state(self);
	struct net_counts n = net_listener_counts(m->listener);
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	bool ok = to != NULL;

	metric_add_listener(
	    p, &n, (const char *[]){ "listener", m->door.address, NULL });
	if (to != NULL) {
		metric_print(p, to);
		ok = fclose(to) == 0;
	}
	for (size_t i = 0; i < METRICS_SCRAPES_MAX; i++) {
		struct scrape *s = &m->scrapes[i];

		if (s->stream == NULL || !s->waits)
			continue;
		if (ok)
			scrape_answer(s, 200,
			    (struct bytes){ (const uint8_t *)text, size });
		else
			scrape_refuse(s, 503, "out of memory\n");
	}
	free(text);
}

static void
scrape_look(struct scrape *s)
{
	static const struct bytes path = { (const uint8_t *)"/metrics", 8 };
	enum http1_step step = http1_head_feed(&s->head, s->at, s->used);
	struct bytes asked;

	if (step == HTTP1_REFUSED ||
	    (step == HTTP1_MORE && s->used == METRICS_HEAD_MAX)) {
		scrape_refuse(s, 400, "not a request\n");
		return;
	}
	if (step == HTTP1_MORE)
		return;
	asked = http1_bytes(s->at, s->head.path);
	if (asked.size != path.size ||
	    memcmp(asked.at, path.at, path.size) != 0) {
		scrape_refuse(s, 404, "only /metrics is here\n");
	} else if (s->head.method != HTTP1_GET &&
		   s->head.method != HTTP1_HEAD) {
		scrape_refuse(s, 405, "only GET and HEAD\n");
	} else {
		s->waits = true;
		(void)metric_read(s->of->self, metrics_on_read);
	}
}

static void
scrape_on_data(void *ctx, struct net_stream *stream, uint8_t *at, size_t size)
{
	struct scrape *s = ctx;
	size_t room = METRICS_HEAD_MAX - s->used;
	size_t taken = size < room ? size : room;

	(void)stream;
	if (s->waits || s->answered)
		return;
	actor_enter(s->of->self);
	memcpy(s->at + s->used, at, taken);
	s->used += taken;
	scrape_look(s);
	actor_leave(s->of->self, ST_OK);
}

/* A side that is closed may still listen, as that of netcat does. */
static void
scrape_on_end(void *ctx, struct net_stream *stream, enum status why)
{
	struct scrape *s = ctx;

	s->ended = true;
	if (why != ST_CLOSED ||
	    (!s->waits && (!s->answered || net_owed(stream) == 0)))
		scrape_end(s);
}

static void
scrape_on_drained(void *ctx, struct net_stream *stream)
{
	struct scrape *s = ctx;

	(void)stream;
	if (s->ended)
		scrape_end(s);
}

static const struct net_events scrape_events = { scrape_on_data, scrape_on_end,
	scrape_on_drained };

static void
metrics_on_accept(void *ctx, struct net_stream *stream)
{
	struct metrics_state *m = ctx;
	struct scrape *s = m->scrapes;

	while (s < m->scrapes + METRICS_SCRAPES_MAX && s->stream != NULL)
		s++;
	if (s == m->scrapes + METRICS_SCRAPES_MAX) {
		net_close(stream);
		return;
	}
	s->of = m;
	s->stream = stream;
	s->used = 0;
	s->waits = s->answered = s->ended = false;
	s->due_us = actor_now_us(m->self) + METRICS_SCRAPE_US;
	http1_head_init(&s->head);
	net_own(stream, &scrape_events, s);
}

static enum status
metrics_on_sweep(struct actor *self, struct timer *t)
{
	struct metrics_state *m = actor_state(self);

	for (size_t i = 0; i < METRICS_SCRAPES_MAX; i++)
		if (m->scrapes[i].stream != NULL &&
		    m->scrapes[i].due_us <= actor_now_us(self))
			scrape_end(&m->scrapes[i]);
	timer_start(self, t, METRICS_SWEEP_US, metrics_on_sweep);
	return ST_OK;
}

/* The port that is set is of node 0; 0 is any. */
static enum status
metrics_find_door(struct metrics_state *m, const char *at)
{
	const char *colon = strrchr(at, ':');
	char why[DOOR_WHY_SIZE];
	enum status st = door_parse(at, false, &m->door, why);
	unsigned long port;

	if (st != ST_OK || colon == NULL)
		return ST_INVALID;
	port = strtoul(colon + 1, NULL, 10);
	if (port > 0)
		port += address_node(actor_address(m->self));
	if (port > UINT16_MAX)
		return ST_INVALID;
	snprintf(m->door.address, sizeof(m->door.address), "%.*s:%lu",
	    (int)(colon - at), at, port);
	return ST_OK;
}

static void
metrics_announce(struct metrics_state *m)
{
	const char *at = m->door.address;
	char text[NET_ADDRESS_TEXT_SIZE + 8];

	snprintf(text, sizeof(text), "%.*s:%u", (int)(strrchr(at, ':') - at),
	    at, (unsigned)net_listener_port(m->listener));
	actor_announce(m->self, "metrics", text);
	LOG(API_LISTENING, KV("address", text));
}

static enum status
metrics_start(struct actor *self)
{
	struct metrics_state *m = actor_state(self);
	const char *at =
	    config_text(actor_config(self), SETTING_api_metrics_listen);
	struct net_listen how = { .streams_max = METRICS_SCRAPES_MAX,
		.owed_max = METRIC_TEXT_MAX,
		.on_accept = metrics_on_accept,
		.ctx = m };
	char why[NET_ADDRESS_TEXT_SIZE + 64];
	enum status st;

	m->self = self;
	st = metrics_find_door(m, at);
	how.address = m->door.address;
	if (st == ST_OK)
		st = net_listen(actor_net(self), &how, &m->listener);
	if (st != ST_OK) {
		LOG(API_LISTEN_FAILED, KV("address", at),
		    KV("status", status_name(st)));
		snprintf(why, sizeof(why), "cannot listen on %.100s: %s", at,
		    status_text(st));
		actor_give_up(self, why);
		return ST_OK;
	}
	metrics_announce(m);
	timer_start(self, &m->sweep, METRICS_SWEEP_US, metrics_on_sweep);
	return ST_OK;
}

static void
metrics_stop(struct actor *self)
{
	struct metrics_state *m = actor_state(self);

	for (size_t i = 0; i < METRICS_SCRAPES_MAX; i++)
		if (m->scrapes[i].stream != NULL)
			scrape_end(&m->scrapes[i]);
	if (m->listener != NULL)
		net_unlisten(m->listener);
}

static const struct handler metrics_on[] = { { 0 } };

const struct actor_class metrics_class = {
	.name = "metrics",
	.state_size = sizeof(struct metrics_state),
	.start = metrics_start,
	.stop = metrics_stop,
	.on = metrics_on,
};
