#include <stdio.h>
#include <string.h>

#include "actors/hub.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * The journal forgets what passes the bounds of event_stream.retain_*, one
 * channel after the other, in one run of a periodic service.
 */

#define SERVICE_NAME "journal-prune"
#define SECOND_US INT64_C(1000000)

/* A run on its way: the page of channels is asked for again after each. */
struct pruning {
	uint64_t generation;
	uint64_t pruned;
	int64_t now;
};

_Static_assert(sizeof(struct pruning) <= OP_DATA_MAX, "it fits an op");

static enum status prune_on_channels(
    struct actor *self, struct op *op, const struct msg *reply);
static enum status prune_on_pruned(
    struct actor *self, struct op *op, const struct msg *reply);

static enum status
prune_next_channel(struct actor *self, struct op *op)
{
	struct hub_state *s = actor_state(self);

	return OP_ASK(op, hub_store(self), store_journal_channels,
	    prune_on_channels, .after = s->pruning);
}

static enum status
prune_channel(struct actor *self, struct op *op)
{
	struct hub_state *s = actor_state(self);
	const struct pruning *p = op_data(op);
	uint64_t age_s =
	    watch_number(&s->watch, self, SETTING_event_stream_retain_seconds);

	return OP_ASK(op, hub_store(self), store_journal_prune, prune_on_pruned,
	    .channel = s->pruning,
	    .events_max = watch_number(
		&s->watch, self, SETTING_event_stream_retain_events),
	    .bytes_max = watch_number(
		&s->watch, self, SETTING_event_stream_retain_bytes),
	    .before = p->now - (int64_t)age_s * SECOND_US,
	    .limit = HISTORY_PAGE_MAX);
}

static enum status
prune_on_pruned(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_journal_pruned *done = reply->body;
	struct hub_state *s = actor_state(self);
	struct pruning *p = op_data(op);

	if (reply->id != MSG_store_journal_pruned)
		return op_pass(op, reply);
	p->pruned += done->events;
	if (s->prune_cancelled == p->generation)
		return op_refuse_with(
		    op, &(struct refused){ .status = ST_CANCELLED,
			    .problem = PROBLEM_UNAVAILABLE,
			    .detail = "cancelled" });
	return done->more ? prune_channel(self, op)
			  : prune_next_channel(self, op);
}

static enum status
prune_on_channels(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_channels *page = reply->body;
	struct hub_state *s = actor_state(self);
	struct pruning *p = op_data(op);

	if (reply->id != MSG_store_channels)
		return op_pass(op, reply);
	if (page->channels_count > 0) {
		(void)text_fit(
		    s->pruning, sizeof(s->pruning), page->channels[0].channel);
		return prune_channel(self, op);
	}
	if (p->pruned > 0)
		LOG(EVENT_STREAM_PRUNED, KU("events", p->pruned));
	return OP_REPLY(
	    op, service_ran, .generation = p->generation, .count = p->pruned);
}

enum status
hub_on_service_run(struct actor *self, const struct msg *in)
{
	const struct service_run *ask = in->body;
	struct hub_state *s = actor_state(self);
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
	s->pruning[0] = '\0';
	return prune_next_channel(self, op);
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
