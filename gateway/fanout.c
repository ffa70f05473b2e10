#include "gateway/fanout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/event_frame.h"
#include "gateway/socket_parts.h"
#include "gateway/transcode.h"
#include "runtime/base/log.h"

#define WORD_BITS 64u
#define FEW_SOCKETS                                              \
	SOCKET_SLICE /* of one user, told without looking at all \
		      */

/* JSON as it is, msgpack as it may grow, and what goes around. */
#define FANOUT_ROOM (TRANSCODE_SIZE(EVENT_JSON_MAX) + 4096)

/* An event on its way to its channel's members. */
struct job {
	struct list link;
	struct shared *holds[2];  /* by subprotocol; NULL: nobody speaks it */
	struct net_part parts[2]; /* the same, or bytes of this turn alone */
	struct shared *fields;    /* of its payload; NULL: nobody filters */
	char owner[sizeof(((struct person *)0)->user_id)]; /* if private */
	uint8_t channel;
	uint32_t cursor; /* the next bit of members to look at */
};

struct fanout {
	struct pool jobs;
	struct list telling; /* oldest first */
	struct shareds *shareds;
	uint32_t words;      /* of one channel's members */
	uint64_t *members;   /* of all of them */
	uint8_t *scratch[2]; /* FANOUT_ROOM, by subprotocol */
};

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
	f->scratch[0] = malloc(FANOUT_ROOM);
	f->scratch[1] = malloc(FANOUT_ROOM);
	for (uint32_t c = 0; f->members != NULL && c <= CHANNEL_OWN; c++)
		k->members[c] = f->members + (size_t)c * f->words;
	return f->members == NULL || f->shareds == NULL ||
		       f->scratch[0] == NULL || f->scratch[1] == NULL
		   ? ST_NO_MEMORY
		   : ST_OK;
}

static void
job_end(struct fanout *f, struct job *j)
{
	list_remove(&j->link);
	shared_drop(j->holds[WEBSOCKET_JSON]);
	shared_drop(j->holds[WEBSOCKET_MSGPACK]);
	shared_drop(j->fields);
	pool_put(&f->jobs, j);
}

void
fanout_fini(struct sockets *k)
{
	struct fanout *f = k->fanout;
	struct list *link;

	if (f == NULL)
		return;
	k->fanout = NULL;
	while ((link = list_first(&f->telling)) != NULL)
		job_end(f, LIST_OF(link, struct job, link));
	shareds_destroy(f->shareds);
	pool_fini(&f->jobs);
	free(f->members);
	free(f->scratch[0]);
	free(f->scratch[1]);
	free(f);
}

static struct channel_ref
job_channel(const struct job *j)
{
	struct channel_ref ref = { .kind = CHANNEL_PRIVATE };

	if (j->channel == CHANNEL_OWN) {
		ref.owner = (struct bytes){ (const uint8_t *)j->owner,
			strlen(j->owner) };
		return ref;
	}
	ref.kind = CHANNEL_SHARED;
	ref.shared = (enum channel)j->channel;
	return ref;
}

static bool
job_passes_filter(const struct job *j, const struct socket *s)
{
	struct fields there;

	if (s->filters == NULL || j->fields == NULL)
		return true;
	there = (struct fields){ j->fields->bytes, j->fields->size };
	return socket_filter_passes(s, j->channel, &there);
}

/* Subscribed, allowed, wanted, and room: in this order (sessions 2.5.4). */
static void
job_tell(const struct job *j, struct socket *s)
{
	const struct channel_ref ref = job_channel(j);

	if (s->state != SOCKET_OPEN || s->conn->state == CONN_CLOSING ||
	    (s->subscribed & CHANNEL_BIT(j->channel)) == 0 ||
	    !channel_allows(&ref, s->person->role, s->person->user_id) ||
	    !job_passes_filter(j, s) || j->parts[s->syntax].bytes.size == 0)
		return;
	if (socket_push(s, &j->parts[s->syntax], 1) == ST_FULL)
		socket_note_dropped(s, "event");
}

