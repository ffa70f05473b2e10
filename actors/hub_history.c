#include "actors/hub.h"

#include "protocols/channel.h"
#include "runtime/address.h"
#include "runtime/base/log.h"

/* ---- what a socket missed: the journal's answer is the gateway's ---- */

enum status
hub_on_history(struct actor *self, const struct msg *in)
{
	const struct hub_history *ask = in->body;

	if (!hub_is_gateway(in))
		return REFUSE(self, in, FORBIDDEN, "only gateways read it");
	if (!channel_is_valid(ask->channel))
		return REFUSE(self, in, VALIDATION, "there is no such channel");
	return ASK(self, in, hub_store(self), store_journal_read, op_on_pass,
	    .channel = ask->channel, .after = ask->after, .limit = ask->limit);
}

/* ---- gateways that had no room for an event ---- */

static bool
hub_send_restarted(struct actor *self, uint32_t gateway)
{
	return SEND(self, actor_find(self, ACTOR_NUMBER(gateway), gateway),
		   hub_restarted, 0) == ST_OK;
}

static enum status
hub_on_late(struct actor *self, struct timer *t)
{
	struct hub_state *s = actor_state(self);
	bool more = false;

	for (uint32_t i = 0; i < LISTENERS_MAX; i++) {
		if (!s->is_late[i])
			continue;
		s->is_late[i] = !hub_send_restarted(self, i);
		more |= s->is_late[i];
	}
	if (more)
		timer_start(self, t, HUB_LATE_US, hub_on_late);
	return ST_OK;
}

/* It is to tell everything again. */
void
hub_call_back(struct actor *self, uint32_t gateway)
{
	struct hub_state *s = actor_state(self);

	s->is_late[gateway] = true;
	if (!timer_is_running(&s->late))
		timer_start(self, &s->late, HUB_LATE_US, hub_on_late);
}

/*
 * It hears no more of the channel until it has asked again, which makes the
 * journal tell what it missed.
 */
void
hub_let_fall_behind(
    struct actor *self, struct channel_entry *c, uint32_t gateway)
{
	struct hub_state *s = actor_state(self);

	s->counts.behind++;
	(void)channel_set_listener(c, gateway, false);
	channels_settle(&s->channels, c);
	hub_call_back(self, gateway);
}
