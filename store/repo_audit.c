#include <string.h>

#include "protocols/messages.h"
#include "store/audit.h"
#include "store/requests.h"
#include "store/row.h"

/* A page gives up looking after so many, and says where to go on. */
#define AUDIT_LOOK_MAX 1024

static enum status
repo_audit_append(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_audit_append *ask = request;

	for (uint32_t i = 0; i < ask->notes_count; i++)
		audit_append(t, &ask->notes[i]);
	return request_done(t, ret);
}

static bool
text_matches(const char *wanted, const char *text)
{
	return wanted == NULL || strcmp(wanted, text) == 0;
}

static bool
action_matches(const char *wanted, const char *action)
{
	size_t size = wanted == NULL ? 0 : strlen(wanted);

	if (size > 0 && wanted[size - 1] == '.')
		return strncmp(wanted, action, size) == 0;
	return text_matches(wanted, action);
}

static bool
view_matches(const struct store_audit_list *ask, const struct audit_view *v)
{
	return text_matches(ask->user_id, v->user_id) &&
	       action_matches(ask->action, v->action) &&
	       text_matches(ask->target, v->target) &&
	       (!ask->has_result || ask->result == v->result) &&
	       (!ask->has_since || v->at >= ask->since) &&
	       (!ask->has_until || v->at < ask->until);
}

static bool
list_begin(
    struct scan *s, const struct store_audit_list *ask, struct backend_entry *e)
{
	struct key before;

	if (!ask->has_before)
		return scan_last(s, e);
	key_init(&before);
	key_number(&before, ask->before);
	return scan_before(s, &before, e);
}

/* Newest first, until the page is full or enough has been looked at. */
static void
list_fill(struct scan *s, const struct store_audit_list *ask,
    struct audit_view *views, struct store_audit_page *page)
{
	struct backend_entry entry;
	bool found = list_begin(s, ask, &entry);
	uint32_t looked = 0;

	for (; found; found = scan_prev(s, &entry)) {
		struct audit_view *v = &views[page->entries_count];
		size_t mark = txn_mark(s->t);

		if (!audit_view_of(s->t, &entry, v))
			return;
		page->next = v->seq;
		if (view_matches(ask, v))
			page->entries_count++;
		else
			txn_release(s->t, mark);
		page->has_next = page->next > 1;
		if (page->entries_count == ask->limit ||
		    ++looked == AUDIT_LOOK_MAX)
			return;
	}
	page->has_next = false;
}

static enum status
repo_audit_list(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_audit_list *ask = request;
	struct store_audit_page *page = txn_take(t, sizeof(*page));
	struct audit_view *views = txn_take(t, ask->limit * sizeof(*views));
	struct scan s;

	if (!request_limit(t, ask->limit))
		return txn_status(t);
	scan_open(&s, t, TABLE_AUDIT, NULL);
	page->entries = views;
	list_fill(&s, ask, views, page);
	scan_close(&s);
	return REQUEST_REPLY(t, ret, store_audit_page, page);
}

static enum status
repo_audit_prune(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_audit_prune *ask = request;
	struct store_audit_pruned *reply = txn_take(t, sizeof(*reply));

	if (reply == NULL)
		return txn_status(t);
	if (ask->limit == 0 || ask->limit > AUDIT_PRUNE_MAX)
		return txn_fail(t, ST_INVALID, "limit: out of its range");
	audit_prune(t, ask, reply);
	return REQUEST_REPLY(t, ret, store_audit_pruned, reply);
}

const struct request repo_audit[] = {
	{ MSG_store_audit_prune, true, repo_audit_prune },
	{ MSG_store_audit_append, true, repo_audit_append },
	{ MSG_store_audit_list, false, repo_audit_list },
	{ 0 },
};
