#include <string.h>

#include "gateway/socket_parts.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * A subscription is one step: the hub sends every channel it needs, the
 * journal says where those stand that are to be recovered, then the
 * acknowledgement is queued, then it counts.  Until then the socket reads
 * nothing more, so a client's steps keep their order.  An acknowledgement
 * that cannot be queued leaves everything as it was.
 */

struct probe_ask {
	uint64_t conn;
	uint64_t socket;
	uint8_t channel;
};

static void
members_flip(struct socket *s, uint32_t channel)
{
	struct sockets *k = s->all;
	struct topic *t = channel < CHANNEL_SLOT
			      ? NULL
			      : s->slots->topics[channel - CHANNEL_SLOT];
	uint64_t *members = t == NULL ? k->members[channel] : t->members;
	uint32_t *count =
	    t == NULL ? &k->members_count[channel] : &t->members_count;
	uint64_t bit = UINT64_C(1) << (s->index % 64);

	members[s->index / 64] ^= bit;
	if ((members[s->index / 64] & bit) != 0)
		(*count)++;
	else
		(*count)--;
}

void
socket_set_live(struct socket *s, uint64_t subscribed, uint64_t recovering)
{
	uint64_t changed =
	    (s->subscribed & ~s->recovering) ^ (subscribed & ~recovering);
	uint64_t moved =
	    (s->subscribed ^ subscribed) & ~CHANNEL_BIT(CHANNEL_OWN);

	while (changed != 0)
		members_flip(s, channels_pop(&changed));
	s->subscribed = subscribed;
	s->recovering = recovering;
	if (moved != 0)
		socket_tell_channels(s);
}

static struct hearer
socket_hearer(const struct socket *s)
{
	return (struct hearer){ s->person->role, s->person->user_id,
		s->session_id, s->all->limits.projects };
}

bool
socket_may_hear(const struct socket *s, uint32_t channel)
{
	const struct hearer who = socket_hearer(s);
	struct channel_ref ref = { .kind = CHANNEL_SHARED };
	const char *name;

	if (channel == CHANNEL_OWN)
		return channel_role_reads(who.role);
	if (channel >= CHANNEL_SLOT) {
		name = s->slots->topics[channel - CHANNEL_SLOT]->name;
		ref = channel_parse(
		    (struct bytes){ (const uint8_t *)name, strlen(name) });
	} else {
		ref.shared = (enum channel)channel;
	}
	return channel_allows(&ref, &who);
}

/* What its user may hear now, of these. */
static uint64_t
channels_allowed(const struct socket *s, uint64_t channels)
{
	uint64_t left = channels & ~CHANNEL_BIT(CHANNEL_OWN);

	while (left != 0) {
		uint32_t c = channels_pop(&left);

		if (!socket_may_hear(s, c))
			channels &= ~CHANNEL_BIT(c);
	}
	return channels;
}

/* The bit of a channel of a family; 0: no room, or not there and not made. */
static uint64_t
channel_slot_bit(struct socket *s, struct bytes name, bool make)
{
	char text[CHANNEL_MAX + 1];
	uint32_t c;

	memcpy(text, name.at, name.size);
	text[name.size] = '\0';
	c = make ? slot_take(s, text) : slot_find(s, text);
	if (c == 0) {
		s->all->gateway->counts.channels_refused += make;
		return 0;
	}
	if (make)
		socket_hold(s, CHANNEL_BIT(c));
	return CHANNEL_BIT(c);
}

/* What a name means to this user; 0: nothing that may be heard. */
static uint64_t
channel_bit_of(
    struct socket *s, struct bytes name, bool make, bool *ret_foreign)
{
	const struct hearer who = socket_hearer(s);
	struct channel_ref ref = channel_parse(name);

	if (ref.kind == CHANNEL_SHARED)
		return CHANNEL_BIT(ref.shared);
	if (ref.kind == CHANNEL_UNKNOWN)
		return 0;
	if (!channel_allows(&ref, &who)) {
		*ret_foreign |= ref.kind != CHANNEL_PROJECT;
		return 0;
	}
	return ref.kind == CHANNEL_PRIVATE ? CHANNEL_BIT(CHANNEL_OWN)
					   : channel_slot_bit(s, name, make);
}

