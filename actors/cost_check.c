#include <string.h>

#include "actors/budget_rule.h"
#include "actors/cost.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * Pre-flight: is the budget exhausted already?  In-flight: what does running
 * work start from?  Both look a project's total up in the same way and differ
 * in the event that a failing source is told with, and in what they do when
 * nobody knows: a check passes, a checker starts from 0.
 */

#define REASON_AGGREGATE "project_cost_aggregate_query_failed"
#define REASON_MEMORY "project_cost_query_failed"

enum site { SITE_PREFLIGHT, SITE_BASELINE };

struct check_op {
	struct cost_job *job;
	char decision[ID_TEXT + 1];
	uint32_t problem;
	const char *detail;
};

struct looked_up {
	bool available;
	money cost;
	enum cost_source source;
};

static void
check_log_error(enum site site, const char *project_id, const char *reason,
    const char *error)
{
	if (site == SITE_PREFLIGHT)
		LOG(BUDGET_PREFLIGHT_ERROR, KV("project_id", project_id),
		    KV("reason", reason), KV("error", error));
	else
		LOG(BUDGET_BASELINE_ERROR, KV("project_id", project_id),
		    KV("reason", reason), KV("error", error));
}

static void
check_log_source(const char *project_id, const struct looked_up *l)
{
	char cost[MONEY_TEXT_SIZE];

	money_text(l->cost, cost);
	LOG(BUDGET_PROJECT_BASELINE_SOURCE, KV("project_id", project_id),
	    KV("source",
		l->source == SOURCE_AGGREGATE ? "aggregate" : "in_memory"),
	    KV("cost", cost));
}

static struct looked_up
look_in_memory(struct actor *self, const char *project_id)
{
	struct cost_state *s = actor_state(self);
	struct looked_up l = { .source = SOURCE_MEMORY };
	char cost[MONEY_TEXT_SIZE];

	(void)cost_window_prune(
	    &s->window, actor_wall_us(self) - (int64_t)s->window_us);
	l.available = cost_window_total(&s->window, project_id, &l.cost);
	l.cost = budget_round(l.cost);
	money_text(l.cost, cost);
	if (l.available)
		LOG(BUDGET_PROJECT_COST_QUERIED, KV("project_id", project_id),
		    KV("cost", cost));
	return l;
}

/* What the store has missed is in memory, for as long as the window is. */
static void
look_reconcile(
    struct actor *self, const char *project_id, struct looked_up *stored)
{
	struct looked_up l = look_in_memory(self, project_id);

	if (l.available && l.cost > stored->cost)
		*stored = l;
}

/* What the store said, else what memory knows. */
static struct looked_up
look_up(struct actor *self, const char *project_id, enum site site,
    const struct msg *reply)
{
	const struct store_project_cost_found *found = reply->body;
	const struct refused *why = reply->body;
	struct cost_state *s = actor_state(self);
	struct looked_up l = { .available = true, .source = SOURCE_AGGREGATE };

	if (reply->id == MSG_store_project_cost_found) {
		if (found->project != NULL)
			l.cost = budget_round(found->project->total_cost);
		if (s->reconciles)
			look_reconcile(self, project_id, &l);
		check_log_source(project_id, &l);
		return l;
	}
	check_log_error(site, project_id, REASON_AGGREGATE,
	    reply->id == MSG_refused ? why->detail : "undecodable");
	s->counts.fallbacks++;
	l = look_in_memory(self, project_id);
	if (l.available)
		check_log_source(project_id, &l);
	else
		check_log_error(
		    site, project_id, REASON_MEMORY, "nothing is in memory");
	return l;
}

/* ---- the decision, then the refusal ---- */

static enum status
check_on_decided(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct check_op *mine = op_data(op);
	bool kept = reply->id == MSG_done;
	struct cost_job *job = mine->job;

	cost_job_drop(self, job);
	LOG(BUDGET_LIMIT_REFUSED, KV("rule", "check"),
	    KU("problem", mine->problem),
	    KV("decision", kept ? mine->decision : "-"));
	return op_refuse_with(
	    op, &(struct refused){ .status = ST_CONFLICT,
		    .problem = mine->problem,
		    .detail = mine->detail,
		    .decision = kept ? mine->decision : NULL });
}

static enum status
check_refuse(struct actor *self, struct op *op, struct budget_decision *d)
{
	struct check_op *mine = op_data(op);
	struct uuid id = id_make(self);

	id_text(&id, mine->decision);
	mine->problem = d->problem;
	mine->detail = d->detail;
	d->id = mine->decision;
	d->at = actor_wall_us(self);
	return OP_ASK(op, cost_store(self), store_decision_put,
	    check_on_decided, .decision = *d);
}

