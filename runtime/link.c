/* One link: its states, what it takes in, what it sends and when. */
#include <assert.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/link_core.h"

#define RETRY_MIN_US 100000 /* back-off of a link that is down */
#define RETRY_MAX_US 5000000
#define STUCK_MIN_US LINK_SILENCE_US /* then a fresh connection is made */
#define STUCK_MAX_US 4000000
#define BROKEN_US UINT64_C(10000)  /* before a broken one is replaced */
#define HAILED_US UINT64_C(100000) /* or one that hangs, once hailed */

static const char *const state_names[] = {
#define X(name) #name,
	LINK_STATES(X)
#undef X
};

const char *
link_state_name(enum link_state state)
{
	assert((size_t)state < sizeof(state_names) / sizeof(state_names[0]));
	return state_names[state];
}

/* Half to the whole of us, so that peers do not move in step. */
static uint64_t
link_jitter(struct links *all, uint64_t us)
{
	uint64_t random;

	all->config.random(all->config.ctx, &random, sizeof(random));
	return us / 2 + random % (us / 2 + 1);
}

static uint64_t
link_backoff_us(struct link *l, uint64_t least, uint64_t most)
{
	uint64_t us = least << (l->tries < 16 ? l->tries : 16);

	return link_jitter(l->all, us < most ? us : most);
}

/* A lost peer is likely to be back soon; one never met may take its time. */
static void
link_dial(struct link *l)
{
	struct link_transport *t = l->all->transport;
	uint64_t most = l->state == LINK_LOST ? 2 * STUCK_MIN_US : STUCK_MAX_US;

	t->dial(t, l->node, l->url);
	l->dialed_us = l->all->now_us;
	l->redial_us = l->all->now_us + link_backoff_us(l, STUCK_MIN_US, most);
	l->tries++;
	l->hailed = false;
	l->shake.next_us = 0;
}

static void
link_enter_down(struct link *l)
{
	link_shake_end(l);
	memset(&l->session, 0, sizeof(l->session));
	l->stats.lost_with_link += link_flow_reset(&l->flow);
	l->stream = 0;
}

static void
link_enter(struct link *l)
{
	switch (l->state) {
	case LINK_DOWN:
	case LINK_REFUSED:
		link_enter_down(l);
		break;
	case LINK_DIALING:
	case LINK_LOST:
		link_shake_begin(l);
		link_dial(l);
		break;
	case LINK_UP:
		break;
	}
}

void
link_become(struct link *l, enum link_state now, const char *why)
{
	const struct links_config *c = &l->all->config;
	enum link_state was = l->state;
	uint64_t incarnation = l->incarnation;

	LOG(LINK_STATE, KV("peer", l->name), KV("was", link_state_name(was)),
	    KV("now", link_state_name(now)), KV("why", why),
	    KU("incarnation", incarnation));
	l->state = now;
	l->state_us = l->all->now_us;
	link_enter(l);
	c->on_state(c->ctx, l->node, was, now, incarnation, why);
}

void
link_fail(struct link *l, enum link_state now, const char *why)
{
	l->retry_us =
	    l->all->now_us + link_backoff_us(l, RETRY_MIN_US, RETRY_MAX_US);
	l->tries++;
	link_become(l, now, why);
}

static void
link_deliver(struct link *l, struct bytes batch, uint32_t frames)
{
	const struct links_config *c = &l->all->config;
	struct link_reader reader = { .at = batch.at };
	struct link_frame frame;

	l->stats.frames_received += frames;
	for (uint32_t i = 0; i < frames; i++) {
		link_wire_next(&reader, &frame);
		l->stats.bytes_received += frame.head.size + frame.rest.size;
		c->on_frame(c->ctx, l->node, &frame);
	}
}

static void
link_on_batch(struct link *l, const struct link_head *h, struct bytes batch)
{
	switch (link_flow_take(&l->flow, h->sequence, l->all->now_us)) {
	case FLOW_NEXT:
		link_deliver(l, batch, h->frames);
		break;
	case FLOW_SEEN:
		l->stats.duplicates += h->frames;
		break;
	case FLOW_GAP:
		l->stats.gaps++;
		break;
	}
}

static bool
link_carry_is_sound(
    struct link *l, const struct link_head *h, struct bytes batch)
{
	if (h->sequence == 0 && (h->frames != 0 || batch.size != 0))
		return false;
	if (h->kind == LINK_KIND_BYE && h->sequence != 0)
		return false;
	return link_wire_batch(batch, h->frames) == ST_OK &&
	       link_flow_ack(&l->flow, h, l->all->now_us) == ST_OK;
}

/* Only now do we know that the peer has let us in. */
static void
link_confirm(struct link *l)
{
	if (l->session.confirmed)
		return;
	l->session.confirmed = true;
	l->tries = 0;
	l->told = LINK_REASON_NONE;
}

/* Until the token is checked, anyone may have sent this. */
void
link_on_carry(struct link *l, struct bytes in)
{
	struct link_head h;
	struct bytes batch;

	if (link_wire_head(in, &h) != ST_OK) {
		l->stats.malformed++;
		return;
	}
	if (l->state != LINK_UP || h.token != l->session.token_in) {
		l->stats.strays++;
		return;
	}
	l->heard_us = l->all->now_us;
	link_confirm(l);
	batch.at = in.at + LINK_HEAD_SIZE;
	batch.size = in.size - LINK_HEAD_SIZE;
	if (!link_carry_is_sound(l, &h, batch)) {
		l->stats.malformed++;
		link_fail(l, LINK_DOWN, "malformed message");
	} else if (h.kind == LINK_KIND_BYE) {
		link_fail(l, LINK_DOWN, "the peer has left");
	} else if (h.sequence != 0) {
		link_on_batch(l, &h, batch);
	}
}

