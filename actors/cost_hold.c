#include "actors/cost.h"
#include "runtime/base/text.h"

#define HOLD_TTL_DEFAULT 600
#define SECOND_US 1000000

static enum status
hold_on_made(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_hold_made *made = reply->body;

	if (reply->id != MSG_store_hold_made)
		return op_pass(op, reply);
	if (made->decision != NULL)
		return cost_refuse_decision(op, made->decision);
	if (made->hold.status == HOLD_OPEN)
		cost_expiry_look(self, made->hold.expires_at);
	return OP_REPLY(
	    op, hold_made, .hold = made->hold, .record = made->record);
}

static const char *
create_mistake(struct actor *self, const struct hold_create *ask)
{
	if (text_is_blank(ask->agent_id) || text_is_blank(ask->task_id))
		return "agent_id, task_id: must not be blank";
	if (cost_blank_if_given(ask->project_id) ||
	    cost_blank_if_given(ask->department))
		return "project_id, department: must not be blank";
	if (ask->amount <= 0 || ask->amount > COST_MAX)
		return "amount: must be above 0, and at most 1000000";
	if (ask->has_ttl_seconds && ask->ttl_seconds == 0)
		return "ttl_seconds: must be at least 1";
	if (cost_currency(actor_state(self), ask->currency) == NULL)
		return "currency: expected a code of ISO 4217 (there is no "
		       "default unless budget.currency is set)";
	return NULL;
}

static enum status
hold_ask(struct actor *self, const struct msg *in)
{
	const struct hold_create *ask = in->body;
	int64_t now = actor_wall_us(self);
	int64_t ttl =
	    ask->has_ttl_seconds ? ask->ttl_seconds : HOLD_TTL_DEFAULT;
	struct uuid id = ask->once.key == NULL
			     ? id_make_ordered(self)
			     : cost_key_id(&ask->caller, "hold", &ask->once);
	struct uuid decision = id_make(self);
	char text[ID_TEXT + 1], decision_text[ID_TEXT + 1];
	struct hold hold = { .id = text,
		.amount = ask->amount,
		.currency = cost_currency(actor_state(self), ask->currency),
		.agent_id = ask->agent_id,
		.task_id = ask->task_id,
		.project_id = ask->project_id,
		.department = ask->department,
		.created_at = now,
		.expires_at = now + ttl * SECOND_US,
		.created_by = ask->caller.user_id };
	struct audit_note note =
	    audit_note_by(self, &ask->caller, "hold.create", text);

	id_text(&id, text);
	id_text(&decision, decision_text);
	return ASK(self, in, cost_store(self), store_hold_add, hold_on_made,
	    .hold = hold, .body_hash = ask->once.body_hash,
	    .decision_id = decision_text, .audit = &note);
}

enum status
hold_on_create(struct actor *self, const struct msg *in)
{
	const struct hold_create *ask = in->body;
	const char *mistake = create_mistake(self, ask);

	if (cost_denies(self, in, &ask->caller, ACCESS_WRITE))
		return ST_OK;
	if (ask->once.key != NULL && text_is_blank(ask->once.key))
		return REFUSE(self, in, BAD_REQUEST,
		    "the Idempotency-Key must not be blank");
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	return hold_ask(self, in);
}

enum status
hold_on_settle(struct actor *self, const struct msg *in)
{
	const struct hold_settle *ask = in->body;
	struct cost_state *s = actor_state(self);
	struct uuid decision = id_make(self), event = id_make(self), id;
	char text[ID_TEXT + 1];
	struct audit_note note =
	    audit_note_by(self, &ask->caller, "hold.settle", ask->id);

	if (cost_denies(self, in, &ask->caller, ACCESS_WRITE))
		return ST_OK;
	if (!id_parse(ask->id, &id))
		return REFUSE(self, in, NOT_FOUND, "there is no such hold");
	if (text_is_blank(ask->provider) || text_is_blank(ask->model))
		return REFUSE(
		    self, in, VALIDATION, "provider, model: must not be blank");
	if (ask->cost < 0 || ask->cost > COST_MAX)
		return REFUSE(
		    self, in, VALIDATION, "cost: must be from 0 to 1000000");
	id_text(&decision, text);
	return ASK(self, in, cost_store(self), store_hold_settle, hold_on_made,
	    .id = ask->id,
	    .record = (struct cost_record){ .record_id = id_make(self),
		.agent_id = "",
		.task_id = "",
		.currency = "",
		.provider = ask->provider,
		.model = ask->model,
		.cost = ask->cost,
		.input_tokens = ask->input_tokens,
		.output_tokens = ask->output_tokens,
		.call_category = ask->call_category,
		.has_call_category = ask->has_call_category },
	    .principal = ask->caller.user_id, .now = actor_wall_us(self),
	    .keep_us = s->keep_us, .event_id = event, .decision_id = text,
	    .audit = &note);
}

enum status
hold_on_void(struct actor *self, const struct msg *in)
{
	const struct hold_void *ask = in->body;
	struct uuid decision = id_make(self), id;
	char text[ID_TEXT + 1];
	struct audit_note note =
	    audit_note_by(self, &ask->caller, "hold.void", ask->id);

	if (cost_denies(self, in, &ask->caller, ACCESS_WRITE))
		return ST_OK;
	if (!id_parse(ask->id, &id))
		return REFUSE(self, in, NOT_FOUND, "there is no such hold");
	id_text(&decision, text);
	return ASK(self, in, cost_store(self), store_hold_void, hold_on_made,
	    .id = ask->id, .principal = ask->caller.user_id,
	    .now = actor_wall_us(self), .decision_id = text, .audit = &note);
}

static enum status
hold_on_found(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_hold_found *found = reply->body;

	(void)self;
	if (reply->id != MSG_store_hold_found)
		return op_pass(op, reply);
	if (found->hold == NULL)
		return OP_REFUSE(op, NOT_FOUND, "there is no such hold");
	return OP_REPLY(op, hold_made, .hold = *found->hold);
}

enum status
hold_on_get(struct actor *self, const struct msg *in)
{
	const struct hold_get *ask = in->body;
	struct uuid id;

	if (cost_denies(self, in, &ask->caller, ACCESS_WRITE))
		return ST_OK;
	if (!id_parse(ask->id, &id))
		return REFUSE(self, in, NOT_FOUND, "there is no such hold");
	return ASK(self, in, cost_store(self), store_hold_get, hold_on_found,
	    .id = ask->id);
}

static enum status
hold_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	return op_pass(op, reply);
}

enum status
hold_on_list(struct actor *self, const struct msg *in)
{
	const struct hold_list *ask = in->body;
	struct uuid id;

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (ask->has_limit && ask->limit == 0)
		return REFUSE(
		    self, in, VALIDATION, "limit: must be at least 1");
	if (ask->cursor != NULL && !id_parse(ask->cursor, &id))
		return REFUSE(self, in, VALIDATION,
		    "cursor: is not one that a page ended with");
	return ASK(self, in, cost_store(self), store_hold_list, hold_on_page,
	    .after = ask->cursor, .limit = ask->has_limit ? ask->limit : 50);
}
