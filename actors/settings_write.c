#include <stdio.h>
#include <string.h>

#include "actors/settings_state.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/seal.h"

#define TAG_LOGGED_SIZE 257 /* of what a client sends as If-Match */

/* What an op that writes keeps. */
struct settings_op {
	enum setting_id id;
	struct tally_note *writer;         /* for the logs, of s->writers */
	char expected[UPDATED_AT_MAX + 1]; /* for the log */
};

/* As the audit log names them. */
#define PUT "setting.put"
#define DELETE "setting.delete"
#define CONFLICT "version conflict"

static_assert(sizeof(struct settings_op) <= OP_DATA_MAX, "an op holds it");

/* What was tried, under the name that it has when it succeeds. */
static void
settings_note_refused(struct actor *self, const struct principal *by,
    const char *action, const struct setting *what, const char *why)
{
	struct settings_state *s = actor_state(self);
	char target[SETTING_NAME_SIZE];

	setting_address(what, target);
	auditor_refused(self, &s->auditor, by, action, target, why);
}

bool
settings_tag_holds(struct actor *self, const struct msg *in, enum setting_id id,
    const struct principal *writer, const char *action, const char *if_match)
{
	struct settings_state *s = actor_state(self);
	const struct setting *what = setting_nth(id);
	char resource[SETTING_NAME_SIZE];
	char sent[TAG_LOGGED_SIZE];
	char etag[ETAG_SIZE];

	if (!if_match_is_given(if_match))
		return true;
	overrides_etag(&s->overrides, id, etag);
	if (if_match_allows(if_match, etag))
		return true;
	(void)text_fit(sent, sizeof(sent), if_match);
	snprintf(resource, sizeof(resource), "%s:%s", what->space, what->key);
	LOG(API_CONCURRENCY_CONFLICT, KV("resource", resource),
	    KV("request_etag", sent), KV("current_etag", etag));
	if (writer != NULL)
		settings_note_refused(self, writer, action, what, CONFLICT);
	(void)REFUSE(self, in, VERSION_CONFLICT,
	    "the setting has changed meanwhile; read it again");
	return false;
}

/* Until settings_end; note is what is audited.  NULL: in has been refused. */
static struct op *
settings_begin(struct actor *self, const struct msg *in, enum setting_id id,
    const struct audit_note *note)
{
	struct settings_state *s = actor_state(self);
	struct op *op = op_open(self, in);
	struct settings_op *keep;

	if (op == NULL)
		return NULL;
	keep = op_data(op);
	keep->id = id;
	keep->writer = pool_take(&s->writers);
	if (keep->writer == NULL) {
		(void)OP_REFUSE(op, OVERLOADED, "out of memory");
		return NULL;
	}
	tally_note_take(keep->writer, note);
	(void)text_fit(keep->expected, sizeof(keep->expected),
	    overrides_version(&s->overrides, id));
	return op;
}

/* Before it is answered. */
static void
settings_end(struct actor *self, struct op *op)
{
	struct settings_state *s = actor_state(self);
	struct settings_op *keep = op_data(op);

	pool_put(&s->writers, keep->writer);
}

/* What the store must hold for the write to happen; NULL: whatever. */
static const char *
settings_expected(struct op *op, const char *if_match)
{
	const struct settings_op *keep = op_data(op);

	return if_match_is_given(if_match) ? keep->expected : NULL;
}

static enum status
settings_finish(struct actor *self, struct op *op, bool has_changed)
{
	struct settings_state *s = actor_state(self);
	const struct settings_op *keep = op_data(op);
	const struct setting *what = setting_nth(keep->id);
	struct setting_entry entry;
	char etag[ETAG_SIZE];

	if (has_changed) {
		if ((what->flags & SETTING_RESTART) != 0)
			overrides_judge(&s->overrides);
		LOG(SETTINGS_CHANGED, KV("namespace", what->space),
		    KV("key", what->key), KV("by", keep->writer->user_id),
		    KV("source", settings_source_text(overrides_source(
				     &s->overrides, keep->id))),
		    KU("restart_required",
			(what->flags & SETTING_RESTART) != 0));
		settings_notify(self, keep->id);
	}
	entry = settings_entry(s, keep->id, etag);
	settings_end(self, op);
	return op_reply(op, MSG_setting_entry, &entry);
}

