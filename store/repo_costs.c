#include <stdio.h>
#include <string.h>

#include "protocols/problem.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "store/audit.h"
#include "store/cost_walk.h"
#include "store/decision.h"
#include "store/requests.h"
#include "store/row.h"

#define COST_PAGE_BYTES (600u << 10)
#define DETAIL_SIZE 400

/* What failed, and of whom: the catalogue's words would not say. */
static const char *
project_detail(struct txn *t, const char *what, const char *project_id)
{
	char *text = arena_take(&t->room->arena, DETAIL_SIZE);

	if (text != NULL)
		snprintf(text, DETAIL_SIZE,
		    "failed to %s project cost "
		    "aggregate for %s",
		    what, project_id);
	return text;
}

static void
cost_answer(struct txn *t, const struct store_cost_add *ask,
    const struct cost_charge *c, const struct cost_result *r,
    struct store_cost_added *ret)
{
	struct budget_decision *d;

	*ret = (struct store_cost_added){ .record = c->record,
		.duplicate = r->duplicate,
		.project = r->project };
	if (r->problem == 0)
		return;
	d = decision_of(t, r, ask->decision_id, ask->now, ask->principal);
	if (d == NULL)
		return;
	d->amount = c->record.cost;
	d->has_amount = true;
	d->currency = c->record.currency;
	d->agent_id = c->record.agent_id;
	d->task_id = c->record.task_id;
	d->project_id = c->record.project_id;
	d->department = c->record.department;
	if (ask->decision_id[0] != '\0')
		decision_put(t, d);
	ret->decision = d;
}

static enum status
repo_cost_add(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_cost_add *ask = request;
	struct store_cost_added *added = txn_take(t, sizeof(*added));
	struct cost_result *r = txn_take(t, sizeof(*r));
	struct cost_charge c = { .record = ask->record,
		.priced = ask->priced,
		.body_hash = ask->body_hash,
		.now = ask->now,
		.keep_us = ask->keep_us,
		.event_id = ask->event_id };

	if (r == NULL)
		return txn_status(t);
	if (cost_apply(t, &c, r) == ST_OK)
		cost_answer(t, ask, &c, r, added);
	if (txn_status(t) == ST_IO || txn_status(t) == ST_NO_SPACE ||
	    txn_status(t) == ST_FULL)
		ret->detail = project_detail(t, "increment",
		    c.record.project_id == NULL ? "-" : c.record.project_id);
	if (txn_status(t) == ST_OK && r->problem == 0 && !r->duplicate)
		audit_append(t, ask->audit);
	ret->event = r->events_count > 0 ? r->events : NULL;
	ret->events_count = r->events_count;
	return REQUEST_REPLY(t, ret, store_cost_added, added);
}

static void
project_failed(struct txn *t, const char *project_id, struct store_reply *ret)
{
	bool decodes = txn_status(t) != ST_CORRUPT && txn_status(t) != ST_NEWER;

	if (decodes)
		LOG(PERSISTENCE_PROJECT_COST_AGG_FETCH_FAILED,
		    KV("project_id", project_id), KV("error", t->why));
	else
		LOG(PERSISTENCE_PROJECT_COST_AGG_DESERIALIZE_FAILED,
		    KV("project_id", project_id), KV("error", t->why));
	ret->problem = PROBLEM_STORE_FAILED;
	ret->detail =
	    project_detail(t, decodes ? "fetch" : "deserialize", project_id);
}

static enum status
repo_project_cost_get(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_project_cost_get *ask = request;
	struct store_project_cost_found *found = txn_take(t, sizeof(*found));

	if (found == NULL || !request_id(t, ask->project_id, "blank project"))
		return txn_status(t);
	found->project = project_cost_row(t, ask->project_id);
	if (txn_status(t) != ST_OK)
		project_failed(t, ask->project_id, ret);
	else
		LOG(PERSISTENCE_PROJECT_COST_AGG_FETCHED,
		    KV("project_id", ask->project_id));
	return REQUEST_REPLY(t, ret, store_project_cost_found, found);
}

/* ---- lists and sums ---- */

struct cost_filter {
	const char *agent_id;
	const char *task_id;
	const char *project_id;
};

static bool
filter_is_valid(struct txn *t, const struct cost_filter *f)
{
	if ((f->agent_id != NULL && text_is_blank(f->agent_id)) ||
	    (f->task_id != NULL && text_is_blank(f->task_id)) ||
	    (f->project_id != NULL && text_is_blank(f->project_id)))
		(void)txn_fail(t, ST_INVALID, "a filter is blank");
	return txn_status(t) == ST_OK;
}

/* The index that leaves fewest, and whose part of it; no filter: all. */
static void
filter_open(struct cost_walk *w, struct txn *t, const struct cost_filter *f)
{
	if (f->task_id != NULL)
		cost_walk_open(w, t, TABLE_COST_BY_TASK, f->task_id);
	else if (f->project_id != NULL)
		cost_walk_open(w, t, TABLE_COST_BY_PROJECT, f->project_id);
	else if (f->agent_id != NULL)
		cost_walk_open(w, t, TABLE_COST_BY_AGENT, f->agent_id);
	else
		cost_walk_open(w, t, TABLE_COST_RECORDS, NULL);
}

