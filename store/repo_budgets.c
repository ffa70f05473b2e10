#include <string.h>

#include "protocols/problem.h"
#include "runtime/base/text.h"
#include "store/audit.h"
#include "store/decision.h"
#include "store/idem.h"
#include "store/meter.h"
#include "store/requests.h"
#include "store/row.h"

#define BUDGET_SCOPE "budget.create"
#define BUDGET_WALK_MAX 20000 /* that one page looks at */
#define BUDGET_AMOUNT_MAX ((money)1000000000000000 * 1000000000000)

static const char *
budget_fault(const struct budget *b)
{
	if (text_is_blank(b->id))
		return "a budget's id is blank";
	if ((b->level == LEVEL_ORGANISATION) != (b->subject[0] == '\0') ||
	    (b->subject[0] != '\0' && text_is_blank(b->subject)))
		return "every level but the organisation's has a subject";
	if (b->amount <= 0 || b->amount > BUDGET_AMOUNT_MAX)
		return "a limit is above 0, and at most 10^15";
	if ((b->window == WINDOW_ROLLING) != (b->rolling_hours > 0))
		return "a rolling window has hours, another has none";
	if (strlen(b->currency) != CURRENCY_MAX)
		return "a currency has three letters";
	return NULL;
}

static void
subject_key(struct key *k, const struct budget *b)
{
	key_init(k);
	key_number(k, b->level);
	key_text(k, b->subject);
}

static void
budget_put(struct txn *t, const struct budget *b)
{
	struct key k;

	key_init(&k);
	key_tail(&k, b->id);
	row_put(t, TABLE_BUDGETS, &k, CATALOGUE_TYPE(budget), b);
	subject_key(&k, b);
	key_tail(&k, b->id);
	txn_put(t, TABLE_BUDGETS_BY_SUBJECT, &k, (struct bytes){ 0 });
}

static enum status
budget_answer(
    struct txn *t, const struct budget *b, int64_t now, struct store_reply *ret)
{
	struct budget_made *made = txn_take(t, sizeof(*made));
	struct meter m;

	if (made == NULL)
		return txn_status(t);
	meter_load(t, b, now, &m);
	if (txn_status(t) == ST_OK)
		meter_status(&m, &made->status);
	return REQUEST_REPLY(t, ret, budget_made, made);
}

static enum status
budget_missing(struct txn *t)
{
	return txn_fail(t, ST_NOT_FOUND, "there is no such budget");
}

static enum status
create_replay(struct txn *t, const struct store_budget_create *ask,
    const struct idem_mark *mark, struct store_reply *ret)
{
	const struct budget *b;

	if (!idem_same_body(mark, ask->once.body_hash)) {
		ret->problem = PROBLEM_IDEMPOTENCY_REUSE;
		return txn_fail(t, ST_CONFLICT,
		    "the idempotency key was used with another request");
	}
	b = budget_row(t, mark->result_id);
	if (b == NULL)
		return budget_missing(t);
	return budget_answer(t, b, ask->budget.created_at, ret);
}

static void
create_mark(struct txn *t, const struct store_budget_create *ask)
{
	struct idem_mark mark = { .scope = BUDGET_SCOPE,
		.principal = ask->principal,
		.key = ask->once.key,
		.body_hash = ask->once.body_hash,
		.result_id = ask->budget.id,
		.expires_at = ask->budget.created_at + IDEM_KEEP_US };

	if (ask->once.key != NULL)
		idem_put(t, &mark, ask->budget.created_at);
}

/* With the budgets there are, as they stand. */
static enum status
create_refuse(struct txn *t, const struct store_budget_create *ask,
    const struct meters *there, struct decision_ask *why,
    struct store_reply *ret)
{
	const struct budget *b = &ask->budget;
	struct budget_decision *d = txn_take(t, sizeof(*d));

	if (d == NULL)
		return txn_status(t);
	why->id = ask->decision_id;
	why->at = b->created_at;
	why->principal = ask->principal;
	*d = (struct budget_decision){ .amount = b->amount,
		.has_amount = true,
		.currency = b->currency,
		.limits = meters_statuses(t, there),
		.limits_count = there->count };
	if (b->level == LEVEL_PROJECT)
		d->project_id = b->subject;
	else if (b->level == LEVEL_DEPARTMENT)
		d->department = b->subject;
	else if (b->level == LEVEL_AGENT)
		d->agent_id = b->subject;
	else if (b->level == LEVEL_TASK)
		d->task_id = b->subject;
	return decision_refuse(t, why, d, ret);
}