/* The channels that are meant, of those there are for this user. */
static uint64_t
channels_named(
    struct socket *s, const struct control *ask, bool make, bool *ret_foreign)
{
	uint64_t channels = 0;

	*ret_foreign = false;
	for (uint32_t i = 0; i < ask->channels_count; i++)
		channels |=
		    channel_bit_of(s, ask->channels[i], make, ret_foreign);
	return channels;
}

/* The first of them, up to how many one socket may have. */
static uint64_t
channels_limited(const struct socket *s, uint64_t channels)
{
	uint64_t fresh = channels & ~s->subscribed;
	uint32_t had = (uint32_t)__builtin_popcountll(s->subscribed);

	while (fresh != 0) {
		uint32_t c = channels_pop(&fresh);

		if (had < s->all->limits.channels_max) {
			had++;
			continue;
		}
		channels &= ~CHANNEL_BIT(c);
		s->all->gateway->counts.channels_refused++;
	}
	return channels;
}

static void
change_free(struct sockets *k, struct change *change)
{
	list_remove(&change->link);
	filter_free(k, change->filter);
	if (change->sinces != NULL)
		pool_put(&k->sinces, change->sinces);
	pool_put(&k->changes, change);
}

void
change_drop(struct socket *s)
{
	struct change *change = s->change;

	s->change = NULL;
	if (change != NULL)
		change_free(s->all, change);
}

/* Gives up what was asked of the hub for nothing. */
static void
socket_release_rest(struct socket *s)
{
	socket_release(s, s->held & ~s->subscribed);
	interests_settle(s->all);
}

/* Those with a place to begin at.  False: the socket is gone, or going. */
static bool
change_recover(struct socket *s, uint64_t channels, const struct sinces *sinces)
{
	recoveries_drop(s, channels);
	socket_set_live(s, s->subscribed | channels, s->recovering | channels);
	while (channels != 0) {
		uint32_t c = channels_pop(&channels);
		const struct since *at = &sinces->each[c];

		if (!recovery_start(s, c, at->epoch, at->offset))
			return false;
	}
	return true;
}

/* Takes the filter.  False: the socket is gone, or going. */
static bool
change_apply(struct socket *s, struct change *done)
{
	uint64_t channels = channels_allowed(s, done->channels);
	enum status st;

	if (s->sse != NULL && done->sinces != NULL)
		sse_place(s, channels, done->sinces);
	st = socket_reply_channels(s, control_says_text(SAYS_SUBSCRIBED),
	    s->subscribed | channels, channels, done->sinces);

	if (st == ST_OK && done->has_filters && channels != 0) {
		socket_set_filter(s, channels, done->filter);
		done->filter = NULL;
	}
	if (st == ST_CLOSED)
		return false;
	if (st == ST_OK) {
		LOG(API_WS_SUBSCRIBE, KV("client", s->client),
		    KV("user_id", s->person->user_id));
		if (done->sinces == NULL)
			socket_set_live(
			    s, s->subscribed | channels, s->recovering);
		else if (!change_recover(s, channels, done->sinces))
			return false;
	}
	socket_release_rest(s);
	return true;
}

/* Every answer is there.  False: the socket is gone, or going. */
static bool
change_finish(struct socket *s)
{
	struct sockets *k = s->all;
	struct change *done = s->change;
	bool lives;

	s->change = NULL;
	lives = change_apply(s, done);
	change_free(k, done);
	return lives;
}

/* ---- where the channels stand that are to be recovered ---- */

static void
since_judge(struct since *since, const struct store_journal_page *page)
{
	bool all = since->epoch == 0 && since->offset == 0 && page->first <= 1;
	bool here = since->epoch == page->epoch &&
		    since->offset <= page->head &&
		    since->offset + 1 >= page->first;

	since->recovered = since->given && (all || here);
	since->epoch = since->head_epoch = page->epoch;
	since->head = page->head;
	if (!since->recovered)
		since->offset = page->head;
}

