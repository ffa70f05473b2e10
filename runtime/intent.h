/*
 * intent - the journal of a restore in hand: restore.intent in the data
 * folder, a struct restore_intent as JSON.
 *
 * It is written before the first live byte moves, says `kept` once all have,
 * and goes when nothing is left of the restore.  Whoever starts and finds it
 * goes forward or back by that word alone; so any process may be killed at
 * any step.  Written by replacement, durable when OK.  Blocking.
 */
#ifndef RUNTIME_INTENT_H
#define RUNTIME_INTENT_H

#include "protocols/messages.h"
#include "runtime/base/arena.h"
#include "runtime/base/status.h"

#define INTENT_NAME "restore.intent"
#define INTENT_ARENA (64u << 10) /* what reading takes of the arena */

/* NOT_FOUND if no restore is in hand, CORRUPT if it does not decode. */
MUST_CHECK enum status intent_read(const char *data_dir, struct arena *a,
    const struct restore_intent **ret_intent);
MUST_CHECK enum status intent_write(
    const char *data_dir, const struct restore_intent *intent);
/* OK also if there is none. */
MUST_CHECK enum status intent_remove(const char *data_dir);

#endif