static enum status
create_new(struct txn *t, const struct store_budget_create *ask,
    struct store_reply *ret)
{
	const struct budget *b = &ask->budget;
	struct meters *there = txn_take(t, sizeof(*there));

	if (there == NULL)
		return txn_status(t);
	there->count = 0;
	meters_load_subject(t, b->level, b->subject, b->created_at, there);
	if (txn_status(t) != ST_OK)
		return txn_status(t);
	if (there->count == BUDGETS_SUBJECT_MAX)
		return create_refuse(t, ask, there,
		    &(struct decision_ask){ .st = ST_FULL,
			.problem = PROBLEM_CONFLICT,
			.rule = "budgets_max",
			.detail = "the subject has as many budgets as one may "
				  "have" },
		    ret);
	if (meters_foreign(there, b->currency) != NULL)
		return create_refuse(t, ask, there,
		    &(struct decision_ask){ .st = ST_CONFLICT,
			.problem = PROBLEM_MIXED_CURRENCY,
			.rule = "mixed_currency",
			.detail = "mixed_currency: the subject's budgets have "
				  "another one" },
		    ret);
	if (budget_row(t, b->id) != NULL)
		return txn_fail(t, ST_EXISTS, "the budget id is taken");
	budget_put(t, b);
	meter_fill(t, b);
	if (txn_status(t) == ST_CONFLICT)
		ret->problem = PROBLEM_MIXED_CURRENCY;
	create_mark(t, ask);
	audit_append(t, ask->audit);
	return budget_answer(t, b, b->created_at, ret);
}

static enum status
repo_budget_create(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_budget_create *ask = request;
	const char *fault = budget_fault(&ask->budget);
	const struct idem_mark *mark = NULL;

	if (fault != NULL)
		return txn_fail(t, ST_INVALID, fault);
	if (ask->once.key != NULL &&
	    request_id(t, ask->once.key, "blank idempotency key"))
		mark = idem_find(t, BUDGET_SCOPE, ask->principal, ask->once.key,
		    ask->budget.created_at);
	if (mark != NULL)
		return create_replay(t, ask, mark, ret);
	return create_new(t, ask, ret);
}

static enum status
repo_budget_get(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_budget_get *ask = request;
	const struct budget *b = NULL;

	if (request_id(t, ask->id, "blank budget id"))
		b = budget_row(t, ask->id);
	if (b == NULL)
		return budget_missing(t);
	return budget_answer(t, b, ask->now, ret);
}

static bool
list_wants(const struct store_budget_list *ask, const struct budget *b)
{
	if (ask->has_level && ask->level != b->level)
		return false;
	return ask->subject == NULL || strcmp(ask->subject, b->subject) == 0;
}

/* A page that looked at too many goes on where it stopped. */
static void
list_fill(struct scan *s, const struct store_budget_list *ask,
    struct budget_status *list, struct budget_page *page)
{
	struct backend_entry entry;
	char *last = txn_take(s->t, ID_MAX + 1);
	uint32_t walked = 0;
	struct key from;
	struct meter m;
	bool found;

	key_init(&from);
	if (ask->after != NULL)
		key_text(&from, ask->after); /* its end makes it the next */
	found = ask->after == NULL ? scan_first(s, &entry)
				   : scan_seek(s, &from, &entry);
	while (found && page->budgets_count < ask->limit &&
	       walked++ < BUDGET_WALK_MAX) {
		size_t mark = txn_mark(s->t);
		const struct budget *b =
		    ROW_DECODE(s->t, TABLE_BUDGETS, &entry, budget);

		if (b == NULL || last == NULL)
			break;
		(void)text_fit(last, ID_MAX + 1, b->id);
		if (list_wants(ask, b)) {
			meter_load(s->t, b, ask->now, &m);
			meter_status(&m, &list[page->budgets_count++]);
		} else {
			txn_release(s->t, mark);
		}
		found = scan_next(s, &entry);
	}
	page->budgets = list;
	page->next = found ? last : NULL;
}

static enum status
repo_budget_list(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_budget_list *ask = request;
	struct budget_page *page = txn_take(t, sizeof(*page));
	struct budget_status *list = txn_take(t, ask->limit * sizeof(*list));
	struct scan s;

	if (ask->after != NULL && ask->after[0] == '\0')
		return txn_fail(t, ST_INVALID, "blank cursor");
	if (!request_limit(t, ask->limit))
		return txn_status(t);
	scan_open(&s, t, TABLE_BUDGETS, NULL);
	list_fill(&s, ask, list, page);
	scan_close(&s);
	return REQUEST_REPLY(t, ret, budget_page, page);
}

