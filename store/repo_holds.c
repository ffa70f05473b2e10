#include <string.h>

#include "protocols/problem.h"
#include "runtime/base/text.h"
#include "store/audit.h"
#include "store/cost.h"
#include "store/decision.h"
#include "store/requests.h"
#include "store/row.h"
#include "store/sweep.h"

/*
 * A hold counts against every budget that applies, in the windows of the time
 * it was made.  Its settlement is charged to the same windows: the record
 * bears the hold's time.  So no window ever holds more than it was checked
 * for, whatever the clock does in between.
 */

#define HOLDS_OPEN_MAX 100000
#define HOLD_SWEEP_MAX 8 /* run-out holds that one request gives back */
#define HOLD_KEEP_US (INT64_C(7) * 86400 * 1000000)
#define HOLD_FORGET_MAX 2

static void
hold_key(struct key *k, const char *id)
{
	key_init(k);
	key_tail(k, id);
}

static void
hold_time_key(struct key *k, int64_t at, const char *id)
{
	key_init(k);
	key_time(k, at);
	key_tail(k, id);
}

static const struct hold_row *
hold_find(struct txn *t, const char *id)
{
	struct key k;

	hold_key(&k, id);
	return ROW_GET(t, TABLE_HOLDS, &k, hold_row);
}

static void
hold_put(struct txn *t, const struct hold_row *row)
{
	struct key k;

	hold_key(&k, row->hold.id);
	row_put(t, TABLE_HOLDS, &k, CATALOGUE_TYPE(hold_row), row);
}

static void
hold_meters(struct txn *t, const struct hold *h, struct meters *ret_ms)
{
	struct cost_dims dims =
	    cost_dims_of(h->project_id, h->department, h->agent_id, h->task_id);

	meters_load(t, &dims, h->created_at, ret_ms);
}

/* ---- ends ---- */

/* It is open no more; its meters are the caller's business. */
static void
hold_end(struct txn *t, struct hold_row *row, enum hold_status how, int64_t now)
{
	struct hold *h = &row->hold;
	struct key k;

	hold_time_key(&k, h->expires_at, h->id);
	(void)txn_delete(t, TABLE_HOLDS_BY_EXPIRY, &k);
	h->status = how;
	h->ended_at = now;
	h->has_ended_at = true;
	hold_put(t, row);
	hold_time_key(&k, now, h->id);
	txn_put(t, TABLE_HOLDS_BY_END, &k, (struct bytes){ 0 });
}

static void
hold_release(
    struct txn *t, struct hold_row *row, enum hold_status how, int64_t now)
{
	size_t mark = txn_mark(t);
	struct meters ms;

	hold_meters(t, &row->hold, &ms);
	for (uint32_t i = 0; i < ms.count; i++)
		meter_charge(t, &ms.of[i], 0, -row->hold.amount);
	hold_end(t, row, how, now);
	if (txn_status(t) == ST_OK)
		txn_release(t, mark);
}

/* NULL: it cannot be read, or says otherwise than its entry. */
static const struct hold_row *
hold_peek(struct txn *t, const struct key *k)
{
	const struct hold_row *row = NULL;
	struct bytes value;

	if (txn_get(t, TABLE_HOLDS, k, &value))
		row = row_peek(t, CATALOGUE_TYPE(hold_row), value);
	return row != NULL && row->hold.status == HOLD_OPEN ? row : NULL;
}

struct hold_sweep {
	int64_t now;
	bool tells;   /* of those that cannot be read */
	int64_t next; /* when the next one runs out; INT64_MAX: none */
};

/*
 * The next to run out, if it is due; in the transaction's memory.  One that
 * cannot be read stays held, and keeps no other one from its end.
 */
