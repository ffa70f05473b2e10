/*
 * live - the number a LIVE setting has now, for an actor that watches it.
 *
 * Keeps the overrides the settings actor told of; without one, what the node
 * was configured with counts.  A value that does not check is as none: an
 * unreadable setting never stops a service.  Belongs to one actor.
 */
#ifndef RUNTIME_LIVE_H
#define RUNTIME_LIVE_H

#include "protocols/setting.h"
#include "runtime/actor.h"

struct live {
	struct {
		bool is_set;
		uint64_t number;
	} overrides[SETTING_COUNT];
};

/* value NULL: taken back.  Unknown names are nobody's business here. */
void live_change(
    struct live *l, const char *space, const char *key, const char *value);

/* All there are: whatever is not among them is taken back. */
void live_replace(struct live *l, const struct setting_overrides *all);

uint64_t live_number(
    const struct live *l, const struct actor *self, enum setting_id id);

/* What the node was started with, whatever is stored. */
uint64_t live_configured(const struct actor *self, enum setting_id id);

#endif
