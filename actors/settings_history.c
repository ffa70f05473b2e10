#include "actors/settings_state.h"

/* What is sealed stays so, and is masked. */
static enum status
settings_on_changes(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_setting_changes *page = reply->body;
	struct setting_change shown[SETTING_HISTORY_PAGE];

	(void)self;
	if (reply->id != MSG_store_setting_changes)
		return op_pass(op, reply);
	for (uint32_t i = 0; i < page->changes_count; i++) {
		const struct setting *s = setting_find(
		    page->changes[i].namespace, page->changes[i].key);

		shown[i] = page->changes[i];
		if (shown[i].value != NULL &&
		    (s == NULL || (s->flags & SETTING_SENSITIVE) != 0))
			shown[i].value = SETTINGS_MASK;
	}
	return OP_REPLY(op, setting_changes, .changes = shown,
	    .changes_count = page->changes_count);
}

enum status
settings_on_history(struct actor *self, const struct msg *in)
{
	const struct setting_history *ask = in->body;
	const struct setting *what = settings_find(
	    self, in, &ask->caller, ACCESS_READ, ask->namespace, ask->key);

	if (what == NULL)
		return ST_OK;
	if (ask->has_limit && ask->limit == 0)
		return REFUSE(
		    self, in, VALIDATION, "limit: must be at least 1");
	return ASK(self, in, settings_store(self), store_setting_history,
	    settings_on_changes, .namespace = what->space, .key = what->key,
	    .before = ask->has_before ? ask->before : 0,
	    .limit = ask->has_limit ? ask->limit : SETTING_HISTORY_PAGE);
}
