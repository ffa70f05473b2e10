/*
 * overlay - stored overrides on top of a configuration, as far as they go.
 *
 * Each of them is a value by itself; together, or with what the file says,
 * they may be no configuration: then as few as possible are left out, and all
 * others count.  Those of a pair, such as a certificate and its key, go or
 * stay together.  Nothing is logged here: whoever asks tells.  Any thread.
 */
#ifndef RUNTIME_OVERLAY_H
#define RUNTIME_OVERLAY_H

#include "runtime/config.h"

#define OVERLAY_WHY_SIZE 512

/* One that is left out; why names the settings that it does not go with. */
typedef void (*overlay_drop_fn)(
    void *ctx, const struct config_override *row, const char *why);

/* The other of its pair; SETTING_COUNT if it is of none. */
enum setting_id overlay_partner(enum setting_id id);

/* Leaves what goes with base at the front of rows; returns how many.  Without
 * memory it leaves what it has not found to be wrong. */
size_t overlay_choose(const struct config *base, struct config_override *rows,
    size_t count, overlay_drop_fn drop, void *ctx);

/*
 * Whether base and rows, with change instead of what they say of its setting,
 * have no mistake that is new: INVALID, and ret_why of OVERLAY_WHY_SIZE, or
 * NO_MEMORY, when nobody can say.  Half a pair is none: the other half may
 * follow.
 */
MUST_CHECK enum status overlay_allows(const struct config *base,
    const struct config_override *rows, size_t count,
    const struct config_override *change, char *ret_why);

#endif
