/*
 * note - what the budget channel is told, in the transaction it is about.
 */
#ifndef STORE_NOTE_H
#define STORE_NOTE_H

#include "store/cost.h"

#define NOTE_CHANNEL "budget"

/* Charges the meters; appends the record's event, then any alerts. */
enum status note_cost(
    struct txn *t, const struct cost_charge *c, struct cost_result *r);

#endif
