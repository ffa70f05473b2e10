#include "gateway/recovery.h"

#include <string.h>

#include "gateway/event_frame.h"
#include "gateway/fanout.h"
#include "gateway/socket_parts.h"
#include "runtime/base/log.h"

/* What an op remembers: the recovery may be over when the answer comes. */
struct recovery_ask {
	uint64_t recovery;
};

static bool recovery_go(struct recovery *r);

static void
recovery_free(struct recovery *r)
{
	struct recovery **at = &r->socket->recoveries;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	pool_put(&r->socket->all->recoveries, r);
}

void
recoveries_drop(struct socket *s, uint64_t channels)
{
	struct recovery *r = s->recoveries;

	while (r != NULL) {
		struct recovery *next = r->next;

		if ((channels & CHANNEL_BIT(r->channel)) != 0)
			recovery_free(r);
		r = next;
	}
	socket_set_live(s, s->subscribed, s->recovering & ~channels);
}

/* Live from here on. */
static void
recovery_join(struct recovery *r)
{
	struct socket *s = r->socket;
	bool nothing_comes = fanout_is_idle(s->all) &&
			     interest_of(s, r->channel)->offset == r->after;

	r->step = RECOVERY_SEAM;
	socket_set_live(
	    s, s->subscribed, s->recovering & ~CHANNEL_BIT(r->channel));
	if (nothing_comes)
		recovery_free(r);
}

bool
recovery_has_told(
    struct socket *s, uint32_t channel, uint64_t epoch, uint64_t offset)
{
	struct recovery *r = s->recoveries;

	while (r != NULL && r->channel != channel)
		r = r->next;
	if (r == NULL || offset == 0)
		return false;
	if (epoch == r->epoch && offset <= r->after)
		return true;
	recovery_free(r);
	return false;
}

/* ---- a page of the journal ---- */

/* It may be heard, and is wanted: as of a live event. */
static bool
recovery_wants(const struct recovery *r, const struct event *e)
{
	const struct socket *s = r->socket;
	struct arena *a = actor_arena(s->all->gateway->self);
	struct bytes json = { (const uint8_t *)e->payload, strlen(e->payload) };
	size_t mark = a->used;
	struct fields there = { NULL, 0 };
	bool wants;

	if (!socket_may_hear(s, r->channel))
		return false;
	if (s->filters == NULL)
		return true;
	there.at = arena_take_bytes(a, json.size);
	wants = there.at != NULL && fields_of_json(json, &there) == ST_OK &&
		socket_filter_passes(s, r->channel, &there);
	a->used = mark;
	return wants;
}

/* One that is too long, or no object, is told to nobody. */
static void
recovery_write(struct recovery *r, const struct event *e, struct wire_out *out)
{
	struct socket *s = r->socket;

	enum status st = ST_OK;

	if (recovery_wants(r, e)) {
		if (s->sse != NULL)
			out->used += sse_id_line(s, r->channel, e->epoch,
			    e->offset, (char *)out->bytes + out->used);
		st = event_frame_append(
		    (enum websocket_subprotocol)s->syntax, e, out);
	}
	if (st != ST_OK)
		event_log_lost(e, st, 1);
	r->epoch = e->epoch;
	r->after = e->offset;
}

/* False: the socket is gone, or going. */
static bool
recovery_say_lost(struct recovery *r, uint64_t epoch, uint64_t after)
{
	struct socket *s = r->socket;
	char name[CHANNEL_MAX + 1];
	struct position now = { name, epoch, after, false };

	interest_name(interest_of(s, r->channel), name);
	r->epoch = epoch;
	r->after = after;
	return socket_reply_lost(s, &now) != ST_CLOSED;
}

/* As many events of the page as one chunk holds, from *at on. */
static enum status
recovery_tell_some(
    struct recovery *r, const struct store_journal_page *page, uint32_t *at)
{
	struct socket *s = r->socket;
	struct gateway *g = s->all->gateway;
	struct wire_out out = { g->scratch, GATEWAY_REPLY_MAX, 0 };
	uint64_t owed_max = g->limits.owed_bytes_max;
	size_t chunk = owed_max < RECOVERY_CHUNK ? owed_max : RECOVERY_CHUNK;
	uint64_t after = r->after;
	struct net_part part;
	enum status st;

	for (; *at < page->events_count; (*at)++) {
		const struct event *e = &page->events[*at];

		if (out.used > 0 &&
		    out.used + EVENT_FRAME_MAX(strlen(e->payload)) +
			    SSE_LINE_MAX >
			chunk)
			break;
		recovery_write(r, e, &out);
	}
	if (out.used == 0)
		return ST_OK;
	part = (struct net_part){ { out.bytes, out.used }, NULL };
	st = socket_push(s, &part, 1);
	if (st == ST_FULL)
		r->after = after;
	return st;
}