/* Somebody else has written: from now on we know what. */
static enum status
settings_on_reread(struct actor *self, struct op *op, const struct msg *reply)
{
	struct settings_state *s = actor_state(self);
	const struct store_setting_found *found = reply->body;
	const struct settings_op *keep = op_data(op);

	if (reply->id == MSG_store_setting_found && found->row != NULL)
		settings_take_row(s, found->row);
	else if (reply->id == MSG_store_setting_found)
		overrides_remove(&s->overrides, keep->id);
	overrides_judge(&s->overrides);
	settings_end(self, op);
	return OP_REFUSE(op, VERSION_CONFLICT,
	    "the setting has changed meanwhile; read it again");
}

static enum status
settings_on_refused(struct actor *self, struct op *op, const struct msg *reply)
{
	struct settings_state *s = actor_state(self);
	const struct settings_op *keep = op_data(op);
	const struct setting *what = setting_nth(keep->id);
	struct audit_note note = tally_note_give(keep->writer);

	if (reply->id != MSG_refused ||
	    ((const struct refused *)reply->body)->status != ST_CONFLICT) {
		settings_end(self, op);
		return op_pass(op, reply);
	}
	LOG(SETTINGS_VERSION_CONFLICT, KV("namespace", what->space),
	    KV("key", what->key), KV("expected_updated_at", keep->expected),
	    KV("reason", "concurrent_modification"));
	auditor_refused(
	    self, &s->auditor, &note.by, note.action, note.target, CONFLICT);
	return OP_ASK(op, settings_store(self), store_setting_get,
	    settings_on_reread, .namespace = what->space, .key = what->key);
}

static enum status
settings_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	struct settings_state *s = actor_state(self);
	const struct store_setting_found *found = reply->body;

	if (reply->id != MSG_store_setting_found || found->row == NULL)
		return settings_on_refused(self, op, reply);
	settings_take_row(s, found->row);
	return settings_finish(self, op, true);
}

/* NULL: it is one.  Else a sentence that never repeats the value. */
static const char *
settings_value_mistake(
    const struct setting *what, const char *value, char why[SETTING_WHY_SIZE])
{
	uint64_t number;

	if ((what->flags & SETTING_SENSITIVE) != 0 &&
	    strcmp(value, SETTINGS_MASK) == 0)
		return "it is the mask that hides the value, not a value";
	if (setting_check(what, value, &number, why) == ST_OK)
		return NULL;
	LOG(SETTINGS_VALIDATION_FAILED, KV("namespace", what->space),
	    KV("key", what->key), KV("why", why));
	return why;
}

/* False: in has been refused, and nothing may be written. */
static bool
settings_may_change(struct actor *self, const struct msg *in,
    const struct setting *what, const struct principal *by, const char *action)
{
	if ((what->flags & SETTING_BOOT) == 0)
		return true;
	settings_note_refused(self, by, action, what, "read-only");
	(void)REFUSE(self, in, SETTING_READ_ONLY,
	    "it must be known before the store is: set it in the file, the "
	    "environment or a flag, and start again");
	return false;
}

/* The key is made with the first value, and never while one is locked. */
static enum status
settings_seal(
    struct actor *self, const struct setting *what, const char **ret_value)
{
	struct settings_state *s = actor_state(self);
	uint8_t random[SAFE_KEY_SIZE];
	char name[SETTING_NAME_SIZE];
	enum status st = s->safe_st;

	for (size_t i = 0; i < SETTING_COUNT && s->safe.key == NULL; i++)
		if (s->overrides.rows[i].is_locked)
			return ST_DENIED;
	if (st == ST_OK && s->safe.key == NULL) {
		actor_random(self, random, SAFE_KEY_SIZE);
		st = safe_make_key(&s->safe, random);
		seal_wipe(random, sizeof(random));
		if (st == ST_OK)
			LOG(KEY_FILE_MADE, KV("file", "keys/" SAFE_FILE));
	}
	if (st != ST_OK)
		return st;
	actor_random(self, random, SAFE_NONCE_SIZE);
	setting_address(what, name);
	*ret_value = s->sealed;
	return safe_seal(
	    &s->safe, name, s->clean, random, s->sealed, sizeof(s->sealed));
}

static enum status
settings_store_put(struct actor *self, const struct msg *in,
    const struct setting *what, const char *value)
{
	const struct setting_put *ask = in->body;
	char target[SETTING_NAME_SIZE];
	struct audit_note note;
	struct op *op;

	setting_address(what, target);
	note = audit_note_by(self, &ask->caller, PUT, target);
	op = settings_begin(self, in, setting_id(what), &note);
	if (op == NULL)
		return ST_OK;
	return OP_ASK(op, settings_store(self), store_setting_put,
	    settings_on_stored, .namespace = what->space, .key = what->key,
	    .value = value, .now = actor_wall_us(self), .audit = &note,
	    .expected = settings_expected(op, ask->if_match));
}

