#include "store/requests.h"

#include "protocols/json.h"
#include "protocols/messages.h"
#include "runtime/base/text.h"

static const struct request *const tables[] = {
	repo_users,
	repo_sessions,
	repo_settings,
	repo_tasks,
	repo_board,
	repo_messages,
	repo_journal,
	repo_costs,
	repo_prices,
	repo_budgets,
	repo_holds,
	repo_decisions,
	repo_reports,
	repo_backups,
	repo_audit,
	repo_accounts,
	repo_keys,
	repo_activity,
	repo_refresh,
	repo_schedules,
	repo_redo,
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

const struct request *
request_nth(size_t n)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct request *r = tables[i]; r->id != 0; r++)
			if (n-- == 0)
				return r;
	return NULL;
}

const struct request *
request_find(uint16_t id)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct request *r = tables[i]; r->id != 0; r++)
			if (r->id == id)
				return r;
	return NULL;
}

enum status
request_reply(
    struct txn *t, struct store_reply *ret_reply, uint16_t id, const void *body)
{
	if (txn_status(t) == ST_OK) {
		ret_reply->id = id;
		ret_reply->body = body;
	}
	return txn_status(t);
}

enum status
request_done(struct txn *t, struct store_reply *ret_reply)
{
	static const struct done done = { 0 };

	return request_reply(t, ret_reply, MSG_done, &done);
}

bool
request_id(struct txn *t, const char *id, const char *what)
{
	if (text_is_blank(id))
		(void)txn_fail(t, ST_INVALID, what);
	return txn_status(t) == ST_OK;
}

bool
request_limit(struct txn *t, uint32_t limit)
{
	if (limit == 0)
		(void)txn_fail(t, ST_INVALID, "a limit is at least 1");
	return txn_status(t) == ST_OK;
}

bool
request_page_takes(
    struct txn *t, const struct wire_type *type, const void *row, size_t *used)
{
	struct wire_out out = { t->room->row, REQUEST_JSON_BYTES, *used };
	enum status st = json_encode(type, 0, row, &out);
	bool first = *used == 0;

	*used = out.used + 1; /* a comma */
	return st == ST_OK || first;
}