static enum status
check_skip(struct actor *self, struct op *op, const char *project_id)
{
	const struct check_op *mine = op_data(op);
	struct cost_state *s = actor_state(self);

	cost_job_drop(self, mine->job);
	if (s->fails_closed)
		return OP_REFUSE(op, STORE_FAILED,
		    "query_failed: nobody can say what was spent");
	s->counts.skipped++;
	LOG(BUDGET_ENFORCEMENT_SKIPPED, KV("project_id", project_id),
	    KU("skipped", s->counts.skipped));
	return OP_REPLY(op, budget_checked, .enforced = false);
}

static struct budget_decision
check_decision(
    const struct budget_check *ask, const char *rule, const char *detail)
{
	return (struct budget_decision){ .rule = rule,
		.problem = PROBLEM_BUDGET_EXHAUSTED,
		.detail = detail,
		.asked_by = ask->caller.user_id,
		.amount = ask->amount,
		.has_amount = ask->has_amount,
		.agent_id = ask->agent_id,
		.task_id = ask->task_id,
		.project_id = ask->project_id,
		.department = ask->department };
}

/* ---- a budget that the caller gave ---- */

static enum status
check_project(struct actor *self, struct op *op, const struct budget_check *ask,
    const struct msg *reply)
{
	const struct check_op *mine = op_data(op);
	char cost[MONEY_TEXT_SIZE], budget[MONEY_TEXT_SIZE];
	struct looked_up l =
	    look_up(self, ask->project_id, SITE_PREFLIGHT, reply);
	struct budget_decision d;

	if (!l.available)
		return check_skip(self, op, ask->project_id);
	money_text(l.cost, cost);
	money_text(ask->project_budget, budget);
	LOG(BUDGET_PROJECT_ENFORCEMENT_CHECK, KV("project_id", ask->project_id),
	    KV("cost", cost), KV("budget", budget));
	if (!budget_is_exhausted(l.cost, ask->project_budget)) {
		cost_job_drop(self, mine->job);
		return OP_REPLY(op, budget_checked, .enforced = true,
		    .cost = l.cost, .has_cost = true, .source = l.source,
		    .has_source = true);
	}
	LOG(BUDGET_PROJECT_BUDGET_EXCEEDED, KV("project_id", ask->project_id),
	    KV("cost", cost), KV("budget", budget));
	d = check_decision(
	    ask, "project_budget", "the project's budget is exhausted");
	d.project_budget = ask->project_budget;
	d.has_project_budget = true;
	d.project_total = l.cost;
	d.has_project_total = true;
	return check_refuse(self, op, &d);
}

static enum status
check_on_found(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct check_op *mine = op_data(op);
	const struct budget_check *ask =
	    cost_job_body(self, mine->job, CATALOGUE_TYPE(budget_check));

	if (ask == NULL)
		return ST_NO_MEMORY;
	return check_project(self, op, ask, reply);
}

/* ---- the budgets that are stored ---- */

static enum status
check_on_limits(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct check_op *mine = op_data(op);
	const struct budget_check *ask =
	    cost_job_body(self, mine->job, CATALOGUE_TYPE(budget_check));
	const struct store_budget_checked *got = reply->body;
	const struct refused *why = reply->body;
	struct budget_decision d;

	if (ask == NULL)
		return ST_NO_MEMORY;
	if (reply->id != MSG_store_budget_checked) {
		check_log_error(SITE_PREFLIGHT, ask->project_id,
		    "budget_query_failed",
		    reply->id == MSG_refused ? why->detail : "undecodable");
		return check_skip(self, op, ask->project_id);
	}
	if (!got->refused) {
		cost_job_drop(self, mine->job);
		return OP_REPLY(op, budget_checked,
		    .enforced = got->limits_count > 0, .limits = got->limits,
		    .limits_count = got->limits_count);
	}
	d = check_decision(
	    ask, "hard_limit", "a budget that applies is exhausted");
	d.limits = got->limits;
	d.limits_count = got->limits_count;
	return check_refuse(self, op, &d);
}

static const char *
check_mistake(const struct budget_check *ask)
{
	if (cost_blank_if_given(ask->project_id))
		return "project_id: must not be blank";
	if (cost_blank_if_given(ask->agent_id) ||
	    cost_blank_if_given(ask->task_id) ||
	    cost_blank_if_given(ask->department))
		return "agent_id, task_id, department: must not be blank";
	if (ask->has_project_budget && ask->project_id == NULL)
		return "project_budget: needs a project_id";
	if (ask->has_amount && ask->amount < 0)
		return "amount: must not be negative";
	return NULL;
}

static enum status
check_ask(struct actor *self, struct op *op, const struct budget_check *ask)
{
	struct cost_state *s = actor_state(self);

	op_limit(op, s->deadline_us);
	if (ask->has_project_budget)
		return OP_ASK(op, cost_store(self), store_project_cost_get,
		    check_on_found, .project_id = ask->project_id);
	return OP_ASK(op, cost_store(self), store_budget_check, check_on_limits,
	    .project_id = ask->project_id, .department = ask->department,
	    .agent_id = ask->agent_id, .task_id = ask->task_id,
	    .amount = ask->amount, .has_amount = ask->has_amount,
	    .now = actor_wall_us(self));
}

