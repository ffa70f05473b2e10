#include "gateway/seen.h"

#include "runtime/base/text.h"
#include "runtime/config.h"

#define SECOND_US UINT64_C(1000000)

void
seen_init(struct seen_list *l, struct actor *self)
{
	l->count = 0;
	l->interval_us =
	    SECOND_US * config_u64(actor_config(self),
			    SETTING_api_session_touch_interval_seconds);
}

void
seen_tell(struct seen_list *l, struct actor *self, const char *id, bool is_key,
    uint64_t *told_us)
{
	uint64_t now_us = actor_now_us(self);
	struct sighting *s = &l->items[l->count];

	if ((*told_us != 0 && now_us - *told_us < l->interval_us) ||
	    l->count == SEEN_MAX)
		return;
	*told_us = now_us == 0 ? 1 : now_us;
	(void)text_fit(l->ids[l->count], sizeof(l->ids[0]), id);
	*s = (struct sighting){ .id = l->ids[l->count],
		.is_key = is_key,
		.at = actor_wall_us(self) };
	l->count++;
}

void
seen_flush(struct seen_list *l, struct actor *self)
{
	if (l->count == 0)
		return;
	(void)SEND(self, actor_find(self, ACTOR_NUMBER(session_registry), 0),
	    auth_seen, .seen = l->items, .seen_count = l->count);
	l->count = 0;
}
