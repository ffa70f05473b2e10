#include "store/cost.h"

#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/problem.h"
#include "runtime/base/text.h"
#include "store/cost_walk.h"
#include "store/journal.h"
#include "store/marks.h"
#include "store/meta.h"
#include "store/note.h"
#include "store/row.h"

#define CATEGORIES 4

static void
cost_refuse(
    struct cost_result *r, uint32_t problem, const char *rule, const char *why)
{
	r->problem = problem;
	r->rule = rule;
	r->detail = why;
}

const char *
cost_fault(const struct cost_record *r)
{
	if (text_is_blank(r->agent_id) || text_is_blank(r->task_id) ||
	    text_is_blank(r->provider) || text_is_blank(r->model))
		return "a cost's agent, task, provider or model is blank";
	if ((r->project_id != NULL && text_is_blank(r->project_id)) ||
	    (r->department != NULL && text_is_blank(r->department)))
		return "a cost's project or department is blank";
	if (r->cost < 0 || r->cost > COST_MAX)
		return "a cost is negative, or above a million";
	if (r->input_tokens > COST_TOKENS_MAX ||
	    r->output_tokens > COST_TOKENS_MAX ||
	    r->cache_read_tokens > COST_TOKENS_MAX ||
	    r->cache_write_tokens > COST_TOKENS_MAX)
		return "a record has more than 2^63 - 1 tokens";
	if (strlen(r->currency) != CURRENCY_MAX)
		return "a currency has three letters";
	return NULL;
}

/* ---- what is read ---- */

const struct project_cost *
project_cost_row(struct txn *t, const char *project_id)
{
	const struct project_cost *p;
	struct key k;

	key_init(&k);
	key_tail(&k, project_id);
	p = ROW_GET(t, TABLE_PROJECT_COSTS, &k, project_cost);
	if (p == NULL ||
	    (p->total_cost >= 0 && strcmp(p->project_id, project_id) == 0))
		return p;
	row_is_corrupt(t, TABLE_PROJECT_COSTS, key_bytes(&k));
	return NULL;
}

const char *
cost_category(const struct cost_record *r)
{
	static const char *const texts[CATEGORIES] = {
		[CALL_PRODUCTIVE] = "productive",
		[CALL_COORDINATION] = "coordination",
		[CALL_SYSTEM] = "system",
		[CALL_EMBEDDING] = "embedding",
	};

	return r->has_call_category ? texts[r->call_category]
				    : COST_NO_CATEGORY;
}

void
cost_slot_prefix(struct key *k, enum cost_by by, const char *id)
{
	key_init(k);
	key_number(k, by);
	key_text(k, id);
}

static void
price_key(struct key *k, const char *provider, const char *model)
{
	key_init(k);
	key_text(k, provider);
	key_text(k, model);
}

const struct price *
price_at(struct txn *t, const char *provider, const char *model, int64_t at)
{
	const struct price *p = NULL;
	struct backend_entry entry;
	struct key prefix, after;
	struct scan s;

	price_key(&prefix, provider, model);
	after = prefix;
	key_time(&after, at + 1);
	scan_open(&s, t, TABLE_PRICES, &prefix);
	if (scan_before(&s, &after, &entry))
		p = ROW_DECODE(t, TABLE_PRICES, &entry, price);
	scan_close(&s);
	return p;
}

/* ---- a cost from a price: one rounding, at the end ---- */

static enum status
price_tokens(const struct price *p, const struct cost_record *r, money *ret)
{
	const struct {
		money each;
		uint64_t tokens;
	} of[] = { { p->input, r->input_tokens },
		{ p->output, r->output_tokens },
		{ p->cache_read, r->cache_read_tokens },
		{ p->cache_write, r->cache_write_tokens } };
	uint64_t rest = 0;
	money sum = 0;

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (money_add_millionths(
			of[i].each, of[i].tokens, &sum, &rest) != ST_OK)
			return ST_FULL;
	return money_settle_millionths(sum, rest, ret);
}

static void
cost_price(struct txn *t, struct cost_charge *c, struct cost_result *r)
{
	struct cost_record *rec = &c->record;
	const struct price *p =
	    price_at(t, rec->provider, rec->model, rec->timestamp);

	if (p == NULL) {
		cost_refuse(r, PROBLEM_NO_PRICE, "no_price",
		    "no price of this model is in force at that time");
		return;
	}
	if (price_tokens(p, rec, &rec->cost) != ST_OK)
		(void)txn_fail(t, ST_INVALID, "the cost would overflow");
	rec->currency = p->currency;
	rec->price_version = p->version;
	rec->has_price_version = true;
}

/* ---- the parts of it ---- */

static bool
u64_add(struct txn *t, uint64_t *to, uint64_t more)
{
	if (__builtin_add_overflow(*to, more, to))
		(void)txn_fail(t, ST_INVALID, "a total would overflow");
	return txn_status(t) == ST_OK;
}

static bool
total_add(struct txn *t, money *to, money more)
{
	if (money_add(*to, more, to) != ST_OK)
		(void)txn_fail(t, ST_INVALID, "a total would overflow");
	return txn_status(t) == ST_OK;
}

