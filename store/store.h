/*
 * store - the only writer.
 *
 * Speaks:  protocols/store.def
 * Keeps:   everything durable, in one database (persistence.* settings)
 * Bounds:  STORE_ASKED_MAX requests at once, commit.h's queues behind them
 *
 * The actor only receives and answers; commit.h's threads do the work.  A
 * write is answered when its transaction is on the disk.  Events of a write
 * are told to the event hub after that, in the order of the transactions.
 * It opens and migrates the database when it starts, and gives up with one
 * clear line if it cannot.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "runtime/actor.h"

#define STORE_ASKED_MAX 16384

extern const struct actor_class store_class;

#endif
