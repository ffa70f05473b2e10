#include "store/journal.h"

#include <string.h>

#include "protocols/channel.h"
#include "runtime/base/text.h"
#include "store/journal_inside.h"
#include "store/meta.h"
#include "store/row.h"

#define EVENT_ROW_BYTES 64u /* of its time, id and place */

void
journal_event_key(struct key *k, const char *channel, uint64_t offset)
{
	key_init(k);
	key_text(k, channel);
	key_number(k, offset);
}

void
journal_head(struct txn *t, const char *channel, struct channel_head *ret_head)
{
	const struct channel_head *head;
	struct key k;

	*ret_head = (struct channel_head){ .channel = channel };
	key_init(&k);
	key_tail(&k, channel);
	head = ROW_GET(t, TABLE_CHANNELS, &k, channel_head);
	if (head != NULL)
		*ret_head = *head;
}

uint64_t
journal_event_bytes(const struct event *e)
{
	return EVENT_ROW_BYTES + strlen(e->channel) + strlen(e->event_type) +
	       strlen(e->payload);
}

void
journal_drop(struct txn *t, struct channel_head *head, const struct event *e)
{
	uint64_t bytes = journal_event_bytes(e);
	struct key k;

	journal_event_key(&k, head->channel, e->offset);
	if (txn_delete(t, TABLE_JOURNAL, &k))
		head->bytes -= head->bytes < bytes ? head->bytes : bytes;
}

/* The one that falls out. */
static void
journal_drop_at(struct txn *t, struct channel_head *head, uint64_t offset)
{
	const struct event *e;
	struct key k;

	journal_event_key(&k, head->channel, offset);
	e = ROW_GET(t, TABLE_JOURNAL, &k, event);
	if (e != NULL)
		journal_drop(t, head, e);
}

void
journal_head_put(struct txn *t, const struct channel_head *head)
{
	struct key k;

	key_init(&k);
	key_tail(&k, head->channel);
	row_put(t, TABLE_CHANNELS, &k, CATALOGUE_TYPE(channel_head), head);
}

static void
journal_put(struct txn *t, const struct event *event)
{
	struct key k;

	journal_event_key(&k, event->channel, event->offset);
	if (!row_put_new(t, TABLE_JOURNAL, &k, CATALOGUE_TYPE(event), event))
		row_is_corrupt(t, TABLE_JOURNAL, key_bytes(&k));
}

const struct event *
journal_append(struct txn *t, const struct event *event)
{
	struct channel_head head;
	struct event *placed = txn_take(t, sizeof(*placed));

	if (placed == NULL)
		return NULL;
	if (text_is_blank(event->channel)) {
		(void)txn_fail(t, ST_INVALID, "an event without a channel");
		return NULL;
	}
	journal_head(t, event->channel, &head);
	if (head.epoch == 0)
		head.epoch = meta_get(t, META_EPOCH);
	head.channel = event->channel;
	head.head++;
	*placed = *event;
	placed->epoch = head.epoch;
	placed->offset = head.head;
	head.bytes += journal_event_bytes(placed);
	journal_put(t, placed);
	if (head.head > JOURNAL_KEEP_MAX)
		journal_drop_at(t, &head, head.head - JOURNAL_KEEP_MAX);
	journal_head_put(t, &head);
	return txn_status(t) == ST_OK ? placed : NULL;
}

bool
journal_has_room(struct txn *t, const char *channel, uint64_t channels_max)
{
	struct channel_head head;

	if (channels_max == 0 || txn_count(t, TABLE_CHANNELS) < channels_max ||
	    channel_is_shared(channel))
		return true;
	journal_head(t, channel, &head);
	return head.epoch != 0;
}

/* Offset of the oldest event that is left. */
static uint64_t
journal_first(struct scan *s, const struct channel_head *head)
{
	struct backend_entry entry;
	struct key_reader r;
	uint64_t first = head->head + 1;

	if (head->head == 0 || !scan_first(s, &entry))
		return first;
	key_read(&r, entry.key);
	(void)key_read_text(&r);
	first = key_read_number(&r);
	return r.failed ? head->head + 1 : first;
}

uint64_t
journal_first_of(struct txn *t, const struct channel_head *head)
{
	struct key prefix;
	struct scan s;
	uint64_t first;

	key_init(&prefix);
	key_text(&prefix, head->channel);
	scan_open(&s, t, TABLE_JOURNAL, &prefix);
	first = journal_first(&s, head);
	scan_close(&s);
	return first;
}

static bool
page_is_full(const struct txn *t, size_t began)
{
	return txn_mark(t) - began >= JOURNAL_PAGE_BYTES;
}

static void
journal_fill(struct scan *s, const struct key *from, uint32_t limit,
    struct event *events, struct store_journal_page *page)
{
	size_t began = txn_mark(s->t);
	struct backend_entry entry;
	bool found = scan_seek(s, from, &entry);
	uint32_t n = 0;

	while (found && n < limit && !page_is_full(s->t, began)) {
		const struct event *e =
		    ROW_DECODE(s->t, TABLE_JOURNAL, &entry, event);

		if (e == NULL)
			break;
		events[n] = *e;
		events[n++].epoch = page->epoch; /* a restore begins another */
		found = scan_next(s, &entry);
	}
	page->events = events;
	page->events_count = n;
	page->more = found;
}

void
journal_read(struct txn *t, const char *channel, uint64_t after, uint32_t limit,
    struct store_journal_page *ret_page)
{
	struct event *events = NULL;
	struct channel_head head;
	struct key prefix, from;
	struct scan s;

	journal_head(t, channel, &head);
	*ret_page = (struct store_journal_page){
		.epoch = head.epoch != 0 ? head.epoch : meta_get(t, META_EPOCH),
		.head = head.head,
		.more = after < head.head,
	};
	key_init(&prefix);
	key_text(&prefix, channel);
	scan_open(&s, t, TABLE_JOURNAL, &prefix);
	ret_page->first = journal_first(&s, &head);
	if (limit > 0 && after < head.head)
		events = txn_take(t, limit * sizeof(*events));
	if (events != NULL) {
		journal_event_key(&from, channel, after + 1);
		journal_fill(&s, &from, limit, events, ret_page);
	}
	scan_close(&s);
}

void
journal_channels(
    struct txn *t, const char *after, struct store_channels *ret_page)
{
	struct channel_head *heads =
	    txn_take(t, STORE_PAGE_MAX * sizeof(*heads));
	struct backend_entry entry;
	struct key from;
	struct scan s;
	uint32_t n = 0;
	bool found;

	key_init(&from);
	key_text(&from, after); /* its end makes it the first after it */
	scan_open(&s, t, TABLE_CHANNELS, NULL);
	found = scan_seek(&s, &from, &entry);
	while (found && n < STORE_PAGE_MAX) {
		const struct channel_head *h =
		    ROW_DECODE(t, TABLE_CHANNELS, &entry, channel_head);

		if (h == NULL)
			break;
		heads[n++] = *h;
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	*ret_page = (struct store_channels){
		.channels = heads, .channels_count = n, .more = found
	};
}
