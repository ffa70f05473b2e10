#include "gateway/topic.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lookup.h"
#include "gateway/socket_parts.h"
#include "runtime/base/text.h"

struct topic_row {
	char name[CHANNEL_MAX + 1];
	struct topic *topic;
};

enum status
topics_init(struct sockets *k, size_t members_words)
{
	struct topics *t = calloc(1, sizeof(*t));
	uint64_t secret[2];

	k->topics = t;
	if (t == NULL)
		return ST_NO_MEMORY;
	actor_random(k->gateway->self, secret, sizeof(secret));
	t->members_words = members_words;
	pool_init(&t->pool, sizeof(struct topic), TOPICS_MAX, 0);
	t->by_name =
	    lookup_create(sizeof(struct topic_row), TOPICS_MAX, secret);
	return t->by_name == NULL ? ST_NO_MEMORY : ST_OK;
}

void
topics_fini(struct sockets *k)
{
	struct topic *t;

	if (k->topics == NULL)
		return;
	for (uint32_t i = 0; (t = pool_next(&k->topics->pool, &i)) != NULL;)
		free(t->members);
	lookup_destroy(k->topics->by_name);
	pool_fini(&k->topics->pool);
	free(k->topics);
}

struct topic *
topic_find(struct sockets *k, const char *name)
{
	const struct topic_row *row = lookup_find(k->topics->by_name, name);

	return row == NULL ? NULL : row->topic;
}

static struct topic *
topic_create(struct sockets *k, const char *name)
{
	struct topics *all = k->topics;
	struct topic_row row = { 0 };
	struct topic *t = pool_take(&all->pool);

	if (t == NULL)
		return NULL;
	(void)text_fit(t->name, sizeof(t->name), name);
	(void)text_fit(row.name, sizeof(row.name), name);
	row.topic = t;
	interest_init(&t->interest, CHANNEL_SLOT);
	t->members = calloc(all->members_words, sizeof(t->members[0]));
	if (t->members != NULL && lookup_put(all->by_name, &row) == ST_OK)
		return t;
	free(t->members);
	pool_put(&all->pool, t);
	return NULL;
}

void
topic_free_if_done(struct sockets *k, struct topic *t)
{
	if (t->pins > 0 || t->interest.refs > 0 ||
	    t->interest.state != INTEREST_OFF)
		return;
	assert(t->members_count == 0);
	list_remove(&t->interest.link);
	lookup_remove(k->topics->by_name, t->name);
	free(t->members);
	pool_put(&k->topics->pool, t);
}

void
topic_unpin(struct sockets *k, struct topic *t)
{
	assert(t->pins > 0);
	t->pins--;
	topic_free_if_done(k, t);
}

uint32_t
slot_of(const struct socket *s, const struct topic *t)
{
	for (uint32_t i = 0; s->slots != NULL && i < CHANNEL_SLOTS; i++)
		if (s->slots->topics[i] == t)
			return CHANNEL_SLOT + i;
	return 0;
}

uint32_t
slot_find(const struct socket *s, const char *name)
{
	const struct topic *t = topic_find(s->all, name);

	return t == NULL ? 0 : slot_of(s, t);
}

uint32_t
slot_take(struct socket *s, const char *name)
{
	struct sockets *k = s->all;
	uint32_t channel = slot_find(s, name);
	struct topic *t;

	if (channel != 0)
		return channel;
	if (s->slots == NULL)
		s->slots = pool_take(&k->slots);
	channel = s->slots == NULL ? 0 : slot_of(s, NULL);
	if (channel == 0)
		return 0;
	t = topic_find(k, name);
	if (t == NULL)
		t = topic_create(k, name);
	if (t == NULL)
		return 0;
	s->slots->topics[channel - CHANNEL_SLOT] = t;
	return channel;
}

void
slot_empty(struct socket *s, uint32_t channel)
{
	s->slots->topics[channel - CHANNEL_SLOT] = NULL;
}

void
slots_drop(struct socket *s)
{
	if (s->slots != NULL)
		pool_put(&s->all->slots, s->slots);
	s->slots = NULL;
}
