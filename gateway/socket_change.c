#include "gateway/socket_parts.h"
#include "runtime/base/log.h"

/*
 * A subscription is one step: the hub sends every channel it needs, then the
 * acknowledgement is queued, then it counts.  Until then the socket reads
 * nothing more, so a client's steps keep their order.  An acknowledgement
 * that cannot be queued leaves everything as it was.
 */

static void
members_flip(struct socket *s, uint32_t channel)
{
	struct sockets *k = s->all;
	uint64_t bit = UINT64_C(1) << (s->index % 64);

	k->members[channel][s->index / 64] ^= bit;
	if ((k->members[channel][s->index / 64] & bit) != 0)
		k->members_count[channel]++;
	else
		k->members_count[channel]--;
}

void
socket_set_subscribed(struct socket *s, uint32_t channels)
{
	uint32_t changed = s->subscribed ^ channels;

	for (uint32_t c = 0; c <= CHANNEL_OWN; c++)
		if ((changed & CHANNEL_BIT(c)) != 0)
			members_flip(s, c);
	s->subscribed = channels;
}

/* What its user may hear now, of these. */
static uint32_t
channels_allowed(const struct socket *s, uint32_t channels)
{
	const struct person *p = s->person;
	uint32_t allowed = channels & CHANNEL_BIT(CHANNEL_OWN);

	for (uint32_t c = 0; c < CHANNELS_SHARED; c++) {
		const struct channel_ref ref = { .kind = CHANNEL_SHARED,
			.shared = (enum channel)c };

		if (channel_allows(&ref, p->role, p->user_id))
			allowed |= channels & CHANNEL_BIT(c);
	}
	return allowed;
}

/* The channels that are meant, of those there are for this user. */
static uint32_t
channels_named(struct socket *s, const struct control *ask, bool *ret_foreign)
{
	const struct person *p = s->person;
	uint32_t channels = 0;

	*ret_foreign = false;
	for (uint32_t i = 0; i < ask->channels_count; i++) {
		struct channel_ref ref = channel_parse(ask->channels[i]);

		if (ref.kind == CHANNEL_SHARED)
			channels |= CHANNEL_BIT(ref.shared);
		else if (ref.kind == CHANNEL_PRIVATE &&
			 channel_allows(&ref, p->role, p->user_id))
			channels |= CHANNEL_BIT(CHANNEL_OWN);
		else if (ref.kind == CHANNEL_PRIVATE)
			*ret_foreign = true;
	}
	return channels;
}

void
change_drop(struct socket *s)
{
	struct change *change = s->change;

	if (change == NULL)
		return;
	s->change = NULL;
	list_remove(&change->link);
	filter_free(s->all, change->filter);
	pool_put(&s->all->changes, change);
}

/* Gives up what was asked of the hub for nothing. */
static void
socket_release_rest(struct socket *s)
{
	socket_release(s, s->held & ~s->subscribed);
	interests_settle(s->all);
}

/* Takes the filter. False: the socket is gone. */
static bool
change_apply(struct socket *s, uint32_t channels, struct filter *filter,
    bool has_filters)
{
	struct sockets *k = s->all;
	enum status st;

	channels = channels_allowed(s, channels);
	st = socket_reply_channels(s, "subscribed", s->subscribed | channels);
	if (st == ST_OK && has_filters && channels != 0) {
		socket_set_filter(s, channels, filter);
		filter = NULL;
	}
	filter_free(k, filter);
	if (st == ST_CLOSED)
		return false;
	if (st == ST_OK) {
		socket_set_subscribed(s, s->subscribed | channels);
		LOG(API_WS_SUBSCRIBE, KV("client", s->client),
		    KV("user_id", s->person->user_id));
	}
	socket_release_rest(s);
	return true;
}

static uint32_t
channels_missing(struct socket *s, uint32_t channels)
{
	uint32_t missing = 0;

	channels &= ~s->subscribed;
	for (uint32_t c = 0; c <= CHANNEL_OWN; c++)
		if ((channels & CHANNEL_BIT(c)) != 0 &&
		    interest_of(s, c)->state != INTEREST_ON)
			missing |= CHANNEL_BIT(c);
	return missing;
}