static const struct hold_row *
hold_due(struct txn *t, struct hold_sweep *w)
{
	const struct hold_row *row = NULL;
	struct backend_entry entry;
	struct scan s;
	bool found;

	w->next = INT64_MAX;
	scan_open(&s, t, TABLE_HOLDS_BY_EXPIRY, NULL);
	found = scan_first(&s, &entry);
	for (; found && row == NULL; found = scan_next(&s, &entry)) {
		struct key k = sweep_row_key(entry.key);
		struct key_reader r;

		key_read(&r, entry.key);
		w->next = key_read_time(&r);
		if (w->next > w->now)
			break;
		row = hold_peek(t, &k);
		if (row == NULL && w->tells)
			row_tell(TABLE_HOLDS, key_bytes(&k), ST_CORRUPT);
		w->next = INT64_MAX;
	}
	scan_close(&s);
	return row;
}

static uint32_t
holds_expire(struct txn *t, struct hold_sweep *w, uint32_t max)
{
	const struct hold_row *due;
	uint32_t n = 0;

	while (n < max && (due = hold_due(t, w)) != NULL) {
		struct hold_row row = *due;

		hold_release(t, &row, HOLD_EXPIRED, w->now);
		w->tells = false;
		n++;
	}
	return n;
}

/* ---- make ---- */

static const char *
hold_fault(const struct hold *h)
{
	if (text_is_blank(h->id) || text_is_blank(h->agent_id) ||
	    text_is_blank(h->task_id))
		return "a hold's id, agent or task is blank";
	if ((h->project_id != NULL && text_is_blank(h->project_id)) ||
	    (h->department != NULL && text_is_blank(h->department)))
		return "a hold's project or department is blank";
	if (h->amount <= 0 || h->amount > COST_MAX)
		return "an amount is above 0, and at most a million";
	if (strlen(h->currency) != CURRENCY_MAX)
		return "a currency has three letters";
	if (h->expires_at <= h->created_at)
		return "a hold lasts longer than no time";
	return NULL;
}

/* Sets problem, rule and detail of r if it may not be promised. */
static void
hold_check(struct txn *t, const struct hold *h, struct cost_result *r)
{
	const struct project_cost *p = NULL;

	hold_meters(t, h, &r->meters);
	if (h->project_id != NULL)
		p = project_cost_row(t, h->project_id);
	if (txn_status(t) != ST_OK)
		return;
	if (meters_foreign(&r->meters, h->currency) != NULL ||
	    (p != NULL && strcmp(p->currency, h->currency) != 0)) {
		r->problem = PROBLEM_MIXED_CURRENCY;
		r->rule = "mixed_currency";
		r->detail = "mixed_currency: what applies has another one";
	} else if (meters_refusing(&r->meters, h->amount) != NULL) {
		r->problem = PROBLEM_BUDGET_EXHAUSTED;
		r->rule = "hard_limit";
		r->detail = "the amount does not fit a budget that applies";
	} else if (txn_count(t, TABLE_HOLDS_BY_EXPIRY) >= HOLDS_OPEN_MAX) {
		r->problem = PROBLEM_HOLDS_MAX;
		r->rule = "holds_max";
		r->detail = "as many holds are open as may be";
	}
}

static struct budget_decision *
hold_decide(struct txn *t, const struct hold *h, const struct cost_result *r,
    money amount, const char *id, int64_t now, const char *principal)
{
	struct budget_decision *d = decision_of(t, r, id, now, principal);

	if (d == NULL)
		return NULL;
	d->amount = amount;
	d->has_amount = true;
	d->currency = h->currency;
	d->agent_id = h->agent_id;
	d->task_id = h->task_id;
	d->project_id = h->project_id;
	d->department = h->department;
	d->hold_id = h->id;
	decision_put(t, d);
	return d;
}

static enum status
hold_replay(struct txn *t, const struct store_hold_add *ask,
    const struct hold_row *old, struct store_reply *ret)
{
	struct store_hold_made *made = txn_take(t, sizeof(*made));
	const struct bytes *was = &old->body_hash;
	const struct bytes *is = &ask->body_hash;

	if (was->size != is->size ||
	    (is->size > 0 && memcmp(was->at, is->at, is->size) != 0)) {
		ret->problem = PROBLEM_IDEMPOTENCY_REUSE;
		return txn_fail(t, ST_CONFLICT,
		    "the idempotency key was used with another request");
	}
	if (made != NULL)
		made->hold = old->hold;
	return REQUEST_REPLY(t, ret, store_hold_made, made);
}

