#include <stdio.h>
#include <string.h>

#include "actors/hub.h"
#include "protocols/channel.h"
#include "runtime/base/text.h"
#include "runtime/base/uuid.h"

/*
 * Events that the API tells.  A durable one is appended to its channel's
 * journal, and is told as all that the store commits; any shard may do that.
 * An ephemeral one goes through the shard that has the channel.
 */

#define SCOPE_KEY "event"   /* by the Idempotency-Key of a user */
#define SCOPE_ID "event-id" /* by the event's own id, in its channel */

struct publish_op {
	struct uuid event_id;
};

/* NULL: it may be told. */
static const char *
publish_mistake(const struct event_publish *ask)
{
	if (!channel_is_valid(ask->channel))
		return "channel: there is no such channel";
	if (text_is_blank(ask->event_type))
		return "event_type: must not be blank";
	if (ask->once.key != NULL && text_is_blank(ask->once.key))
		return "the Idempotency-Key must not be blank";
	return NULL;
}

static bool
publish_is_allowed(const struct event_publish *ask)
{
	struct bytes name = { (const uint8_t *)ask->channel,
		strlen(ask->channel) };
	const struct channel_ref ref = channel_parse(name);

	return channel_may_tell(&ref, ask->caller.role);
}

/* Random, and marked as such: RFC 9562, version 4. */
void
hub_random_uuid(struct actor *self, struct uuid *ret_id)
{
	actor_random(self, ret_id->octets, sizeof(ret_id->octets));
	ret_id->octets[6] = (uint8_t)((ret_id->octets[6] & 0x0f) | 0x40);
	ret_id->octets[8] = (uint8_t)((ret_id->octets[8] & 0x3f) | 0x80);
}

/* ---- durable ---- */

static enum status
publish_on_appended(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_event_appended *made = reply->body;

	(void)self;
	if (reply->id != MSG_store_event_appended)
		return op_pass(op, reply);
	return OP_REPLY(op, event_told, .event_id = made->event_id,
	    .epoch = made->epoch, .offset = made->offset,
	    .duplicate = made->replayed);
}

static enum status
publish_append(
    struct actor *self, const struct msg *in, const struct event *event)
{
	const struct event_publish *ask = in->body;
	size_t size = strlen(ask->channel);
	char id[UUID_TEXT_SIZE];
	struct store_event_append append = { .event = *event,
		.scope = SCOPE_KEY,
		.principal = ask->caller.user_id,
		.once = ask->once,
		.now = actor_wall_us(self) };

	if (append.once.key == NULL && ask->has_event_id) {
		uuid_text(&ask->event_id, id);
		append.scope = SCOPE_ID;
		append.principal =
		    ask->channel + (size > ID_MAX ? size - ID_MAX : 0);
		append.once = (struct once){ .key = id };
	}
	return actor_ask(self, in, hub_store(self), MSG_store_event_append,
	    &append, publish_on_appended);
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
	const char *mistake = publish_mistake(ask);
	struct event event = { .event_type = ask->event_type,
		.channel = ask->channel,
		.timestamp = actor_wall_us(self),
		.event_id = ask->event_id,
		.payload = ask->payload };

	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	if (!publish_is_allowed(ask))
		return REFUSE(
		    self, in, FORBIDDEN, "your role may not tell events there");
	if (!ask->has_event_id)
		hub_random_uuid(self, &event.event_id);
	if (ask->has_durable && !ask->durable)
		return publish_tell(self, in, &event);
	return publish_append(self, in, &event);
}