/* Chunk by chunk, while the client takes them at once. */
static enum status
recovery_tell(struct recovery *r, const struct store_journal_page *page)
{
	uint32_t at = 0;
	enum status st;

	do
		st = recovery_tell_some(r, page, &at);
	while (st == ST_OK && at < page->events_count &&
	       net_owed(r->socket->conn->stream) == 0);
	return st;
}

/* False: the socket is gone, or going. */
static bool
recovery_take(struct recovery *r, const struct store_journal_page *page)
{
	uint64_t first =
	    page->events_count > 0 ? page->events[0].offset : page->head + 1;
	enum status st;

	if ((page->epoch != r->epoch || first != r->after + 1) &&
	    !recovery_say_lost(r, page->epoch, first - 1))
		return false;
	st = recovery_tell(r, page);
	if (st == ST_CLOSED)
		return false;
	if (st == ST_FULL) {
		r->step = RECOVERY_AGAIN;
		r->socket->all->again++;
		return true;
	}
	return recovery_go(r);
}

static enum status
recovery_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	struct sockets *k = ((struct gateway *)actor_state(self))->sockets;
	const struct recovery_ask *ask = op_data(op);
	struct recovery *r = pool_find(&k->recoveries, ask->recovery);

	if (r == NULL || r->step != RECOVERY_READING)
		return op_close(op);
	if (reply->id == MSG_store_journal_page) {
		(void)recovery_take(r, reply->body);
	} else {
		r->step = RECOVERY_AGAIN;
		k->again++;
	}
	return op_close(op);
}

static void
recovery_ask(struct recovery *r)
{
	struct sockets *k = r->socket->all;
	struct op *op = op_open(k->gateway->self, NULL);
	char name[CHANNEL_MAX + 1];
	struct recovery_ask *ask;

	if (op == NULL) {
		r->step = RECOVERY_AGAIN;
		k->again++;
		return;
	}
	r->step = RECOVERY_READING;
	ask = op_data(op);
	ask->recovery = pool_handle(&k->recoveries, r);
	interest_name(interest_of(r->socket, r->channel), name);
	(void)OP_ASK(op, sockets_hub(k, name), hub_history, recovery_on_page,
	    .channel = name, .after = r->after, .limit = HISTORY_PAGE_MAX);
}

/* ---- one step ---- */

/* Past the newest event that this gateway has seen? */
static bool
recovery_is_done(const struct recovery *r)
{
	struct interest *i = interest_of(r->socket, r->channel);

	return i->epoch == 0 || (i->epoch == r->epoch && i->offset <= r->after);
}

/* False: the socket is gone, or going. */
static bool
recovery_go(struct recovery *r)
{
	struct interest *i = interest_of(r->socket, r->channel);

	if (r->epoch == 0 && r->after == 0)
		r->epoch = i->epoch;
	if (!recovery_is_done(r) && i->epoch != r->epoch &&
	    !recovery_say_lost(r, i->epoch, i->offset))
		return false;
	if (recovery_is_done(r))
		recovery_join(r);
	else if (net_owed(r->socket->conn->stream) > 0)
		r->step = RECOVERY_WAITING;
	else
		recovery_ask(r);
	return true;
}

bool
recovery_start(
    struct socket *s, uint32_t channel, uint64_t epoch, uint64_t after)
{
	struct sockets *k = s->all;
	struct recovery *r = pool_take(&k->recoveries);

	if (r == NULL) {
		socket_close(s, WEBSOCKET_INTERNAL, "Too many recoveries");
		return false;
	}
	*r = (struct recovery){ .next = s->recoveries,
		.socket = s,
		.epoch = epoch,
		.after = after,
		.channel = (uint8_t)channel };
	s->recoveries = r;
	return recovery_go(r);
}

/* Each step may end the socket, and with it the rest of the list. */
void
recoveries_on_drained(struct socket *s)
{
	struct recovery *r = s->recoveries;

	while (r != NULL) {
		struct recovery *next = r->next;

		if (r->step == RECOVERY_WAITING && !recovery_go(r))
			return;
		r = next;
	}
}

void
recoveries_retry(struct sockets *k)
{
	struct recovery *r;

	if (k->again == 0)
		return;
	k->again = 0;
	for (uint32_t i = 0; (r = pool_next(&k->recoveries, &i)) != NULL;)
		if (r->step == RECOVERY_AGAIN)
			(void)recovery_go(r);
}