static enum status
repo_hold_add(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_hold_add *ask = request;
	const struct hold *h = &ask->hold;
	const struct hold_row *old;
	struct store_hold_made *made = txn_take(t, sizeof(*made));
	struct cost_result *r = txn_take(t, sizeof(*r));
	const char *fault = hold_fault(h);
	struct hold_sweep sweep = { .now = h->created_at };
	struct key k;

	if (fault != NULL)
		return txn_fail(t, ST_INVALID, fault);
	old = hold_find(t, h->id);
	if (old != NULL)
		return hold_replay(t, ask, old, ret);
	(void)holds_expire(t, &sweep, HOLD_SWEEP_MAX);
	(void)sweep_old(t, TABLE_HOLDS_BY_END, TABLE_HOLDS,
	    h->created_at - HOLD_KEEP_US, HOLD_FORGET_MAX);
	if (txn_status(t) == ST_OK)
		hold_check(t, h, r);
	if (txn_status(t) != ST_OK)
		return txn_status(t);
	made->hold = *h;
	if (r->problem != 0) {
		made->decision = hold_decide(t, h, r, h->amount,
		    ask->decision_id, h->created_at, h->created_by);
		return REQUEST_REPLY(t, ret, store_hold_made, made);
	}
	for (uint32_t i = 0; i < r->meters.count; i++)
		meter_charge(t, &r->meters.of[i], 0, h->amount);
	hold_put(
	    t, &(struct hold_row){ .hold = *h, .body_hash = ask->body_hash });
	hold_time_key(&k, h->expires_at, h->id);
	txn_put(t, TABLE_HOLDS_BY_EXPIRY, &k, (struct bytes){ 0 });
	audit_append(t, ask->audit);
	return REQUEST_REPLY(t, ret, store_hold_made, made);
}

/* ---- settle and void ---- */

/* The hold, or nothing: refused, or what its end was is explained. */
struct hold_turn {
	struct hold_row row;
	struct cost_result *result;
	struct store_hold_made *made;
	const char *decision_id;
	const char *principal;
	int64_t now;
};

static bool
turn_begin(struct txn *t, const char *id, struct hold_turn *turn)
{
	const struct hold_row *row = NULL;

	turn->made = txn_take(t, sizeof(*turn->made));
	turn->result = txn_take(t, sizeof(*turn->result));
	if (request_id(t, id, "blank hold id"))
		row = hold_find(t, id);
	if (row == NULL) {
		(void)txn_fail(t, ST_NOT_FOUND, "there is no such hold");
		return false;
	}
	if (txn_status(t) != ST_OK)
		return false;
	turn->row = *row;
	if (row->hold.status == HOLD_OPEN && row->hold.expires_at <= turn->now)
		hold_release(t, &turn->row, HOLD_EXPIRED, turn->now);
	turn->made->hold = turn->row.hold;
	return txn_status(t) == ST_OK;
}

static void
turn_decide(struct txn *t, struct hold_turn *turn, money amount)
{
	turn->made->decision = hold_decide(t, &turn->row.hold, turn->result,
	    amount, turn->decision_id, turn->now, turn->principal);
}

static void
turn_is_over(struct txn *t, struct hold_turn *turn, money amount)
{
	static const char *const details[] = {
		[HOLD_OPEN] = "",
		[HOLD_SETTLED] = "the hold was settled",
		[HOLD_VOIDED] = "the hold was voided",
		[HOLD_EXPIRED] = "the hold has expired",
	};

	turn->result->problem = PROBLEM_HOLD_ENDED;
	turn->result->rule = "hold_ended";
	turn->result->detail = details[turn->row.hold.status];
	turn_decide(t, turn, amount);
}