/* There is a record for every socket, but for memory. */
static void
change_keep(struct socket *s, const struct change *wanted)
{
	struct sockets *k = s->all;
	struct change *change = pool_take(&k->changes);

	if (change == NULL) {
		filter_free(k, wanted->filter);
		socket_close(s, WEBSOCKET_INTERNAL, "Internal error");
		return;
	}
	*change = *wanted;
	change->socket = s;
	list_append(&k->changing, &change->link);
	s->change = change;
	net_read(s->conn->stream, false);
}

void
socket_subscribe(struct socket *s, const struct control *ask)
{
	struct change want = { .has_filters = ask->has_filters };
	bool foreign;

	want.channels = channels_allowed(s, channels_named(s, ask, &foreign));
	if (foreign)
		LOG(API_WS_USER_CHANNEL_DENIED,
		    KV("user_id", s->person->user_id),
		    KV("channel", CHANNEL_PRIVATE_PREFIX "<redacted>"));
	if (ask->filters_count > 0 && want.channels != 0) {
		want.filter = filter_create(s->all, &ask->filters);
		if (want.filter == NULL) {
			socket_reply(s, "error", "Filter bounds exceeded");
			return;
		}
	}
	socket_hold(s, want.channels);
	interests_settle(s->all);
	want.missing = channels_missing(s, want.channels);
	if (want.missing != 0)
		change_keep(s, &want);
	else
		(void)change_apply(
		    s, want.channels, want.filter, want.has_filters);
}

void
socket_unsubscribe(struct socket *s, const struct control *ask)
{
	bool foreign;
	uint32_t channels = channels_named(s, ask, &foreign);
	uint32_t after = s->subscribed & ~channels;

	if (socket_reply_channels(s, "unsubscribed", after) != ST_OK)
		return;
	socket_set_filter(s, channels, NULL);
	socket_set_subscribed(s, after);
	socket_release_rest(s);
	LOG(API_WS_UNSUBSCRIBE, KV("client", s->client),
	    KV("user_id", s->person->user_id));
}

void
socket_reconsider(struct socket *s)
{
	uint32_t lost = s->subscribed & ~channels_allowed(s, s->subscribed);

	if (lost == 0)
		return;
	socket_set_filter(s, lost, NULL);
	socket_set_subscribed(s, s->subscribed & ~lost);
	socket_release(s, lost);
	interests_settle(s->all);
}

/* One of the channels it waits for has come, or never will. */
static void
change_go_on(struct change *change, uint32_t channel, bool ok)
{
	struct socket *s = change->socket;
	struct change done;

	if ((change->missing & CHANNEL_BIT(channel)) == 0)
		return;
	if (!ok) {
		socket_close(s, WEBSOCKET_INTERNAL, "Internal error");
		return;
	}
	change->missing &= ~CHANNEL_BIT(channel);
	if (change->missing != 0)
		return;
	done = *change;
	change->filter = NULL;
	change_drop(s);
	if (change_apply(s, done.channels, done.filter, done.has_filters))
		socket_go_on(s->conn);
}

static void
person_go_on(struct person *p, bool ok)
{
	struct list *at = p->sockets.next;

	while (at != &p->sockets) {
		struct socket *s = LIST_OF(at, struct socket, of_person);

		at = at->next;
		if (s->change != NULL)
			change_go_on(s->change, CHANNEL_OWN, ok);
		else if (s->state == SOCKET_LISTENING && ok)
			socket_greet(s);
		else if (s->state == SOCKET_LISTENING)
			socket_close(s, WEBSOCKET_INTERNAL, "Internal error");
	}
}

void
sockets_on_interest(struct sockets *k, struct interest *i, bool ok)
{
	struct list *at = k->changing.next;

	if (i->channel == CHANNEL_OWN) {
		person_go_on(LIST_OF(i, struct person, own), ok);
		return;
	}
	while (at != &k->changing) {
		struct change *change = LIST_OF(at, struct change, link);

		at = at->next;
		change_go_on(change, i->channel, ok);
	}
}
