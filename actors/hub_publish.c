#include <stdio.h>
#include <string.h>

#include "actors/hub.h"
#include "actors/id.h"
#include "protocols/channel.h"
#include "protocols/event_type.h"
#include "protocols/json.h"
#include "protocols/setting.h"
#include "runtime/base/text.h"
#include "runtime/base/uuid.h"
#include "runtime/config.h"
#include "runtime/seal.h"

/*
 * Events that the API tells.  A durable one is appended to its channel's
 * journal, and is told as all that the store commits; any shard may do that.
 * An ephemeral one goes through the shard that has the channel.
 */

#define SCOPE_KEY "event"         /* by the Idempotency-Key of a user */
#define SCOPE_ID "event-id"       /* by the event's own id, in its channel */
#define SCOPE_BATCH "event-batch" /* as SCOPE_KEY, of a batch */
#define USER_PREFIX "user."
#define NOT_ALLOWED "you may not tell such events there"

struct publish_op {
	struct uuid event_id;
	bool hides_place;
};

/* As JSON has it. */
static size_t
publish_written(const char *text)
{
	unsigned char room[6 * CHANNEL_MAX + 2]; /* \\u0000 for each byte */
	struct wire_out out = { room, sizeof(room), 0 };

	return json_encode_text(text, &out) == ST_OK ? out.used
						     : EVENT_JSON_MAX;
}

/* NULL: it may be told. */
static const char *
publish_mistake(const char *channel, const struct event_draft *draft)
{
	if (!channel_is_valid(channel))
		return "channel: there is no such channel";
	if (text_is_blank(draft->event_type))
		return "event_type: must not be blank";
	if (event_type_is_reserved(draft->event_type))
		return "event_type: streams say other things by this name";
	if (draft->has_event_id && uuid_is_nil(&draft->event_id))
		return "event_id: must not be nil";
	if (publish_written(draft->event_type) + publish_written(channel) +
		strlen(draft->payload) + EVENT_REST_MAX >
	    EVENT_JSON_MAX)
		return "payload: too long";
	return NULL;
}

/* NULL: there is none, or it can be one. */
static const char *
publish_key_mistake(const char *key)
{
	return key != NULL && text_is_blank(key)
		   ? "the Idempotency-Key must not be blank"
		   : NULL;
}

/* Is it one of event_stream.user_publish? */
static bool
publish_is_open(const struct actor *self, const char *channel)
{
	char item[SETTING_ITEM_MAX + 1];
	struct setting_items it;

	setting_items_init(&it,
	    config_text(actor_config(self), SETTING_event_stream_user_publish));
	while (setting_items_next(&it, item) == ST_OK)
		if (strcmp(item, channel) == 0)
			return true;
	return false;
}

static bool
publish_may_hear(const struct principal *who, const struct channel_ref *ref)
{
	const struct hearer hearer = { who->role, who->user_id, who->session_id,
		CHANNEL_ROLES_READ };

	return channel_allows(ref, &hearer);
}

/* What anybody tells cannot be taken for what the program tells. */
static bool
publish_is_allowed(const struct actor *self, const struct principal *who,
    const char *channel, const char *event_type)
{
	struct bytes name = { (const uint8_t *)channel, strlen(channel) };
	const struct channel_ref ref = channel_parse(name);

	if (channel_may_tell(&ref, who->role))
		return true;
	return strncmp(event_type, USER_PREFIX, strlen(USER_PREFIX)) == 0 &&
	       channel_role_reads(who->role) && publish_may_hear(who, &ref) &&
	       publish_is_open(self, channel);
}

/* Where a private channel stands tells whether somebody has that id. */
static bool
publish_hides_place(const struct principal *who, const char *channel)
{
	struct bytes name = { (const uint8_t *)channel, strlen(channel) };
	const struct channel_ref ref = channel_parse(name);

	return (ref.kind == CHANNEL_PRIVATE || ref.kind == CHANNEL_SESSION) &&
	       !publish_may_hear(who, &ref);
}

/* Asks the store; NULL: in has been refused. */
static struct op *
publish_begin(struct actor *self, const struct msg *in,
    const struct principal *who, const char *channel)
{
	struct op *op = op_open(self, in);

	if (op != NULL)
		*(struct publish_op *)op_data(op) = (struct publish_op){
			.hides_place = publish_hides_place(who, channel)
		};
	return op;
}

