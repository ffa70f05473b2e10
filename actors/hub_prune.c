#include <stdio.h>
#include <string.h>

#include "actors/hub.h"
#include "protocols/channel.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * The journal forgets what passes the bounds of event_stream.retain_*, some
 * channels after the other, in one run of a periodic service; a run that was
 * too short is gone on with by the next.  Channels that are silent are told to
 * the shards that have them, which have those forgotten that nobody listens
 * to: so nobody who listens ever loses a place.
 */

#define SERVICE_NAME "journal-prune"
#define SECOND_US INT64_C(1000000)

struct pruning {
	uint64_t generation;
	uint64_t pruned;
	int64_t now;
	int64_t silent;
};

_Static_assert(sizeof(struct pruning) <= OP_DATA_MAX, "it fits an op");

static enum status prune_on_swept(
    struct actor *self, struct op *op, const struct msg *reply);

static int64_t
seconds_us(struct actor *self, enum setting_id id)
{
	struct hub_state *s = actor_state(self);

	return (int64_t)watch_number(&s->watch, self, id) * SECOND_US;
}

static enum status
prune_some(struct actor *self, struct op *op)
{
	int64_t age = seconds_us(self, SETTING_event_stream_retain_seconds);
	int64_t quiet = seconds_us(self, SETTING_event_stream_forget_seconds);
	struct hub_state *s = actor_state(self);
	struct pruning *p = op_data(op);

	p->silent = p->now - (quiet > age ? quiet : age);
	return OP_ASK(op, hub_store(self), store_journal_sweep, prune_on_swept,
	    .after = s->pruning,
	    .events_max = watch_number(
		&s->watch, self, SETTING_event_stream_retain_events),
	    .bytes_max = watch_number(
		&s->watch, self, SETTING_event_stream_retain_bytes),
	    .before = p->now - age, .silent = p->silent,
	    .limit = HISTORY_PAGE_MAX);
}

/* To the shards that have them; what does not arrive is found again. */
static void
prune_tell_silent(
    struct actor *self, const struct store_journal_swept *page, int64_t silent)
{
	const char *some[HUB_BATCH_MAX];
	uint32_t shards = actor_shards(self, ACTOR_NUMBER(event_hub));

	for (uint32_t shard = 0; shard < shards; shard++) {
		uint32_t n = 0;

		for (uint32_t i = 0; i < page->silent_count; i++)
			if (channel_shard(page->silent[i], shards) == shard)
				some[n++] = page->silent[i];
		if (n > 0)
			(void)SEND(self,
			    actor_find(self, ACTOR_NUMBER(event_hub), shard),
			    hub_silent, .channels = some, .channels_count = n,
			    .silent = silent);
	}
}

static enum status
prune_end(struct actor *self, struct op *op)
{
	struct hub_state *s = actor_state(self);
	const struct pruning *p = op_data(op);

	s->pruning[0] = '\0';
	if (p->pruned > 0)
		LOG(EVENT_STREAM_PRUNED, KU("events", p->pruned));
	return OP_REPLY(
	    op, service_ran, .generation = p->generation, .count = p->pruned);
}

static enum status
prune_on_swept(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_journal_swept *page = reply->body;
	struct hub_state *s = actor_state(self);
	struct pruning *p = op_data(op);

	if (reply->id != MSG_store_journal_swept)
		return op_pass(op, reply);
	p->pruned += page->events;
	s->counts.kept = page->channels;
	if (page->unread > 0)
		LOG(EVENT_STREAM_UNREAD, KU("channels", page->unread));
	(void)text_fit(s->pruning, sizeof(s->pruning), page->after);
	prune_tell_silent(self, page, p->silent);
	if (s->prune_cancelled == p->generation)
		return op_refuse_with(
		    op, &(struct refused){ .status = ST_CANCELLED,
			    .problem = PROBLEM_UNAVAILABLE,
			    .detail = "cancelled" });
	return page->more ? prune_some(self, op) : prune_end(self, op);
}

/* ---- channels that nobody listens to ---- */

/* Who has come meanwhile may have been told of the history that has ended. */
static enum status
hub_on_forgotten(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_channels_forgotten *gone = reply->body;
	struct hub_state *s = actor_state(self);

	if (reply->id != MSG_store_channels_forgotten) {
		(void)hub_look(self); /* it may be that they are */
		return op_close(op);
	}
	for (uint32_t i = 0; i < gone->channels_count; i++) {
		struct channel_entry *c =
		    channels_find(&s->channels, gone->channels[i]);

		if (c != NULL && channel_is_idle(c)) {
			channel_unlearn(c);
		} else if (c != NULL) {
			c->is_unsure = true;
			hub_fill(self, c);
		}
	}
	s->counts.forgotten += gone->channels_count;
	if (gone->channels_count > 0)
		LOG(EVENT_STREAM_FORGOTTEN,
		    KU("channels", gone->channels_count));
	return op_close(op);
}

enum status
hub_on_silent(struct actor *self, const struct msg *in)
{
	const struct hub_silent *news = in->body;
	struct hub_state *s = actor_state(self);
	const char *some[HUB_BATCH_MAX];
	uint32_t n = 0;
	struct op *op;

	if (actor_number_of(in->from) != ACTOR_NUMBER(event_hub))
		return hub_ignore(in, "hub_silent", "it is no hub");
	for (uint32_t i = 0; i < news->channels_count; i++) {
		struct channel_entry *c =
		    channels_find(&s->channels, news->channels[i]);

		if (c != NULL && !channel_is_idle(c))
			continue;
		if (c != NULL)
			channel_unlearn(c);
		some[n++] = news->channels[i];
	}
	op = n == 0 ? NULL : op_open(self, NULL);
	if (op == NULL)
		return ST_OK;
	return OP_ASK(op, hub_store(self), store_channels_forget,
	    hub_on_forgotten, .channels = some, .channels_count = n,
	    .silent = news->silent);
}

/* ---- the service ---- */

enum status
hub_on_service_run(struct actor *self, const struct msg *in)
{
	const struct service_run *ask = in->body;
	struct pruning *p;
	struct op *op;

	if (strcmp(ask->service, SERVICE_NAME) != 0)
		return REFUSE(self, in, NOT_FOUND, "no such service");
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	p = op_data(op);
	p->generation = ask->generation;
	p->now = actor_wall_us(self);
	return prune_some(self, op);
}

enum status
hub_on_service_cancel(struct actor *self, const struct msg *in)
{
	const struct service_cancel *ask = in->body;
	struct hub_state *s = actor_state(self);

	if (strcmp(ask->service, SERVICE_NAME) == 0)
		s->prune_cancelled = ask->generation;
	return ST_OK;
}
