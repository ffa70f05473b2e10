/*
 * tasks - the task board: creates, shows, changes and deletes tasks; keeps and
 * shows the messages of agents.
 *
 * Speaks:  protocols/task.def, protocols/board.def
 * Keeps:   nothing in memory; everything is a request to the store
 * Bounds:  ACTOR_OPS_MAX requests at once; pages of TASKS_PAGE_MAX
 *
 * A task, the event that tells of it and its idempotency mark are one
 * transaction of the store: whoever repeats a request with the same key gets
 * the task that the first one made.
 */
#ifndef ACTORS_TASKS_H
#define ACTORS_TASKS_H

#include "runtime/actor.h"

#define TASKS_PAGE_DEFAULT 50

extern const struct actor_class tasks_class;

#endif
