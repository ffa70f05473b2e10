#include <string.h>

#include "store/cost_walk.h"
#include "store/row.h"
#include "store/sweep.h"

#define B_OF(text) ((struct bytes){ (const uint8_t *)(text), strlen(text) })

/*
 * A budget made today counts what was recorded and held before.  Amounts are
 * gathered while they fall into one window, so that a lifetime of slots is
 * one row.
 */
struct fill {
	struct txn *t;
	const struct budget *budget;
	int64_t start;
	money spent;
	money held;
	uint32_t rows;
};

static void
fill_flush(struct fill *f)
{
	struct meter m;

	if (f->spent == 0 && f->held == 0)
		return;
	meter_load(f->t, f->budget, f->start, &m);
	meter_charge(f->t, &m, f->spent, f->held);
	f->spent = 0;
	f->held = 0;
}

static void
fill_add(
    struct fill *f, int64_t at, struct bytes currency, money spent, money held)
{
	int64_t start = meter_start(f->budget, at);

	if (currency.size != CURRENCY_MAX ||
	    memcmp(currency.at, f->budget->currency, CURRENCY_MAX) != 0) {
		(void)txn_fail(f->t, ST_CONFLICT,
		    "mixed_currency: costs of another one are recorded");
		return;
	}
	if (++f->rows > COST_SCAN_MAX)
		(void)txn_fail(f->t, ST_FULL, "too many records to add up");
	if (start != f->start)
		fill_flush(f);
	f->start = start;
	if (money_add(f->spent, spent, &f->spent) != ST_OK ||
	    money_add(f->held, held, &f->held) != ST_OK)
		(void)txn_fail(f->t, ST_INVALID, "a total would overflow");
}

static void
fill_slots(struct fill *f, enum cost_by by)
{
	size_t mark = txn_mark(f->t);
	struct backend_entry entry;
	struct key prefix;
	struct scan s;
	bool found;

	cost_slot_prefix(&prefix, by, f->budget->subject);
	scan_open(&s, f->t, TABLE_COST_SLOTS, &prefix);
	found = scan_first(&s, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		const struct cost_slot *slot =
		    ROW_DECODE(f->t, TABLE_COST_SLOTS, &entry, cost_slot);
		struct key_reader r;
		int64_t at;

		if (slot == NULL)
			break;
		key_read(&r, entry.key);
		key_skip(&r, &prefix);
		at = key_read_time(&r);
		fill_add(f, at, r.rest, slot->cost, 0);
		txn_release(f->t, mark);
	}
	scan_close(&s);
}

/* A task has no slots: its records are few. */
static void
fill_task(struct fill *f)
{
	size_t mark = txn_mark(f->t);
	struct backend_entry entry;
	struct cost_walk w;
	bool found;

	cost_walk_open(&w, f->t, TABLE_COST_BY_TASK, f->budget->subject);
	found = cost_walk_first(&w, 0, UINT64_MAX, &entry);
	for (; found; found = cost_walk_next(&w, &entry)) {
		const struct cost_record *r = cost_walk_record(&w, &entry);

		if (r == NULL)
			break;
		fill_add(f, r->timestamp, B_OF(r->currency), r->cost, 0);
		fill_flush(f);
		txn_release(f->t, mark);
	}
	cost_walk_close(&w);
}

static bool
fill_wants(const struct budget *b, const struct hold *h)
{
	struct cost_dims dims =
	    cost_dims_of(h->project_id, h->department, h->agent_id, h->task_id);
	const char *subject = dims.of[b->level];

	return subject != NULL && strcmp(subject, b->subject) == 0;
}

static void
fill_holds(struct fill *f)
{
	size_t mark = txn_mark(f->t);
	struct backend_entry entry;
	struct scan s;
	bool found;

	scan_open(&s, f->t, TABLE_HOLDS_BY_EXPIRY, NULL);
	found = scan_first(&s, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		struct key k = sweep_row_key(entry.key);
		const struct hold_row *row =
		    ROW_GET(f->t, TABLE_HOLDS, &k, hold_row);

		if (row == NULL) {
			row_is_corrupt(f->t, TABLE_HOLDS_BY_EXPIRY, entry.key);
			break;
		}
		if (fill_wants(f->budget, &row->hold))
			fill_add(f, row->hold.created_at,
			    B_OF(row->hold.currency), 0, row->hold.amount);
		fill_flush(f);
		txn_release(f->t, mark);
	}
	scan_close(&s);
}

void
meter_fill(struct txn *t, const struct budget *b)
{
	static const enum cost_by by[BUDGET_LEVELS] = {
		[LEVEL_ORGANISATION] = BY_ORGANISATION,
		[LEVEL_DEPARTMENT] = BY_DEPARTMENT,
		[LEVEL_PROJECT] = BY_PROJECT,
		[LEVEL_AGENT] = BY_AGENT,
	};
	struct fill f = { .t = t, .budget = b };

	if (b->level == LEVEL_TASK)
		fill_task(&f);
	else
		fill_slots(&f, by[b->level]);
	fill_flush(&f);
	fill_holds(&f);
	fill_flush(&f);
}