static enum status
change_refuse(struct txn *t, const struct store_budget_change *ask,
    const struct budget *old, struct store_reply *ret)
{
	struct budget_decision *d = txn_take(t, sizeof(*d));
	struct meters *ms = txn_take(t, sizeof(*ms));
	const struct decision_ask why = { .id = ask->decision_id,
		.at = ask->now,
		.principal = ask->principal,
		.st = ST_CONFLICT,
		.problem = PROBLEM_VERSION_CONFLICT,
		.rule = "version",
		.detail = "the budget has changed meanwhile" };

	if (ms == NULL)
		return txn_status(t);
	meter_load(t, old, ask->now, &ms->of[0]);
	ms->count = 1;
	d->amount = ask->amount;
	d->has_amount = ask->has_amount;
	d->currency = old->currency;
	d->limits = meters_statuses(t, ms);
	d->limits_count = 1;
	return decision_refuse(t, &why, d, ret);
}

static enum status
repo_budget_change(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_budget_change *ask = request;
	const struct budget *old = NULL;
	struct budget b;
	const char *fault;

	if (request_id(t, ask->id, "blank budget id"))
		old = budget_row(t, ask->id);
	if (old == NULL)
		return budget_missing(t);
	if (ask->has_version && ask->version != old->version)
		return change_refuse(t, ask, old, ret);
	b = *old;
	b.amount = ask->has_amount ? ask->amount : old->amount;
	b.hard = ask->has_hard ? ask->hard : old->hard;
	b.version++;
	b.updated_at = ask->now > old->updated_at ? ask->now : old->updated_at;
	fault = budget_fault(&b);
	if (fault != NULL)
		return txn_fail(t, ST_INVALID, fault);
	budget_put(t, &b);
	audit_append(t, ask->audit);
	return budget_answer(t, &b, ask->now, ret);
}

static void
meters_delete(struct txn *t, const char *id)
{
	struct backend_entry entry;
	struct key prefix, k;
	struct scan s;
	bool found;

	key_init(&prefix);
	key_text(&prefix, id);
	scan_open(&s, t, TABLE_BUDGET_METERS, &prefix);
	found = scan_first(&s, &entry);
	while (found) {
		key_init(&k);
		key_raw(&k, entry.key);
		(void)txn_delete(t, TABLE_BUDGET_METERS, &k);
		found = scan_seek(&s, &k, &entry);
	}
	scan_close(&s);
}

static enum status
repo_budget_delete(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_budget_delete *ask = request;
	const struct budget *b = NULL;
	struct key k;

	if (request_id(t, ask->id, "blank budget id"))
		b = budget_row(t, ask->id);
	if (b == NULL)
		return budget_missing(t);
	subject_key(&k, b);
	key_tail(&k, b->id);
	(void)txn_delete(t, TABLE_BUDGETS_BY_SUBJECT, &k);
	key_init(&k);
	key_tail(&k, b->id);
	(void)txn_delete(t, TABLE_BUDGETS, &k);
	meters_delete(t, b->id);
	audit_append(t, ask->audit);
	return request_done(t, ret);
}

static enum status
repo_budget_check(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_budget_check *ask = request;
	struct store_budget_checked *reply = txn_take(t, sizeof(*reply));
	struct meters *ms = txn_take(t, sizeof(*ms));
	struct cost_dims dims = cost_dims_of(
	    ask->project_id, ask->department, ask->agent_id, ask->task_id);

	if (ms == NULL)
		return txn_status(t);
	meters_load(t, &dims, ask->now, ms);
	reply->limits = meters_statuses(t, ms);
	reply->limits_count = ms->count;
	/* Without an amount: there must be room for the least there is. */
	reply->refused =
	    meters_refusing(ms, ask->has_amount ? ask->amount : 1) != NULL;
	return REQUEST_REPLY(t, ret, store_budget_checked, reply);
}

const struct request repo_budgets[] = {
	{ MSG_store_budget_create, true, repo_budget_create },
	{ MSG_store_budget_get, false, repo_budget_get },
	{ MSG_store_budget_list, false, repo_budget_list },
	{ MSG_store_budget_change, true, repo_budget_change },
	{ MSG_store_budget_delete, true, repo_budget_delete },
	{ MSG_store_budget_check, false, repo_budget_check },
	{ 0 },
};
