/*
 * settings - what every setting is now, where that comes from, and its news.
 *
 * Speaks:  protocols/setting.def
 * Keeps:   overrides through the store, and all of them in memory
 * Bounds:  the settings of protocols/settings.def; WATCHERS_MAX watchers
 *
 * The first that has a value wins: the stored override, a flag, the
 * environment, the file, the default.  Whoever reads gets a tag with the
 * value and may ask that a write happen only if the tag still holds; the
 * store compares again in the transaction that writes, so of many rivals one
 * wins.  A write that is durable has happened, whoever could not be told.
 *
 * A sensitive value is masked in every read, in news and in its tag.
 */
#ifndef ACTORS_SETTINGS_H
#define ACTORS_SETTINGS_H

#include "runtime/actor.h"

#define SETTINGS_MASK "********"
#define WATCHERS_MAX 512

extern const struct actor_class settings_class;

#endif