static enum status
change_on_probe(struct actor *self, struct op *op, const struct msg *reply)
{
	struct gateway *g = actor_state(self);
	const struct probe_ask *ask = op_data(op);
	struct conn *c = conn_find(g, ask->conn);
	struct socket *s = c == NULL ? NULL : c->socket;
	struct change *change;

	if (s == NULL || s->number != ask->socket || s->change == NULL ||
	    (s->change->probing & CHANNEL_BIT(ask->channel)) == 0)
		return op_close(op);
	change = s->change;
	if (reply->id != MSG_store_journal_page) {
		socket_close(s, WEBSOCKET_INTERNAL, "Internal error");
		return op_close(op);
	}
	since_judge(&change->sinces->each[ask->channel], reply->body);
	change->probing &= ~CHANNEL_BIT(ask->channel);
	if (change->probing == 0 && change_finish(s))
		socket_go_on(c);
	return op_close(op);
}

/* False: there is no room to ask. */
static bool
change_probe_one(struct socket *s, uint32_t channel)
{
	struct sockets *k = s->all;
	struct op *op = op_open(k->gateway->self, NULL);
	char name[CHANNEL_MAX + 1];
	struct probe_ask *ask;

	if (op == NULL)
		return false;
	ask = op_data(op);
	ask->conn = conn_handle(s->conn);
	ask->socket = s->number;
	ask->channel = (uint8_t)channel;
	interest_name(interest_of(s, channel), name);
	(void)OP_ASK(op, sockets_hub(k, name), hub_history, change_on_probe,
	    .channel = name, .limit = 0);
	return true;
}

/* The hub sends all of them: now ask, or be done. */
static void
change_go(struct socket *s)
{
	struct change *change = s->change;
	uint64_t left = change->sinces == NULL ? 0 : change->channels;

	change->probing = left;
	while (left != 0) {
		if (change_probe_one(s, channels_pop(&left)))
			continue;
		socket_close(s, WEBSOCKET_INTERNAL, "Internal error");
		return;
	}
	if (change->probing == 0 && change_finish(s))
		socket_go_on(s->conn);
}

/* ---- what a client asks ---- */

static uint64_t
channels_missing(struct socket *s, uint64_t channels)
{
	uint64_t missing = 0;

	channels &= ~s->subscribed;
	while (channels != 0) {
		uint32_t c = channels_pop(&channels);

		if (interest_of(s, c)->state != INTEREST_ON)
			missing |= CHANNEL_BIT(c);
	}
	return missing;
}

static bool
change_take_sinces(
    struct socket *s, struct change *change, const struct control *ask)
{
	bool foreign = false;

	change->sinces = pool_take(&s->all->sinces);
	if (change->sinces == NULL)
		return false;
	for (uint32_t i = 0; i < ask->sinces_count; i++) {
		const struct control_since *at = &ask->sinces[i];
		struct bytes name =
		    at->channel.at == NULL ? ask->channels[0] : at->channel;
		uint64_t bit = channel_bit_of(s, name, false, &foreign);
		struct since *since;

		if ((bit & change->channels) == 0)
			continue;
		since = &change->sinces->each[__builtin_ctzll(bit)];
		*since = (struct since){
			.epoch = at->epoch, .offset = at->offset, .given = true
		};
	}
	return true;
}

/* There is a record for every socket, but for memory. */
static struct change *
change_create(struct socket *s, const struct control *ask, uint64_t channels)
{
	struct sockets *k = s->all;
	struct change *change = pool_take(&k->changes);

	if (change == NULL)
		return NULL;
	list_init(&change->link);
	change->socket = s;
	change->channels = channels;
	change->has_filters = ask->has_filters;
	if (ask->has_since && !change_take_sinces(s, change, ask)) {
		change_free(k, change);
		return NULL;
	}
	list_append(&k->changing, &change->link);
	return change;
}

static void
socket_note_foreign(const struct socket *s)
{
	LOG(API_WS_USER_CHANNEL_DENIED, KV("user_id", s->person->user_id),
	    KV("channel", CHANNEL_PRIVATE_PREFIX "<redacted>"));
}

