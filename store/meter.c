#include "store/meter.h"

#include <string.h>

#include "runtime/base/calendar.h"
#include "store/row.h"

static const uint32_t thresholds[] = { 75, 90, 100 };

#define THRESHOLDS (sizeof(thresholds) / sizeof(thresholds[0]))
#define ROLLING_HOURS (2 * BUDGET_ROLLING_MAX + 1)

struct cost_dims
cost_dims_of(const char *project_id, const char *department,
    const char *agent_id, const char *task_id)
{
	return (struct cost_dims){ .of = {
				       [LEVEL_ORGANISATION] = "",
				       [LEVEL_DEPARTMENT] = department,
				       [LEVEL_PROJECT] = project_id,
				       [LEVEL_AGENT] = agent_id,
				       [LEVEL_TASK] = task_id,
				   } };
}

int64_t
meter_start(const struct budget *b, int64_t at)
{
	switch (b->window) {
	case WINDOW_MONTH:
		return calendar_floor(CALENDAR_MONTH, at, 0);
	case WINDOW_DAY:
		return calendar_floor(CALENDAR_DAY, at, 0);
	case WINDOW_ROLLING:
		return calendar_floor(CALENDAR_HOUR, at, 0);
	case WINDOW_LIFETIME:
		break;
	}
	return 0;
}

static void
meter_key(struct key *k, const struct budget *b, int64_t start)
{
	key_init(k);
	key_text(k, b->id);
	key_time(k, start);
}

const struct budget *
budget_row(struct txn *t, const char *id)
{
	struct key k;

	key_init(&k);
	key_tail(&k, id);
	return ROW_GET(t, TABLE_BUDGETS, &k, budget);
}

/* Sticks at INVALID past the range. */
static money
meter_sum(struct txn *t, money a, money b)
{
	money sum = a;

	if (money_add(a, b, &sum) != ST_OK)
		(void)txn_fail(t, ST_INVALID, "a total would overflow");
	return sum;
}

/* Of each hour a window can have that the charged one is in. */
struct rolling {
	money spent[ROLLING_HOURS];
	money held[ROLLING_HOURS];
};

static void
rolling_read(struct txn *t, struct meter *m, struct rolling *r)
{
	int64_t span = m->budget->rolling_hours * CALENDAR_HOUR_US;
	struct backend_entry entry;
	struct key prefix, seek;
	struct scan s;
	bool found;

	key_init(&prefix);
	key_text(&prefix, m->budget->id);
	meter_key(&seek, m->budget, m->start - span);
	scan_open(&s, t, TABLE_BUDGET_METERS, &prefix);
	found = scan_seek(&s, &seek, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		const struct budget_meter *row;
		struct key_reader k;
		int64_t at;

		key_read(&k, entry.key);
		key_skip(&k, &prefix);
		at = key_read_time(&k) - (m->start - span);
		if (k.failed || at < 0 || at > 2 * span)
			break;
		row = ROW_DECODE(t, TABLE_BUDGET_METERS, &entry, budget_meter);
		if (row == NULL)
			break;
		r->spent[at / CALENDAR_HOUR_US] = row->spent;
		r->held[at / CALENDAR_HOUR_US] = row->held;
		m->alerted |= row->alerted;
	}
	scan_close(&s);
}

/* The most that `hours` full hours and one more add up to. */
static money
rolling_most(struct txn *t, const money of[ROLLING_HOURS], uint32_t hours)
{
	money sum = 0, most = 0;

	for (uint32_t end = 0; end <= 2 * hours; end++) {
		sum = meter_sum(t, sum, of[end]);
		if (end > hours)
			sum -= of[end - hours - 1];
		if (end >= hours && sum > most)
			most = sum;
	}
	return most;
}

static void
meter_add_rolling(struct txn *t, struct meter *m)
{
	size_t mark = txn_mark(t);
	struct rolling *r = txn_take(t, sizeof(*r));

	if (r == NULL)
		return;
	rolling_read(t, m, r);
	m->spent = rolling_most(t, r->spent, m->budget->rolling_hours);
	m->held = rolling_most(t, r->held, m->budget->rolling_hours);
	txn_release(t, mark);
}

void
meter_load(
    struct txn *t, const struct budget *b, int64_t at, struct meter *ret_m)
{
	const struct budget_meter *row;
	struct key k;

	*ret_m = (struct meter){ .budget = b, .start = meter_start(b, at) };
	meter_key(&k, b, ret_m->start);
	row = ROW_GET(t, TABLE_BUDGET_METERS, &k, budget_meter);
	if (row != NULL)
		ret_m->row = *row;
	if (b->window == WINDOW_ROLLING) {
		meter_add_rolling(t, ret_m);
		return;
	}
	ret_m->spent = ret_m->row.spent;
	ret_m->held = ret_m->row.held;
	ret_m->alerted = ret_m->row.alerted;
}

