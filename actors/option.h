/*
 * option - a number of settings.def, as the node was started with.
 *
 * Without a configuration, as in a simulation, it is the default.
 */
#ifndef ACTORS_OPTION_H
#define ACTORS_OPTION_H

#include "protocols/setting.h"
#include "runtime/actor.h"

/* Of a U64, BYTES or BOOL setting. */
uint64_t option_u64(const struct actor *self, enum setting_id id);

#endif
