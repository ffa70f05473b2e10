#include <string.h>

#include "protocols/channel.h"
#include "store/journal_inside.h"
#include "store/meta.h"
#include "store/row.h"

#define EPOCH_LAST (UINT64_MAX >> JOURNAL_EPOCH_SHIFT)

struct pruning {
	struct txn *t;
	const struct store_journal_sweep *ask;
	struct store_journal_swept *ret;
	const char **silent; /* room for HUB_BATCH_MAX */
};

/* NULL: it is gone, or cannot be read. */
static const struct event *
event_peek(struct txn *t, const char *channel, uint64_t offset)
{
	struct bytes value;
	struct key k;

	journal_event_key(&k, channel, offset);
	return txn_get(t, TABLE_JOURNAL, &k, &value)
		   ? row_peek(t, CATALOGUE_TYPE(event), value)
		   : NULL;
}

/* True: it passes a bound, with so many and so much of the channel left. */
static bool
event_is_over(const struct store_journal_sweep *ask,
    const struct channel_head *head, const struct event *e)
{
	uint64_t left = head->head - e->offset + 1;

	return left > ask->events_max || head->bytes > ask->bytes_max ||
	       e->timestamp < ask->before;
}

enum step {
	STEP_ON,   /* what is left stays */
	STEP_FULL, /* more would go, but for the limit */
	STEP_STUCK /* an event cannot be read */
};

/* From *at, the oldest, on; the newest stays. */
static enum step
channel_prune(struct pruning *p, struct channel_head *head, uint64_t *at)
{
	for (; *at < head->head; (*at)++) {
		size_t mark = txn_mark(p->t);
		const struct event *e = event_peek(p->t, head->channel, *at);

		if (e == NULL)
			return STEP_STUCK;
		if (!event_is_over(p->ask, head, e))
			return STEP_ON;
		if (p->ret->events == p->ask->limit)
			return STEP_FULL;
		journal_drop(p->t, head, e);
		p->ret->events++;
		txn_release(p->t, mark);
	}
	return STEP_ON;
}

/* Its history may end with the only event of it that is left. */
static bool
channel_is_silent(const char *channel, const struct event *only, int64_t silent)
{
	return only->timestamp < silent && !channel_is_shared(channel);
}

/* False: there is more of it. */
static bool
channel_sweep(struct pruning *p, struct channel_head *head)
{
	uint64_t at = journal_first_of(p->t, head);
	uint32_t before = p->ret->events;
	enum step step = channel_prune(p, head, &at);
	const struct event *only;
	size_t mark;

	if (p->ret->events > before)
		journal_head_put(p->t, head);
	if (step == STEP_FULL)
		return false;
	if (at == head->head) {
		mark = txn_mark(p->t);
		only = event_peek(p->t, head->channel, at);
		if (only == NULL)
			step = STEP_STUCK;
		else if (channel_is_silent(head->channel, only, p->ask->silent))
			p->silent[p->ret->silent_count++] = head->channel;
		txn_release(p->t, mark);
	}
	p->ret->unread += step == STEP_STUCK;
	return true;
}

/* The first one after a name; its head is 0 if that cannot be read. */
static bool
channel_next(struct txn *t, const char *after, struct channel_head *ret_head)
{
	const struct channel_head *head;
	struct backend_entry entry;
	struct key_reader r;
	struct key from;
	struct scan s;
	bool found;

	key_init(&from);
	key_text(&from, after); /* its end makes it the first after it */
	scan_open(&s, t, TABLE_CHANNELS, NULL);
	found = scan_seek(&s, &from, &entry);
	if (found) {
		key_read(&r, entry.key);
		head = row_peek(t, CATALOGUE_TYPE(channel_head), entry.value);
		*ret_head =
		    head != NULL ? *head : (struct channel_head){ .head = 0 };
		ret_head->channel = txn_copy_text(t, key_read_tail(&r));
		found = ret_head->channel != NULL;
	}
	scan_close(&s);
	return found;
}

void
journal_sweep(struct txn *t, const struct store_journal_sweep *ask,
    struct store_journal_swept *ret_swept)
{
	const char **silent = txn_take(t, HUB_BATCH_MAX * sizeof(*silent));
	struct pruning p = { t, ask, ret_swept, silent };
	struct channel_head head;

	*ret_swept = (struct store_journal_swept){ .after = ask->after,
		.silent = silent,
		.channels = txn_count(t, TABLE_CHANNELS),
		.more = true };
	for (uint32_t n = 0; n < HUB_BATCH_MAX && silent != NULL; n++) {
		if (!channel_next(t, ret_swept->after, &head)) {
			ret_swept->more = false;
			return;
		}
		if (head.head == 0)
			ret_swept->unread++;
		else if (!channel_sweep(&p, &head))
			return;
		ret_swept->after = head.channel;
	}
}

bool
journal_forget(struct txn *t, const char *channel, int64_t silent)
{
	struct channel_head head;
	const struct event *only;
	struct key k;

	journal_head(t, channel, &head);
	if (head.head == 0 || journal_first_of(t, &head) != head.head)
		return false;
	only = event_peek(t, channel, head.head);
	if (only == NULL || !channel_is_silent(channel, only, silent))
		return false;
	journal_drop(t, &head, only);
	key_init(&k);
	key_tail(&k, channel);
	(void)txn_delete(t, TABLE_CHANNELS, &k);
	if (head.epoch == meta_get(t, META_EPOCH))
		meta_put(t, META_EPOCH,
		    head.epoch < EPOCH_LAST ? head.epoch + 1 : 1);
	return txn_status(t) == ST_OK;
}
