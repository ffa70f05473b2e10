#include <string.h>

#include "protocols/problem.h"
#include "runtime/base/calendar.h"
#include "store/cost.h"
#include "store/requests.h"
#include "store/row.h"

/*
 * Reports are made of quarter-hour slots: every offset there is, is a
 * multiple of them, so that days anywhere are sums of whole slots.  Filter
 * first, then ask for the currency: what is outside does not matter.
 */

struct report {
	struct txn *t;
	struct store_reply *ret;
	const char *currency; /* of the filter, else of the first slot */
	int64_t start, end;
	uint32_t walked;
	bool filtered;
};

struct slot_at {
	int64_t at;
	const struct cost_slot *slot;
};

/* False: outside, of another currency, or stuck. */
static bool
report_slot(struct report *r, const struct backend_entry *entry,
    const struct key *prefix, struct slot_at *ret)
{
	struct key_reader k;

	key_read(&k, entry->key);
	key_skip(&k, prefix);
	ret->at = key_read_time(&k);
	if (++r->walked > COST_SCAN_MAX)
		(void)txn_fail(r->t, ST_FULL, "too many costs to add up");
	if (k.failed || ret->at < r->start || ret->at >= r->end)
		return false;
	if (r->currency == NULL) {
		r->currency = txn_copy_text(r->t, k.rest);
	} else if (strlen(r->currency) != k.rest.size ||
		   memcmp(r->currency, k.rest.at, k.rest.size) != 0) {
		if (r->filtered)
			return false;
		r->ret->problem = PROBLEM_MIXED_CURRENCY;
		(void)txn_fail(r->t, ST_CONFLICT,
		    "mixed_currency: the costs of this time have several; "
		    "name one");
		return false;
	}
	ret->slot = ROW_DECODE(r->t, TABLE_COST_SLOTS, entry, cost_slot);
	return ret->slot != NULL;
}

/* Without points, but with room for as many as there may be; NULL: none. */
static struct cost_points *
report_page(struct txn *t, struct cost_point **ret_points)
{
	struct cost_points *page = txn_take(t, sizeof(*page));
	struct cost_point *points =
	    txn_take(t, COST_POINTS_MAX * sizeof(*points));

	if (points == NULL)
		return NULL;
	page->points = points;
	*ret_points = points;
	return page;
}

static void
point_add(struct txn *t, struct cost_point *p, const struct cost_slot *slot)
{
	if (money_add(p->cost, slot->cost, &p->cost) != ST_OK)
		(void)txn_fail(t, ST_INVALID, "the sum would overflow");
	p->input_tokens = cost_tokens_add(p->input_tokens, slot->input_tokens);
	p->output_tokens =
	    cost_tokens_add(p->output_tokens, slot->output_tokens);
	p->records += slot->records;
}

/* ---- trend ---- */

static enum calendar_unit
trend_unit(enum cost_bucket bucket)
{
	static const enum calendar_unit units[] = {
		[BUCKET_HOUR] = CALENDAR_HOUR,
		[BUCKET_DAY] = CALENDAR_DAY,
		[BUCKET_WEEK] = CALENDAR_WEEK,
		[BUCKET_MONTH] = CALENDAR_MONTH,
	};

	return units[bucket];
}

/* Every bucket of the time, empty ones as zero. */
static uint32_t
trend_points(const struct store_cost_trend *ask, struct cost_point *points)
{
	enum calendar_unit unit = trend_unit(ask->bucket);
	int64_t at = calendar_floor(unit, ask->start, ask->utc_offset_minutes);
	uint32_t n = 0;

	for (; at < ask->end && n < COST_POINTS_MAX; n++) {
		points[n] = (struct cost_point){ .start = at, .key = "" };
		at = calendar_next(unit, at, ask->utc_offset_minutes);
	}
	return at < ask->end ? UINT32_MAX : n;
}

static void
trend_fill(struct report *r, const struct store_cost_trend *ask,
    struct cost_points *page, struct cost_point *points)
{
	struct backend_entry entry;
	struct key prefix, from;
	struct slot_at slot;
	uint32_t i = 0;
	struct scan s;
	bool found;

