#include <string.h>

#include "actors/cost.h"
#include "runtime/base/calendar.h"
#include "runtime/base/text.h"

/* Budgets, decisions and prices: what people set and read. */

#define PAGE_DEFAULT 50
#define NO_CURRENCY                                           \
	"currency: expected a code of ISO 4217 (there is no " \
	"default unless budget.currency is set)"

/* ---- budgets ---- */

static const char *
create_mistake(struct actor *self, const struct budget_create *ask)
{
	bool whole = ask->level == LEVEL_ORGANISATION;

	if (whole != (ask->subject == NULL) ||
	    cost_blank_if_given(ask->subject))
		return "subject: every level but the organisation has one";
	if ((ask->window == WINDOW_ROLLING) !=
	    (ask->has_rolling_hours && ask->rolling_hours > 0))
		return "rolling_hours: a rolling window has them, from 1";
	if (ask->amount <= 0)
		return "amount: must be above 0";
	if (cost_currency(actor_state(self), ask->currency) == NULL)
		return NO_CURRENCY;
	return NULL;
}

static enum status
manage_store_new(struct actor *self, const struct msg *in)
{
	const struct budget_create *ask = in->body;
	struct uuid id = id_make(self), decision = id_make(self);
	char text[ID_TEXT + 1], decision_text[ID_TEXT + 1];
	struct budget b = { .id = text,
		.level = ask->level,
		.subject = ask->subject == NULL ? "" : ask->subject,
		.window = ask->window,
		.rolling_hours = ask->rolling_hours,
		.amount = ask->amount,
		.currency = cost_currency(actor_state(self), ask->currency),
		.hard = !ask->has_hard || ask->hard,
		.created_at = actor_wall_us(self),
		.updated_at = actor_wall_us(self),
		.version = 1 };
	struct audit_note note =
	    audit_note_by(self, &ask->caller, "budget.create", text);

	id_text(&id, text);
	id_text(&decision, decision_text);
	return COST_ASK(self, in, &ask->caller, store_budget_create,
	    cost_explain, .budget = b, .principal = ask->caller.user_id,
	    .once = ask->once, .audit = &note, .decision_id = decision_text);
}

enum status
manage_on_create(struct actor *self, const struct msg *in)
{
	const struct budget_create *ask = in->body;
	const char *mistake = create_mistake(self, ask);

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (ask->once.key != NULL && text_is_blank(ask->once.key))
		return REFUSE(self, in, BAD_REQUEST,
		    "the Idempotency-Key must not be blank");
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	return manage_store_new(self, in);
}

enum status
manage_on_get(struct actor *self, const struct msg *in)
{
	const struct budget_get *ask = in->body;

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	return COST_ASK(self, in, &ask->caller, store_budget_get, cost_explain,
	    .id = ask->id, .now = actor_wall_us(self));
}

enum status
manage_on_list(struct actor *self, const struct msg *in)
{
	const struct budget_list *ask = in->body;

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (ask->has_limit && ask->limit == 0)
		return REFUSE(
		    self, in, VALIDATION, "limit: must be at least 1");
	if (cost_blank_if_given(ask->subject))
		return REFUSE(
		    self, in, VALIDATION, "subject: must not be blank");
	if (ask->cursor != NULL &&
	    (text_is_blank(ask->cursor) || strlen(ask->cursor) > ID_MAX))
		return REFUSE(self, in, VALIDATION,
		    "cursor: is not one that a page ended with");
	return COST_ASK(self, in, &ask->caller, store_budget_list, cost_explain,
	    .level = ask->level, .has_level = ask->has_level,
	    .subject = ask->subject, .after = ask->cursor,
	    .now = actor_wall_us(self),
	    .limit = ask->has_limit ? ask->limit : PAGE_DEFAULT);
}

enum status
manage_on_change(struct actor *self, const struct msg *in)
{
	const struct budget_change *ask = in->body;
	struct uuid decision = id_make(self);
	char text[ID_TEXT + 1];
	struct audit_note note =
	    audit_note_by(self, &ask->caller, "budget.change", ask->id);

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (ask->has_amount && ask->amount <= 0)
		return REFUSE(self, in, VALIDATION, "amount: must be above 0");
	id_text(&decision, text);
	return COST_ASK(self, in, &ask->caller, store_budget_change,
	    cost_explain, .id = ask->id, .amount = ask->amount,
	    .has_amount = ask->has_amount, .hard = ask->hard,
	    .has_hard = ask->has_hard, .version = ask->version,
	    .has_version = ask->has_version, .now = actor_wall_us(self),
	    .audit = &note, .principal = ask->caller.user_id,
	    .decision_id = text);
}

