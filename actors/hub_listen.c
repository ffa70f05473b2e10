#include "actors/hub.h"

#include "protocols/channel.h"
#include "runtime/address.h"
#include "runtime/base/log.h"

_Static_assert(LISTENERS_MAX == ADDRESS_SHARDS_MAX, "a bit per shard");

/* ---- gateways come and go ---- */

static void
hub_stop_listening(
    struct hub_state *s, struct channel_entry *c, uint32_t gateway)
{
	if (!channel_set_listener(c, gateway, false))
		return;
	if (!channel_has_listeners(c))
		dedup_forget(&s->dedup, &c->window);
	channels_settle(&s->channels, c);
}

/* Its link is lost for good, or it has begun anew. */
void
hub_forget_gateway(struct actor *self, uint32_t gateway)
{
	struct hub_state *s = actor_state(self);
	uint32_t channels = 0, sockets;
	struct channel_entry *c;

	for (uint32_t i = 0; (c = pool_next(&s->channels.pool, &i)) != NULL;) {
		channels += channel_has_listener(c, gateway);
		hub_stop_listening(s, c, gateway);
	}
	sockets = presence_drop_gateway(
	    &s->presence, gateway, hub_on_user_gone, self);
	LOG(EVENT_STREAM_HUB_GATEWAY_FORGOTTEN, KU("gateway", gateway),
	    KU("channels", channels), KU("sockets", sockets));
}

/* What an older incarnation had is not this one's. */
void
hub_note_incarnation(struct actor *self, uint32_t gateway, uint64_t incarnation)
{
	struct hub_state *s = actor_state(self);
	uint64_t was = s->incarnations[gateway];

	if (incarnation == 0 || incarnation == was)
		return;
	s->incarnations[gateway] = incarnation;
	if (was != 0)
		hub_forget_gateway(self, gateway);
}

bool
hub_is_gateway(const struct msg *in)
{
	return actor_number_of(in->from) == ACTOR_NUMBER(gateway);
}

enum status
hub_ignore(const struct msg *in, const char *message, const char *why)
{
	LOG(EVENT_STREAM_HUB_REFUSED, KU("gateway", address_shard(in->from)),
	    KV("message", message), KV("why", why));
	return ST_OK;
}

enum status
hub_ignore_for(struct actor *self, const struct msg *in, const char *message,
    enum status st)
{
	struct hub_state *s = actor_state(self);

	s->counts.full += st == ST_FULL;
	return hub_ignore(in, message, status_text(st));
}

/* ---- listening ---- */

static enum status
hub_join(struct actor *self, struct op *op, struct channel_entry *c,
    uint32_t gateway)
{
	struct hub_state *s = actor_state(self);

	(void)channel_set_listener(c, gateway, true);
	channels_settle(&s->channels, c);
	return OP_REPLY(op, hub_listening, .channel = c->name,
	    .epoch = c->epoch, .offset = c->head);
}

/* Has the gateway seen this history, but not all that was told of it? */
static bool
hub_must_replay(const struct hub_op *keep)
{
	const struct channel_entry *c = keep->channel;

	return keep->epoch != 0 && keep->epoch == c->epoch &&
	       keep->after < c->head && !channel_has_listener(c, keep->gateway);
}

/* The first question about a channel tells where its history stands. */
static void
hub_learn_head(struct actor *self, struct channel_entry *c,
    const struct store_journal_page *page)
{
	if (c->is_known)
		return;
	c->is_known = true;
	c->epoch = page->epoch;
	c->head = page->head;
	if (c->wanted > c->head)
		hub_fill(self, c);
}

static enum status hub_read_for(struct actor *self, struct op *op);

static enum status
hub_on_read(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_journal_page *page = reply->body;
	struct hub_state *s = actor_state(self);
	struct hub_op *keep = op_data(op);
	struct channel_entry *c = keep->channel;
	bool has_more;

	c->asking--;
	channels_settle(&s->channels, c);
	if (reply->id != MSG_store_journal_page)
		return op_pass(op, reply);
	hub_learn_head(self, c, page);
	has_more = hub_must_replay(keep) && page->epoch == c->epoch &&
		   page->events_count > 0;
	for (uint32_t i = 0; i < page->events_count && has_more; i++) {
		const struct event *e = &page->events[i];

		if (e->offset <= keep->after || e->offset > c->head)
			continue;
		if (!hub_tell_one(self, keep->gateway, e)) {
			hub_let_fall_behind(self, c, keep->gateway);
			return OP_REFUSE(op, OVERLOADED, "no room for events");
		}
		keep->after = e->offset;
	}
	if (has_more && hub_must_replay(keep))
		return hub_read_for(self, op);
	return hub_join(self, op, c, keep->gateway);
}

static enum status
hub_read_for(struct actor *self, struct op *op)
{
	struct hub_state *s = actor_state(self);
	struct hub_op *keep = op_data(op);

	keep->channel->asking++;
	channels_settle(&s->channels, keep->channel);
	return OP_ASK(op, hub_store(self), store_journal_read, hub_on_read,
	    .channel = keep->channel->name, .after = keep->after,
	    .limit = keep->epoch == 0 ? 0 : HISTORY_PAGE_MAX);
}

enum status
hub_on_listen(struct actor *self, const struct msg *in)
{
	const struct hub_listen *ask = in->body;
	struct hub_state *s = actor_state(self);
	struct channel_entry *c;
	struct hub_op *keep;
	struct op *op;

	if (!hub_is_gateway(in))
		return REFUSE(self, in, FORBIDDEN, "only gateways listen");
	hub_note_incarnation(self, address_shard(in->from), ask->incarnation);
	if (!channel_is_valid(ask->channel))
		return REFUSE(self, in, VALIDATION, "there is no such channel");
	c = channels_take(&s->channels, ask->channel);
	if (c == NULL) {
		s->counts.full++;
		return REFUSE(self, in, OVERLOADED, "too many channels");
	}
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	keep = op_data(op);
	*keep = (struct hub_op){ c, address_shard(in->from), ask->epoch,
		ask->offset };
	if (c->is_known && !hub_must_replay(keep))
		return hub_join(self, op, c, keep->gateway);
	return hub_read_for(self, op);
}

enum status
hub_on_unlisten(struct actor *self, const struct msg *in)
{
	const struct hub_unlisten *news = in->body;
	struct hub_state *s = actor_state(self);
	struct channel_entry *c = channels_find(&s->channels, news->channel);

	if (!hub_is_gateway(in))
		return hub_ignore(in, "hub_unlisten", "it is no gateway");
	if (c != NULL)
		hub_stop_listening(s, c, address_shard(in->from));
	return ST_OK;
}
