/*
 * journal - what has happened, channel by channel, in order, for a while.
 *
 * An event that is appended gets the epoch of its channel's history and its
 * next offset, from 1, in the transaction that it tells of: it is there
 * exactly if what it tells is.  A channel keeps its newest JOURNAL_KEEP_MAX
 * events; each append forgets the one that falls out.
 *
 * A history begins in the epoch that the database is in.  When one is
 * forgotten whose epoch that still is, the database goes on to the next: what
 * comes to the channel later never has an epoch that the channel had before,
 * nor one in which anybody was told that it had no history.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "protocols/messages.h"
#include "store/txn.h"

#define JOURNAL_KEEP_MAX 65536
#define JOURNAL_PAGE_BYTES (512u << 10) /* a page ends after so many */
/* An epoch fits a double: clients hand it back as JavaScript's number. */
#define JOURNAL_EPOCH_SHIFT 11

/* The event with its place, in the room; NULL once stuck. */
const struct event *journal_append(struct txn *t, const struct event *event);

/* What an event counts for: its texts, and what every row has. */
uint64_t journal_event_bytes(const struct event *e);

/* False: it would begin a history, and channels_max others have one. */
bool journal_has_room(
    struct txn *t, const char *channel, uint64_t channels_max);

/*
 * Forgets the oldest events past a bound, of at most HUB_BATCH_MAX channels;
 * the newest of each stays, whatever the bounds.
 */
void journal_sweep(struct txn *t, const struct store_journal_sweep *ask,
    struct store_journal_swept *ret_swept);

/*
 * Ends the history of a channel that is not shared and whose last event is its
 * only one, and from before silent.  False: it is another.
 */
bool journal_forget(struct txn *t, const char *channel, int64_t silent);

/* Where a channel stands: epoch and head are 0 if it has no history. */
void journal_head(
    struct txn *t, const char *channel, struct channel_head *ret_head);

/* Events after an offset, at most limit and JOURNAL_PAGE_BYTES. */
void journal_read(struct txn *t, const char *channel, uint64_t after,
    uint32_t limit, struct store_journal_page *ret_page);

/* Channels with a history, after one of them, in the order of names. */
void journal_channels(
    struct txn *t, const char *after, struct store_channels *ret_page);

#endif
