#include <string.h>

#include "actors/cost.h"
#include "protocols/problem.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * Whatever is refused about money can be asked for later.  The store keeps
 * the decision itself where it refuses before it writes, with the limits as
 * they stood; what a read or a half-done write came upon is kept here, by a
 * request of its own, before the refusal goes out.
 */

#define ASKED_BY_SIZE 65
#define DETAIL_SIZE 144

struct explain_op {
	char decision[ID_TEXT + 1];
	char asked_by[ASKED_BY_SIZE];
	char detail[DETAIL_SIZE];
	uint32_t status;
	uint32_t problem;
};

enum status
cost_ask(struct actor *self, const struct msg *in, const struct principal *who,
    uint16_t id, const void *body, op_fn on_reply)
{
	struct op *op = op_open(self, in);
	struct explain_op *mine;

	if (op == NULL)
		return ST_OK;
	mine = op_data(op);
	(void)text_fit(mine->asked_by, sizeof(mine->asked_by), who->user_id);
	return op_ask(op, cost_store(self), id, body, on_reply);
}

/* What a client is told with one of these can be explained. */
static bool
explain_wants(uint32_t problem)
{
	uint32_t http = problem_find(problem)->http;

	return http == 402 || http == 409 || http == 429;
}

static const char *
explain_rule(uint32_t problem)
{
	switch (problem) {
	case PROBLEM_MIXED_CURRENCY:
		return "mixed_currency";
	case PROBLEM_DUPLICATE:
		return "exists";
	case PROBLEM_VERSION_CONFLICT:
		return "version";
	default:
		return "refused";
	}
}

static enum status
explain_on_kept(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct explain_op *mine = op_data(op);
	bool kept = reply->id == MSG_done;

	(void)self;
	LOG(BUDGET_LIMIT_REFUSED, KV("rule", explain_rule(mine->problem)),
	    KU("problem", mine->problem),
	    KV("decision", kept ? mine->decision : "-"));
	return op_refuse_with(
	    op, &(struct refused){ .status = mine->status,
		    .problem = mine->problem,
		    .detail = mine->detail,
		    .decision = kept ? mine->decision : NULL });
}

enum status
cost_explain(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_refused *kept = reply->body;
	const struct refused *why = reply->body;
	struct explain_op *mine = op_data(op);
	struct uuid id;
	uint32_t problem;

	if (reply->id == MSG_store_refused)
		return cost_refuse_decision(op, &kept->decision);
	if (reply->id != MSG_refused)
		return op_pass(op, reply);
	problem = why->problem != 0
		      ? why->problem
		      : problem_of_status((enum status)why->status);
	if (!explain_wants(problem) ||
	    (why->decision != NULL && why->decision[0] != '\0'))
		return op_pass(op, reply);
	id = id_make(self);
	id_text(&id, mine->decision);
	mine->status = why->status;
	mine->problem = problem;
	(void)text_fit(mine->detail, sizeof(mine->detail), why->detail);
	return OP_ASK(op, cost_store(self), store_decision_put, explain_on_kept,
	    .decision = { .id = mine->decision,
		.at = actor_wall_us(self),
		.rule = explain_rule(problem),
		.problem = problem,
		.detail = mine->detail,
		.asked_by = mine->asked_by });
}