static bool
filter_wants(const struct cost_filter *f, const struct cost_record *r)
{
	if (f->agent_id != NULL && strcmp(f->agent_id, r->agent_id) != 0)
		return false;
	if (f->task_id != NULL && strcmp(f->task_id, r->task_id) != 0)
		return false;
	return f->project_id == NULL ||
	       (r->project_id != NULL &&
		   strcmp(f->project_id, r->project_id) == 0);
}

static const char *
seq_text(struct txn *t, uint64_t seq)
{
	char *text = txn_take(t, 24);

	if (text != NULL)
		snprintf(text, 24, "%llu", (unsigned long long)seq);
	return text;
}

/* A page that looked into too many blocks goes on where it stopped. */
static void
list_fill(struct cost_walk *w, const struct cost_filter *f,
    const struct store_cost_list *ask, struct cost_record *records,
    struct cost_page *page)
{
	struct txn *t = w->scan.t;
	size_t began = txn_mark(t);
	struct backend_entry entry;
	uint64_t last = 0;
	uint32_t walked = 0;
	size_t used = 0;
	bool found = cost_walk_first(w, ask->after, COST_BLOCKS_MAX, &entry);

	while (found && page->records_count < ask->limit &&
	       walked++ < COST_SCAN_MAX &&
	       txn_mark(t) - began < COST_PAGE_BYTES) {
		size_t mark = txn_mark(t);
		const struct cost_record *r = cost_walk_record(w, &entry);

		if (r == NULL)
			break;
		if (filter_wants(f, r) &&
		    !request_page_takes(
			t, CATALOGUE_TYPE(cost_record), r, &used))
			break;
		last = r->seq;
		if (filter_wants(f, r))
			records[page->records_count++] = *r;
		else
			txn_release(t, mark);
		found = cost_walk_next(w, &entry);
	}
	page->records = records;
	if (w->cut_off)
		last = (w->block + 1) * COST_BLOCK - 1;
	page->next = found || w->cut_off ? seq_text(t, last) : NULL;
}

static enum status
repo_cost_list(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_cost_list *ask = request;
	struct cost_filter f = { ask->agent_id, ask->task_id, ask->project_id };
	struct cost_page *page = txn_take(t, sizeof(*page));
	struct cost_record *records =
	    txn_take(t, ask->limit * sizeof(*records));
	struct cost_walk w;

	if (!filter_is_valid(t, &f) || !request_limit(t, ask->limit))
		return txn_status(t);
	filter_open(&w, t, &f);
	list_fill(&w, &f, ask, records, page);
	cost_walk_close(&w);
	return REQUEST_REPLY(t, ret, cost_page, page);
}

static void
sum_add(struct txn *t, struct cost_summed *sum, money cost,
    const char *currency, struct store_reply *ret)
{
	if (sum->currency == NULL)
		sum->currency =
		    txn_copy_text(t, (struct bytes){ (const uint8_t *)currency,
					 strlen(currency) });
	else if (strcmp(sum->currency, currency) != 0) {
		ret->problem = PROBLEM_MIXED_CURRENCY;
		(void)txn_fail(
		    t, ST_CONFLICT, "mixed_currency: the records have several");
	}
	if (money_add(sum->cost, cost, &sum->cost) != ST_OK)
		(void)txn_fail(t, ST_INVALID, "the sum would overflow");
}

/* What ends a key of a slot, or a value of an index. */
static bool
sum_currency(const struct key_reader *r, char ret_code[CURRENCY_MAX + 1])
{
	if (r->failed || r->rest.size != CURRENCY_MAX)
		return false;
	memcpy(ret_code, r->rest.at, CURRENCY_MAX);
	ret_code[CURRENCY_MAX] = '\0';
	return true;
}

/* Slots add up what is filtered by no more than one of what they are of. */
static bool
sum_is_of_slots(const struct cost_filter *f, struct key *ret_prefix)
{
	if (f->task_id != NULL ||
	    (f->agent_id != NULL && f->project_id != NULL))
		return false;
	if (f->agent_id != NULL)
		cost_slot_prefix(ret_prefix, BY_AGENT, f->agent_id);
	else if (f->project_id != NULL)
		cost_slot_prefix(ret_prefix, BY_PROJECT, f->project_id);
	else
		cost_slot_prefix(ret_prefix, BY_ORGANISATION, "");
	return true;
}

static void
sum_slots(struct txn *t, const struct key *prefix, struct cost_summed *sum,
    struct store_reply *ret)
{
	struct backend_entry entry;
	struct scan s;
	bool found;