enum status
check_on_check(struct actor *self, const struct msg *in)
{
	const struct budget_check *ask = in->body;
	const char *mistake = check_mistake(ask);
	struct check_op *mine;
	struct op *op;

	if (cost_denies(self, in, &ask->caller, ACCESS_WRITE))
		return ST_OK;
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	if (ask->has_project_budget && ask->project_budget <= 0)
		return REPLY(self, in, budget_checked, .enforced = false);
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	mine = op_data(op);
	mine->job = cost_job_take(self, in);
	if (mine->job == NULL)
		return OP_REFUSE(
		    op, OVERLOADED, "too many checks wait for the store");
	return check_ask(self, op, ask);
}

/* ---- a snapshot for running work ---- */

struct base_op {
	money budget;
	struct cost_job *job;
};

static enum status
base_answer(struct op *op, money budget, const struct looked_up *l)
{
	return OP_REPLY(op, budget_base, .enforced = true,
	    .baseline = l->available ? l->cost : 0, .project_budget = budget,
	    .source = l->source, .has_source = l->available);
}

static enum status
check_on_base(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct base_op *mine = op_data(op);
	const struct budget_baseline *ask =
	    cost_job_body(self, mine->job, CATALOGUE_TYPE(budget_baseline));
	struct looked_up l;

	if (ask == NULL)
		return ST_NO_MEMORY;
	l = look_up(self, ask->project_id, SITE_BASELINE, reply);
	cost_job_drop(self, mine->job);
	return base_answer(op, mine->budget, &l);
}

enum status
check_on_baseline(struct actor *self, const struct msg *in)
{
	const struct budget_baseline *ask = in->body;
	struct cost_state *s = actor_state(self);
	struct base_op *mine;
	struct op *op;

	if (cost_denies(self, in, &ask->caller, ACCESS_WRITE))
		return ST_OK;
	if (cost_blank_if_given(ask->project_id))
		return REFUSE(
		    self, in, VALIDATION, "project_id: must not be blank");
	if (ask->project_id == NULL || ask->project_budget <= 0)
		return REPLY(self, in, budget_base, .enforced = false,
		    .project_budget = ask->project_budget);
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	mine = op_data(op);
	mine->budget = ask->project_budget;
	mine->job = cost_job_take(self, in);
	if (mine->job == NULL)
		return OP_REFUSE(
		    op, OVERLOADED, "too many checks wait for the store");
	op_limit(op, s->deadline_us);
	return OP_ASK(op, cost_store(self), store_project_cost_get,
	    check_on_base, .project_id = ask->project_id);
}

/* ---- totals, for whoever asks ---- */

static enum status
total_answer(struct op *op, const struct looked_up *l)
{
	return OP_REPLY(op, cost_total, .available = l->available,
	    .cost = l->cost, .source = l->source);
}

static enum status
check_on_durable(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_project_cost_found *found = reply->body;
	struct looked_up l = { .available = true, .source = SOURCE_AGGREGATE };

	(void)self;
	if (reply->id != MSG_store_project_cost_found)
		return op_pass(op, reply);
	if (found->project != NULL)
		l.cost = budget_round(found->project->total_cost);
	return total_answer(op, &l);
}

enum status
check_on_total(struct actor *self, const struct msg *in)
{
	const struct cost_project_total *ask = in->body;
	struct looked_up l;

	if (text_is_blank(ask->project_id))
		return REFUSE(
		    self, in, VALIDATION, "project_id: must not be blank");
	if (ask->source == SOURCE_MEMORY) {
		l = look_in_memory(self, ask->project_id);
		return REPLY(self, in, cost_total, .available = l.available,
		    .cost = l.cost, .source = l.source);
	}
	return ASK(self, in, cost_store(self), store_project_cost_get,
	    check_on_durable, .project_id = ask->project_id);
}

enum status
check_on_records(struct actor *self, const struct msg *in)
{
	const struct cost_project_records *ask = in->body;
	struct cost_state *s = actor_state(self);
	struct window_record *records =
	    arena_take(actor_arena(self), COSTS_PAGE_MAX * sizeof(*records));
	uint64_t count;

	if (text_is_blank(ask->project_id))
		return REFUSE(
		    self, in, VALIDATION, "project_id: must not be blank");
	if (records == NULL)
		return REFUSE(self, in, OVERLOADED, "out of memory");
	(void)cost_window_prune(
	    &s->window, actor_wall_us(self) - (int64_t)s->window_us);
	count = cost_window_list(
	    &s->window, ask->project_id, records, COSTS_PAGE_MAX);
	LOG(BUDGET_PROJECT_RECORDS_QUERIED, KV("project_id", ask->project_id),
	    KU("count", count));
	return REPLY(self, in, cost_windowed, .records = records,
	    .records_count =
		(uint32_t)(count < COSTS_PAGE_MAX ? count : COSTS_PAGE_MAX),
	    .count = count);
}