/*
 * When a link that is not UP has waited enough for this connection.  One that
 * was dialed while the peer's host was away may hang until the system tries it
 * again, seconds later; the peer's hello says that it is back.
 */
static uint64_t
link_redial_us(const struct link *l)
{
	struct link_transport *t = l->all->transport;
	enum link_outbox outbox = t->outbox(t, l->node);

	if (outbox == OUTBOX_BROKEN)
		return link_earlier(l->redial_us,
		    l->dialed_us +
			(BROKEN_US << (l->tries < 3 ? l->tries : 3)));
	if (outbox == OUTBOX_DIALING && l->hailed)
		return link_earlier(l->redial_us,
		    l->dialed_us +
			(HAILED_US << (l->tries < 5 ? l->tries - 1 : 4)));
	return l->redial_us;
}

static void
link_tick_away(struct link *l)
{
	struct link_transport *t = l->all->transport;
	uint64_t now_us = l->all->now_us;

	if (l->state == LINK_LOST && now_us >= l->state_us + LINK_LOST_US) {
		link_fail(l, LINK_DOWN, "no answer");
		return;
	}
	if (now_us >= link_redial_us(l)) {
		t->relisten(t);
		link_dial(l);
	}
	link_shake_tick(l);
}

static void
link_tick_up(struct link *l)
{
	struct link_transport *t = l->all->transport;

	if (t->outbox(t, l->node) == OUTBOX_BROKEN) {
		link_become(l, LINK_LOST, "connection broken");
	} else if (l->all->now_us >= l->heard_us + LINK_SILENCE_US) {
		link_become(l, LINK_LOST, "silence");
	} else {
		link_shake_tick(l);
		link_flow_tick(&l->flow, l->all->now_us);
	}
}

void
link_tick(struct link *l)
{
	switch (l->state) {
	case LINK_DOWN:
	case LINK_REFUSED:
		if (l->all->now_us >= l->retry_us)
			link_become(l, LINK_DIALING, "try");
		break;
	case LINK_DIALING:
	case LINK_LOST:
		link_tick_away(l);
		break;
	case LINK_UP:
		link_tick_up(l);
		break;
	}
}

bool
link_send_carry(struct link *l, enum link_kind kind, const struct link_batch *b)
{
	struct link_transport *t = l->all->transport;
	struct link_head h = { .kind = kind,
		.from = l->all->config.node,
		.token = l->session.token_out,
		.sequence = b == NULL ? 0 : b->sequence,
		.ack = l->flow.delivered,
		.credit = l->flow.grant,
		.gap = l->flow.gap,
		.frames = b == NULL ? 0
				    : b->frames[LINK_NORMAL] +
					  b->frames[LINK_CONTROL] };
	uint8_t head[LINK_HEAD_SIZE];
	struct bytes body = { b == NULL ? NULL : b->data,
		b == NULL ? 0 : b->used };

	(void)link_wire_put_head(&h, head);
	if (t->send(t, l->node, (struct bytes){ head, sizeof(head) }, body) !=
	    ST_OK)
		return false;
	l->spoken_us = l->all->now_us;
	return true;
}

static void
link_count_sent(struct link *l, const struct link_batch *b)
{
	uint64_t frames =
	    (uint64_t)b->frames[LINK_NORMAL] + b->frames[LINK_CONTROL];

	if (b->sent) {
		l->stats.frames_resent += frames;
		return;
	}
	l->stats.frames_sent += frames;
	l->stats.bytes_sent +=
	    (uint64_t)b->bytes[LINK_NORMAL] + b->bytes[LINK_CONTROL];
}

/* Hands over what waits; true if nothing is left. */
static bool
link_transmit(struct link *l)
{
	struct link_batch *b;

	while ((b = link_flow_next(&l->flow)) != NULL) {
		if (!link_send_carry(l, LINK_KIND_CARRY, b))
			return false;
		link_count_sent(l, b);
		link_flow_sent(&l->flow, l->all->now_us);
	}
	return true;
}

void
link_flush(struct link *l)
{
	uint64_t now_us = l->all->now_us;

	if (l->state != LINK_UP)
		return;
	/* While older batches wait for room, the open one may as well grow. */
	if (link_transmit(l)) {
		link_flow_close_open(&l->flow);
		(void)link_transmit(l);
	}
	if (link_flow_owes(&l->flow, now_us) ||
	    now_us >= l->spoken_us + LINK_HEARTBEAT_US) {
		if (link_send_carry(l, LINK_KIND_CARRY, NULL))
			link_flow_acknowledged(&l->flow);
		else
			l->spoken_us = now_us; /* no room: not at once again */
	}
}

uint64_t
link_next_us(const struct link *l)
{
	switch (l->state) {
	case LINK_DOWN:
	case LINK_REFUSED:
		return l->retry_us;
	case LINK_DIALING:
		return link_earlier(link_redial_us(l), link_shake_next_us(l));
	case LINK_LOST:
		return link_earlier(
		    link_earlier(link_redial_us(l), l->state_us + LINK_LOST_US),
		    link_shake_next_us(l));
	case LINK_UP:
		break;
	}
	return link_earlier(
	    link_earlier(link_flow_next_us(&l->flow), link_shake_next_us(l)),
	    link_earlier(l->heard_us + LINK_SILENCE_US,
		l->spoken_us + LINK_HEARTBEAT_US));
}
