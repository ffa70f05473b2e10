/*
 * overrides - the stored overrides, and what each setting is because of them.
 *
 * For the settings actor alone.  A row that is no valid value is remembered,
 * so that its version can be compared, but does not count.  Rows may arrive
 * out of order: an older one never replaces a newer one.
 */
#ifndef ACTORS_OVERRIDES_H
#define ACTORS_OVERRIDES_H

#include "protocols/messages.h"
#include "protocols/setting.h"
#include "runtime/config.h"
#include "runtime/etag.h"
#include "runtime/overlay.h"

struct override {
	bool is_stored;
	bool is_valid;
	bool is_locked; /* sealed with a key we do not have */
	uint64_t revision;
	char updated_at[UPDATED_AT_MAX + 1];
	char value[SETTING_VALUE_MAX + 1];
	char ignored[OVERLAY_WHY_SIZE]; /* why it does not count; "" if so */
};

struct overrides {
	const struct config *config; /* NULL: the defaults */
	struct override rows[SETTING_COUNT];
};

/* False: nothing changed, for it was older or of no known setting. */
bool overrides_put(struct overrides *o, const struct setting_row *row);
/* There is one, and what it says cannot be known. */
void overrides_lock(struct overrides *o, const struct setting_row *row);
void overrides_remove(struct overrides *o, enum setting_id id);

/* After changes: which of those that need a restart do not go with the rest. */
void overrides_judge(struct overrides *o);
/* INVALID: with value, or without an override if that is NULL, something new
 * would be wrong; ret_why of OVERLAY_WHY_SIZE names what.  NO_MEMORY. */
MUST_CHECK enum status overrides_allow(const struct overrides *o,
    enum setting_id id, const char *value, char *ret_why);

/* Borrowed until the next change; never masked. */
const char *overrides_value(const struct overrides *o, enum setting_id id);
enum setting_source overrides_source(
    const struct overrides *o, enum setting_id id);

/* As whoever wants to replace it must expect it: "" when none is stored. */
const char *overrides_version(const struct overrides *o, enum setting_id id);

/* As clients see it: masked if sensitive. */
void overrides_view(const struct overrides *o, enum setting_id id,
    struct setting_view *ret_view);
void overrides_etag(
    const struct overrides *o, enum setting_id id, char ret_etag[ETAG_SIZE]);

#endif
