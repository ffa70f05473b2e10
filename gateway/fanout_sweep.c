/*
 * A sweep goes round the members of one channel with up to FANOUT_SWEEP_MAX
 * events, one write for each socket.  An event that comes while it runs joins
 * it where it stands, and leaves when the round has brought it back there: so
 * no event waits for the round before it to end, and a burst is told in as
 * many writes as one event is.  Each socket is passed once for each event,
 * and always with the older ones first.
 *
 * Only the oldest of those that wait may join: events of another channel end
 * the joining, so that a busy channel holds up others for one round at most.
 */
#include <string.h>

#include "gateway/fanout_inside.h"

#define FEW_SOCKETS SOCKET_SLICE /* of one user: told without a look at all */
#define SWEEP_LOOK 256u          /* events looked at for one sweep */

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
	if (j->offset == 0 || s->all->limits.drops_durable)
		return;
	s->all->gateway->counts.sockets_slow++;
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

/* What goes to sockets that take every event as it is, in one piece. */
static void
sweep_join_bytes(struct fanout *f, struct sweep *w, uint32_t syntax)
{
	struct shared *b;
	size_t size = 0;

	for (uint32_t i = 0; i < w->count; i++) {
		if (w->jobs[i]->parts[syntax].bytes.size == 0)
			return;
		size += w->jobs[i]->parts[syntax].bytes.size;
	}
	b = shared_take(f->wholes, size);
	if (b == NULL)
		return;
	w->holds[syntax] = b;
	w->wholes[syntax] = (struct net_part){ { b->bytes, size }, &b->hold };
	size = 0;
	for (uint32_t i = 0; i < w->count; i++) {
		struct bytes one = w->jobs[i]->parts[syntax].bytes;

		memcpy(b->bytes + size, one.at, one.size);
		size += one.size;
	}
}

void
sweep_drop_bytes(struct sweep *w)
{
	for (uint32_t i = 0; i < SYNTAXES; i++)
		shared_drop(w->holds[i]);
	memset(w->holds, 0, sizeof(w->holds));
	memset(w->wholes, 0, sizeof(w->wholes));
}

/* After its events have changed; a single one is in one piece already. */
static void
sweep_write(struct sockets *k, struct sweep *w)
{
	sweep_drop_bytes(w);
	for (uint32_t i = 0; i < WEBSOCKET_SYNTAXES; i++)
		if (w->count == 1)
			w->wholes[i] = w->jobs[0]->parts[i];
		else if (w->count > 1 && k->speaking[i] > 0)
			sweep_join_bytes(k->fanout, w, i);
}

/* The piece that has all of them is for it, as it is. */
static bool
sweep_fits(const struct sweep *w, const struct socket *s)
{
	return s->filters == NULL && s->recoveries == NULL && s->window == 0 &&
	       s->sse == NULL && w->wholes[s->syntax].bytes.size > 0;
}

/* False: it must be told one after the other. */
static bool
sweep_tell_whole(const struct sweep *w, struct socket *s)
{
	uint32_t sizes[FANOUT_SWEEP_MAX];
	enum status st;

	for (uint32_t i = 0; i < w->count; i++)
		sizes[i] = (uint32_t)w->jobs[i]->parts[s->syntax].bytes.size;
	st = socket_push_whole(s, &w->wholes[s->syntax], sizes, w->count);
	for (uint32_t i = 0; i < w->count && st == ST_OK; i++)
		w->jobs[i]->taken++;
	return st != ST_FULL;
}