/* A user's few sockets, without looking at those of others. */
static void
job_tell_owner(struct sockets *k, const struct job *j)
{
	struct person *p = person_find(k, j->owner);
	struct list *at = p == NULL ? NULL : p->sockets.next;

	while (p != NULL && at != &p->sockets) {
		struct socket *s = LIST_OF(at, struct socket, of_person);

		at = at->next;
		job_tell(j, s);
	}
}

/* The next member after the cursor; NULL: that was all. */
static struct socket *
job_next(struct sockets *k, struct job *j)
{
	uint32_t words = k->fanout->words;

	while (j->cursor / WORD_BITS < words) {
		uint32_t at = j->cursor / WORD_BITS;
		uint64_t word =
		    k->members[j->channel][at] >> (j->cursor % WORD_BITS);

		if (word == 0) {
			j->cursor = (at + 1) * WORD_BITS;
			continue;
		}
		j->cursor += (uint32_t)__builtin_ctzll(word);
		return pool_next(&k->pool, &j->cursor);
	}
	return NULL;
}

/* At most budget sockets; how many of the budget are left, -1: unfinished. */
static int64_t
job_run(struct sockets *k, struct job *j, int64_t budget)
{
	const struct person *p =
	    j->channel == CHANNEL_OWN ? person_find(k, j->owner) : NULL;
	struct socket *s;

	if (j->channel == CHANNEL_OWN &&
	    (p == NULL || (j->cursor == 0 && p->count <= FEW_SOCKETS))) {
		budget -= p == NULL ? 0 : p->count;
		job_tell_owner(k, j);
		return budget < 0 ? 0 : budget;
	}
	while ((s = job_next(k, j)) != NULL) {
		job_tell(j, s);
		if (--budget <= 0)
			return -1;
	}
	return budget;
}

bool
fanout_run(struct sockets *k, uint32_t budget)
{
	struct fanout *f = k->fanout;
	int64_t left = budget;
	struct list *link;

	while (left > 0 && (link = list_first(&f->telling)) != NULL) {
		struct job *j = LIST_OF(link, struct job, link);

		left = job_run(k, j, left);
		if (left < 0)
			return true;
		job_end(f, j);
	}
	return list_first(&f->telling) != NULL;
}

/* One that is to be sent whole in this turn, or the table is full. */
static void
fanout_run_all(struct sockets *k)
{
	while (fanout_run(k, UINT32_MAX))
		;
}

/* Head and payload, behind one hold if there is room for it. */
static void
job_take_frame(struct fanout *f, struct job *j,
    enum websocket_subprotocol syntax, struct bytes payload)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t size = websocket_head_write(head,
	    syntax == WEBSOCKET_JSON ? WEBSOCKET_TEXT : WEBSOCKET_BINARY, true,
	    payload.size);
	struct shared *b = shared_take(f->shareds, size + payload.size);
	uint8_t *to = b == NULL ? f->scratch[syntax] : b->bytes;

	memmove(to + size, payload.at, payload.size);
	memcpy(to, head, size);
	j->holds[syntax] = b;
	j->parts[syntax] = (struct net_part){ { to, size + payload.size },
		b == NULL ? NULL : &b->hold };
}

/* OK, or why nobody hears of it. */
static enum status
job_write_frame(struct sockets *k, struct job *j,
    enum websocket_subprotocol syntax, const struct event *e)
{
	struct fanout *f = k->fanout;
	struct wire_out out = { f->scratch[syntax],
		FANOUT_ROOM - WEBSOCKET_HEAD_MAX, 0 };
	enum status st = event_frame_write(syntax, e, &out);

	if (st == ST_OK && syntax == WEBSOCKET_JSON &&
	    out.used > EVENT_JSON_MAX)
		st = ST_FULL;
	if (st == ST_OK && k->speaking[syntax] > 0)
		job_take_frame(
		    f, j, syntax, (struct bytes){ out.bytes, out.used });
	return st;
}

