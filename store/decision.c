#include "store/decision.h"

#include "protocols/messages.h"
#include "store/row.h"
#include "store/sweep.h"

void
decision_put(struct txn *t, const struct budget_decision *d)
{
	struct key k, at;

	(void)sweep_old(t, TABLE_DECISIONS_BY_TIME, TABLE_DECISIONS,
	    d->at - DECISION_KEEP_US, DECISION_SWEEP_MAX);
	key_init(&k);
	key_tail(&k, d->id);
	row_put(t, TABLE_DECISIONS, &k, CATALOGUE_TYPE(budget_decision), d);
	key_init(&at);
	key_time(&at, d->at);
	key_raw(&at, key_bytes(&k));
	txn_put(t, TABLE_DECISIONS_BY_TIME, &at, (struct bytes){ 0 });
}

struct budget_decision *
decision_of(struct txn *t, const struct cost_result *r, const char *id,
    int64_t now, const char *principal)
{
	struct budget_decision *d = txn_take(t, sizeof(*d));

	if (d == NULL)
		return NULL;
	*d = (struct budget_decision){ .id = id,
		.at = now,
		.rule = r->rule,
		.problem = r->problem,
		.detail = r->detail,
		.asked_by = principal,
		.limits = meters_statuses(t, &r->meters),
		.limits_count = r->meters.count };
	return d;
}

enum status
decision_refuse(struct txn *t, const struct decision_ask *ask,
    struct budget_decision *d, struct store_reply *ret)
{
	struct store_refused *refused = txn_take(t, sizeof(*refused));

	if (ask->id == NULL || ask->id[0] == '\0') {
		ret->problem = ask->problem;
		return txn_fail(t, ask->st, ask->detail);
	}
	if (refused == NULL)
		return txn_status(t);
	d->id = ask->id;
	d->at = ask->at;
	d->asked_by = ask->principal;
	d->problem = ask->problem;
	d->rule = ask->rule;
	d->detail = ask->detail;
	decision_put(t, d);
	refused->decision = *d;
	return REQUEST_REPLY(t, ret, store_refused, refused);
}

static enum status
repo_decision_put(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_decision_put *ask = request;

	if (request_id(t, ask->decision.id, "blank decision id"))
		decision_put(t, &ask->decision);
	return request_done(t, ret);
}

static enum status
repo_decision_get(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_decision_get *ask = request;
	struct store_decision_found *found = txn_take(t, sizeof(*found));
	struct key k;

	if (found != NULL && request_id(t, ask->id, "blank decision id")) {
		key_init(&k);
		key_tail(&k, ask->id);
		found->decision =
		    ROW_GET(t, TABLE_DECISIONS, &k, budget_decision);
	}
	return REQUEST_REPLY(t, ret, store_decision_found, found);
}

const struct request repo_decisions[] = {
	{ MSG_store_decision_put, true, repo_decision_put },
	{ MSG_store_decision_get, false, repo_decision_get },
	{ 0 },
};