static void
sweep_tell_each(const struct sweep *w, struct socket *s, uint32_t channel)
{
	struct net_part parts[FANOUT_SWEEP_MAX];
	struct job *jobs[FANOUT_SWEEP_MAX];
	size_t count = 0, pushed = 0;
	enum status st;

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

/* Subscribed, allowed, wanted, and room: in this order (sessions 2.5.4). */
static void
sweep_tell(const struct sweep *w, struct socket *s)
{
	uint32_t channel = job_channel(w->jobs[0], s);

	if (job_may_go(w->jobs[0], s, channel) &&
	    (!sweep_fits(w, s) || !sweep_tell_whole(w, s)))
		sweep_tell_each(w, s, channel);
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

/* Where the oldest event's round ends, or that of the members before it. */
static uint32_t
sweep_stop(const struct sockets *k, const struct sweep *w)
{
	const struct job *j = w->jobs[0];

	return j->came_round ? j->began : k->fanout->words * WORD_BITS;
}

/* The next member before the stop; NULL: there is none. */
static struct socket *
sweep_next(struct sockets *k, struct sweep *w, uint32_t stop)
{
	const struct job *j = w->jobs[0];
	const uint64_t *members =
	    j->topic == NULL ? k->members[j->channel] : j->topic->members;

	while (w->cursor < stop) {
		uint32_t at = w->cursor / WORD_BITS;
		uint64_t word = members[at] >> (w->cursor % WORD_BITS);

		if (word == 0) {
			w->cursor = (at + 1) * WORD_BITS;
			continue;
		}
		w->cursor += (uint32_t)__builtin_ctzll(word);
		return w->cursor < stop ? pool_next(&k->pool, &w->cursor)
					: NULL;
	}
	return NULL;
}

/* Those at the front that have been everywhere leave; false: none has. */
static bool
sweep_leave(struct sockets *k, struct sweep *w)
{
	uint32_t done = 0;

	while (done < w->count && w->jobs[done]->came_round &&
	       w->jobs[done]->began <= w->cursor)
		job_done(k, w->jobs[done++]);
	w->count -= done;
	memmove(w->jobs, w->jobs + done, w->count * sizeof(w->jobs[0]));
	return done > 0;
}

/* No member is left before the stop. */
static void
sweep_turn(struct sockets *k, struct sweep *w, uint32_t stop)
{
	w->cursor = stop;
	if (!w->jobs[0]->came_round) {
		w->cursor = 0;
		for (uint32_t i = 0; i < w->count; i++)
			w->jobs[i]->came_round = true;
	}
	if (sweep_leave(k, w))
		sweep_write(k, w);
}

static void
sweep_end(struct sockets *k, struct sweep *w)
{
	for (uint32_t i = 0; i < w->count; i++)
		job_done(k, w->jobs[i]);
	w->count = 0;
	sweep_drop_bytes(w);
}

/* True: it was one user's, of few sockets, and is done. */
static bool
sweep_run_owner(struct sockets *k, struct sweep *w, int64_t *budget)
{
	const struct job *j = w->jobs[0];
	const struct person *p =
	    j->channel == CHANNEL_OWN ? person_find(k, j->owner) : NULL;

	if (j->channel != CHANNEL_OWN ||
	    (p != NULL && (w->cursor != 0 || p->count > FEW_SOCKETS)))
		return false;
	*budget -= p == NULL ? 0 : p->count;
	if (*budget < 0)
		*budget = 0;
	sweep_tell_owner(k, w);
	sweep_end(k, w);
	return true;
}

/* At most budget sockets; how many of the budget are left, -1: unfinished. */
static int64_t
sweep_run(struct sockets *k, struct sweep *w, int64_t budget)
{
	if (sweep_run_owner(k, w, &budget))
		return budget;
	while (w->count > 0) {
		uint32_t stop = sweep_stop(k, w);
		struct socket *s = sweep_next(k, w, stop);

		if (s == NULL) {
			sweep_turn(k, w, stop);
			continue;
		}
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

static void
sweep_add(struct sweep *w, struct job *j)
{
	list_remove(&j->link);
	j->began = w->cursor;
	j->came_round = false;
	w->jobs[w->count++] = j;
}

/* The oldest event, and those of its channel behind it. */
static void
sweep_begin(struct fanout *f, struct sweep *w)
{
	struct list *at = f->telling.next;
	uint32_t looked = 0;

	w->cursor = 0;
	while (at != &f->telling && w->count < FANOUT_SWEEP_MAX &&
	       looked++ < SWEEP_LOOK) {
		struct job *j = LIST_OF(at, struct job, link);

		at = at->next;
		if (w->count == 0 || job_is_like(w->jobs[0], j))
			sweep_add(w, j);
	}
}

/* Those that came since, up to the first of another channel. */
static void
sweep_join(struct fanout *f, struct sweep *w)
{
	struct list *at;

	while (w->count < FANOUT_SWEEP_MAX &&
	       (at = list_first(&f->telling)) != NULL) {
		struct job *j = LIST_OF(at, struct job, link);

		if (j->channel == CHANNEL_OWN || !job_is_like(w->jobs[0], j))
			return;
		sweep_add(w, j);
	}
}

/* False: there is nothing to tell. */
static bool
sweep_take(struct sockets *k)
{
	struct fanout *f = k->fanout;
	struct sweep *w = &f->sweep;
	uint32_t had = w->count;

	if (had == 0)
		sweep_begin(f, w);
	else
		sweep_join(f, w);
	if (w->count != had)
		sweep_write(k, w);
	return w->count > 0;
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
	int64_t left = budget;

	while (left > 0 && sweep_take(k)) {
		left = sweep_run(k, &k->fanout->sweep, left);
		if (left < 0)
			return true;
	}
	return !fanout_is_idle(k);
}
