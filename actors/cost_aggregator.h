/*
 * cost_aggregator - costs, budgets and holds: what work costs and may cost.
 *
 * Speaks:  protocols/cost.def
 * Keeps:   on disk, through the store: records, totals, meters, holds,
 *          decisions, prices.  In memory: the records of the last days
 *          (cost_window.h), and what the store has not taken yet.
 * Bounds:  settings cost.*; COST_JOBS_MAX of them at most
 *
 * A cost is a fact: recording it does not fail because the store does.  A
 * check lets pass what nobody knows, unless budget.fail_mode is closed.
 */
#ifndef ACTORS_COST_AGGREGATOR_H
#define ACTORS_COST_AGGREGATOR_H

#include "runtime/actor.h"

extern const struct actor_class cost_aggregator_class;

#endif