/* More than was promised needs room of its own. */
static bool
settle_fits(struct txn *t, struct hold_turn *turn, money cost)
{
	struct cost_result *r = turn->result;

	if (cost <= turn->row.hold.amount)
		return true;
	hold_meters(t, &turn->row.hold, &r->meters);
	if (txn_status(t) != ST_OK)
		return false;
	if (meters_refusing(&r->meters, cost - turn->row.hold.amount) == NULL)
		return true;
	r->problem = PROBLEM_BUDGET_EXHAUSTED;
	r->rule = "hard_limit";
	r->detail = "what is more than was held does not fit a budget";
	turn_decide(t, turn, cost);
	return false;
}

/* Whose it is, when, and of which currency stands in the hold. */
static struct cost_charge
settle_charge(const struct store_hold_settle *ask, const struct hold *h)
{
	struct cost_charge c = { .record = ask->record,
		.held = h->amount,
		.now = ask->now,
		.keep_us = ask->keep_us,
		.event_id = ask->event_id };

	c.record.agent_id = h->agent_id;
	c.record.task_id = h->task_id;
	c.record.project_id = h->project_id;
	c.record.department = h->department;
	c.record.currency = h->currency;
	c.record.timestamp = h->created_at;
	c.record.hold_id = h->id;
	return c;
}

static void
settle_apply(struct txn *t, const struct store_hold_settle *ask,
    struct hold_turn *turn, struct store_reply *ret)
{
	struct cost_charge *c = txn_take(t, sizeof(*c));

	if (c == NULL)
		return;
	*c = settle_charge(ask, &turn->row.hold);
	if (cost_apply(t, c, turn->result) != ST_OK)
		return;
	if (turn->result->problem == 0 && turn->result->duplicate) {
		turn->result->problem = PROBLEM_DUPLICATE;
		turn->result->rule = "record_id";
		turn->result->detail = "the record's id was used before";
	}
	if (turn->result->problem != 0) {
		turn_decide(t, turn, ask->record.cost);
		return;
	}
	turn->row.hold.settled = ask->record.cost;
	turn->row.hold.has_settled = true;
	turn->row.record_id = ask->record.record_id;
	turn->row.has_record_id = true;
	hold_end(t, &turn->row, HOLD_SETTLED, ask->now);
	turn->made->hold = turn->row.hold;
	turn->made->record = &c->record;
	audit_append(t, ask->audit);
	ret->event = turn->result->events;
	ret->events_count = turn->result->events_count;
}

/* Settled again: as it was; NULL if the record is forgotten. */
static const struct cost_record *
settle_known(struct txn *t, const struct hold_row *row)
{
	struct uuid id = row->record_id;

	if (!row->has_record_id && !text_unhex(row->hold.id, &id, sizeof(id)))
		return NULL;
	return cost_known(t, &id);
}

static enum status
repo_hold_settle(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_hold_settle *ask = request;
	struct hold_turn turn = { .decision_id = ask->decision_id,
		.principal = ask->principal,
		.now = ask->now };
	money cost = ask->record.cost;

	if (cost < 0 || cost > COST_MAX)
		return txn_fail(
		    t, ST_INVALID, "a cost is negative, or above a million");
	if (!turn_begin(t, ask->id, &turn))
		return txn_status(t);
	if (turn.row.hold.status == HOLD_OPEN) {
		if (settle_fits(t, &turn, cost))
			settle_apply(t, ask, &turn, ret);
	} else if (turn.row.hold.status != HOLD_SETTLED ||
		   turn.row.hold.settled != cost) {
		turn_is_over(t, &turn, cost);
	} else {
		turn.made->record = settle_known(t, &turn.row);
	}
	return REQUEST_REPLY(t, ret, store_hold_made, turn.made);
}

