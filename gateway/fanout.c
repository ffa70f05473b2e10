#include "gateway/fanout.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/event_frame.h"
#include "gateway/fanout_inside.h"
#include "runtime/base/log.h"

#define WORD_BITS 64u
#define FEW_SOCKETS SOCKET_SLICE /* of one user: told without a look at all */
#define SWEEP_LOOK 256u          /* events looked at for one sweep */

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
	for (uint32_t i = 0; i < SYNTAXES; i++)
		f->scratch[i] = malloc(FANOUT_ROOM);
	for (uint32_t c = 0; f->members != NULL && c <= CHANNEL_OWN; c++)
		k->members[c] = f->members + (size_t)c * f->words;
	if (f->members == NULL || f->shareds == NULL || f->scratch[0] == NULL ||
	    f->scratch[1] == NULL || f->scratch[2] == NULL)
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

static void
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
	topics_fini(k);
	k->fanout = NULL;
	shareds_destroy(f->shareds);
	pool_fini(&f->jobs);
	free(f->members);
	for (uint32_t i = 0; i < SYNTAXES; i++)
		free(f->scratch[i]);
	free(f);
}

static bool
job_passes_filter(const struct job *j, const struct socket *s, uint32_t channel)
{
	struct fields there;

	if (s->filters == NULL || j->fields == NULL)
		return true;
	there = (struct fields){ j->fields->bytes, j->fields->size };
	return socket_filter_passes(s, channel, &there);
}

/* The channel of a job as this socket has it; 0 is one of them too. */
static uint32_t
job_channel(const struct job *j, const struct socket *s)
{
	return j->topic == NULL ? j->channel : slot_of(s, j->topic);
}

static bool
job_may_go(const struct job *j, const struct socket *s, uint32_t channel)
{
	uint64_t live = s->subscribed & ~s->recovering;

	if (s->state != SOCKET_OPEN || s->conn->state == CONN_CLOSING ||
	    (live & CHANNEL_BIT(channel)) == 0)
		return false;
	if (j->channel == CHANNEL_OWN &&
	    strcmp(j->owner, s->person->user_id) != 0)
		return false;
	return socket_may_hear(s, channel);
}

/* Is it for this socket, of those that may hear the channel? */
static bool
job_is_for(const struct job *j, struct socket *s, uint32_t channel)
{
	if (s->recoveries != NULL &&
	    recovery_has_told(s, channel, j->epoch, j->offset))
		return false;
	return job_passes_filter(j, s, channel) &&
	       j->parts[s->syntax].bytes.size > 0;
}

/*
 * A client too slow for a durable event is sent away, so that it comes back
 * and recovers; an ephemeral one it loses, and is told how many.
 */
static void
job_lose(const struct job *j, struct socket *s)
{
	socket_note_dropped(s, "event");
	if (j->offset != 0 && !s->all->limits.drops_durable)
		socket_close(s, WEBSOCKET_POLICY, SOCKET_SLOW_REASON);
}

