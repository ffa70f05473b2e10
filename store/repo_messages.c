#include <string.h>

#include "protocols/problem.h"
#include "runtime/base/text.h"
#include "store/message_row.h"
#include "store/meta.h"
#include "store/requests.h"
#include "store/row.h"

/*
 * Messages are kept once and never changed.  Two indexes hold them by channel
 * and by sender, then time, then seq: a history is a walk backwards, and a
 * cursor is the place in the index where a page ended.
 */

#define PLACE_SIZE 16 /* of a time and a seq in a key */
#define PLACE_TEXT (2 * PLACE_SIZE)

const char *
message_fault(const struct agent_message *m)
{
	if (text_is_blank(m->sender) || text_is_blank(m->channel))
		return "a message's sender or channel is blank";
	if (m->to != NULL && text_is_blank(m->to))
		return "a message's receiver is blank";
	return NULL;
}

static void
message_key(struct key *k, const struct uuid *id)
{
	key_init(k);
	key_raw(k, (struct bytes){ id->octets, sizeof(id->octets) });
}

static void
message_index(struct txn *t, enum table table, const char *text,
    const struct agent_message *m)
{
	struct key k, id;

	message_key(&id, &m->id);
	key_init(&k);
	key_text(&k, text);
	key_time(&k, m->timestamp);
	key_number(&k, m->seq);
	txn_put(t, table, &k, key_bytes(&id));
}

static enum status
repo_message_save(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_message_save *ask = request;
	struct message_kept *kept = txn_take(t, sizeof(*kept));
	const char *fault = message_fault(&ask->message);
	struct key k;

	if (fault != NULL)
		return txn_fail(t, ST_INVALID, fault);
	if (kept == NULL)
		return txn_status(t);
	kept->message = ask->message;
	kept->message.seq = meta_get(t, META_MESSAGE_SEQ) + 1;
	message_key(&k, &ask->message.id);
	if (!row_put_new(t, TABLE_MESSAGES, &k, CATALOGUE_TYPE(agent_message),
		&kept->message)) {
		if (txn_status(t) == ST_OK)
			ret->problem = PROBLEM_DUPLICATE;
		return txn_fail(t, ST_EXISTS, "a message with this id exists");
	}
	meta_put(t, META_MESSAGE_SEQ, kept->message.seq);
	message_index(
	    t, TABLE_MESSAGES_BY_CHANNEL, ask->message.channel, &kept->message);
	message_index(
	    t, TABLE_MESSAGES_BY_SENDER, ask->message.sender, &kept->message);
	return REQUEST_REPLY(t, ret, message_kept, kept);
}

static const struct agent_message *
message_decode(struct txn *t, const struct backend_entry *row)
{
	const struct agent_message *m =
	    ROW_DECODE(t, TABLE_MESSAGES, row, agent_message);

	if (m == NULL || message_fault(m) == NULL)
		return m;
	row_is_corrupt(t, TABLE_MESSAGES, row->key);
	return NULL;
}

static enum status
repo_message_get(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_message_get *ask = request;
	struct message_kept *kept = txn_take(t, sizeof(*kept));
	const struct agent_message *m = NULL;
	struct backend_entry row;
	struct key k;

	message_key(&k, &ask->id);
	row.key = key_bytes(&k);
	if (txn_get(t, TABLE_MESSAGES, &k, &row.value))
		m = message_decode(t, &row);
	if (m == NULL)
		return txn_fail(t, ST_NOT_FOUND, "there is no such message");
	if (kept != NULL)
		kept->message = *m;
	return REQUEST_REPLY(t, ret, message_kept, kept);
}

/* ---- history ---- */

static const char *
place_write(struct txn *t, struct bytes key)
{
	char *text = txn_take(t, PLACE_TEXT + 1);

	if (text != NULL)
		text_hex(key.at + key.size - PLACE_SIZE, PLACE_SIZE, text);
	return text;
}