	cost_slot_prefix(&prefix, ask->by, ask->id);
	from = prefix;
	key_time(&from, ask->start);
	scan_open(&s, r->t, TABLE_COST_SLOTS, &prefix);
	found = scan_seek(&s, &from, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		size_t mark = txn_mark(r->t);
		bool first = r->currency == NULL;

		if (!report_slot(r, &entry, &prefix, &slot)) {
			if (txn_status(r->t) != ST_OK || slot.at >= r->end)
				break;
			continue;
		}
		while (i + 1 < page->points_count &&
		       points[i + 1].start <= slot.at)
			i++;
		point_add(r->t, &points[i], slot.slot);
		if (!first)
			txn_release(r->t, mark);
	}
	scan_close(&s);
}

static enum status
repo_cost_trend(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_cost_trend *ask = request;
	struct report r = { .t = t,
		.ret = ret,
		.currency = ask->currency,
		.start = ask->start,
		.end = ask->end,
		.filtered = ask->currency != NULL };
	struct cost_point *points;
	struct cost_points *page = report_page(t, &points);

	if (page == NULL)
		return txn_status(t);
	page->points_count = trend_points(ask, points);
	if (page->points_count == UINT32_MAX)
		return txn_fail(t, ST_INVALID,
		    "too many points: a shorter time, or longer buckets");
	trend_fill(&r, ask, page, points);
	page->currency = r.currency;
	return REQUEST_REPLY(t, ret, cost_points, page);
}

/* ---- breakdown ---- */

/* Adds up one group; the entry is the first of the next one then. */
static bool
group_fill(struct report *r, struct scan *s, const struct key *prefix,
    struct backend_entry *entry, struct cost_point *point)
{
	struct key from = *prefix;
	struct slot_at slot;
	bool found;

	key_time(&from, r->start);
	found = scan_seek(s, &from, entry);
	while (found && key_begins(entry->key, prefix)) {
		size_t mark = txn_mark(r->t);
		bool first = r->currency == NULL;

		if (report_slot(r, entry, prefix, &slot)) {
			point_add(r->t, point, slot.slot);
			if (!first)
				txn_release(r->t, mark);
		} else if (txn_status(r->t) != ST_OK || slot.at >= r->end) {
			break;
		}
		found = scan_next(s, entry);
	}
	if (txn_status(r->t) != ST_OK)
		return false;
	from = *prefix;
	key_past(&from);
	return scan_seek(s, &from, entry);
}

static void
groups_fill(struct report *r, const struct store_cost_breakdown *ask,
    struct cost_points *page, struct cost_point *points)
{
	struct backend_entry entry;
	struct key by, from, prefix;
	size_t used = 0;
	struct scan s;
	bool found;

	key_init(&by);
	key_number(&by, ask->by);
	from = by;
	if (ask->after != NULL) {
		key_text(&from, ask->after);
		key_past(&from);
	}
	scan_open(&s, r->t, TABLE_COST_SLOTS, &by);
	found = scan_seek(&s, &from, &entry);
	while (found && page->points_count < COST_POINTS_MAX) {
		struct cost_point *p = &points[page->points_count];
		struct key_reader k;

		key_read(&k, entry.key);
		key_skip(&k, &by);
		*p = (struct cost_point){ .start = r->start,
			.key = txn_copy_text(r->t, key_read_text(&k)) };
		if (p->key == NULL)
			break;
		cost_slot_prefix(&prefix, ask->by, p->key);
		found = group_fill(r, &s, &prefix, &entry, p);
		if (p->records > 0 && !request_page_takes(r->t,
					  CATALOGUE_TYPE(cost_point), p, &used))
			break;
		page->points_count += p->records > 0;
		page->next = found ? p->key : NULL;
	}
	scan_close(&s);
}

static enum status
repo_cost_breakdown(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_cost_breakdown *ask = request;
	struct report r = { .t = t,
		.ret = ret,
		.currency = ask->currency,
		.start = ask->start,
		.end = ask->end,
		.filtered = ask->currency != NULL };
	struct cost_point *points;
	struct cost_points *page = report_page(t, &points);

	if (page == NULL)
		return txn_status(t);
	groups_fill(&r, ask, page, points);
	page->currency = r.currency;
	return REQUEST_REPLY(t, ret, cost_points, page);
}

