#include "actors/option.h"

#include <assert.h>

#include "runtime/config.h"

uint64_t
option_u64(const struct actor *self, enum setting_id id)
{
	const struct config *c = actor_config(self);
	const struct setting *s = setting_nth((size_t)id);
	char why[SETTING_WHY_SIZE];
	uint64_t number = 0;
	enum status st;

	if (c != NULL)
		return s->kind == SETTING_BOOL ? config_bool(c, id)
					       : config_u64(c, id);
	st = setting_check(s, s->value, &number, why);
	assert(st == ST_OK);
	return number;
}
