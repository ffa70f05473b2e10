#include <stdio.h>
#include <string.h>

#include "actors/access.h"
#include "actors/hub.h"
#include "actors/id.h"
#include "protocols/channel.h"
#include "protocols/event_type.h"
#include "protocols/json.h"
#include "runtime/address.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/config.h"

/*
 * Who is online, and on which channels.  The first shard of the hub knows,
 * from the gateways: each tells of its sockets by number, so nothing counts
 * twice, and of all channels of a socket at once, so that a lost word is made
 * good by the next.  What a gateway told holds while it lives: it beats every
 * second, and one that was silent for HUB_LEASE_US, or that is another
 * incarnation, is forgotten with all it had.  One that was only cut off is
 * asked to tell everything again.
 */

#define PRESENCE_PAGE_DEFAULT 100u
#define PRESENCE_JSON_MAX (6 * ID_MAX + 64) /* \\u0000 for each byte */

/* ---- joins and leaves ---- */

static enum status
presence_on_told(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	(void)reply;
	return op_close(op);
}

/* Ephemeral: whoever must know for sure asks for the list. */
static void
presence_tell(struct actor *self, enum event_type_id type, const char *channel,
    const char *user_id)
{
	char payload[PRESENCE_JSON_MAX];
	struct wire_out out = { (unsigned char *)payload, sizeof(payload) - 2,
		0 };
	struct event event = { .event_type = event_type_name(type),
		.channel = channel,
		.timestamp = actor_wall_us(self),
		.payload = payload };
	struct op *op;

	out.used = (size_t)snprintf(payload, sizeof(payload), "{\"user_id\":");
	if (json_encode_text(user_id, &out) != ST_OK)
		return;
	memcpy(payload + out.used, "}", 2);
	op = op_open(self, NULL);
	if (op == NULL)
		return;
	event.event_id = id_make(self);
	(void)OP_ASK(op, hub_of(self, event.channel), hub_publish,
	    presence_on_told, .event = event);
}

static void
presence_tell_all(
    struct actor *self, enum event_type_id type, const char *user_id)
{
	presence_tell(self, type, event_type_channel(type), user_id);
}

void
hub_on_user_gone(void *ctx, const char *user_id, uint32_t count)
{
	LOG(USER_PRESENCE_DISCONNECT, KV("user_id", user_id),
	    KU("count", count));
	if (count == 0)
		presence_tell_all(ctx, EVENT_PRESENCE_LEFT, user_id);
}

static struct channel_ref
presence_channel(const char *name)
{
	return channel_parse(
	    (struct bytes){ (const uint8_t *)name, strlen(name) });
}

/* Told on a project's channel alone: of others everybody is a member. */
void
hub_on_moved(void *ctx, const char *channel, const char *user_id, bool joined)
{
	struct actor *self = ctx;

	if (config_bool(
		actor_config(self), SETTING_event_stream_project_presence) &&
	    presence_channel(channel).kind == CHANNEL_PROJECT)
		presence_tell(self,
		    joined ? EVENT_CHANNEL_JOINED : EVENT_CHANNEL_LEFT, channel,
		    user_id);
}

enum status
hub_on_socket_up(struct actor *self, const struct msg *in)
{
	const struct hub_socket_up *news = in->body;
	uint32_t gateway = address_shard(in->from);
	struct hub_state *s = actor_state(self);
	uint32_t count;
	enum status st;

	if (!hub_is_gateway(in))
		return hub_ignore(in, "hub_socket_up", "it is no gateway");
	hub_note_incarnation(self, gateway, news->incarnation);
	st = presence_up(
	    &s->presence, gateway, news->socket, news->user_id, &count);
	if (st == ST_EXISTS)
		return ST_OK;
	if (st != ST_OK)
		return hub_ignore_for(self, in, "hub_socket_up", st);
	LOG(USER_PRESENCE_CONNECT, KV("user_id", news->user_id),
	    KU("count", count));
	if (count == 1)
		presence_tell_all(self, EVENT_PRESENCE_JOINED, news->user_id);
	return ST_OK;
}

/* One that is not there is nothing to tell. */
enum status
hub_on_socket_down(struct actor *self, const struct msg *in)
{
	const struct hub_socket_down *news = in->body;
	struct hub_state *s = actor_state(self);
	uint32_t count;

	if (!hub_is_gateway(in))
		return hub_ignore(in, "hub_socket_down", "it is no gateway");
	if (presence_down(&s->presence, address_shard(in->from), news->socket,
		news->user_id, &count) == ST_OK)
		hub_on_user_gone(self, news->user_id, count);
	return ST_OK;
}

/* Of one that has gone, or was never counted: nothing to tell. */
enum status
hub_on_socket_channels(struct actor *self, const struct msg *in)
{
	const struct hub_socket_channels *news = in->body;
	struct hub_state *s = actor_state(self);
	enum status st;

	if (!hub_is_gateway(in))
		return hub_ignore(
		    in, "hub_socket_channels", "it is no gateway");
	st = presence_set_channels(&s->presence, address_shard(in->from),
	    news->socket, news->user_id, news->channels, news->channels_count);
	return st == ST_OK || st == ST_NOT_FOUND
		   ? ST_OK
		   : hub_ignore_for(self, in, "hub_socket_channels", st);
}

