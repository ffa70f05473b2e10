#include <string.h>

#include "actors/cost.h"
#include "runtime/base/calendar.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/base/uuid.h"

/*
 * Memory first, then the store.  When the store does not answer, the record
 * waits in the outbox; its id makes sure that it counts once.
 */

/* What an op of this file keeps. */
struct record_op {
	struct cost_job *job;
};

static bool
add_is_blank(const struct cost_add *ask)
{
	return text_is_blank(ask->agent_id) || text_is_blank(ask->task_id) ||
	       text_is_blank(ask->provider) || text_is_blank(ask->model);
}

/* NULL: it may be recorded. */
static const char *
add_mistake(struct actor *self, const struct cost_add *ask)
{
	struct cost_state *s = actor_state(self);
	int64_t latest = actor_wall_us(self) + CALENDAR_DAY_US;

	if (add_is_blank(ask))
		return "agent_id, task_id, provider, model: must not be blank";
	if (cost_blank_if_given(ask->project_id))
		return "project_id: must not be blank";
	if (cost_blank_if_given(ask->department))
		return "department: must not be blank";
	if (ask->has_cost && (ask->cost < 0 || ask->cost > COST_MAX))
		return "cost: must be from 0 to 1000000";
	if (!ask->has_cost && ask->currency != NULL)
		return "currency: a cost made of a price has the price's";
	if (ask->has_cost && cost_currency(s, ask->currency) == NULL)
		return "currency: expected a code of ISO 4217 (there is no "
		       "default unless budget.currency is set)";
	if (ask->has_timestamp &&
	    (ask->timestamp < CALENDAR_MIN || ask->timestamp > latest))
		return "timestamp: must be no more than a day ahead";
	return NULL;
}

/* Borrows its texts from ask. */
static struct cost_record
record_of(struct cost_state *s, const struct cost_add *ask,
    const struct cost_job *job)
{
	const char *currency = cost_currency(s, ask->currency);

	return (struct cost_record){
		.record_id = job->record_id,
		.agent_id = ask->agent_id,
		.task_id = ask->task_id,
		.project_id = ask->project_id,
		.department = ask->department,
		.provider = ask->provider,
		.model = ask->model,
		.cost = ask->cost,
		.currency = ask->has_cost ? currency : "",
		.input_tokens = ask->input_tokens,
		.output_tokens = ask->output_tokens,
		.cache_read_tokens = ask->cache_read_tokens,
		.has_cache_read_tokens = ask->has_cache_read_tokens,
		.cache_write_tokens = ask->cache_write_tokens,
		.has_cache_write_tokens = ask->has_cache_write_tokens,
		.timestamp = job->timestamp,
		.call_category = ask->call_category,
		.has_call_category = ask->has_call_category,
	};
}

static enum status
record_ask(struct actor *self, struct op *op, struct cost_job *job,
    const struct cost_add *ask, op_fn on_reply)
{
	struct cost_state *s = actor_state(self);
	uint8_t random[ID_TEXT / 2];
	char decision[ID_TEXT + 1], record[UUID_TEXT_SIZE];
	struct audit_note note;

	uuid_text(&job->record_id, record);
	note = audit_note_by(self, &ask->caller, "cost.record", record);
	actor_random(self, random, sizeof(random));
	text_hex(random, sizeof(random), decision);
	return OP_ASK(op, cost_store(self), store_cost_add, on_reply,
	    .record = record_of(s, ask, job), .priced = !ask->has_cost,
	    .body_hash = ask->once.body_hash, .principal = ask->caller.user_id,
	    .now = job->now, .keep_us = s->keep_us, .event_id = job->event_id,
	    .decision_id = decision, .audit = s->audits ? &note : NULL);
}

/* It was refused for good. */
static void
record_forget(struct cost_state *s, const struct cost_job *job)
{
	s->counts.refused++;
	if (job->remembered)
		cost_window_remove(&s->window, &job->record_id);
}

/* ---- the outbox ---- */

static enum status record_on_replayed(
    struct actor *self, struct op *op, const struct msg *reply);

