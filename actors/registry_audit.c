#include <inttypes.h>
#include <stdio.h>

#include "actors/registry.h"
#include "runtime/base/decimal.h"

#define AUDIT_LIMIT 50 /* entries, if nobody asks for more */
#define CURSOR_SIZE 24

/* A cursor is the number that the page ended with. */
static bool
audit_cursor(const char *text, uint64_t *ret_before)
{
	return text[0] != '0' && decimal_parse(text, UINT64_MAX, ret_before);
}

static enum status
audit_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_audit_page *page = reply->body;
	char next[CURSOR_SIZE];

	(void)self;
	if (reply->id != MSG_store_audit_page)
		return op_pass(op, reply);
	snprintf(next, sizeof(next), "%" PRIu64, page->next);
	return OP_REPLY(op, audit_page, .entries = page->entries,
	    .entries_count = page->entries_count,
	    .next = page->has_next ? next : NULL);
}

bool
registry_may_audit(
    struct actor *self, const struct msg *in, const struct principal *caller)
{
	if (!registry_knows(caller, "unauthenticated_audit")) {
		(void)REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
		return false;
	}
	if (caller->role == ROLE_CEO)
		return true;
	(void)REFUSE(self, in, FORBIDDEN, "the audit log is for the role ceo");
	return false;
}

enum status
registry_on_audit(struct actor *self, const struct msg *in)
{
	const struct audit_list *ask = in->body;
	struct store_audit_list wanted = { .user_id = ask->user_id,
		.action = ask->action,
		.target = ask->target,
		.result = ask->result,
		.has_result = ask->has_result,
		.since = ask->since,
		.has_since = ask->has_since,
		.until = ask->until,
		.has_until = ask->has_until,
		.has_before = ask->cursor != NULL,
		.limit = ask->has_limit ? ask->limit : AUDIT_LIMIT };

	if (!registry_may_audit(self, in, &ask->caller))
		return ST_OK;
	if (wanted.limit == 0)
		return REFUSE(
		    self, in, VALIDATION, "limit: must be at least 1");
	if (ask->cursor != NULL && !audit_cursor(ask->cursor, &wanted.before))
		return REFUSE(self, in, VALIDATION,
		    "cursor: is not one that a page ended with");
	return actor_ask(self, in, registry_store(self), MSG_store_audit_list,
	    &wanted, audit_on_page);
}

/* What the gateways refuse never comes to us otherwise. */
enum status
registry_on_refusals(struct actor *self, const struct msg *in)
{
	const struct audit_refusals *news = in->body;
	struct registry *s = actor_state(self);

	if (actor_number_of(in->from) != ACTOR_NUMBER(gateway))
		return REFUSE(self, in, FORBIDDEN, "it is no gateway");
	for (uint32_t i = 0; i < news->notes_count; i++)
		auditor_count(self, &s->auditor, &news->notes[i]);
	auditor_lose(&s->auditor, news->lost);
	return REPLY(self, in, done, .nothing = 0);
}