/* One after the other: each has its client's own place before it. */
static enum status
sweep_push_sse(struct socket *s, uint32_t channel, struct job *const *jobs,
    size_t count, size_t *ret_pushed)
{
	for (*ret_pushed = 0; *ret_pushed < count; (*ret_pushed)++) {
		const struct job *j = jobs[*ret_pushed];
		enum status st = sse_push_event(
		    s, channel, j->epoch, j->offset, &j->parts[SYNTAX_SSE]);

		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* Compressed, if the socket can look back over all of it. */
static struct net_part
job_part(const struct job *j, const struct socket *s)
{
	const struct net_part *plain = &j->parts[s->syntax];

	return j->tight[s->syntax].bytes.size > 0 &&
		       deflate_fits(s->window, plain->bytes.size)
		   ? j->tight[s->syntax]
		   : *plain;
}

/* Subscribed, allowed, wanted, and room: in this order (sessions 2.5.4). */
static void
sweep_tell(const struct sweep *w, struct socket *s)
{
	uint32_t channel = job_channel(w->jobs[0], s);
	struct net_part parts[FANOUT_SWEEP_MAX];
	struct job *jobs[FANOUT_SWEEP_MAX];
	size_t count = 0, pushed = 0;
	enum status st;

	if (!job_may_go(w->jobs[0], s, channel))
		return;
	for (uint32_t i = 0; i < w->count; i++) {
		struct job *j = w->jobs[i];

		if (!job_is_for(j, s, channel))
			continue;
		jobs[count] = j;
		parts[count++] = job_part(j, s);
	}
	if (count == 0)
		return;
	st = s->sse == NULL ? socket_push_many(s, parts, count, &pushed)
			    : sweep_push_sse(s, channel, jobs, count, &pushed);
	for (size_t i = 0; i < count; i++)
		if (i < pushed)
			jobs[i]->taken++;
		else if (st == ST_FULL && s->state == SOCKET_OPEN &&
			 s->conn != NULL)
			job_lose(jobs[i], s);
}

/* A user's few sockets, without looking at those of others. */
static void
sweep_tell_owner(struct sockets *k, const struct sweep *w)
{
	struct person *p = person_find(k, w->jobs[0]->owner);
	struct list *at = p == NULL ? NULL : p->sockets.next;

	while (p != NULL && at != &p->sockets) {
		struct socket *s = LIST_OF(at, struct socket, of_person);

		at = at->next;
		sweep_tell(w, s);
	}
}

/* The next member after the cursor; NULL: that was all. */
static struct socket *
sweep_next(struct sockets *k, struct sweep *w)
{
	const struct job *j = w->jobs[0];
	const uint64_t *members =
	    j->topic == NULL ? k->members[j->channel] : j->topic->members;
	uint32_t words = k->fanout->words;

	while (w->cursor / WORD_BITS < words) {
		uint32_t at = w->cursor / WORD_BITS;
		uint64_t word = members[at] >> (w->cursor % WORD_BITS);

		if (word == 0) {
			w->cursor = (at + 1) * WORD_BITS;
			continue;
		}
		w->cursor += (uint32_t)__builtin_ctzll(word);
		return pool_next(&k->pool, &w->cursor);
	}
	return NULL;
}

/* At most budget sockets; how many of the budget are left, -1: unfinished. */
static int64_t
sweep_run(struct sockets *k, struct sweep *w, int64_t budget)
{
	const struct job *j = w->jobs[0];
	const struct person *p =
	    j->channel == CHANNEL_OWN ? person_find(k, j->owner) : NULL;
	struct socket *s;

	if (j->channel == CHANNEL_OWN &&
	    (p == NULL || (w->cursor == 0 && p->count <= FEW_SOCKETS))) {
		budget -= p == NULL ? 0 : p->count;
		sweep_tell_owner(k, w);
		return budget < 0 ? 0 : budget;
	}
	while ((s = sweep_next(k, w)) != NULL) {
		sweep_tell(w, s);
		if (--budget <= 0)
			return -1;
	}
	return budget;
}

static bool
job_is_like(const struct job *a, const struct job *b)
{
	return a->channel == b->channel && a->topic == b->topic &&
	       strcmp(a->owner, b->owner) == 0;
}

/* The oldest event, and those of its channel behind it. */
static bool
sweep_begin(struct fanout *f)
{
	struct sweep *w = &f->sweep;
	struct list *at = f->telling.next;
	uint32_t looked = 0;

	w->count = 0;
	w->cursor = 0;
	while (at != &f->telling && w->count < FANOUT_SWEEP_MAX &&
	       looked++ < SWEEP_LOOK) {
		struct job *j = LIST_OF(at, struct job, link);

		at = at->next;
		if (w->count > 0 && !job_is_like(w->jobs[0], j))
			continue;
		list_remove(&j->link);
		w->jobs[w->count++] = j;
	}
	return w->count > 0;
}

static void
sweep_end(struct sockets *k, struct sweep *w)
{
	for (uint32_t i = 0; i < w->count; i++)
		job_done(k, w->jobs[i]);
	w->count = 0;
}

bool
fanout_is_idle(const struct sockets *k)
{
	const struct fanout *f = k->fanout;

	return f->sweep.count == 0 && list_empty(&f->telling);
}

bool
fanout_run(struct sockets *k, uint32_t budget)
{
	struct fanout *f = k->fanout;
	int64_t left = budget;

	while (left > 0 && (f->sweep.count > 0 || sweep_begin(f))) {
		left = sweep_run(k, &f->sweep, left);
		if (left < 0)
			return true;
		sweep_end(k, &f->sweep);
	}
	return !fanout_is_idle(k);
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
