/* settings_rig - the settings, and a store that compares and swaps. */
#ifndef TESTS_ACTORS_SETTINGS_RIG_H
#define TESTS_ACTORS_SETTINGS_RIG_H

#include "actors/settings.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/config.h"
#include "runtime/etag.h"
#include "runtime/tally.h"
#include "tests/actors/people.h"
#include "tests/rig.h"

#define API "api"
#define KEY "auth.min_password_length" /* 8 to 128, default 12 */
#define SECRET_KEY "ssl_keyfile"

/* What the store holds of one setting. */
struct row {
	bool is_there;
	char value[256];
	char updated_at[CLOCK_TEXT_SIZE];
};

static struct row row;
static int64_t stamp_us;
static struct tally_note noted; /* the last refusal */

static inline void
settings_rig_with(struct rig *r, const struct config *config)
{
	row = (struct row){ 0 };
	stamp_us = 0;
	noted = (struct tally_note){ 0 };
	rig_init_with(r, config);
	rig_probe(r, ACTOR_NUMBER(store));
	rig_spawn(r, &settings_class, ACTOR_NUMBER(settings));
	rig_probe(r, ACTOR_NUMBER(scheduler));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
}

static inline void
settings_rig(struct rig *r)
{
	settings_rig_with(r, NULL);
	RIG_ANSWER(r, RIG_TAKE(r, store, store_setting_list),
	    store_setting_page, .rows = NULL);
}

static inline void
row_put(const char *value, int64_t now)
{
	stamp_us = now > stamp_us ? now : stamp_us + 1;
	row.is_there = true;
	snprintf(row.value, sizeof(row.value), "%s", value);
	clock_text(stamp_us, row.updated_at);
}

static inline bool
row_is_expected(const char *expected)
{
	if (expected == NULL)
		return true;
	return strcmp(row.is_there ? row.updated_at : "", expected) == 0;
}

static inline void
serve_put(struct rig *r, struct heard *h)
{
	const struct store_setting_put *ask = RIG_BODY(h, store_setting_put);
	struct setting_row out = { ask->namespace, ask->key, row.value,
		row.updated_at, 1 };

	if (!row_is_expected(ask->expected)) {
		rig_refuse(r, h, ST_CONFLICT, 0, "changed");
		return;
	}
	row_put(ask->value, ask->now);
	RIG_ANSWER(r, h, store_setting_found, .row = &out);
}

static inline void
serve_get(struct rig *r, struct heard *h)
{
	const struct store_setting_get *ask = RIG_BODY(h, store_setting_get);
	struct setting_row out = { ask->namespace, ask->key, row.value,
		row.updated_at, 1 };

	RIG_ANSWER(
	    r, h, store_setting_found, .row = row.is_there ? &out : NULL);
}

static inline void
serve_delete(struct rig *r, struct heard *h)
{
	const struct store_setting_delete *ask =
	    RIG_BODY(h, store_setting_delete);

	if (!row_is_expected(ask->expected)) {
		rig_refuse(r, h, ST_CONFLICT, 0, "changed");
	} else if (!row.is_there) {
		rig_refuse(r, h, ST_NOT_FOUND, 0, "none");
	} else {
		row.is_there = false;
		RIG_ANSWER(r, h, done, 0);
	}
}

static inline void
serve_append(struct rig *r, struct heard *h)
{
	const struct store_audit_append *ask = RIG_BODY(h, store_audit_append);

	tally_note_take(&noted, &ask->notes[ask->notes_count - 1]);
	RIG_ANSWER(r, h, done, 0);
}

/* The store does all it was asked to, in the order it was asked. */
static inline void
serve(struct rig *r)
{
	const uint32_t at = ACTOR_NUMBER(store);
	struct heard *h;

	do {
		while ((h = rig_peek(r, at, MSG_store_setting_put)) != NULL)
			serve_put(r, h);
		while ((h = rig_peek(r, at, MSG_store_setting_delete)) != NULL)
			serve_delete(r, h);
		while ((h = rig_peek(r, at, MSG_store_setting_get)) != NULL)
			serve_get(r, h);
		while ((h = rig_peek(r, at, MSG_store_audit_append)) != NULL)
			serve_append(r, h);
	} while (rig_waiting(r, at) > 0);
}

static inline uint64_t
ask_put_as(struct rig *r, struct principal caller, const char *key,
    const char *if_match, const char *value)
{
	return RIG_ASK(r, gateway, settings, setting_put, .caller = caller,
	    .namespace = API, .key = key, .if_match = if_match, .value = value);
}

/* A ceo who has just given the password. */
static inline struct principal
fresh_ceo(const struct rig *r)
{
	struct principal who = CEO;

	who.authenticated_at = r->wall_us;
	return who;
}

/* A manager, where that is enough. */
static inline uint64_t
ask_put(struct rig *r, const char *key, const char *if_match, const char *value)
{
	const struct setting *s = setting_find(API, key);
	bool guarded = s != NULL && (s->flags & SETTING_GUARDED) != 0;

	return ask_put_as(
	    r, guarded ? fresh_ceo(r) : MANAGER, key, if_match, value);
}

static inline const struct setting_entry *
entry_of(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, setting_entry);
}

static inline const struct setting_entry *
get(struct rig *r, const char *key)
{
	return entry_of(
	    r, RIG_ASK(r, gateway, settings, setting_get, .caller = OBSERVER,
		   .namespace = API, .key = key));
}

static inline const struct setting_entry *
put(struct rig *r, const char *key, const char *if_match, const char *value)
{
	uint64_t tag = ask_put(r, key, if_match, value);

	serve(r);
	return entry_of(r, tag);
}

static inline uint32_t
problem_of(struct rig *r, uint64_t tag)
{
	serve(r);
	return RIG_REPLIED(r, gateway, tag, refused)->problem;
}

static inline uint32_t
put_problem(
    struct rig *r, const char *key, const char *if_match, const char *value)
{
	return problem_of(r, ask_put(r, key, if_match, value));
}

#endif
