#include "gateway/interest.h"

#include <assert.h>
#include <stdio.h>

#include "gateway/socket_parts.h"
#include "runtime/base/log.h"

/* What an op remembers: its owner may be gone when the answer comes. */
struct interest_ask {
	uint64_t owner; /* person or topic; 0: a shared channel */
	uint8_t channel;
};

void
interest_init(struct interest *i, uint32_t channel)
{
	*i = (struct interest){ .channel = (uint8_t)channel };
	list_init(&i->link);
}

struct interest *
interest_of(struct socket *s, uint32_t channel)
{
	if (channel >= CHANNEL_SLOT)
		return &s->slots->topics[channel - CHANNEL_SLOT]->interest;
	return channel == CHANNEL_OWN ? &s->person->own
				      : &s->all->shared[channel];
}

static struct person *
interest_person(struct interest *i)
{
	return i->channel == CHANNEL_OWN ? LIST_OF(i, struct person, own)
					 : NULL;
}

static struct topic *
interest_topic(struct interest *i)
{
	return i->channel == CHANNEL_SLOT ? LIST_OF(i, struct topic, interest)
					  : NULL;
}

void
interest_name(struct interest *i, char ret_name[CHANNEL_MAX + 1])
{
	const struct person *p = interest_person(i);
	const struct topic *t = interest_topic(i);
	enum status st = ST_OK;

	if (p != NULL)
		st = channel_private_name(p->user_id, ret_name);
	else if (t != NULL)
		snprintf(ret_name, CHANNEL_MAX + 1, "%s", t->name);
	else
		snprintf(ret_name, CHANNEL_MAX + 1, "%s",
		    channel_name((enum channel)i->channel));
	assert(st == ST_OK);
}

/* In the list of what is to be done, exactly if something is. */
static void
interest_review(struct sockets *k, struct interest *i)
{
	bool wanted = i->refs > 0;

	list_remove(&i->link);
	if (i->state != INTEREST_ASKING && wanted != (i->state == INTEREST_ON))
		list_append(&k->wanted, &i->link);
}

void
socket_hold(struct socket *s, uint64_t channels)
{
	channels &= ~s->held;
	s->held |= channels;
	while (channels != 0) {
		struct interest *i = interest_of(s, channels_pop(&channels));

		i->refs++;
		interest_review(s->all, i);
	}
}

void
socket_release(struct socket *s, uint64_t channels)
{
	channels &= s->held;
	s->held &= ~channels;
	while (channels != 0) {
		uint32_t c = channels_pop(&channels);
		struct interest *i = interest_of(s, c);

		assert(i->refs > 0);
		i->refs--;
		interest_review(s->all, i);
		if (c >= CHANNEL_SLOT) {
			slot_empty(s, c);
			topic_free_if_done(s->all, interest_topic(i));
		}
	}
}

/* The person lives on while its interest is looked at. */
static void
interest_end_turn(struct sockets *k, struct interest *i)
{
	struct person *p = interest_person(i);
	struct topic *t = interest_topic(i);

	if (p != NULL)
		person_free_if_done(k, p);
	if (t != NULL)
		topic_free_if_done(k, t);
}

static struct interest *
interest_asked(struct sockets *k, const struct interest_ask *ask)
{
	struct person *p;
	struct topic *t;

	if (ask->channel < CHANNEL_OWN)
		return &k->shared[ask->channel];
	if (ask->channel == CHANNEL_OWN) {
		p = pool_find(&k->people, ask->owner);
		return p == NULL ? NULL : &p->own;
	}
	t = pool_find(&k->topics->pool, ask->owner);
	return t == NULL ? NULL : &t->interest;
}

/* Where there was no history one may begin in another epoch. */
enum seen
interest_see(struct interest *i, uint64_t epoch, uint64_t offset)
{
	bool is_next = i->epoch == 0 ||
		       (epoch == i->epoch && offset == i->offset + 1) ||
		       (i->offset == 0 && offset == 1);

	if (epoch == i->epoch && offset <= i->offset)
		return SEEN_BEFORE;
	i->epoch = epoch;
	i->offset = offset;
	return is_next ? SEEN_NOW : SEEN_GAP;
}

/*
 * What came before is nothing to ask for again.  One that had heard events
 * has been told what it missed by now, or else that is gone.
 */
static void
interest_begin(
    struct sockets *k, struct interest *i, const struct hub_listening *now)
{
	bool had = i->epoch != 0;

