#include "actors/hub.h"

#include "runtime/address.h"
#include "runtime/base/log.h"
#include "runtime/base/uuid.h"

/* ---- telling ---- */

bool
hub_tell_one(struct actor *self, uint32_t gateway, const struct event *event)
{
	uint64_t to = actor_find(self, ACTOR_NUMBER(gateway), gateway);
	struct hub_state *s = actor_state(self);
	char id[UUID_TEXT_SIZE];
	enum status st;

	st = SEND(self, to, hub_event, .event = *event);
	if (st == ST_OK) {
		s->counts.told++;
		return true;
	}
	uuid_text(&event->event_id, id);
	LOG(EVENT_STREAM_HUB_DELIVERY_FAILED, KU("gateway", gateway),
	    KV("channel", event->channel), KV("event_id", id),
	    KV("status", status_name(st)));
	return false;
}

static bool
hub_tell_listener(struct actor *self, struct channel_entry *c, uint32_t gateway,
    const struct event *event)
{
	if (hub_tell_one(self, gateway, event))
		return true;
	if (event->offset != 0)
		hub_let_fall_behind(self, c, gateway);
	return false;
}

/* To how many gateways it went. */
uint32_t
hub_tell(struct actor *self, struct channel_entry *c, const struct event *event)
{
	uint32_t told = 0;

	for (uint32_t word = 0; word < LISTENERS_MAX / 64; word++) {
		uint64_t left = c->listeners[word];

		for (; left != 0; left &= left - 1)
			told += hub_tell_listener(self, c,
			    word * 64 + (uint32_t)__builtin_ctzll(left), event);
	}
	return told;
}

/* ---- durable events: in their order, from the store or the journal ---- */

/* What lay between is gone. */
static void
hub_note_lost(struct actor *self, const struct channel_entry *c, uint64_t next)
{
	struct hub_state *s = actor_state(self);

	s->counts.lost++;
	LOG(EVENT_STREAM_HUB_LOST, KV("channel", c->name), KU("after", c->head),
	    KU("next", next));
}

static void
hub_tell_next(
    struct actor *self, struct channel_entry *c, const struct event *event)
{
	struct hub_state *s = actor_state(self);
	int64_t us = actor_wall_us(self) - event->timestamp;

	if (event->offset <= c->head)
		return;
	if (event->offset != c->head + 1)
		hub_note_lost(self, c, event->offset);
	c->head = event->offset;
	timing_observe(&s->counts.delivery_seconds, us > 0 ? (uint64_t)us : 0);
	(void)hub_tell(self, c, event);
}

static enum status hub_on_fill_again(struct actor *self, struct timer *t);

/* Another history has begun: by a restore, or since that before was silent. */
static void
hub_begin_epoch(struct channel_entry *c, uint64_t epoch)
{
	if (c->epoch == epoch)
		return;
	c->epoch = epoch;
	c->head = 0;
	c->wanted = 0;
}

static void
hub_take_page(struct actor *self, struct channel_entry *c,
    const struct store_journal_page *page)
{
	bool is_another = page->epoch != c->epoch;

	hub_begin_epoch(c, page->epoch);
	if (page->head > c->wanted)
		c->wanted = page->head;
	for (uint32_t i = 0; i < page->events_count && !is_another; i++)
		hub_tell_next(self, c, &page->events[i]);
	if (is_another || page->events_count > 0 || c->head >= c->wanted)
		return;
	hub_note_lost(self, c, c->wanted + 1);
	c->head = c->wanted;
}

static enum status
hub_on_filled(struct actor *self, struct op *op, const struct msg *reply)
{
	struct hub_state *s = actor_state(self);
	struct hub_op *keep = op_data(op);
	struct channel_entry *c = keep->channel;

	c->is_filling = false;
	c->asking--;
	if (reply->id == MSG_store_journal_page) {
		c->is_unsure = false;
		hub_take_page(self, c, reply->body);
		if (c->head < c->wanted)
			hub_fill(self, c);
	} else {
		timer_start(self, &s->fill, HUB_AGAIN_US, hub_on_fill_again);
	}
	channels_settle(&s->channels, c);
	return OP_REPLY(op, done, 0);
}

void
hub_fill(struct actor *self, struct channel_entry *c)
{
	struct hub_state *s = actor_state(self);
	struct hub_op *keep;
	struct op *op;

	if (c->is_filling)
		return;
	op = op_open(self, NULL);
	if (op == NULL) {
		timer_start(self, &s->fill, HUB_AGAIN_US, hub_on_fill_again);
		return;
	}
	keep = op_data(op);
	keep->channel = c;
	c->is_filling = true;
	c->asking++;
	channels_settle(&s->channels, c);
	(void)OP_ASK(op, hub_store(self), store_journal_read, hub_on_filled,
	    .channel = c->name, .after = c->head, .limit = HISTORY_PAGE_MAX);
}

static enum status
hub_on_fill_again(struct actor *self, struct timer *t)
{
	struct hub_state *s = actor_state(self);
	struct channel_entry *c;

	(void)t;
	for (uint32_t i = 0; (c = pool_next(&s->channels.pool, &i)) != NULL;)
		if (c->is_known && (c->is_unsure || c->head < c->wanted))
			hub_fill(self, c);
	return ST_OK;
}

static void
hub_take_event(struct actor *self, const struct event *event)
{
	struct hub_state *s = actor_state(self);
	struct channel_entry *c = channels_find(&s->channels, event->channel);

	if (c == NULL || event->offset == 0)
		return;
	if (!c->is_known) {
		if (event->offset > c->wanted)
			c->wanted = event->offset;
		return;
	}
	hub_begin_epoch(c, event->epoch);
	if (event->offset <= c->head)
		return;
	if (event->offset > c->wanted)
		c->wanted = event->offset;
	if (channel_is_idle(c)) {
		c->head = event->offset;
	} else if (c->is_filling) {
		return;
	} else if (event->offset == c->head + 1) {
		hub_tell_next(self, c, event);
	} else {
		s->counts.gaps++;
		LOG(EVENT_STREAM_HUB_GAP, KV("channel", c->name),
		    KU("head", c->head), KU("offset", event->offset));
		hub_fill(self, c);
	}
}

enum status
hub_on_committed(struct actor *self, const struct msg *in)
{
	const struct hub_committed *batch = in->body;

	for (uint32_t i = 0; i < batch->events_count; i++)
		hub_take_event(self, &batch->events[i]);
	return ST_OK;
}

enum status
hub_look(struct actor *self)
{
	struct hub_state *s = actor_state(self);
	struct channel_entry *c;

	for (uint32_t i = 0; (c = pool_next(&s->channels.pool, &i)) != NULL;)
		if (channel_is_idle(c))
			channel_unlearn(c);
		else
			c->is_unsure = true;
	return hub_on_fill_again(self, &s->fill);
}

enum status
hub_on_look(struct actor *self, const struct msg *in)
{
	(void)in;
	return hub_look(self);
}

enum status
hub_on_node_changed(struct actor *self, const struct msg *in)
{
	const struct node_changed *news = in->body;
	struct hub_state *s = actor_state(self);
	bool is_another = s->store_life != news->incarnation;

	if (!news->up || news->node != address_node(hub_store(self)))
		return ST_OK;
	s->store_life = news->incarnation;
	return is_another ? hub_look(self) : ST_OK;
}
