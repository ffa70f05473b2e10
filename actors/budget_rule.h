/*
 * budget_rule - when a budget is exhausted: at the limit, not past it.
 *
 * Totals are rounded to BUDGET_ROUNDING_PRECISION digits before they are
 * compared, after every addition.  Pure functions; any thread.
 */
#ifndef ACTORS_BUDGET_RULE_H
#define ACTORS_BUDGET_RULE_H

#include <stdbool.h>

#include "runtime/base/money.h"

#define BUDGET_ROUNDING_PRECISION 10

money budget_round(money amount);

/* A budget of 0 or less is none, and never exhausted. */
bool budget_is_exhausted(money total, money budget);

/*
 * What runs beside the work: the baseline is a snapshot of the project's
 * total when the work began, running what this work alone has cost since.
 */
struct budget_checker {
	money baseline;
	money budget;
};

bool budget_checker_stops(const struct budget_checker *c, money running);

#endif