/* False: in has been refused, for it contradicts what else is set. */
static bool
settings_goes_with(struct actor *self, const struct msg *in,
    const struct setting *what, const struct principal *by, const char *action,
    const char *value)
{
	struct settings_state *s = actor_state(self);
	char text[SETTING_NAME_SIZE + OVERLAY_WHY_SIZE + 32];
	char why[OVERLAY_WHY_SIZE], name[SETTING_NAME_SIZE];
	enum status st =
	    overrides_allow(&s->overrides, setting_id(what), value, why);

	if (st == ST_OK)
		return true;
	if (st == ST_NO_MEMORY) {
		(void)REFUSE(self, in, OVERLOADED, "out of memory");
		return false;
	}
	setting_place(what, name);
	snprintf(
	    text, sizeof(text), "%s does not go with the rest: %s", name, why);
	LOG(SETTINGS_VALIDATION_FAILED, KV("namespace", what->space),
	    KV("key", what->key), KV("why", why));
	settings_note_refused(self, by, action, what, "invalid");
	(void)REFUSE(self, in, VALIDATION, text);
	return false;
}

enum status
settings_on_put(struct actor *self, const struct msg *in)
{
	struct settings_state *s = actor_state(self);
	const struct setting_put *ask = in->body;
	const struct setting *what = settings_find(
	    self, in, &ask->caller, ACCESS_SETTINGS, ask->namespace, ask->key);
	char why[SETTING_WHY_SIZE];
	const char *value = s->clean;
	const char *mistake;

	if (what == NULL ||
	    !settings_may_change(self, in, what, &ask->caller, PUT) ||
	    !settings_tag_holds(
		self, in, setting_id(what), &ask->caller, PUT, ask->if_match))
		return ST_OK;
	mistake = settings_value_mistake(what, ask->value, why);
	if (mistake != NULL) {
		settings_note_refused(self, &ask->caller, PUT, what, "invalid");
		return REFUSE(self, in, VALIDATION, mistake);
	}
	setting_clean(what, ask->value, s->clean);
	if (!settings_goes_with(self, in, what, &ask->caller, PUT, s->clean))
		return ST_OK;
	if ((what->flags & SETTING_SENSITIVE) != 0 &&
	    settings_seal(self, what, &value) != ST_OK) {
		settings_note_refused(self, &ask->caller, PUT, what, "sealed");
		return REFUSE(self, in, SETTING_SEALED,
		    "the value cannot be sealed: keys/" SAFE_FILE
		    " is missing, another key, or not readable by us alone");
	}
	return settings_store_put(self, in, what, value);
}

/* To take back what is not there is no mistake. */
static enum status
settings_on_deleted(struct actor *self, struct op *op, const struct msg *reply)
{
	struct settings_state *s = actor_state(self);
	const struct settings_op *keep = op_data(op);
	const struct refused *why = reply->body;
	bool was_none = reply->id == MSG_refused && why->status == ST_NOT_FOUND;

	if (reply->id != MSG_done && !was_none)
		return settings_on_refused(self, op, reply);
	overrides_remove(&s->overrides, keep->id);
	return settings_finish(self, op, !was_none);
}

enum status
settings_on_delete(struct actor *self, const struct msg *in)
{
	const struct setting_delete *ask = in->body;
	const struct setting *what = settings_find(
	    self, in, &ask->caller, ACCESS_SETTINGS, ask->namespace, ask->key);
	enum setting_id id;
	char target[SETTING_NAME_SIZE];
	struct audit_note note;
	struct op *op;

	if (what == NULL ||
	    !settings_may_change(self, in, what, &ask->caller, DELETE))
		return ST_OK;
	id = setting_id(what);
	if (!settings_tag_holds(
		self, in, id, &ask->caller, DELETE, ask->if_match) ||
	    !settings_goes_with(self, in, what, &ask->caller, DELETE, NULL))
		return ST_OK;
	setting_address(what, target);
	note = audit_note_by(self, &ask->caller, DELETE, target);
	op = settings_begin(self, in, id, &note);
	if (op == NULL)
		return ST_OK;
	return OP_ASK(op, settings_store(self), store_setting_delete,
	    settings_on_deleted, .namespace = what->space, .key = what->key,
	    .audit = &note, .now = actor_wall_us(self), .has_now = true,
	    .expected = settings_expected(op, ask->if_match));
}
