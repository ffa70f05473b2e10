#include "protocols/messages.h"
#include "store/journal.h"
#include "store/requests.h"

static enum status
repo_journal_read(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_journal_read *ask = request;
	struct store_journal_page *page = txn_take(t, sizeof(*page));

	if (page != NULL && request_id(t, ask->channel, "blank channel"))
		journal_read(t, ask->channel, ask->after, ask->limit, page);
	return REQUEST_REPLY(t, ret, store_journal_page, page);
}

static enum status
repo_journal_channels(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_journal_channels *ask = request;
	struct store_channels *page = txn_take(t, sizeof(*page));

	if (page != NULL)
		journal_channels(t, ask->after, page);
	return REQUEST_REPLY(t, ret, store_channels, page);
}

const struct request repo_journal[] = {
	{ MSG_store_journal_read, false, repo_journal_read },
	{ MSG_store_journal_channels, false, repo_journal_channels },
	{ 0 },
};
