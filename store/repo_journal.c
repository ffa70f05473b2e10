#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/messages.h"
#include "protocols/problem.h"
#include "runtime/base/text.h"
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
refuse_channel(struct txn *t, struct store_reply *ret)
{
	ret->problem = PROBLEM_CHANNELS_MAX;
	return txn_fail(
	    t, ST_FULL, "event_stream.channels_max: no other can begin");
}

static enum status
refuse_reuse(struct store_reply *ret)
{
	ret->problem = PROBLEM_IDEMPOTENCY_REUSE;
	ret->detail = "the key was used with another body";
	return ST_CONFLICT;
}

/* What appended_text wrote. */
static enum status
appended_read(struct txn *t, const struct idem_mark *mark,
    struct store_event_appended *ret)
{
	char *at = NULL;

	ret->epoch = strtoull(mark->result_id, &at, 10);
	ret->offset = strtoull(at, &at, 10);
	at += strspn(at, " ");
	if (uuid_parse(at, strlen(at), &ret->event_id) != ST_OK)
		return txn_fail(t, ST_CORRUPT, "idempotency mark of an event");
	ret->replayed = true;
	return ST_OK;
}

static enum status
event_replay(struct txn *t, const struct store_event_append *ask,
    const struct idem_mark *mark, struct store_reply *ret)
{
	struct store_event_appended *reply = txn_take(t, sizeof(*reply));
	enum status st;

	if (reply == NULL)
		return txn_status(t);
	if (!idem_same_body(mark, ask->once.body_hash))
		return refuse_reuse(ret);
	st = appended_read(t, mark, reply);
	return st != ST_OK ? st
			   : REQUEST_REPLY(t, ret, store_event_appended, reply);
}

/* Whose mark it is, and under which key. */
struct marking {
	const char *scope, *principal;
	struct once once;
	int64_t now;
};

static void
event_mark(struct txn *t, const struct marking *m, const struct event *placed)
{
	struct idem_mark mark = { .scope = m->scope,
		.principal = m->principal,
		.key = m->once.key,
		.body_hash = m->once.body_hash,
		.result_id = appended_text(t, placed),
		.expires_at = m->now + IDEM_KEEP_US };

	if (mark.result_id != NULL)
		idem_put(t, &mark, m->now);
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
	if (!journal_has_room(t, ask->event.channel, ask->channels_max))
		return refuse_channel(t, ret);
	placed = journal_append(t, &ask->event);
	if (placed == NULL)
		return txn_status(t);
	if (ask->once.key != NULL)
		event_mark(t,
		    &(struct marking){
			ask->scope, ask->principal, ask->once, ask->now },
		    placed);
	*reply = (struct store_event_appended){ .event_id = placed->event_id,
		.epoch = placed->epoch,
		.offset = placed->offset };
	ret->event = placed;
	return REQUEST_REPLY(t, ret, store_event_appended, reply);
}

/* ---- many at once ---- */

/* One of a batch: its place, and the event itself if it is new. */
static enum status
batch_append(struct txn *t, const struct store_events_append *ask, uint32_t i,
    struct event *news, uint32_t *news_count, struct event_place *ret_place)
{
	const struct event *e = &ask->events[i];
	struct marking m = { ask->scope, ask->principal, { 0 }, ask->now };
	struct store_event_appended was = { 0 };
	const struct idem_mark *mark = NULL;
	char id[UUID_TEXT_SIZE];
	const struct event *placed;

	if (ask->given >> i & 1) {
		uuid_text(&e->event_id, id);
		m.once.key = id;
		mark = idem_find(t, m.scope, m.principal, id, m.now);
	}
	if (mark != NULL && appended_read(t, mark, &was) == ST_OK)
		*ret_place =
		    (struct event_place){ was.epoch, was.offset, true };
	if (mark != NULL)
		return txn_status(t);
	placed = journal_append(t, e);
	if (placed == NULL)
		return txn_status(t);
	if (m.once.key != NULL)
		event_mark(t, &m, placed);
	*ret_place =
	    (struct event_place){ placed->epoch, placed->offset, false };
	news[(*news_count)++] = *placed;
	return txn_status(t);
}

