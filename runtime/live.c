#include "runtime/live.h"

#include <assert.h>

#include "runtime/base/log.h"
#include "runtime/config.h"

void
live_change(
    struct live *l, const char *space, const char *key, const char *value)
{
	const struct setting *s = setting_find(space, key);
	char why[SETTING_WHY_SIZE];
	enum setting_id id;

	if (s == NULL)
		return;
	id = setting_id(s);
	l->overrides[id].is_set = false;
	if (value == NULL)
		return;
	if (setting_check(s, value, &l->overrides[id].number, why) == ST_OK)
		l->overrides[id].is_set = true;
	else
		LOG(SERVICE_SETTING_IGNORED, KV("namespace", space),
		    KV("key", key), KV("why", why));
}

void
live_replace(struct live *l, const struct setting_overrides *all)
{
	*l = (struct live){ 0 };
	for (uint32_t i = 0; i < all->rows_count; i++)
		live_change(l, all->rows[i].namespace, all->rows[i].key,
		    all->rows[i].value);
}

uint64_t
live_configured(const struct actor *self, enum setting_id id)
{
	const struct config *c = actor_config(self);
	const struct setting *s = setting_nth(id);
	char why[SETTING_WHY_SIZE];
	uint64_t number = 0;
	enum status st;

	if (c != NULL && s->kind == SETTING_BOOL)
		return config_bool(c, id);
	if (c != NULL)
		return config_u64(c, id);
	st = setting_check(s, s->value, &number, why);
	assert(st == ST_OK); /* a default is a value */
	return number;
}

uint64_t
live_number(const struct live *l, const struct actor *self, enum setting_id id)
{
	return l->overrides[id].is_set ? l->overrides[id].number
				       : live_configured(self, id);
}
