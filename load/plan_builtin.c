#include <string.h>

#include "load/plan.h"

/* CMake makes it of ops/topologies/load: a name, a size and the bytes. */
#include "load_builtin.inc"

#define BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

const struct plan_builtin *
plan_builtin_nth(size_t n)
{
	return n < BUILTINS ? &builtins[n] : NULL;
}

const struct plan_builtin *
plan_builtin_find(const char *name)
{
	for (size_t i = 0; i < BUILTINS; i++)
		if (strcmp(builtins[i].name, name) == 0)
			return &builtins[i];
	return NULL;
}
