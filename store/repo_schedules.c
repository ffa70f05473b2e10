#include "protocols/messages.h"
#include "store/audit.h"
#include "store/requests.h"
#include "store/row.h"

static enum status
repo_schedules_put(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_schedule_put *ask = request;
	struct key k;

	if (!request_id(t, ask->row.service, "blank service"))
		return txn_status(t);
	key_init(&k);
	key_tail(&k, ask->row.service);
	if (txn_count(t, TABLE_SCHEDULES) >= SERVICES_MAX &&
	    ROW_GET(t, TABLE_SCHEDULES, &k, schedule_row) == NULL)
		return txn_fail(t, ST_FULL, "there are too many schedules");
	row_put(
	    t, TABLE_SCHEDULES, &k, CATALOGUE_TYPE(schedule_row), &ask->row);
	audit_append(t, ask->audit);
	return request_done(t, ret);
}

static enum status
repo_schedules_list(struct txn *t, const void *request, struct store_reply *ret)
{
	struct store_schedule_rows *page = txn_take(t, sizeof(*page));
	struct schedule_row *rows = txn_take(t, SERVICES_MAX * sizeof(*rows));
	struct backend_entry entry;
	struct scan s;
	bool found;

	(void)request;
	if (rows == NULL)
		return txn_status(t);
	page->rows = rows;
	scan_open(&s, t, TABLE_SCHEDULES, NULL);
	found = scan_first(&s, &entry);
	while (found && page->rows_count < SERVICES_MAX) {
		const struct schedule_row *row =
		    ROW_DECODE(t, TABLE_SCHEDULES, &entry, schedule_row);

		if (row == NULL)
			break;
		rows[page->rows_count++] = *row;
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	return REQUEST_REPLY(t, ret, store_schedule_rows, page);
}

const struct request repo_schedules[] = {
	{ MSG_store_schedule_put, true, repo_schedules_put },
	{ MSG_store_schedule_list, false, repo_schedules_list },
	{ 0 },
};
