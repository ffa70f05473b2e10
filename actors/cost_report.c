#include <string.h>

#include "actors/cost.h"
#include "actors/cost_csv.h"
#include "runtime/base/calendar.h"
#include "runtime/base/currency.h"
#include "runtime/base/decimal.h"
#include "runtime/base/text.h"

#define PAGE_DEFAULT 50
#define FORECAST_DAYS 30
#define SLOT_US (15 * CALENDAR_MINUTE_US)
#define SLOT_MINUTES 15

/* ---- records and sums ---- */

/* A number, and nothing else; NULL is 0. */
static bool
seq_parse(const char *text, uint64_t *ret_seq)
{
	*ret_seq = 0;
	return text == NULL || decimal_parse(text, UINT64_MAX, ret_seq);
}

enum status
report_on_list(struct actor *self, const struct msg *in)
{
	const struct cost_list *ask = in->body;
	uint64_t after;

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (ask->has_limit && ask->limit == 0)
		return REFUSE(
		    self, in, VALIDATION, "limit: must be at least 1");
	if (cost_blank_if_given(ask->agent_id) ||
	    cost_blank_if_given(ask->task_id) ||
	    cost_blank_if_given(ask->project_id))
		return REFUSE(self, in, VALIDATION,
		    "agent_id, task_id, project_id: must not be blank");
	if (!seq_parse(ask->cursor, &after))
		return REFUSE(self, in, VALIDATION,
		    "cursor: is not one that a page ended with");
	return COST_ASK(self, in, &ask->caller, store_cost_list, cost_explain,
	    .agent_id = ask->agent_id, .task_id = ask->task_id,
	    .project_id = ask->project_id, .after = after,
	    .limit = ask->has_limit ? ask->limit : PAGE_DEFAULT);
}

enum status
report_on_sum(struct actor *self, const struct msg *in)
{
	const struct cost_sum *ask = in->body;

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (cost_blank_if_given(ask->agent_id) ||
	    cost_blank_if_given(ask->task_id) ||
	    cost_blank_if_given(ask->project_id))
		return REFUSE(self, in, VALIDATION,
		    "agent_id, task_id, project_id: must not be blank");
	return COST_ASK(self, in, &ask->caller, store_cost_sum, cost_explain,
	    .agent_id = ask->agent_id, .task_id = ask->task_id,
	    .project_id = ask->project_id);
}

static enum status
report_on_found(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_project_cost_found *found = reply->body;

	(void)self;
	if (reply->id != MSG_store_project_cost_found)
		return op_pass(op, reply);
	if (found->project == NULL)
		return OP_REFUSE(
		    op, NOT_FOUND, "nothing was recorded of this project");
	return OP_REPLY(op, cost_project, .project = *found->project);
}

enum status
report_on_project(struct actor *self, const struct msg *in)
{
	const struct cost_project_get *ask = in->body;

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (text_is_blank(ask->project_id))
		return REFUSE(
		    self, in, VALIDATION, "project_id: must not be blank");
	return ASK(self, in, cost_store(self), store_project_cost_get,
	    report_on_found, .project_id = ask->project_id);
}

enum status
report_on_projects(struct actor *self, const struct msg *in)
{
	const struct project_list *ask = in->body;

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (ask->has_limit && ask->limit == 0)
		return REFUSE(
		    self, in, VALIDATION, "limit: must be at least 1");
	if (ask->cursor != NULL &&
	    (text_is_blank(ask->cursor) || strlen(ask->cursor) > ID_MAX))
		return REFUSE(self, in, VALIDATION,
		    "cursor: is not one that a page ended with");
	return COST_ASK(self, in, &ask->caller, store_project_cost_list,
	    cost_explain, .after = ask->cursor,
	    .limit = ask->has_limit ? ask->limit : PAGE_DEFAULT);
}

/* ---- trends and breakdowns ---- */

static const char *
times_mistake(int64_t start, int64_t end, const char *currency)
{
	if (start < CALENDAR_MIN || end > CALENDAR_MAX || start >= end)
		return "start, end: start must be before end";
	if (start % SLOT_US != 0 || end % SLOT_US != 0)
		return "start, end: must be on a quarter of an hour";
	if (currency != NULL && !currency_known(currency))
		return "currency: expected a code of ISO 4217";
	return NULL;
}

