#include <string.h>

#include "load/plan.h"

/* CMake makes it of ops/topologies/load: names, sizes and the bytes. */
#include "load_builtin.inc"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct plan_builtin *
builtin_find(const struct plan_builtin *all, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	return NULL;
}

const struct plan_builtin *
plan_builtin_nth(size_t n)
{
	return n < COUNT(builtins) ? &builtins[n] : NULL;
}

const struct plan_builtin *
plan_builtin_find(const char *name)
{
	return builtin_find(builtins, COUNT(builtins), name);
}

const struct plan_builtin *
plan_journey_nth(size_t n)
{
	return n < COUNT(journeys) ? &journeys[n] : NULL;
}

const struct plan_builtin *
plan_journey_find(const char *name)
{
	return builtin_find(journeys, COUNT(journeys), name);
}