/* All of them were new when the mark was made: they stand in a row. */
static enum status
batch_replay(struct txn *t, const struct store_events_append *ask,
    const struct idem_mark *mark, struct store_events_appended *reply,
    struct event_place *places, struct store_reply *ret)
{
	struct store_event_appended first = { 0 };
	enum status st;

	if (!idem_same_body(mark, ask->once.body_hash))
		return refuse_reuse(ret);
	st = appended_read(t, mark, &first);
	for (uint32_t i = 0; i < ask->events_count; i++)
		places[i] =
		    (struct event_place){ first.epoch, first.offset + i, true };
	return st != ST_OK
		   ? st
		   : REQUEST_REPLY(t, ret, store_events_appended, reply);
}

static enum status
batch_write(struct txn *t, const struct store_events_append *ask,
    struct event_place *places, struct store_reply *ret)
{
	struct event *news = txn_take(t, ask->events_count * sizeof(*news));
	enum status st = ST_OK;
	uint32_t count = 0;

	if (news == NULL)
		return txn_status(t);
	for (uint32_t i = 0; i < ask->events_count && st == ST_OK; i++)
		st = batch_append(t, ask, i, news, &count, &places[i]);
	/* Where some were there before, their own marks tell of all. */
	if (st == ST_OK && ask->once.key != NULL && count == ask->events_count)
		event_mark(t,
		    &(struct marking){
			ask->scope, ask->principal, ask->once, ask->now },
		    news);
	ret->event = count > 0 ? news : NULL;
	ret->events_count = count;
	return st == ST_OK ? txn_status(t) : st;
}

static enum status
repo_events_append(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_events_append *ask = request;
	struct store_events_appended *reply = txn_take(t, sizeof(*reply));
	struct event_place *places =
	    txn_take(t, (ask->events_count + 1) * sizeof(*places));
	const struct idem_mark *mark = NULL;
	enum status st;

	if (reply == NULL || places == NULL ||
	    !request_limit(t, ask->events_count))
		return txn_status(t);
	*reply = (struct store_events_appended){ .events = places,
		.events_count = ask->events_count };
	if (ask->once.key != NULL)
		mark = idem_find(
		    t, ask->scope, ask->principal, ask->once.key, ask->now);
	if (mark != NULL)
		return batch_replay(t, ask, mark, reply, places, ret);
	if (ask->events_count > 0 &&
	    !journal_has_room(t, ask->events[0].channel, ask->channels_max))
		return refuse_channel(t, ret);
	st = batch_write(t, ask, places, ret);
	return st != ST_OK
		   ? st
		   : REQUEST_REPLY(t, ret, store_events_appended, reply);
}

/* ---- what is forgotten ---- */

static enum status
repo_journal_sweep(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_journal_sweep *ask = request;
	struct store_journal_swept *reply = txn_take(t, sizeof(*reply));

	if (reply != NULL && request_limit(t, ask->limit))
		journal_sweep(t, ask, reply);
	return REQUEST_REPLY(t, ret, store_journal_swept, reply);
}

static enum status
repo_channels_forget(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_channels_forget *ask = request;
	struct store_channels_forgotten *reply = txn_take(t, sizeof(*reply));
	const char **gone =
	    txn_take(t, (ask->channels_count + 1) * sizeof(*gone));

	if (reply == NULL || gone == NULL)
		return txn_status(t);
	reply->channels = gone;
	for (uint32_t i = 0; i < ask->channels_count; i++)
		if (!text_is_blank(ask->channels[i]) &&
		    journal_forget(t, ask->channels[i], ask->silent))
			gone[reply->channels_count++] = ask->channels[i];
	return REQUEST_REPLY(t, ret, store_channels_forgotten, reply);
}

const struct request repo_journal[] = {
	{ MSG_store_journal_read, false, repo_journal_read },
	{ MSG_store_journal_channels, false, repo_journal_channels },
	{ MSG_store_event_append, true, repo_event_append },
	{ MSG_store_events_append, true, repo_events_append },
	{ MSG_store_journal_sweep, true, repo_journal_sweep },
	{ MSG_store_channels_forget, true, repo_channels_forget },
	{ 0 },
};