	if (now->epoch == 0 ||
	    (now->epoch == i->epoch && now->offset <= i->offset))
		return;
	i->epoch = now->epoch;
	i->offset = now->offset;
	if (had)
		sockets_on_gap(k, i);
}

static enum status
interest_on_reply(struct actor *self, struct op *op, const struct msg *reply)
{
	struct sockets *k = ((struct gateway *)actor_state(self))->sockets;
	struct interest *i = interest_asked(k, op_data(op));
	bool ok = reply->id == MSG_hub_listening;
	struct person *p;
	struct topic *t;

	assert(i != NULL && i->state == INTEREST_ASKING);
	p = interest_person(i);
	t = interest_topic(i);
	k->asking--;
	i->state = ok ? INTEREST_ON : INTEREST_OFF;
	if (ok)
		interest_begin(k, i, reply->body);
	if (p != NULL)
		p->pins++;
	if (t != NULL)
		t->pins++;
	sockets_on_interest(k, i, ok);
	interest_review(k, i);
	if (!ok && !list_empty(&i->link)) {
		list_remove(&i->link);
		list_append(&k->later, &i->link);
	}
	if (p != NULL)
		person_unpin(k, p);
	if (t != NULL)
		topic_unpin(k, t);
	interests_settle(k);
	return op_close(op);
}

static bool
interest_ask(struct sockets *k, struct interest *i)
{
	struct actor *self = k->gateway->self;
	struct person *p = interest_person(i);
	struct topic *t = interest_topic(i);
	struct op *op = op_open(self, NULL);
	char name[CHANNEL_MAX + 1];
	struct interest_ask *ask;

	if (op == NULL)
		return false;
	ask = op_data(op);
	if (p != NULL)
		ask->owner = pool_handle(&k->people, p);
	else if (t != NULL)
		ask->owner = pool_handle(&k->topics->pool, t);
	ask->channel = i->channel;
	interest_name(i, name);
	i->state = INTEREST_ASKING;
	k->asking++;
	(void)OP_ASK(op, sockets_hub(k, name), hub_listen, interest_on_reply,
	    .channel = name, .incarnation = k->incarnation, .epoch = i->epoch,
	    .offset = i->offset);
	return true;
}

static bool
interest_give_up(struct sockets *k, struct interest *i)
{
	struct actor *self = k->gateway->self;
	struct person *p = interest_person(i);
	char name[CHANNEL_MAX + 1];
	enum status st;

	interest_name(i, name);
	st = SEND(self, sockets_hub(k, name), hub_unlisten, .channel = name);
	if (st == ST_OK) {
		i->state = INTEREST_OFF;
		i->epoch = i->offset = 0;
	} else if (!i->warned) {
		LOG(API_WS_TRANSPORT_ERROR, KV("reason", "unlisten"),
		    KV("status", status_name(st)),
		    KV("user_id", p == NULL ? "" : p->user_id));
	}
	i->warned = st != ST_OK;
	return st == ST_OK;
}

void
interests_settle(struct sockets *k)
{
	struct list *link;

	while (k->asking < INTERESTS_ASKED_MAX &&
	       (link = list_first(&k->wanted)) != NULL) {
		struct interest *i = LIST_OF(link, struct interest, link);
		bool told;

		list_remove(link);
		told =
		    i->refs > 0 ? interest_ask(k, i) : interest_give_up(k, i);
		if (!told)
			list_append(&k->later, link);
		interest_end_turn(k, i);
	}
}

static void
interest_forget(struct sockets *k, struct interest *i)
{
	if (i->state == INTEREST_ON)
		i->state = INTEREST_OFF;
	if (i->refs == 0)
		i->epoch = i->offset = 0;
	interest_review(k, i);
	interest_end_turn(k, i);
}

void
interests_renew(struct sockets *k)
{
	struct person *p;
	struct topic *t;

	for (uint32_t c = 0; c < CHANNELS_SHARED; c++)
		interest_forget(k, &k->shared[c]);
	for (uint32_t n = 0; (t = pool_next(&k->topics->pool, &n)) != NULL;)
		interest_forget(k, &t->interest);
	for (uint32_t n = 0; (p = pool_next(&k->people, &n)) != NULL;)
		interest_forget(k, &p->own);
	interests_settle(k);
}

void
interests_tick(struct sockets *k)
{
	struct list *link;

	while ((link = list_first(&k->later)) != NULL) {
		list_remove(link);
		list_append(&k->wanted, link);
	}
	interests_settle(k);
}
