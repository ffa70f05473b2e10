#include "gateway/fanout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/fanout_inside.h"

enum status
fanout_init(struct sockets *k)
{
	struct fanout *f = calloc(1, sizeof(*f));

	k->fanout = f;
	if (f == NULL)
		return ST_NO_MEMORY;
	pool_init(&f->jobs, sizeof(struct job), FANOUT_JOBS_MAX, 0);
	list_init(&f->telling);
	f->words = k->pool.max / WORD_BITS + 1;
	f->members =
	    calloc((CHANNEL_OWN + 1) * (size_t)f->words, sizeof(f->members[0]));
	f->shareds = shareds_create();
	f->wholes = shareds_create();
	for (uint32_t i = 0; i < SYNTAXES; i++)
		f->scratch[i] = malloc(FANOUT_ROOM);
	for (uint32_t c = 0; f->members != NULL && c <= CHANNEL_OWN; c++)
		k->members[c] = f->members + (size_t)c * f->words;
	if (f->members == NULL || f->shareds == NULL || f->wholes == NULL ||
	    f->scratch[0] == NULL || f->scratch[1] == NULL ||
	    f->scratch[2] == NULL)
		return ST_NO_MEMORY;
	return topics_init(k, f->words);
}

/* Nobody took it: its retry is no duplicate (EH-10). */
static void
job_note_unheard(struct sockets *k, const struct job *j)
{
	char name[CHANNEL_MAX + 1];
	const char *channel = name;

	if (j->offset != 0 || j->taken > 0)
		return;
	if (j->topic != NULL)
		channel = j->topic->name;
	else if (j->channel == CHANNEL_OWN)
		snprintf(
		    name, sizeof(name), CHANNEL_PRIVATE_PREFIX "%s", j->owner);
	else
		channel = channel_name((enum channel)j->channel);
	(void)SEND(k->gateway->self, sockets_hub(k, channel), hub_unheard,
	    .channel = channel, .event_id = j->id);
}

static void
job_end(struct sockets *k, struct job *j)
{
	list_remove(&j->link);
	for (uint32_t i = 0; i < SYNTAXES; i++) {
		shared_drop(j->holds[i]);
		shared_drop(j->tight_holds[i]);
	}
	shared_drop(j->fields);
	if (j->topic != NULL)
		topic_unpin(k, j->topic);
	pool_put(&k->fanout->jobs, j);
}

void
job_done(struct sockets *k, struct job *j)
{
	job_note_unheard(k, j);
	job_end(k, j);
}

void
fanout_fini(struct sockets *k)
{
	struct fanout *f = k->fanout;
	struct list *link;

	if (f == NULL)
		return;
	while ((link = list_first(&f->telling)) != NULL)
		job_end(k, LIST_OF(link, struct job, link));
	while (f->sweep.count > 0)
		job_end(k, f->sweep.jobs[--f->sweep.count]);
	sweep_drop_bytes(&f->sweep);
	topics_fini(k);
	k->fanout = NULL;
	shareds_destroy(f->shareds);
	shareds_destroy(f->wholes);
	pool_fini(&f->jobs);
	free(f->members);
	for (uint32_t i = 0; i < SYNTAXES; i++)
		free(f->scratch[i]);
	free(f);
}

/* One that is to be sent whole in this turn, or the table is full. */
static void
fanout_run_all(struct sockets *k)
{
	while (fanout_run(k, UINT32_MAX))
		;
}

/* Whom an event is for. */
struct audience {
	struct interest *interest; /* NULL: nobody's */
	struct topic *topic;
	const char *owner; /* "" unless it is private */
	uint32_t sockets;
	uint8_t channel;
};

static struct audience
audience_of(struct sockets *k, const struct event *e)
{
	struct bytes name = { (const uint8_t *)e->channel, strlen(e->channel) };
	struct channel_ref ref = channel_parse(name);
	struct audience a = { .owner = "" };
	struct person *p;

	if (ref.kind == CHANNEL_SHARED) {
		a.channel = (uint8_t)ref.shared;
		a.interest = &k->shared[ref.shared];
		a.sockets = k->members_count[ref.shared];
	} else if (ref.kind == CHANNEL_PRIVATE) {
		a.channel = CHANNEL_OWN;
		a.owner = (const char *)ref.owner.at;
		p = person_find(k, a.owner);
		a.interest = p == NULL ? NULL : &p->own;
		a.sockets = p == NULL ? 0 : p->count;
	} else if (ref.kind != CHANNEL_UNKNOWN) {
		a.channel = CHANNEL_SLOT;
		a.topic = topic_find(k, e->channel);
		a.interest = a.topic == NULL ? NULL : &a.topic->interest;
		a.sockets = a.topic == NULL ? 0 : a.topic->members_count;
	}
	return a;
}

/* Told again after the hub or its node was away? */
static bool
event_is_old(struct sockets *k, const struct event *e, const struct audience *a)
{
	if (e->offset == 0 || a->interest == NULL)
		return false;
	switch (interest_see(a->interest, e->epoch, e->offset)) {
	case SEEN_BEFORE:
		return true;
	case SEEN_GAP:
		a->interest->offset--;
		sockets_on_gap(k, a->interest);
		a->interest->offset++;
		break;
	case SEEN_NOW:
		break;
	}
	return false;
}

static bool
job_is_kept(const struct job *j)
{
	for (uint32_t i = 0; i < SYNTAXES; i++)
		if (j->parts[i].bytes.size > 0 && j->holds[i] == NULL)
			return false;
	return true;
}

static struct job *
job_create(struct sockets *k, const struct event *e, const struct audience *a)
{
	struct fanout *f = k->fanout;
	struct job *j = pool_take(&f->jobs);

	if (j == NULL) {
		fanout_run_all(k);
		j = pool_take(&f->jobs);
	}
	if (j == NULL)
		return NULL;
	list_init(&j->link);
	j->channel = a->channel;
	j->topic = a->topic;
	j->epoch = e->epoch;
	j->offset = e->offset;
	j->id = e->event_id;
	if (a->topic != NULL)
		a->topic->pins++;
	memcpy(j->owner, a->owner, strlen(a->owner) + 1);
	return j;
}

/*
 * It is told in a later turn, together with what comes until then; unless
 * its bytes are of this turn alone.
 */
void
sockets_on_event(struct gateway *g, const struct hub_event *e)
{
	struct sockets *k = g->sockets;
	struct audience a = audience_of(k, &e->event);
	struct job *j;
	enum status st;

	if (event_is_old(k, &e->event, &a))
		return;
	j = job_create(k, &e->event, &a);
	if (j == NULL)
		return;
	if (a.sockets == 0) {
		job_done(k, j);
		return;
	}
	st = job_write(k, j, &e->event);
	if (st != ST_OK) {
		event_log_lost(&e->event, st, a.sockets);
		job_end(k, j);
		return;
	}
	list_append(&k->fanout->telling, &j->link);
	if (!job_is_kept(j))
		fanout_run_all(k);
	else
		sockets_work_soon(k);
}
