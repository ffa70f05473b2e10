#include "ops/cast.h"

/* Every actor has a class of its name; the linker says which is missing. */
/* clang-format off */
#define ACTOR(id, number, name, hears, purpose) \
	extern const struct actor_class id##_class;
#include "protocols/actors.def"
#undef ACTOR
/* clang-format on */

const struct actor_class *
cast_class(unsigned number)
{
	switch (number) {
#define ACTOR(id, number, name, hears, purpose) \
	case number:                            \
		return &id##_class;
#include "protocols/actors.def"
#undef ACTOR
	default:
		return NULL;
	}
}