/* ---- leases ---- */

static enum status
hub_on_lease(struct actor *self, struct timer *t)
{
	struct hub_state *s = actor_state(self);
	uint64_t now_us = actor_now_us(self);
	bool any = false;

	for (uint32_t i = 0; i < LISTENERS_MAX; i++) {
		if (s->beat_us[i] == 0)
			continue;
		any = true;
		if (now_us - s->beat_us[i] < HUB_LEASE_US)
			continue;
		s->beat_us[i] = 0;
		s->has_lapsed[i] = true;
		hub_forget_gateway(self, i);
	}
	if (any)
		timer_start(self, t, HUB_LEASE_LOOK_US, hub_on_lease);
	return ST_OK;
}

enum status
hub_on_beat(struct actor *self, const struct msg *in)
{
	const struct hub_beat *news = in->body;
	uint32_t gateway = address_shard(in->from);
	struct hub_state *s = actor_state(self);

	if (!hub_is_gateway(in))
		return hub_ignore(in, "hub_beat", "it is no gateway");
	hub_note_incarnation(self, gateway, news->incarnation);
	s->beat_us[gateway] = actor_now_us(self);
	if (s->has_lapsed[gateway])
		hub_call_back(self, gateway);
	s->has_lapsed[gateway] = false;
	if (!timer_is_running(&s->lease))
		timer_start(self, &s->lease, HUB_LEASE_LOOK_US, hub_on_lease);
	return ST_OK;
}

/* ---- the list ---- */

/* Of all sockets, or of those on a channel. */
static uint32_t
presence_of(struct actor *self, const struct presence_list *ask,
    const char *after, struct present *ret_users, uint32_t max)
{
	const struct hub_state *s = actor_state(self);

	return ask->channel == NULL
		   ? presence_after(&s->presence, after, ret_users, max)
		   : presence_after_on(
			 &s->presence, ask->channel, after, ret_users, max);
}

static uint32_t
presence_total(struct actor *self, const struct presence_list *ask)
{
	const struct hub_state *s = actor_state(self);

	return ask->channel == NULL
		   ? presence_online(&s->presence)
		   : presence_online_on(&s->presence, ask->channel);
}

static enum status
presence_answer_one(
    struct actor *self, const struct msg *in, const struct presence_list *ask)
{
	struct hub_state *s = actor_state(self);
	const struct present one = { ask->user_id,
		ask->channel == NULL
		    ? presence_count(&s->presence, ask->user_id)
		    : presence_count_on(
			  &s->presence, ask->channel, ask->user_id) };

	return REPLY(self, in, presence_page, .users = &one,
	    .users_count = one.sockets > 0,
	    .online = presence_total(self, ask));
}

static uint32_t
presence_channel_problem(const struct actor *self,
    const struct presence_list *ask, const char **ret_why)
{
	const struct hearer who = { ask->caller.role, ask->caller.user_id,
		ask->caller.session_id,
		channel_roles_of(config_text(
		    actor_config(self), SETTING_event_stream_project_read)) };
	const struct channel_ref ref = presence_channel(ask->channel);

	*ret_why = "channel: a shared one, or project:ID";
	if (ref.kind != CHANNEL_SHARED && ref.kind != CHANNEL_PROJECT)
		return PROBLEM_VALIDATION;
	*ret_why = "your role may not hear that channel";
	return channel_allows(&ref, &who) ? 0 : PROBLEM_FORBIDDEN;
}

/* 0, or why nobody is named; *ret_why says it in words. */
static uint32_t
presence_problem(const struct actor *self, const struct presence_list *ask,
    const char **ret_why)
{
	uint32_t problem = access_check(&ask->caller, ACCESS_READ);

	*ret_why = "your role may not see who is online";
	return problem != 0 || ask->channel == NULL
		   ? problem
		   : presence_channel_problem(self, ask, ret_why);
}

enum status
hub_on_presence_list(struct actor *self, const struct msg *in)
{
	const struct presence_list *ask = in->body;
	uint32_t limit = ask->has_limit ? ask->limit : PRESENCE_PAGE_DEFAULT;
	struct present users[PRESENCE_PAGE_MAX + 1];
	struct uuid after;
	const char *why;
	uint32_t problem = presence_problem(self, ask, &why);
	uint32_t count;
	bool more;

	if (problem != 0)
		return actor_refuse(self, in, problem, why);
	if (limit == 0)
		return REFUSE(
		    self, in, VALIDATION, "limit: must be at least 1");
	if (ask->cursor != NULL && !id_parse(ask->cursor, &after))
		return REFUSE(self, in, VALIDATION,
		    "cursor: is not one that a page ended with");
	if (ask->user_id != NULL)
		return presence_answer_one(self, in, ask);
	count = presence_of(self, ask, ask->cursor == NULL ? "" : ask->cursor,
	    users, limit + 1);
	more = count > limit;
	return REPLY(self, in, presence_page, .users = users,
	    .users_count = more ? limit : count,
	    .online = presence_total(self, ask),
	    .next = more ? users[limit - 1].user_id : NULL);
}