/* The ids of a subject's budgets: rows are read once the scan is over. */
static uint32_t
budgets_of(struct txn *t, enum budget_level level, const char *subject,
    const char *ret_ids[BUDGETS_SUBJECT_MAX])
{
	struct backend_entry entry;
	struct key prefix;
	uint32_t n = 0;
	struct scan s;
	bool found;

	key_init(&prefix);
	key_number(&prefix, level);
	key_text(&prefix, subject);
	scan_open(&s, t, TABLE_BUDGETS_BY_SUBJECT, &prefix);
	found = scan_first(&s, &entry);
	for (; found && n < BUDGETS_SUBJECT_MAX;
	     found = scan_next(&s, &entry)) {
		struct key_reader r;

		key_read(&r, entry.key);
		key_skip(&r, &prefix);
		ret_ids[n++] = txn_copy_text(t, key_read_tail(&r));
	}
	scan_close(&s);
	return n;
}

void
meters_load_subject(struct txn *t, enum budget_level level, const char *subject,
    int64_t at, struct meters *ms)
{
	const char *ids[BUDGETS_SUBJECT_MAX];
	uint32_t n = budgets_of(t, level, subject, ids);

	for (uint32_t i = 0; i < n && txn_status(t) == ST_OK; i++) {
		const struct budget *b = budget_row(t, ids[i]);

		if (b == NULL) {
			row_is_corrupt(t, TABLE_BUDGETS_BY_SUBJECT,
			    (struct bytes){
				(const uint8_t *)ids[i], strlen(ids[i]) });
			return;
		}
		meter_load(t, b, at, &ms->of[ms->count++]);
	}
}

void
meters_load(struct txn *t, const struct cost_dims *dims, int64_t at,
    struct meters *ret_ms)
{
	ret_ms->count = 0;
	if (txn_count(t, TABLE_BUDGETS) == 0)
		return;
	for (int level = 0; level < BUDGET_LEVELS; level++)
		if (dims->of[level] != NULL)
			meters_load_subject(t, (enum budget_level)level,
			    dims->of[level], at, ret_ms);
}

const struct meter *
meters_foreign(const struct meters *ms, const char *currency)
{
	for (uint32_t i = 0; i < ms->count; i++)
		if (strcmp(ms->of[i].budget->currency, currency) != 0)
			return &ms->of[i];
	return NULL;
}

/* Neither sum can wrap: totals and limits have bounds far below. */
static bool
meter_allows(const struct meter *m, money more)
{
	money sum;

	return money_add(m->spent, m->held, &sum) == ST_OK &&
	       money_add(sum, more, &sum) == ST_OK && sum <= m->budget->amount;
}

const struct meter *
meters_refusing(const struct meters *ms, money more)
{
	for (uint32_t i = 0; i < ms->count; i++)
		if (ms->of[i].budget->hard && !meter_allows(&ms->of[i], more))
			return &ms->of[i];
	return NULL;
}

static void
meter_put(struct txn *t, const struct meter *m)
{
	struct key k;

	meter_key(&k, m->budget, m->start);
	row_put(
	    t, TABLE_BUDGET_METERS, &k, CATALOGUE_TYPE(budget_meter), &m->row);
}

void
meter_charge(struct txn *t, struct meter *m, money spent, money held)
{
	struct key k;

	m->row.spent = meter_sum(t, m->row.spent, spent);
	m->row.held = meter_sum(t, m->row.held, held);
	m->spent = meter_sum(t, m->spent, spent);
	m->held = meter_sum(t, m->held, held);
	if (m->row.held < 0) {
		meter_key(&k, m->budget, m->start);
		row_is_corrupt(t, TABLE_BUDGET_METERS, key_bytes(&k));
	}
	meter_put(t, m);
}

uint32_t
meter_threshold(uint32_t bit)
{
	return bit < THRESHOLDS ? thresholds[bit] : 0;
}

uint32_t
meter_alerts(struct meter *m)
{
	uint32_t reached = 0;

	for (uint32_t i = 0; i < THRESHOLDS; i++)
		if (m->spent >= (m->budget->amount * thresholds[i] + 99) / 100)
			reached |= 1u << i;
	reached &= ~m->alerted;
	m->alerted |= reached;
	m->row.alerted |= reached;
	return reached;
}

/* Rounded down, and as far as a U32 goes. */
static uint32_t
meter_percent(const struct meter *m)
{
	money whole = m->spent / m->budget->amount;
	money over = m->spent % m->budget->amount;

	if (whole > UINT32_MAX / 100 - 1)
		return UINT32_MAX;
	return (uint32_t)(whole * 100 + over * 100 / m->budget->amount);
}

void
meter_status(const struct meter *m, struct budget_status *ret_status)
{
	*ret_status = (struct budget_status){
		.budget = *m->budget,
		.window_start = m->start,
		.spent = m->spent,
		.held = m->held,
		.remaining = m->budget->amount - m->spent - m->held,
		.percent = meter_percent(m),
		.exhausted = m->spent + m->held >= m->budget->amount,
	};
	if (m->budget->window == WINDOW_ROLLING)
		ret_status->window_start -=
		    m->budget->rolling_hours * CALENDAR_HOUR_US;
}

const struct budget_status *
meters_statuses(struct txn *t, const struct meters *ms)
{
	struct budget_status *list = txn_take(t, ms->count * sizeof(*list));

	for (uint32_t i = 0; list != NULL && i < ms->count; i++)
		meter_status(&ms->of[i], &list[i]);
	return list;
}