void
socket_subscribe(struct socket *s, const struct control *ask)
{
	struct change *change;
	bool foreign;
	uint64_t channels = channels_named(s, ask, true, &foreign);

	channels = channels_limited(s, channels_allowed(s, channels));
	if (foreign)
		socket_note_foreign(s);
	change = change_create(s, ask, channels);
	if (change != NULL && ask->filters_count > 0 && channels != 0) {
		change->filter = filter_create(s->all, &ask->filters);
		if (change->filter == NULL) {
			change_free(s->all, change);
			socket_release_rest(s);
			socket_reply(s, "error", "Filter bounds exceeded");
			return;
		}
	}
	if (change == NULL) {
		socket_close(s, WEBSOCKET_INTERNAL, "Internal error");
		return;
	}
	s->change = change;
	socket_hold(s, channels);
	interests_settle(s->all);
	change->missing = channels_missing(s, channels);
	if (change->missing == 0 && (change->sinces == NULL || channels == 0)) {
		(void)change_finish(s);
		return;
	}
	net_read(s->conn->stream, false);
	if (change->missing == 0)
		change_go(s);
}

void
socket_unsubscribe(struct socket *s, const struct control *ask)
{
	bool foreign;
	uint64_t channels = channels_named(s, ask, false, &foreign);
	uint64_t after = s->subscribed & ~channels;

	if (socket_reply_channels(s, control_says_text(SAYS_UNSUBSCRIBED),
		after, 0, NULL) != ST_OK)
		return;
	socket_set_filter(s, channels, NULL);
	recoveries_drop(s, channels);
	socket_set_live(s, after, s->recovering & ~channels);
	socket_release_rest(s);
	LOG(API_WS_UNSUBSCRIBE, KV("client", s->client),
	    KV("user_id", s->person->user_id));
}

void
socket_reconsider(struct socket *s)
{
	uint64_t lost = s->subscribed & ~channels_allowed(s, s->subscribed);

	if (lost == 0)
		return;
	socket_set_filter(s, lost, NULL);
	recoveries_drop(s, lost);
	socket_set_live(s, s->subscribed & ~lost, s->recovering & ~lost);
	socket_release(s, lost);
	interests_settle(s->all);
}

/* ---- what the hub answers ---- */

/* One of the channels it waits for has come, or never will. */
static void
change_go_on(struct change *change, uint32_t channel, bool ok)
{
	struct socket *s = change->socket;

	if ((change->missing & CHANNEL_BIT(channel)) == 0)
		return;
	if (!ok) {
		socket_close(s, WEBSOCKET_INTERNAL, "Internal error");
		return;
	}
	change->missing &= ~CHANNEL_BIT(channel);
	if (change->missing == 0)
		change_go(s);
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

/* The channel as this socket has it; 0: it has not. */
static uint32_t
interest_channel(const struct socket *s, struct interest *i)
{
	if (i->channel != CHANNEL_SLOT)
		return i->channel;
	return slot_of(s, LIST_OF(i, struct topic, interest));
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
		uint32_t channel = interest_channel(change->socket, i);

		at = at->next;
		if (i->channel != CHANNEL_SLOT || channel != 0)
			change_go_on(change, channel, ok);
	}
}

static bool
socket_has_interest(const struct socket *s, struct interest *i)
{
	if (i->channel == CHANNEL_OWN)
		return s->person != NULL && &s->person->own == i;
	return i->channel != CHANNEL_SLOT || interest_channel(s, i) != 0;
}

void
sockets_on_gap(struct sockets *k, struct interest *i)
{
	char name[CHANNEL_MAX + 1];
	struct position now = { name, i->epoch, i->offset, false };
	struct socket *s;

	interest_name(i, name);
	LOG(API_WS_HISTORY_LOST, KV("channel", name), KU("offset", i->offset));
	for (uint32_t n = 0; (s = pool_next(&k->pool, &n)) != NULL;) {
		uint32_t c = interest_channel(s, i);
		uint64_t live = s->subscribed & ~s->recovering;

		if (s->state == SOCKET_OPEN && socket_has_interest(s, i) &&
		    (live & CHANNEL_BIT(c)) != 0)
			(void)socket_reply_lost(s, &now);
	}
}