/* The newest that is wanted: before the cursor, and before until. */
static bool
history_first(struct scan *s, const struct store_message_history *ask,
    struct backend_entry *ret_entry)
{
	struct key from = s->prefix, until = s->prefix;
	uint8_t place[PLACE_SIZE];

	if (ask->has_until)
		key_time(&until, ask->until);
	if (ask->after == NULL)
		return ask->has_until ? scan_before(s, &until, ret_entry)
				      : scan_last(s, ret_entry);
	if (!text_unhex(ask->after, place, PLACE_SIZE)) {
		(void)txn_fail(s->t, ST_INVALID,
		    "cursor: is not one that a page ended with");
		return false;
	}
	key_raw(&from, (struct bytes){ place, PLACE_SIZE });
	if (ask->has_until && from.size > until.size &&
	    memcmp(until.at, from.at, until.size) < 0)
		return scan_before(s, &until, ret_entry);
	return scan_before(s, &from, ret_entry);
}

/* Both filters: the index has the one, the row is asked for the other. */
static bool
history_wants(
    const struct store_message_history *ask, const struct agent_message *m)
{
	return ask->sender == NULL || strcmp(ask->sender, m->sender) == 0;
}

static const struct agent_message *
history_row(struct scan *s, const struct backend_entry *entry)
{
	struct backend_entry row;
	struct key k;

	key_init(&k);
	key_raw(&k, entry->value);
	row.key = key_bytes(&k);
	if (key_is_good(&k) && txn_get(s->t, TABLE_MESSAGES, &k, &row.value))
		return message_decode(s->t, &row);
	row_is_corrupt(s->t, s->table, entry->key);
	return NULL;
}

static void
history_fill(struct scan *s, const struct store_message_history *ask,
    struct agent_message *list, struct message_page *page)
{
	size_t began = txn_mark(s->t);
	struct backend_entry entry;
	bool found = history_first(s, ask, &entry);
	const char *last = NULL;
	size_t used = 0;

	while (found && page->messages_count < ask->limit &&
	       txn_mark(s->t) - began < REQUEST_PAGE_BYTES) {
		const struct agent_message *m = history_row(s, &entry);

		if (m == NULL || (ask->has_since && m->timestamp < ask->since))
			return;
		if (history_wants(ask, m)) {
			if (!request_page_takes(
				s->t, CATALOGUE_TYPE(agent_message), m, &used))
				break;
			list[page->messages_count++] = *m;
		}
		last = place_write(s->t, entry.key);
		found = scan_prev(s, &entry);
	}
	page->next = found ? last : NULL;
}

static bool
history_is_valid(struct txn *t, const struct store_message_history *ask)
{
	const char *of = ask->channel != NULL ? ask->channel : ask->sender;

	if (of == NULL || text_is_blank(of) ||
	    (ask->sender != NULL && text_is_blank(ask->sender)))
		(void)txn_fail(t, ST_INVALID, "blank channel or sender");
	return request_limit(t, ask->limit);
}

static enum status
repo_message_history(
    struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_message_history *ask = request;
	struct message_page *page = txn_take(t, sizeof(*page));
	struct agent_message *list = txn_take(t, ask->limit * sizeof(*list));
	bool by_channel = ask->channel != NULL;
	struct key prefix;
	struct scan s;

	if (!history_is_valid(t, ask))
		return txn_status(t);
	key_init(&prefix);
	key_text(&prefix, by_channel ? ask->channel : ask->sender);
	scan_open(&s, t,
	    by_channel ? TABLE_MESSAGES_BY_CHANNEL : TABLE_MESSAGES_BY_SENDER,
	    &prefix);
	history_fill(&s, ask, list, page);
	scan_close(&s);
	page->messages = list;
	return REQUEST_REPLY(t, ret, message_page, page);
}

const struct request repo_messages[] = {
	{ MSG_store_message_save, true, repo_message_save },
	{ MSG_store_message_get, false, repo_message_get },
	{ MSG_store_message_history, false, repo_message_history },
	{ 0 },
};
