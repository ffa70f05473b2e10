#include "actors/budget_rule.h"

money
budget_round(money amount)
{
	return money_round(amount, BUDGET_ROUNDING_PRECISION);
}

bool
budget_is_exhausted(money total, money budget)
{
	return budget > 0 && budget_round(total) >= budget_round(budget);
}

/* A sum past the range is past every budget. */
bool
budget_checker_stops(const struct budget_checker *c, money running)
{
	money sum;

	if (c->budget <= 0)
		return false;
	return money_add(c->baseline, running, &sum) != ST_OK ||
	       budget_is_exhausted(sum, c->budget);
}
