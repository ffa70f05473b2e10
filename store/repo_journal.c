#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocols/messages.h"
#include "protocols/problem.h"
#include "runtime/base/uuid.h"
#include "store/idem.h"
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

/* What a mark remembers of an event, as its result. */
static const char *
appended_text(struct txn *t, const struct event *e)
{
	char *text = txn_take(t, ID_MAX);
	char id[UUID_TEXT_SIZE];

	uuid_text(&e->event_id, id);
	if (text != NULL)
		snprintf(text, ID_MAX, "%" PRIu64 " %" PRIu64 " %s", e->epoch,
		    e->offset, id);
	return text;
}

static enum status
event_replay(struct txn *t, const struct store_event_append *ask,
    const struct idem_mark *mark, struct store_reply *ret)
{
	struct store_event_appended *reply = txn_take(t, sizeof(*reply));
	char id[UUID_TEXT_SIZE] = "";

	if (reply == NULL)
		return txn_status(t);
	if (!idem_same_body(mark, ask->once.body_hash)) {
		ret->problem = PROBLEM_IDEMPOTENCY_REUSE;
		ret->detail = "the key was used with another body";
		return ST_CONFLICT;
	}
	if (sscanf(mark->result_id, "%" SCNu64 " %" SCNu64 " %36s",
		&reply->epoch, &reply->offset, id) != 3 ||
	    uuid_parse(id, strlen(id), &reply->event_id) != ST_OK)
		return txn_fail(t, ST_CORRUPT, "idempotency mark of an event");
	reply->replayed = true;
	return REQUEST_REPLY(t, ret, store_event_appended, reply);
}

static void
event_mark(struct txn *t, const struct store_event_append *ask,
    const struct event *placed)
{
	struct idem_mark mark = { .scope = ask->scope,
		.principal = ask->principal,
		.key = ask->once.key,
		.body_hash = ask->once.body_hash,
		.result_id = appended_text(t, placed),
		.expires_at = ask->now + IDEM_KEEP_US };

	if (mark.result_id != NULL)
		idem_put(t, &mark, ask->now);
}

static enum status
repo_event_append(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_event_append *ask = request;
	struct store_event_appended *reply = txn_take(t, sizeof(*reply));
	const struct idem_mark *mark = NULL;
	const struct event *placed;

	if (reply == NULL ||
	    !request_id(t, ask->event.channel, "blank channel"))
		return txn_status(t);
	if (ask->once.key != NULL)
		mark = idem_find(
		    t, ask->scope, ask->principal, ask->once.key, ask->now);
	if (mark != NULL)
		return event_replay(t, ask, mark, ret);
	placed = journal_append(t, &ask->event);
	if (placed == NULL)
		return txn_status(t);
	if (ask->once.key != NULL)
		event_mark(t, ask, placed);
	*reply = (struct store_event_appended){ .event_id = placed->event_id,
		.epoch = placed->epoch,
		.offset = placed->offset };
	ret->event = placed;
	return REQUEST_REPLY(t, ret, store_event_appended, reply);
}

static enum status
repo_journal_prune(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_journal_prune *ask = request;
	struct store_journal_pruned *reply = txn_take(t, sizeof(*reply));

	if (reply != NULL && request_id(t, ask->channel, "blank channel") &&
	    request_limit(t, ask->limit))
		reply->events = journal_prune(t, ask, &reply->more);
	return REQUEST_REPLY(t, ret, store_journal_pruned, reply);
}

const struct request repo_journal[] = {
	{ MSG_store_journal_read, false, repo_journal_read },
	{ MSG_store_journal_channels, false, repo_journal_channels },
	{ MSG_store_event_append, true, repo_event_append },
	{ MSG_store_journal_prune, true, repo_journal_prune },
	{ 0 },
};