static void
replay_head(struct actor *self)
{
	struct cost_state *s = actor_state(self);
	struct list *node = list_first(&s->outbox);
	const struct cost_add *ask;
	struct cost_job *job;
	struct op *op;

	if (node == NULL || s->replays)
		return;
	job = LIST_OF(node, struct cost_job, link);
	ask = cost_job_body(self, job, CATALOGUE_TYPE(cost_add));
	op = ask == NULL ? NULL : op_open(self, NULL);
	if (op == NULL) {
		cost_replay_later(self);
		return;
	}
	op_within(op, s->deadline_us);
	s->replays = true;
	(void)record_ask(self, op, job, ask, record_on_replayed);
}

static enum status
record_on_replay(struct actor *self, struct timer *t)
{
	(void)t;
	replay_head(self);
	return ST_OK;
}

void
cost_replay_later(struct actor *self)
{
	struct cost_state *s = actor_state(self);

	if (!timer_is_running(&s->replay))
		timer_start(self, &s->replay, COST_REPLAY_US, record_on_replay);
}

static void
record_log_failed(
    const struct cost_add *ask, const struct msg *reply, const char *outcome)
{
	const struct refused *why = reply->body;
	char cost[MONEY_TEXT_SIZE];

	money_text(ask->cost, cost);
	LOG(BUDGET_PROJECT_COST_AGGREGATION_FAILED,
	    KV("project_id", ask->project_id), KV("cost", cost),
	    KV("error", reply->id == MSG_refused ? why->detail : "undecodable"),
	    KV("outcome", outcome));
}

/* Of this record, as of a project whose row is corrupt; not of the store. */
static bool
replay_is_stuck(const struct msg *reply)
{
	const struct refused *why = reply->body;

	return reply->id == MSG_refused &&
	       (why->status == ST_CORRUPT || why->status == ST_NEWER);
}

/* The others first; once all were tried, later. */
static void
replay_failed(struct actor *self, struct cost_job *job, bool stuck)
{
	struct cost_state *s = actor_state(self);

	if (stuck) {
		list_remove(&job->link);
		list_append(&s->outbox, &job->link);
		if (++s->passed_over < s->outbox_count) {
			replay_head(self);
			return;
		}
	}
	s->passed_over = 0;
	cost_replay_later(self);
}

/* Refused for good: it is told, and the next one goes on. */
static enum status
record_on_replayed(struct actor *self, struct op *op, const struct msg *reply)
{
	struct cost_state *s = actor_state(self);
	struct cost_job *job =
	    LIST_OF(list_first(&s->outbox), struct cost_job, link);
	const struct store_cost_added *got = reply->body;
	bool added = reply->id == MSG_store_cost_added;
	enum status st = op_close(op);

	s->replays = false;
	if (!added && cost_store_failed(reply)) {
		replay_failed(self, job, replay_is_stuck(reply));
		return st;
	}
	s->passed_over = 0;
	if (!added || got->decision != NULL) {
		const struct cost_add *ask =
		    cost_job_body(self, job, CATALOGUE_TYPE(cost_add));

		if (ask != NULL)
			record_log_failed(ask, reply, "refused");
		record_forget(s, job);
	}
	s->outbox_count--;
	cost_job_drop(self, job);
	replay_head(self);
	return st;
}

/* ---- the answer ---- */

static enum status
record_keep(struct actor *self, struct op *op, struct cost_job *job,
    const struct cost_add *ask, const struct msg *reply)
{
	struct cost_state *s = actor_state(self);
	bool room = s->outbox_count < s->outbox_max;
	enum cost_durable durable = room ? DURABLE_QUEUED : DURABLE_FAILED;
	struct cost_record record = record_of(s, ask, job);

	record_log_failed(ask, reply, room ? "queued" : "lost");
	if (!room) {
		s->counts.lost++;
		cost_job_drop(self, job);
		return OP_REPLY(
		    op, cost_added, .record = record, .durable = durable);
	}
	list_remove(&job->link);
	list_append(&s->outbox, &job->link);
	s->outbox_count++;
	s->counts.queued++;
	cost_replay_later(self);
	return OP_REPLY(op, cost_added, .record = record, .durable = durable);
}