/* ---- forecast ---- */

static enum cost_by
forecast_by(enum budget_level level)
{
	static const enum cost_by by[] = {
		[LEVEL_ORGANISATION] = BY_ORGANISATION,
		[LEVEL_DEPARTMENT] = BY_DEPARTMENT,
		[LEVEL_PROJECT] = BY_PROJECT,
		[LEVEL_AGENT] = BY_AGENT,
	};

	return by[level];
}

/* What the slots of the time add up to, and where the first of them is. */
static money
forecast_sum(struct report *r, const struct budget *b, int64_t *ret_first)
{
	struct cost_point sum = { 0 };
	struct backend_entry entry;
	struct key prefix, from;
	struct slot_at slot;
	struct scan s;
	bool found;

	cost_slot_prefix(&prefix, forecast_by(b->level), b->subject);
	from = prefix;
	key_time(&from, r->start);
	scan_open(&s, r->t, TABLE_COST_SLOTS, &prefix);
	found = scan_seek(&s, &from, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		size_t mark = txn_mark(r->t);

		if (!report_slot(r, &entry, &prefix, &slot))
			break;
		if (sum.records == 0)
			*ret_first = slot.at;
		point_add(r->t, &sum, slot.slot);
		txn_release(r->t, mark);
	}
	scan_close(&s);
	return sum.cost;
}

/* Where a window ends that a time lies in; INT64_MAX: never. */
static int64_t
forecast_end(const struct budget *b, int64_t now)
{
	if (b->window == WINDOW_MONTH)
		return calendar_next(CALENDAR_MONTH, now, 0);
	if (b->window == WINDOW_DAY)
		return calendar_next(CALENDAR_DAY, now, 0);
	return INT64_MAX;
}

static void
forecast_exhaustion(struct cost_forecasted *f, int64_t now)
{
	money left = f->status.budget.amount - f->status.spent;
	money wait;

	if (left <= 0) {
		f->exhausted_at = now;
		f->has_exhausted_at = true;
		return;
	}
	if (f->daily_spend <= 0)
		return;
	/* A limit is at most 10^27 units: times a day's us it fits. */
	wait = left * CALENDAR_DAY_US / f->daily_spend;
	if (wait >= forecast_end(&f->status.budget, now) - now ||
	    wait > CALENDAR_MAX - now)
		return;
	f->exhausted_at = now + (int64_t)wait;
	f->has_exhausted_at = true;
}

static enum status
repo_cost_forecast(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_cost_forecast *ask = request;
	int64_t end = calendar_floor(CALENDAR_DAY, ask->now, 0);
	int64_t first = end;
	struct report r = { .t = t,
		.ret = ret,
		.start = end - ask->days * CALENDAR_DAY_US,
		.end = end };
	struct cost_forecasted *f = txn_take(t, sizeof(*f));
	const struct budget *b = NULL;
	struct meter m;
	money sum;

	if (request_id(t, ask->budget_id, "blank budget id"))
		b = budget_row(t, ask->budget_id);
	if (b == NULL)
		return txn_fail(t, ST_NOT_FOUND, "there is no such budget");
	if (b->level == LEVEL_TASK || b->window == WINDOW_ROLLING)
		return txn_fail(t, ST_INVALID,
		    "tasks and rolling windows have no forecast");
	meter_load(t, b, ask->now, &m);
	if (txn_status(t) != ST_OK)
		return txn_status(t);
	meter_status(&m, &f->status);
	r.currency = b->currency;
	sum = forecast_sum(&r, b, &first);
	f->days = (uint32_t)((end - calendar_floor(CALENDAR_DAY, first, 0)) /
			     CALENDAR_DAY_US);
	f->daily_spend = f->days == 0 ? 0 : sum / f->days;
	forecast_exhaustion(f, ask->now);
	return REQUEST_REPLY(t, ret, cost_forecasted, f);
}

const struct request repo_reports[] = {
	{ MSG_store_cost_trend, false, repo_cost_trend },
	{ MSG_store_cost_breakdown, false, repo_cost_breakdown },
	{ MSG_store_cost_forecast, false, repo_cost_forecast },
	{ 0 },
};