/* The project with the record added; checked, and not stored yet. */
static struct project_cost *
project_after(struct txn *t, const struct cost_charge *c, struct cost_result *r)
{
	const struct cost_record *rec = &c->record;
	struct project_cost *p = txn_take(t, sizeof(*p));
	const struct project_cost *old =
	    p == NULL ? NULL : project_cost_row(t, rec->project_id);

	if (p == NULL || txn_status(t) != ST_OK)
		return NULL;
	*p = (struct project_cost){ .project_id = rec->project_id,
		.currency = rec->currency,
		.last_updated = c->now };
	if (old != NULL)
		*p = *old;
	if (strcmp(p->currency, rec->currency) != 0) {
		cost_refuse(r, PROBLEM_MIXED_CURRENCY, "mixed_currency",
		    "mixed_currency: the project's costs have another one");
		return NULL;
	}
	if (p->last_updated < c->now)
		p->last_updated = c->now;
	if (!total_add(t, &p->total_cost, rec->cost) ||
	    !u64_add(t, &p->total_input_tokens, rec->input_tokens) ||
	    !u64_add(t, &p->total_output_tokens, rec->output_tokens) ||
	    !u64_add(t, &p->record_count, 1))
		return NULL;
	return p;
}

static void
project_put(struct txn *t, const struct project_cost *p)
{
	struct key k;

	key_init(&k);
	key_tail(&k, p->project_id);
	row_put(t, TABLE_PROJECT_COSTS, &k, CATALOGUE_TYPE(project_cost), p);
}

/* What a report adds up stays at its bound: no record may block it. */
uint64_t
cost_tokens_add(uint64_t sum, uint64_t more)
{
	return __builtin_add_overflow(sum, more, &sum) ? UINT64_MAX : sum;
}

static void
slot_add(
    struct txn *t, const struct cost_record *r, enum cost_by by, const char *id)
{
	int64_t over = r->timestamp % COST_SLOT_US;
	struct cost_slot slot = { 0 };
	const struct cost_slot *old;
	struct key k;

	cost_slot_prefix(&k, by, id);
	key_time(&k, r->timestamp - (over < 0 ? over + COST_SLOT_US : over));
	key_tail(&k, r->currency);
	old = ROW_GET(t, TABLE_COST_SLOTS, &k, cost_slot);
	if (old != NULL)
		slot = *old;
	slot.input_tokens = cost_tokens_add(slot.input_tokens, r->input_tokens);
	slot.output_tokens =
	    cost_tokens_add(slot.output_tokens, r->output_tokens);
	if (total_add(t, &slot.cost, r->cost) && u64_add(t, &slot.records, 1))
		row_put(
		    t, TABLE_COST_SLOTS, &k, CATALOGUE_TYPE(cost_slot), &slot);
}

static void
slots_add(struct txn *t, const struct cost_record *r)
{
	slot_add(t, r, BY_ORGANISATION, "");
	slot_add(t, r, BY_AGENT, r->agent_id);
	slot_add(t, r, BY_CATEGORY, cost_category(r));
	if (r->project_id != NULL)
		slot_add(t, r, BY_PROJECT, r->project_id);
	if (r->department != NULL)
		slot_add(t, r, BY_DEPARTMENT, r->department);
}

void
cost_index_value(const struct cost_record *r, struct key *ret_value)
{
	key_init(ret_value);
	key_number(ret_value, (uint64_t)((money_magnitude)r->cost >> 64));
	key_number(ret_value, (uint64_t)r->cost);
	key_tail(ret_value, r->currency);
}

static void
index_put(struct txn *t, enum table table, const char *id,
    const struct cost_record *r)
{
	struct key k, value;

	cost_index_value(r, &value);
	cost_walk_prefix(&k, r->seq, id);
	key_number(&k, r->seq);
	txn_put(t, table, &k, key_bytes(&value));
}

static void
record_put(struct txn *t, struct cost_record *r)
{
	struct key k;

	r->seq = meta_get(t, META_COST_SEQ) + 1;
	meta_put(t, META_COST_SEQ, r->seq);
	key_init(&k);
	key_number(&k, r->seq);
	row_put(t, TABLE_COST_RECORDS, &k, CATALOGUE_TYPE(cost_record), r);
	index_put(t, TABLE_COST_BY_AGENT, r->agent_id, r);
	index_put(t, TABLE_COST_BY_TASK, r->task_id, r);
	if (r->project_id != NULL)
		index_put(t, TABLE_COST_BY_PROJECT, r->project_id, r);
}

static void
applied_put(struct txn *t, const struct cost_charge *c,
    const struct project_cost *project)
{
	const struct cost_applied mark = { .seq = c->record.seq,
		.body_hash = c->body_hash,
		.project = project,
		.at = c->now };

	marks_put(t, &c->record.record_id, &mark, c->now - (int64_t)c->keep_us);
}

/* ---- all of it ---- */