static void
record_count_applied(struct actor *self, const struct cost_job *job,
    const struct store_cost_added *got)
{
	struct cost_state *s = actor_state(self);
	char cost[MONEY_TEXT_SIZE], total[MONEY_TEXT_SIZE];

	s->counts.applied += !got->duplicate;
	s->counts.duplicates += got->duplicate;
	if (!got->duplicate)
		timing_observe(&s->counts.increment_seconds,
		    actor_now_us(self) - job->asked_us);
	if (got->project == NULL || got->duplicate)
		return;
	money_text(got->record.cost, cost);
	money_text(got->project->total_cost, total);
	LOG(BUDGET_PROJECT_COST_AGGREGATED,
	    KV("project_id", got->project->project_id), KV("cost", cost),
	    KU("input_tokens", got->record.input_tokens),
	    KU("output_tokens", got->record.output_tokens), KV("total", total));
}

static enum status
record_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct record_op *mine = op_data(op);
	const struct store_cost_added *got = reply->body;
	struct cost_state *s = actor_state(self);
	struct cost_job *job = mine->job;
	const struct refused *why = reply->body;
	const struct cost_add *ask;

	if (reply->id == MSG_store_cost_added && got->decision == NULL) {
		record_count_applied(self, job, got);
		if (!job->remembered && !got->duplicate)
			(void)cost_window_add(&s->window, &got->record);
		cost_job_drop(self, job);
		return OP_REPLY(op, cost_added, .record = got->record,
		    .durable = DURABLE_APPLIED, .duplicate = got->duplicate,
		    .project = got->project);
	}
	if (reply->id == MSG_refused && why->status == ST_NO_MEMORY)
		return ST_NO_MEMORY;
	ask = cost_job_body(self, job, CATALOGUE_TYPE(cost_add));
	if (reply->id != MSG_store_cost_added && ask != NULL && ask->has_cost &&
	    cost_store_failed(reply))
		return record_keep(self, op, job, ask, reply);
	record_forget(s, job);
	cost_job_drop(self, job);
	if (reply->id == MSG_store_cost_added)
		return cost_refuse_decision(op, got->decision);
	if (reply->id == MSG_refused)
		return op_pass(op, reply);
	return OP_REFUSE(op, STORE_FAILED, "the store cannot be understood");
}

static void
record_ids(struct actor *self, const struct cost_add *ask, struct cost_job *job)
{
	job->record_id = ask->has_record_id ? ask->record_id : id_make(self);
	if (!ask->has_record_id && ask->once.key != NULL)
		job->record_id =
		    cost_key_id(&ask->caller, "record", &ask->once);
	job->event_id = id_make(self);
	job->now = actor_wall_us(self);
	job->timestamp = ask->has_timestamp ? ask->timestamp : job->now;
}

static void
record_remember(
    struct cost_state *s, const struct cost_add *ask, struct cost_job *job)
{
	struct cost_record record = record_of(s, ask, job);
	char cost[MONEY_TEXT_SIZE];

	if (!ask->has_cost)
		return;
	job->remembered = cost_window_add(&s->window, &record);
	money_text(ask->cost, cost);
	LOG(BUDGET_RECORD_ADDED, KV("agent_id", ask->agent_id),
	    KV("task_id", ask->task_id), KV("cost", cost));
}

enum status
record_on_add(struct actor *self, const struct msg *in)
{
	const struct cost_add *ask = in->body;
	const char *mistake = add_mistake(self, ask);
	struct cost_state *s = actor_state(self);
	struct record_op *mine;
	struct cost_job *job;
	struct op *op;

	if (cost_denies(self, in, &ask->caller, ACCESS_WRITE))
		return ST_OK;
	if (ask->once.key != NULL && text_is_blank(ask->once.key))
		return REFUSE(self, in, BAD_REQUEST,
		    "the Idempotency-Key must not be blank");
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	job = cost_job_take(self, in);
	if (job == NULL)
		return OP_REFUSE(
		    op, OVERLOADED, "too many cost records wait for the store");
	record_ids(self, ask, job);
	record_remember(s, ask, job);
	mine = op_data(op);
	mine->job = job;
	op_limit(op, s->deadline_us);
	return record_ask(self, op, job, ask, record_on_stored);
}