static const char *
trend_mistake(const struct cost_trend *ask)
{
	const char *mistake =
	    times_mistake(ask->start, ask->end, ask->currency);
	bool whole = !ask->has_by || ask->by == BY_ORGANISATION;

	if (mistake != NULL)
		return mistake;
	if (whole != (ask->id == NULL) || cost_blank_if_given(ask->id))
		return "id: goes with a `by` other than the organisation";
	if (ask->utc_offset_minutes < -CALENDAR_OFFSET_MAX ||
	    ask->utc_offset_minutes > CALENDAR_OFFSET_MAX ||
	    ask->utc_offset_minutes % SLOT_MINUTES != 0)
		return "utc_offset_minutes: must be from -840 to 840, in "
		       "steps of 15";
	return NULL;
}

static enum status
trend_ask(struct actor *self, const struct msg *in,
    const struct cost_trend *ask, op_fn on_reply)
{
	const char *mistake = trend_mistake(ask);

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	return COST_ASK(self, in, &ask->caller, store_cost_trend, on_reply,
	    .start = ask->start, .end = ask->end,
	    .bucket = ask->has_bucket ? ask->bucket : BUCKET_DAY,
	    .by = ask->has_by ? ask->by : BY_ORGANISATION,
	    .id = ask->id == NULL ? "" : ask->id, .currency = ask->currency,
	    .utc_offset_minutes = ask->utc_offset_minutes);
}

static enum status
breakdown_ask(struct actor *self, const struct msg *in,
    const struct cost_breakdown *ask, op_fn on_reply)
{
	const char *mistake =
	    times_mistake(ask->start, ask->end, ask->currency);

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (mistake == NULL && ask->cursor != NULL &&
	    strlen(ask->cursor) > ID_MAX)
		mistake = "cursor: is not one that a page ended with";
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	return COST_ASK(self, in, &ask->caller, store_cost_breakdown, on_reply,
	    .start = ask->start, .end = ask->end, .by = ask->by,
	    .currency = ask->currency, .after = ask->cursor);
}

/* A file that is full goes on behind its last group. */
static enum status
report_on_csv(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct cost_points *page = reply->body;
	const char *next;
	uint32_t n;
	char *text;

	if (reply->id != MSG_cost_points)
		return cost_explain(self, op, reply);
	text = arena_take(actor_arena(self), COST_CSV_MAX + 1);
	if (text == NULL)
		return OP_REFUSE(op, OVERLOADED, "out of memory");
	n = cost_csv_write(page, text, COST_CSV_MAX + 1);
	next = n < page->points_count ? page->points[n - 1].key : page->next;
	return OP_REPLY(op, cost_csv, .csv = text, .next = next);
}

enum status
report_on_trend(struct actor *self, const struct msg *in)
{
	return trend_ask(self, in, in->body, cost_explain);
}

enum status
report_on_trend_csv(struct actor *self, const struct msg *in)
{
	const struct cost_trend_csv *ask = in->body;
	const struct cost_trend same = { .caller = ask->caller,
		.start = ask->start,
		.end = ask->end,
		.bucket = ask->bucket,
		.has_bucket = ask->has_bucket,
		.by = ask->by,
		.has_by = ask->has_by,
		.id = ask->id,
		.currency = ask->currency,
		.utc_offset_minutes = ask->utc_offset_minutes,
		.has_utc_offset_minutes = ask->has_utc_offset_minutes };

	return trend_ask(self, in, &same, report_on_csv);
}

enum status
report_on_breakdown(struct actor *self, const struct msg *in)
{
	return breakdown_ask(self, in, in->body, cost_explain);
}

enum status
report_on_breakdown_csv(struct actor *self, const struct msg *in)
{
	const struct cost_breakdown_csv *ask = in->body;
	const struct cost_breakdown same = { .caller = ask->caller,
		.start = ask->start,
		.end = ask->end,
		.by = ask->by,
		.currency = ask->currency,
		.cursor = ask->cursor };

	return breakdown_ask(self, in, &same, report_on_csv);
}

enum status
report_on_forecast(struct actor *self, const struct msg *in)
{
	const struct cost_forecast *ask = in->body;

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (ask->has_days && ask->days == 0)
		return REFUSE(self, in, VALIDATION, "days: must be at least 1");
	return COST_ASK(self, in, &ask->caller, store_cost_forecast,
	    cost_explain, .budget_id = ask->budget_id,
	    .days = ask->has_days ? ask->days : FORECAST_DAYS,
	    .now = actor_wall_us(self));
}
