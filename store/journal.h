/*
 * journal - what has happened, channel by channel, in order, for a while.
 *
 * An event that is appended gets the epoch of the database's history and the
 * next offset of its channel, from 1, in the transaction that it tells of: it
 * is there exactly if what it tells is.  A channel keeps its newest
 * JOURNAL_KEEP_MAX events; each append forgets the one that falls out.
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

/*
 * Forgets the oldest events past a bound, at most limit; how many.  The
 * newest stays, whatever the bounds.
 */
uint32_t journal_prune(
    struct txn *t, const struct store_journal_prune *ask, bool *ret_more);

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