enum status
manage_on_delete(struct actor *self, const struct msg *in)
{
	const struct budget_delete *ask = in->body;
	struct audit_note note =
	    audit_note_by(self, &ask->caller, "budget.delete", ask->id);

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	return COST_ASK(self, in, &ask->caller, store_budget_delete,
	    cost_explain, .id = ask->id, .audit = &note);
}

/* ---- decisions ---- */

static enum status
manage_on_decided(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_decision_found *found = reply->body;

	(void)self;
	if (reply->id != MSG_store_decision_found)
		return op_pass(op, reply);
	if (found->decision == NULL)
		return OP_REFUSE(op, NOT_FOUND, "there is no such decision");
	return OP_REPLY(op, decision_found, .decision = *found->decision);
}

enum status
manage_on_decision(struct actor *self, const struct msg *in)
{
	const struct decision_get *ask = in->body;
	struct uuid id;

	if (cost_denies(self, in, &ask->caller, ACCESS_WRITE))
		return ST_OK;
	if (!id_parse(ask->id, &id))
		return REFUSE(self, in, NOT_FOUND, "there is no such decision");
	return ASK(self, in, cost_store(self), store_decision_get,
	    manage_on_decided, .id = ask->id);
}

/* ---- prices ---- */

static const char *
price_mistake(struct actor *self, const struct price_put *ask)
{
	if (text_is_blank(ask->provider) || text_is_blank(ask->model))
		return "provider, model: must not be blank";
	if (ask->input < 0 || ask->output < 0 ||
	    (ask->has_cache_read && ask->cache_read < 0) ||
	    (ask->has_cache_write && ask->cache_write < 0))
		return "input, output, cache_read, cache_write: must not be "
		       "negative";
	if (ask->input > PRICE_MAX || ask->output > PRICE_MAX ||
	    ask->cache_read > PRICE_MAX || ask->cache_write > PRICE_MAX)
		return "input, output, cache_read, cache_write: must be at "
		       "most 1000000 for a million tokens";
	if (ask->effective_from < CALENDAR_MIN ||
	    ask->effective_from > CALENDAR_MAX)
		return "effective_from: must be of the years 1 to 9998";
	if (cost_currency(actor_state(self), ask->currency) == NULL)
		return NO_CURRENCY;
	return NULL;
}

enum status
manage_on_price(struct actor *self, const struct msg *in)
{
	const struct price_put *ask = in->body;
	const char *mistake = price_mistake(self, ask);
	struct uuid decision = id_make(self);
	char text[ID_TEXT + 1];
	struct audit_note note =
	    audit_note_by(self, &ask->caller, "price.put", ask->model);

	if (cost_denies(self, in, &ask->caller, ACCESS_BUDGETS))
		return ST_OK;
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	id_text(&decision, text);
	return COST_ASK(self, in, &ask->caller, store_price_put, cost_explain,
	    .price = { .provider = ask->provider,
		.model = ask->model,
		.effective_from = ask->effective_from,
		.currency = cost_currency(actor_state(self), ask->currency),
		.input = ask->input,
		.output = ask->output,
		.cache_read =
		    ask->has_cache_read ? ask->cache_read : ask->input,
		.cache_write =
		    ask->has_cache_write ? ask->cache_write : ask->input,
		.created_at = actor_wall_us(self) },
	    .audit = &note, .supersedes = ask->supersedes,
	    .has_supersedes = ask->has_supersedes,
	    .principal = ask->caller.user_id, .decision_id = text);
}

static bool
is_hex(const char *text)
{
	return strlen(text) % 2 == 0 && text[0] != '\0' &&
	       text[strspn(text, "0123456789abcdef")] == '\0';
}

enum status
manage_on_prices(struct actor *self, const struct msg *in)
{
	const struct price_list *ask = in->body;

	if (cost_denies(self, in, &ask->caller, ACCESS_READ))
		return ST_OK;
	if (ask->has_limit && ask->limit == 0)
		return REFUSE(
		    self, in, VALIDATION, "limit: must be at least 1");
	if (ask->cursor != NULL && !is_hex(ask->cursor))
		return REFUSE(self, in, VALIDATION,
		    "cursor: is not one that a page ended with");
	return COST_ASK(self, in, &ask->caller, store_price_list, cost_explain,
	    .after = ask->cursor,
	    .limit = ask->has_limit ? ask->limit : PAGE_DEFAULT);
}