static enum status
repo_hold_void(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_hold_void *ask = request;
	struct hold_turn turn = { .decision_id = ask->decision_id,
		.principal = ask->principal,
		.now = ask->now };

	if (!turn_begin(t, ask->id, &turn))
		return txn_status(t);
	if (turn.row.hold.status == HOLD_OPEN) {
		hold_release(t, &turn.row, HOLD_VOIDED, ask->now);
		turn.made->hold = turn.row.hold;
		audit_append(t, ask->audit);
	} else if (turn.row.hold.status == HOLD_SETTLED) {
		turn_is_over(t, &turn, turn.row.hold.amount);
	}
	return REQUEST_REPLY(t, ret, store_hold_made, turn.made);
}

static enum status
repo_hold_expire(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_hold_expire *ask = request;
	struct store_hold_expired *reply = txn_take(t, sizeof(*reply));
	struct hold_sweep sweep = { .now = ask->now, .tells = true };

	if (reply == NULL || !request_limit(t, ask->limit))
		return txn_status(t);
	reply->count = holds_expire(t, &sweep, ask->limit);
	if (reply->count == ask->limit) {
		sweep.now = INT64_MIN;
		(void)hold_due(t, &sweep);
	}
	reply->next_at = sweep.next;
	reply->has_next_at = sweep.next != INT64_MAX;
	return REQUEST_REPLY(t, ret, store_hold_expired, reply);
}

/* ---- read ---- */

static enum status
repo_hold_get(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_hold_get *ask = request;
	struct store_hold_found *found = txn_take(t, sizeof(*found));
	const struct hold_row *row = NULL;

	if (found != NULL && request_id(t, ask->id, "blank hold id"))
		row = hold_find(t, ask->id);
	if (row != NULL)
		found->hold = &row->hold;
	return REQUEST_REPLY(t, ret, store_hold_found, found);
}

/* A page ends at a hold that may be gone when it is asked for the next. */
static bool
list_first(struct scan *s, const char *after, struct backend_entry *ret_entry)
{
	const struct hold_row *row;
	struct key from;

	if (after == NULL)
		return scan_first(s, ret_entry);
	row = hold_find(s->t, after);
	if (row == NULL) {
		(void)txn_fail(s->t, ST_INVALID, "the cursor is too old");
		return false;
	}
	hold_time_key(&from, row->hold.expires_at, row->hold.id);
	key_number(&from, 0); /* longer, so after it */
	return scan_seek(s, &from, ret_entry);
}

static enum status
repo_hold_list(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_hold_list *ask = request;
	struct hold_page *page = txn_take(t, sizeof(*page));
	struct hold *holds = txn_take(t, ask->limit * sizeof(*holds));
	struct backend_entry entry;
	size_t used = 0;
	struct scan s;
	bool found;

	if (!request_limit(t, ask->limit))
		return txn_status(t);
	scan_open(&s, t, TABLE_HOLDS_BY_EXPIRY, NULL);
	found = list_first(&s, ask->after, &entry);
	while (found && page->holds_count < ask->limit) {
		struct key k = sweep_row_key(entry.key);
		const struct hold_row *row =
		    ROW_GET(t, TABLE_HOLDS, &k, hold_row);

		if (row == NULL) {
			row_is_corrupt(t, s.table, entry.key);
			break;
		}
		if (!request_page_takes(
			t, CATALOGUE_TYPE(hold), &row->hold, &used))
			break;
		holds[page->holds_count++] = row->hold;
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	page->holds = holds;
	if (found && page->holds_count > 0)
		page->next = holds[page->holds_count - 1].id;
	return REQUEST_REPLY(t, ret, hold_page, page);
}

const struct request repo_holds[] = {
	{ MSG_store_hold_add, true, repo_hold_add },
	{ MSG_store_hold_settle, true, repo_hold_settle },
	{ MSG_store_hold_void, true, repo_hold_void },
	{ MSG_store_hold_expire, true, repo_hold_expire },
	{ MSG_store_hold_get, false, repo_hold_get },
	{ MSG_store_hold_list, false, repo_hold_list },
	{ 0 },
};