/* ---- durable ---- */

static uint64_t
publish_channels_max(struct actor *self)
{
	struct hub_state *s = actor_state(self);

	return watch_number(&s->watch, self, SETTING_event_stream_channels_max);
}

/* The store's answer that is none of those asked for. */
static enum status
publish_pass(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct refused *why = reply->body;
	struct hub_state *s = actor_state(self);

	if (reply->id == MSG_refused && why->problem == PROBLEM_CHANNELS_MAX)
		s->counts.full++;
	return op_pass(op, reply);
}

static enum status
publish_on_appended(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_event_appended *made = reply->body;
	const struct publish_op *keep = op_data(op);

	if (reply->id != MSG_store_event_appended)
		return publish_pass(self, op, reply);
	return OP_REPLY(op, event_told, .event_id = made->event_id,
	    .epoch = keep->hides_place ? 0 : made->epoch,
	    .offset = keep->hides_place ? 0 : made->offset,
	    .duplicate = made->replayed);
}

/* Marks by id are the channel's; a long name is told apart by its digest. */
static const char *
publish_mark_owner(const char *channel, char room[UUID_TEXT_SIZE])
{
	struct bytes name = { (const uint8_t *)channel, strlen(channel) };
	uint8_t digest[SEAL_DIGEST_SIZE];
	struct uuid id;

	if (name.size <= ID_MAX)
		return channel;
	seal_digest(name, digest);
	memcpy(id.octets, digest, sizeof(id.octets));
	uuid_text(&id, room);
	return room;
}

static enum status
publish_append(
    struct actor *self, const struct msg *in, const struct event *event)
{
	const struct event_publish *ask = in->body;
	char id[UUID_TEXT_SIZE], owner[UUID_TEXT_SIZE];
	struct op *op = publish_begin(self, in, &ask->caller, ask->channel);
	struct store_event_append append = { .event = *event,
		.scope = SCOPE_KEY,
		.principal = ask->caller.user_id,
		.once = ask->once,
		.now = actor_wall_us(self),
		.channels_max = publish_channels_max(self) };

	if (op == NULL)
		return ST_OK;
	if (append.once.key == NULL && ask->has_event_id) {
		uuid_text(&ask->event_id, id);
		append.scope = SCOPE_ID;
		append.principal = publish_mark_owner(ask->channel, owner);
		append.once = (struct once){ .key = id };
	}
	return op_ask(op, hub_store(self), MSG_store_event_append, &append,
	    publish_on_appended);
}

/* ---- ephemeral ---- */

static enum status
publish_on_told(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct hub_published *told = reply->body;
	const struct publish_op *keep = op_data(op);

	(void)self;
	if (reply->id != MSG_hub_published)
		return op_pass(op, reply);
	return OP_REPLY(op, event_told, .event_id = keep->event_id,
	    .duplicate = told->duplicate);
}

/*
 * All that is remembered of one is its id: with a key it has it from that, so
 * that a repeat is known as such for as long.  Version 8 (RFC 9562).
 */
static struct uuid
publish_id_of_key(const struct event_publish *ask)
{
	char text[ID_MAX + IDEMPOTENCY_MAX + SEAL_DIGEST_SIZE + 2];
	int used = snprintf(text, sizeof(text) - SEAL_DIGEST_SIZE, "%s%c%s%c",
	    ask->caller.user_id, 0, ask->once.key, 0);
	uint8_t digest[SEAL_DIGEST_SIZE];
	struct uuid id;

	memcpy(text + used, ask->once.body_hash.at, ask->once.body_hash.size);
	seal_digest((struct bytes){ (const uint8_t *)text,
			(size_t)used + ask->once.body_hash.size },
	    digest);
	memcpy(id.octets, digest, sizeof(id.octets));
	id.octets[6] = (uint8_t)((id.octets[6] & 0x0f) | 0x80);
	id.octets[8] = (uint8_t)((id.octets[8] & 0x3f) | 0x80);
	return id;
}

static enum status
publish_tell(
    struct actor *self, const struct msg *in, const struct event *event)
{
	struct op *op = op_open(self, in);
	struct publish_op *keep;

	if (op == NULL)
		return ST_OK;
	keep = op_data(op);
	keep->event_id = event->event_id;
	return OP_ASK(op, hub_of(self, event->channel), hub_publish,
	    publish_on_told, .event = *event);
}

