/* journal_inside - what the files of the journal share. */
#ifndef STORE_JOURNAL_INSIDE_H
#define STORE_JOURNAL_INSIDE_H

#include "store/journal.h"

void journal_event_key(struct key *k, const char *channel, uint64_t offset);
/* Forgets one; the head is changed, and not put. */
void journal_drop(
    struct txn *t, struct channel_head *head, const struct event *e);
void journal_head_put(struct txn *t, const struct channel_head *head);
/* Offset of the oldest event that is left; head + 1: none is. */
uint64_t journal_first_of(struct txn *t, const struct channel_head *head);

#endif