	scan_open(&s, t, TABLE_COST_SLOTS, prefix);
	found = scan_first(&s, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		size_t mark = txn_mark(t);
		bool first = sum->currency == NULL;
		const struct cost_slot *slot =
		    ROW_DECODE(t, TABLE_COST_SLOTS, &entry, cost_slot);
		char currency[CURRENCY_MAX + 1];
		struct key_reader r;

		key_read(&r, entry.key);
		key_skip(&r, prefix);
		(void)key_read_time(&r);
		if (slot == NULL)
			break;
		if (!sum_currency(&r, currency)) {
			row_is_corrupt(t, TABLE_COST_SLOTS, entry.key);
			break;
		}
		sum->records += slot->records;
		sum_add(t, sum, slot->cost, currency, ret);
		if (!first)
			txn_release(t, mark);
	}
	scan_close(&s);
}

/* An index entry says it all, if the index is the whole filter. */
static bool
sum_entry(struct txn *t, const struct backend_entry *entry,
    struct cost_summed *sum, struct store_reply *ret)
{
	char currency[CURRENCY_MAX + 1];
	struct key_reader r;
	uint64_t high, low;

	key_read(&r, entry->value);
	high = key_read_number(&r);
	low = key_read_number(&r);
	if (!sum_currency(&r, currency))
		return false;
	sum->records++;
	sum_add(
	    t, sum, (money)((money_magnitude)high << 64 | low), currency, ret);
	return true;
}

static void
sum_walk(struct cost_walk *w, const struct cost_filter *f,
    struct cost_summed *sum, struct store_reply *ret)
{
	bool whole = f->agent_id == NULL && f->project_id == NULL;
	struct txn *t = w->scan.t;
	struct backend_entry entry;
	uint32_t walked = 0;
	bool found = cost_walk_first(w, 0, UINT64_MAX, &entry);

	for (; found && txn_status(t) == ST_OK;
	     found = cost_walk_next(w, &entry)) {
		size_t mark = txn_mark(t);
		bool first = sum->currency == NULL;
		const struct cost_record *r;

		if (++walked > COST_SCAN_MAX)
			(void)txn_fail(
			    t, ST_INVALID, "too many records to add up");
		if (whole) {
			if (!sum_entry(t, &entry, sum, ret))
				row_is_corrupt(t, w->scan.table, entry.key);
			continue;
		}
		r = cost_walk_record(w, &entry);
		if (r != NULL && filter_wants(f, r)) {
			sum->records++;
			sum_add(t, sum, r->cost, r->currency, ret);
		}
		if (!first || sum->currency == NULL)
			txn_release(t, mark);
	}
}

static enum status
repo_cost_sum(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_cost_sum *ask = request;
	struct cost_filter f = { ask->agent_id, ask->task_id, ask->project_id };
	struct cost_summed *sum = txn_take(t, sizeof(*sum));
	struct cost_walk w;
	struct key prefix;

	if (!filter_is_valid(t, &f))
		return txn_status(t);
	if (sum_is_of_slots(&f, &prefix)) {
		sum_slots(t, &prefix, sum, ret);
	} else {
		filter_open(&w, t, &f);
		sum_walk(&w, &f, sum, ret);
		cost_walk_close(&w);
	}
	if (txn_status(t) != ST_OK && txn_status(t) != ST_CONFLICT)
		LOG(PERSISTENCE_COST_RECORD_AGGREGATE_FAILED,
		    KV("agent_id", f.agent_id == NULL ? "-" : f.agent_id),
		    KV("task_id", f.task_id == NULL ? "-" : f.task_id),
		    KV("error", t->why));
	return REQUEST_REPLY(t, ret, cost_summed, sum);
}

static enum status
repo_project_cost_list(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_project_cost_list *ask = request;
	struct project_page *page = txn_take(t, sizeof(*page));
	struct project_cost *list = txn_take(t, ask->limit * sizeof(*list));
	struct backend_entry entry;
	struct key from;
	struct scan s;
	bool found;

	if (ask->after != NULL && ask->after[0] == '\0')
		return txn_fail(t, ST_INVALID, "blank cursor");
	if (!request_limit(t, ask->limit))
		return txn_status(t);
	key_init(&from);
	key_text(&from, ask->after == NULL ? "" : ask->after);
	scan_open(&s, t, TABLE_PROJECT_COSTS, NULL);
	found = scan_seek(&s, &from, &entry);
	while (found && page->projects_count < ask->limit) {
		const struct project_cost *p =
		    ROW_DECODE(t, TABLE_PROJECT_COSTS, &entry, project_cost);

		if (p == NULL)
			break;
		list[page->projects_count++] = *p;
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	page->projects = list;
	if (found && page->projects_count > 0)
		page->next = list[page->projects_count - 1].project_id;
	return REQUEST_REPLY(t, ret, project_page, page);
}

const struct request repo_costs[] = {
	{ MSG_store_cost_add, true, repo_cost_add },
	{ MSG_store_project_cost_get, false, repo_project_cost_get },
	{ MSG_store_project_cost_list, false, repo_project_cost_list },
	{ MSG_store_cost_list, false, repo_cost_list },
	{ MSG_store_cost_sum, false, repo_cost_sum },
	{ 0 },
};