enum status
hub_on_event_publish(struct actor *self, const struct msg *in)
{
	const struct event_publish *ask = in->body;
	const struct event_draft draft = { .event_type = ask->event_type,
		.payload = ask->payload,
		.has_event_id = ask->has_event_id,
		.event_id = ask->event_id };
	const char *mistake = publish_mistake(ask->channel, &draft);
	bool is_kept = !ask->has_durable || ask->durable;
	struct event event = { .event_type = ask->event_type,
		.channel = ask->channel,
		.timestamp = actor_wall_us(self),
		.event_id = ask->event_id,
		.payload = ask->payload };

	if (mistake == NULL)
		mistake = publish_key_mistake(ask->once.key);
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	if (!publish_is_allowed(
		self, &ask->caller, ask->channel, ask->event_type))
		return REFUSE(self, in, FORBIDDEN, NOT_ALLOWED);
	if (!ask->has_event_id)
		event.event_id = is_kept || ask->once.key == NULL
				     ? id_make(self)
				     : publish_id_of_key(ask);
	return is_kept ? publish_append(self, in, &event)
		       : publish_tell(self, in, &event);
}

/* ---- many at once ---- */

static enum status
publish_on_batch(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_events_appended *made = reply->body;
	const struct publish_op *keep = op_data(op);
	struct event_place places[HUB_BATCH_MAX];

	if (reply->id != MSG_store_events_appended)
		return publish_pass(self, op, reply);
	for (uint32_t i = 0; i < made->events_count; i++) {
		places[i] = made->events[i];
		if (keep->hides_place)
			places[i].epoch = places[i].offset = 0;
	}
	return OP_REPLY(op, events_told, .events = places,
	    .events_count = made->events_count);
}

/* 0, or why the batch is refused; *ret_why says it in words. */
static uint32_t
batch_problem(const struct actor *self, const struct events_publish *ask,
    const char **ret_why)
{
	*ret_why = ask->events_count == 0 ? "events: at least one"
					  : publish_key_mistake(ask->once.key);
	if (*ret_why != NULL)
		return PROBLEM_VALIDATION;
	for (uint32_t i = 0; i < ask->events_count; i++) {
		const char *type = ask->events[i].event_type;

		*ret_why = publish_mistake(ask->channel, &ask->events[i]);
		if (*ret_why != NULL)
			return PROBLEM_VALIDATION;
		*ret_why = NOT_ALLOWED;
		if (!publish_is_allowed(self, &ask->caller, ask->channel, type))
			return PROBLEM_FORBIDDEN;
	}
	return 0;
}

static void
batch_event(struct actor *self, const struct events_publish *ask, uint32_t i,
    struct event *ret_event)
{
	const struct event_draft *draft = &ask->events[i];

	*ret_event = (struct event){ .event_type = draft->event_type,
		.channel = ask->channel,
		.timestamp = actor_wall_us(self),
		.event_id = draft->event_id,
		.payload = draft->payload };
	if (!draft->has_event_id)
		ret_event->event_id = id_make(self);
}

enum status
hub_on_events_publish(struct actor *self, const struct msg *in)
{
	const struct events_publish *ask = in->body;
	bool has_key = ask->once.key != NULL;
	char owner[UUID_TEXT_SIZE];
	struct event events[HUB_BATCH_MAX];
	struct store_events_append append = { .events = events,
		.events_count = ask->events_count,
		.scope = has_key ? SCOPE_BATCH : SCOPE_ID,
		.principal = has_key ? ask->caller.user_id
				     : publish_mark_owner(ask->channel, owner),
		.once = ask->once,
		.now = actor_wall_us(self),
		.channels_max = publish_channels_max(self) };
	const char *why;
	uint32_t problem = batch_problem(self, ask, &why);
	struct op *op;

	if (problem != 0)
		return actor_refuse(self, in, problem, why);
	op = publish_begin(self, in, &ask->caller, ask->channel);
	if (op == NULL)
		return ST_OK;
	for (uint32_t i = 0; i < ask->events_count; i++) {
		batch_event(self, ask, i, &events[i]);
		if (ask->events[i].has_event_id && !has_key)
			append.given |= UINT64_C(1) << i;
	}
	return op_ask(op, hub_store(self), MSG_store_events_append, &append,
	    publish_on_batch);
}