/* Also finds out whether the payload is an object. */
static enum status
job_write_fields(struct sockets *k, struct job *j, const struct event *e)
{
	struct bytes json = { (const uint8_t *)e->payload, strlen(e->payload) };
	struct fields there = { k->gateway->scratch, 0 };
	enum status st = fields_of_json(json, &there);

	if (st != ST_OK || k->filtering[j->channel] == 0)
		return st;
	j->fields = shared_take(k->fanout->shareds, there.size);
	if (j->fields == NULL)
		return ST_NO_MEMORY;
	memcpy(j->fields->bytes, there.at, there.size);
	return ST_OK;
}

static enum status
job_write(struct sockets *k, struct job *j, const struct event *e)
{
	enum status st = job_write_frame(k, j, WEBSOCKET_JSON, e);

	if (st == ST_OK)
		st = job_write_fields(k, j, e);
	if (st == ST_OK && k->speaking[WEBSOCKET_MSGPACK] > 0)
		st = job_write_frame(k, j, WEBSOCKET_MSGPACK, e);
	return st;
}

/* Told again after the hub or its node was away? */
static bool
event_is_old(struct sockets *k, const struct event *e, uint8_t channel,
    const char *owner)
{
	struct person *p;

	if (e->offset == 0)
		return false;
	if (channel != CHANNEL_OWN)
		return !interest_see(&k->shared[channel], e->epoch, e->offset);
	p = person_find(k, owner);
	return p != NULL && !interest_see(&p->own, e->epoch, e->offset);
}

/* How many would hear of it; 0: nobody. */
static uint32_t
event_audience(struct sockets *k, const struct event *e, uint8_t *ret_channel,
    const char **ret_owner)
{
	struct bytes name = { (const uint8_t *)e->channel, strlen(e->channel) };
	struct channel_ref ref = channel_parse(name);
	const struct person *p;

	*ret_channel = CHANNEL_OWN;
	*ret_owner = "";
	if (ref.kind == CHANNEL_SHARED) {
		*ret_channel = (uint8_t)ref.shared;
		return k->members_count[ref.shared];
	}
	if (ref.kind != CHANNEL_PRIVATE)
		return 0;
	*ret_owner = (const char *)ref.owner.at;
	p = person_find(k, *ret_owner);
	return p == NULL ? 0 : p->count;
}

static void
event_log_lost(
    const struct event *e, uint8_t channel, enum status st, uint32_t sockets)
{
	const char *name = channel == CHANNEL_OWN ? CHANNEL_PRIVATE_PREFIX
			       "<redacted>"
						  : e->channel;

	if (st == ST_MALFORMED)
		LOG(API_WS_INVALID_MESSAGE, KV("event_type", e->event_type),
		    KV("channel", name), KU("sockets", sockets));
	else
		LOG(API_WS_EVENT_DROPPED, KV("event_type", e->event_type),
		    KV("channel", name), KU("bytes", strlen(e->payload)),
		    KU("sockets", sockets));
}

static bool
job_is_kept(const struct job *j)
{
	return (j->parts[0].bytes.size == 0 || j->holds[0] != NULL) &&
	       (j->parts[1].bytes.size == 0 || j->holds[1] != NULL);
}

static struct job *
job_create(struct sockets *k, uint8_t channel, const char *owner)
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
	j->channel = channel;
	if (channel == CHANNEL_OWN)
		memcpy(j->owner, owner, strlen(owner) + 1);
	return j;
}

void
sockets_on_event(struct gateway *g, const struct hub_event *e)
{
	struct sockets *k = g->sockets;
	struct fanout *f = k->fanout;
	uint8_t channel;
	const char *owner;
	uint32_t sockets = event_audience(k, &e->event, &channel, &owner);
	struct job *j;
	enum status st;

	if (event_is_old(k, &e->event, channel, owner) || sockets == 0 ||
	    (j = job_create(k, channel, owner)) == NULL)
		return;
	st = job_write(k, j, &e->event);
	if (st != ST_OK) {
		event_log_lost(&e->event, channel, st, sockets);
		job_end(f, j);
		return;
	}
	list_append(&f->telling, &j->link);
	if (!job_is_kept(j))
		fanout_run_all(k);
	else if (!timer_is_running(&k->work) && fanout_run(k, SOCKET_SLICE))
		sockets_work_soon(k);
}
