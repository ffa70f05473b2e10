#include "actors/event_hub.h"

#include <assert.h>
#include <string.h>

#include "actors/hub.h"
#include "protocols/channel.h"
#include "runtime/address.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/base/uuid.h"
#include "runtime/live.h"

#define HUB_HEADS_MAX (CHANNELS_MAX / 2) /* read at the start */

uint64_t
hub_store(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

uint64_t
hub_of(const struct actor *self, const char *channel)
{
	uint32_t shards = actor_shards(self, ACTOR_NUMBER(event_hub));

	return actor_find(
	    self, ACTOR_NUMBER(event_hub), channel_shard(channel, shards));
}

/* ---- ephemeral events ---- */

/* Remembers the id only if some gateway took the event. */
static enum status
hub_tell_once(struct actor *self, const struct msg *in, struct channel_entry *c,
    const struct event *event)
{
	struct hub_state *s = actor_state(self);
	char id[UUID_TEXT_SIZE];
	uint32_t told;
	enum status st = dedup_record(
	    &s->dedup, &c->window, &event->event_id, actor_now_us(self));

	if (st == ST_EXISTS) {
		s->counts.duplicates++;
		uuid_text(&event->event_id, id);
		LOG(EVENT_STREAM_HUB_PUBLISH_DEDUPED, KV("channel", c->name),
		    KV("event_id", id));
		return REPLY(self, in, hub_published, .duplicate = true);
	}
	told = hub_tell(self, c, event);
	if (st == ST_OK)
		dedup_told(&s->dedup, &c->window, &event->event_id, told);
	return REPLY(self, in, hub_published, .gateways = told);
}

static enum status
hub_on_publish(struct actor *self, const struct msg *in)
{
	const struct hub_publish *ask = in->body;
	struct hub_state *s = actor_state(self);
	struct event event = ask->event;
	struct channel_entry *c;

	if (!channel_is_valid(event.channel))
		return REFUSE(self, in, VALIDATION, "there is no such channel");
	if (uuid_is_nil(&event.event_id) || text_is_blank(event.event_type))
		return REFUSE(
		    self, in, VALIDATION, "an event has an id and a type");
	event.epoch = event.offset = 0;
	c = channels_find(&s->channels, event.channel);
	if (c == NULL || !channel_has_listeners(c))
		return REPLY(self, in, hub_published, .gateways = 0);
	return hub_tell_once(self, in, c, &event);
}

static enum status
hub_on_unheard(struct actor *self, const struct msg *in)
{
	const struct hub_unheard *news = in->body;
	struct hub_state *s = actor_state(self);
	struct channel_entry *c = channels_find(&s->channels, news->channel);

	if (!hub_is_gateway(in))
		return hub_ignore(in, "hub_unheard", "it is no gateway");
	if (c != NULL)
		dedup_unheard(&s->dedup, &c->window, &news->event_id);
	return ST_OK;
}

/* ---- start ---- */

/* A gateway out of reach may believe that it is still listened to. */
static void
hub_announce(struct actor *self)
{
	uint32_t shards = actor_shards(self, ACTOR_NUMBER(gateway));

	for (uint32_t i = 0; i < shards; i++) {
		uint64_t to = actor_find(self, ACTOR_NUMBER(gateway), i);

		if (SEND(self, to, hub_restarted, 0) != ST_OK)
			hub_call_back(self, i);
	}
}

/* More than fit are read when somebody listens. */
static void
hub_take_head(struct actor *self, const struct channel_head *head)
{
	struct hub_state *s = actor_state(self);
	struct channel_entry *c;

	(void)text_fit(s->after, sizeof(s->after), head->channel);
	if (s->heads == HUB_HEADS_MAX || !channel_is_valid(head->channel) ||
	    hub_of(self, head->channel) != actor_address(self))
		return;
	s->heads++;
	c = channels_take(&s->channels, head->channel);
	assert(c != NULL); /* half of them are free */
	c->is_known = true;
	c->epoch = head->epoch;
	c->head = c->wanted = head->head;
}

static enum status hub_read_heads(struct actor *self, struct timer *t);

static enum status
hub_on_heads(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_channels *page = reply->body;
	struct hub_state *s = actor_state(self);

	if (reply->id != MSG_store_channels) {
		timer_start(self, &s->start, HUB_AGAIN_US, hub_read_heads);
		return OP_REPLY(op, done, 0);
	}
	for (uint32_t i = 0; i < page->channels_count; i++)
		hub_take_head(self, &page->channels[i]);
	if (page->more && page->channels_count > 0 &&
	    s->heads < HUB_HEADS_MAX) {
		op_within(op, ACTOR_ASK_US);
		return OP_ASK(op, hub_store(self), store_journal_channels,
		    hub_on_heads, .after = s->after);
	}
	hub_announce(self);
	actor_ready(self);
	return OP_REPLY(op, done, 0);
}

static enum status
hub_read_heads(struct actor *self, struct timer *t)
{
	struct hub_state *s = actor_state(self);
	struct op *op = op_open(self, NULL);

	(void)t;
	assert(op != NULL); /* it starts: no other is open */
	return OP_ASK(op, hub_store(self), store_journal_channels, hub_on_heads,
	    .after = s->after);
}

/* What is LIVE counts from the next event. */
static void
hub_on_settings(struct actor *self)
{
	struct hub_state *s = actor_state(self);

	s->dedup.ttl_us = watch_number(&s->watch, self,
			      SETTING_event_stream_dedup_ttl_seconds) *
			  1000000;
}

static enum status
hub_on_setting_changed(struct actor *self, const struct msg *in)
{
	struct hub_state *s = actor_state(self);

	return watch_on_changed(self, &s->watch, in);
}

static enum status
hub_on_setting_restarted(struct actor *self, const struct msg *in)
{
	struct hub_state *s = actor_state(self);

	(void)in;
	return watch_on_restarted(self, &s->watch);
}

static enum status
hub_start(struct actor *self)
{
	struct hub_state *s = actor_state(self);
	uint64_t ttl_s =
	    live_configured(self, SETTING_event_stream_dedup_ttl_seconds);
	uint64_t ids = live_configured(
	    self, SETTING_event_stream_dedup_max_entries_per_channel);
	uint64_t seed;
	enum status st;

	actor_random(self, &seed, sizeof(seed));
	channels_init(&s->channels, seed);
	presence_init(&s->presence, seed, hub_on_moved, self);
	st = dedup_init(&s->dedup, ttl_s * 1000000, ids, seed);
	if (st != ST_OK)
		return st;
	(void)watch_start(self, &s->watch, hub_on_settings);
	return hub_read_heads(self, &s->start);
}

static void
hub_stop(struct actor *self)
{
	struct hub_state *s = actor_state(self);

	channels_fini(&s->channels);
	presence_fini(&s->presence);
	dedup_fini(&s->dedup);
}

static const struct handler hub_on[] = {
	ON(node_changed, hub_on_node_changed),
	ON(hub_committed, hub_on_committed),
	ON(hub_look, hub_on_look),
	ON(hub_history, hub_on_history),
	ON(hub_publish, hub_on_publish),
	ON(event_publish, hub_on_event_publish),
	ON(events_publish, hub_on_events_publish),
	ON(service_run, hub_on_service_run),
	ON(service_cancel, hub_on_service_cancel),
	ON(hub_silent, hub_on_silent),
	ON(hub_unheard, hub_on_unheard),
	ON(hub_listen, hub_on_listen),
	ON(hub_unlisten, hub_on_unlisten),
	ON(hub_beat, hub_on_beat),
	ON(setting_changed, hub_on_setting_changed),
	ON(setting_restarted, hub_on_setting_restarted),
	ON(presence_list, hub_on_presence_list),
	ON(hub_socket_up, hub_on_socket_up),
	ON(hub_socket_down, hub_on_socket_down),
	ON(hub_socket_channels, hub_on_socket_channels),
	ON(store_restored, actor_on_start_over),
	{ 0 },
};

const struct actor_class event_hub_class = {
	.name = "event-hub",
	.state_size = sizeof(struct hub_state),
	.mailbox_max = 65536,
	.mailbox_bytes_max = 64u << 20,
	.ops_max = HUB_OPS_MAX,
	.starts_slowly = true,
	.start = hub_start,
	.stop = hub_stop,
	.measure = hub_measure,
	.on = hub_on,
};