static const struct cost_record *
applied_record(struct txn *t, const struct cost_applied *mark)
{
	const struct cost_record *stored;
	struct key k;

	key_init(&k);
	key_number(&k, mark->seq);
	stored = ROW_GET(t, TABLE_COST_RECORDS, &k, cost_record);
	if (stored == NULL)
		row_is_corrupt(t, TABLE_COST_RECORDS, key_bytes(&k));
	return stored;
}

const struct cost_record *
cost_known(struct txn *t, const struct uuid *id)
{
	const struct cost_applied *mark = marks_find(t, id);

	return mark == NULL ? NULL : applied_record(t, mark);
}

static bool
applied_differs(const struct cost_applied *mark, struct bytes body_hash)
{
	if (mark->body_hash.size == 0 || body_hash.size == 0)
		return false;
	return mark->body_hash.size != body_hash.size ||
	       memcmp(mark->body_hash.at, body_hash.at, body_hash.size) != 0;
}

/* True: it was applied before, or must not be: nothing is left to do. */
static bool
cost_is_known(struct txn *t, struct cost_charge *c, struct cost_result *r)
{
	const struct cost_applied *mark = marks_find(t, &c->record.record_id);
	const struct cost_record *stored;

	if (mark == NULL)
		return txn_status(t) != ST_OK;
	if (applied_differs(mark, c->body_hash)) {
		cost_refuse(r, PROBLEM_IDEMPOTENCY_REUSE, "idempotency",
		    "the idempotency key was used with another request");
		return true;
	}
	stored = applied_record(t, mark);
	if (stored == NULL)
		return true;
	c->record = *stored;
	r->duplicate = true;
	r->project = mark->project;
	return true;
}

static void
cost_check_budgets(
    struct txn *t, const struct cost_charge *c, struct cost_result *r)
{
	const struct cost_record *rec = &c->record;
	struct cost_dims dims = cost_dims_of(
	    rec->project_id, rec->department, rec->agent_id, rec->task_id);

	meters_load(t, &dims, rec->timestamp, &r->meters);
	if (meters_foreign(&r->meters, rec->currency) != NULL)
		cost_refuse(r, PROBLEM_MIXED_CURRENCY, "mixed_currency",
		    "mixed_currency: a budget that applies has another one");
}

static bool
cost_may_go_on(struct txn *t, const struct cost_result *r)
{
	return txn_status(t) == ST_OK && r->problem == 0;
}

enum status
cost_apply(struct txn *t, struct cost_charge *c, struct cost_result *ret)
{
	struct cost_record *rec = &c->record;
	struct project_cost *project = NULL;
	const char *fault;

	ret->duplicate = false;
	ret->project = NULL;
	ret->problem = 0;
	ret->events_count = 0;
	ret->meters.count = 0;
	if (cost_is_known(t, c, ret))
		return txn_status(t);
	if (c->priced)
		cost_price(t, c, ret);
	fault = cost_fault(rec);
	if (cost_may_go_on(t, ret) && fault != NULL)
		return txn_fail(t, ST_INVALID, fault);
	if (cost_may_go_on(t, ret) && rec->project_id != NULL)
		project = project_after(t, c, ret);
	if (cost_may_go_on(t, ret))
		cost_check_budgets(t, c, ret);
	if (!cost_may_go_on(t, ret))
		return txn_status(t);
	record_put(t, rec);
	if (project != NULL)
		project_put(t, project);
	slots_add(t, rec);
	applied_put(t, c, project);
	ret->project = project;
	return note_cost(t, c, ret);
}

/* ---- version 1 had records alone ---- */

void
cost_sum_up(struct txn *t, const struct cost_record *rec)
{
	struct cost_charge c = { .record = *rec, .now = rec->timestamp };
	struct cost_result r = { 0 };
	struct project_cost *project = NULL;

	if (rec->project_id != NULL)
		project = project_after(t, &c, &r);
	if (r.problem != 0) {
		(void)txn_fail(t, ST_CONFLICT, r.detail);
		return;
	}
	if (project != NULL)
		project_put(t, project);
	slots_add(t, rec);
}

static void
cost_fill_one(struct txn *t, const struct cost_record *rec)
{
	cost_sum_up(t, rec);
	if (rec->project_id != NULL)
		index_put(t, TABLE_COST_BY_PROJECT, rec->project_id, rec);
	index_put(t, TABLE_COST_BY_AGENT, rec->agent_id, rec);
	index_put(t, TABLE_COST_BY_TASK, rec->task_id, rec);
	meta_put(t, META_COST_SEQ, rec->seq);
}

void
cost_fill(struct txn *t)
{
	struct backend_entry entry;
	size_t mark = txn_mark(t);
	struct scan s;
	bool found;

	if (meta_get(t, META_COST_SEQ) != 0)
		return;
	scan_open(&s, t, TABLE_COST_RECORDS, NULL);
	found = scan_first(&s, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		const struct cost_record *rec =
		    ROW_DECODE(t, TABLE_COST_RECORDS, &entry, cost_record);

		if (rec == NULL)
			break;
		cost_fill_one(t, rec);
		txn_release(t, mark);
	}
	scan_close(&s);
}
