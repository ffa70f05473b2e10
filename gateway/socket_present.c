#include "gateway/socket_parts.h"

/*
 * What the hub is told of sockets, so that it knows who is online and on
 * which channels.  A socket's channels are told all at once, in place of what
 * was told before: one word that finds no room is made good by the next.
 * What ends a socket is told once more until it is heard (socket_retire).
 */

_Static_assert(CHANNEL_BITS <= SOCKET_CHANNELS_MAX, "a message holds them");

static bool
socket_send_channels(struct socket *s)
{
	struct actor *self = s->all->gateway->self;
	uint64_t left = s->subscribed & ~CHANNEL_BIT(CHANNEL_OWN);
	const char **names =
	    arena_take(actor_arena(self), CHANNEL_BITS * sizeof(names[0]));
	uint32_t count = 0;

	if (names == NULL)
		return false;
	while (left != 0) {
		uint32_t c = channels_pop(&left);

		names[count++] = c < CHANNEL_SLOT
				     ? channel_name((enum channel)c)
				     : s->slots->topics[c - CHANNEL_SLOT]->name;
	}
	return SEND(self, sockets_presence_hub(s->all), hub_socket_channels,
		   .user_id = s->person->user_id, .socket = s->number,
		   .channels = names, .channels_count = count) == ST_OK;
}

void
socket_tell_channels(struct socket *s)
{
	if (!s->present || s->left)
		return;
	s->is_behind = !socket_send_channels(s);
	s->all->behind += s->is_behind;
}

void
sockets_retry_channels(struct sockets *k)
{
	struct socket *s;

	if (k->behind == 0)
		return;
	k->behind = 0;
	for (uint32_t i = 0; (s = pool_next(&k->pool, &i)) != NULL;)
		if (s->is_behind)
			socket_tell_channels(s);
}

bool
socket_send_up(struct socket *s)
{
	struct actor *self = s->all->gateway->self;
	enum status st = SEND(self, sockets_presence_hub(s->all), hub_socket_up,
	    .user_id = s->person->user_id, .socket = s->number,
	    .incarnation = s->all->incarnation);

	if (st == ST_OK && (s->subscribed & ~CHANNEL_BIT(CHANNEL_OWN)) != 0)
		socket_tell_channels(s);
	return st == ST_OK;
}

bool
socket_send_down(struct socket *s)
{
	struct actor *self = s->all->gateway->self;
	enum status st =
	    SEND(self, sockets_presence_hub(s->all), hub_socket_down,
		.user_id = s->person->user_id, .socket = s->number);

	if (st == ST_OK)
		s->present = false;
	return st == ST_OK;
}
