/*
 * settings_state - the state of the settings actor, for its own files alone.
 *
 * settings.c         start, read, watch, reload
 * settings_write.c   put, delete: compare, seal, store, tell
 * settings_history.c what a setting was
 */
#ifndef ACTORS_SETTINGS_STATE_H
#define ACTORS_SETTINGS_STATE_H

#include <assert.h>

#include "actors/access.h"
#include "actors/auditor.h"
#include "actors/overrides.h"
#include "actors/safe.h"
#include "actors/settings.h"
#include "runtime/actor.h"
#include "runtime/base/pool.h"

struct settings_state {
	struct overrides overrides;
	struct safe safe;
	enum status safe_st; /* not OK: the key cannot be used */
	struct auditor auditor;
	struct pool writers; /* struct tally_note: who is writing what */
	bool was_read[SETTING_COUNT];
	uint64_t watchers[WATCHERS_MAX];
	uint32_t watcher_count;
	struct timer load;
	char clean[SETTING_VALUE_MAX + 1];
	char sealed[SETTING_VALUE_MAX + 1];
};

static inline uint64_t
settings_store(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

/* ---- settings.c ---- */
/* The setting that is asked for; NULL: in has been refused. */
const struct setting *settings_find(struct actor *self, const struct msg *in,
    const struct principal *caller, enum access what, const char *space,
    const char *key);
struct setting_entry settings_entry(
    struct settings_state *s, enum setting_id id, char etag[ETAG_SIZE]);
const char *settings_source_text(enum setting_source source);
/* What is stored now; a sealed value is opened, if it can be. */
void settings_take_row(struct settings_state *s, const struct setting_row *row);
/* The change holds, whoever could not be told. */
void settings_notify(struct actor *self, enum setting_id id);
/* Tells who watches what it is now, wherever that comes from. */
void settings_tell(struct actor *self, enum setting_id id, const char *value);
/* True, and in has been refused: the value cannot be opened. */
bool settings_is_locked(
    struct actor *self, const struct msg *in, enum setting_id id);

/* ---- settings_write.c ---- */
/*
 * False: the tag is an older one, and in has been refused.  What a writer
 * tried is audited; writer NULL: only read, by nobody who must answer for it.
 */
bool settings_tag_holds(struct actor *self, const struct msg *in,
    enum setting_id id, const struct principal *writer, const char *action,
    const char *if_match);
enum status settings_on_put(struct actor *self, const struct msg *in);
enum status settings_on_delete(struct actor *self, const struct msg *in);

/* ---- settings_history.c ---- */
enum status settings_on_history(struct actor *self, const struct msg *in);

#endif
