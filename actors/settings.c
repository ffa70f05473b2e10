#include "actors/settings.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actors/access.h"
#include "actors/overrides.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define LOAD_AGAIN_US 1000000u /* after the store did not answer */
#define TAG_LOGGED_SIZE 257    /* of what a client sends as If-Match */

_Static_assert(SETTING_COUNT <= SETTINGS_PAGE_MAX, "a list holds them all");

struct settings_state {
	struct overrides overrides;
	bool was_read[SETTING_COUNT];
	uint64_t watchers[WATCHERS_MAX];
	uint32_t watcher_count;
	struct timer load;
	char clean[SETTING_VALUE_MAX + 1];
};

/* What an op that writes keeps. */
struct settings_op {
	enum setting_id id;
	char expected[UPDATED_AT_MAX + 1]; /* for the log */
	char by[ID_MAX / 2];               /* for the log */
};

_Static_assert(sizeof(struct settings_op) <= OP_DATA_MAX, "an op holds it");

static uint64_t
settings_store(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

/* ---- start ---- */

/* Whoever watched has to say so again; who is not there yet will. */
static void
settings_announce(struct actor *self)
{
	static const uint32_t interested[] = { ACTOR_NUMBER(session_registry),
		ACTOR_NUMBER(ticket_store), ACTOR_NUMBER(event_hub),
		ACTOR_NUMBER(scheduler), ACTOR_NUMBER(gateway) };
	const size_t count = sizeof(interested) / sizeof(interested[0]);

	for (size_t i = 0; i < count; i++) {
		uint32_t shards = actor_shards(self, interested[i]);

		for (uint32_t shard = 0; shard < shards; shard++)
			(void)SEND(self, actor_find(self, interested[i], shard),
			    setting_restarted, 0);
	}
}

static enum status settings_load(struct actor *self, struct timer *t);

static enum status
settings_on_loaded(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_setting_page *page = reply->body;
	struct settings_state *s = actor_state(self);

	if (reply->id != MSG_store_setting_page) {
		timer_start(self, &s->load, LOAD_AGAIN_US, settings_load);
		return OP_REPLY(op, done, 0);
	}
	for (uint32_t i = 0; i < page->rows_count; i++)
		(void)overrides_put(&s->overrides, &page->rows[i]);
	settings_announce(self);
	actor_ready(self);
	return OP_REPLY(op, done, 0);
}

static enum status
settings_load(struct actor *self, struct timer *t)
{
	struct op *op = op_open(self, NULL);

	(void)t;
	assert(op != NULL); /* it starts: no other is open */
	return OP_ASK(op, settings_store(self), store_setting_list,
	    settings_on_loaded, 0);
}

static enum status
settings_start(struct actor *self)
{
	struct settings_state *s = actor_state(self);

	s->overrides.config = actor_config(self);
	return settings_load(self, &s->load);
}

/* ---- read ---- */

/* The setting that is asked for; NULL: in has been refused. */
static const struct setting *
settings_find(struct actor *self, const struct msg *in,
    const struct principal *caller, enum access what, const char *space,
    const char *key)
{
	uint32_t problem = access_check(caller, what);
	const struct setting *s = setting_find(space, key);

	if (problem != 0)
		(void)actor_refuse(self, in, problem,
		    what == ACCESS_READ ? "your role may not read settings"
					: "your role may not change settings");
	else if (s == NULL)
		(void)REFUSE(self, in, NOT_FOUND,
		    setting_has_namespace(space)
			? "there is no such setting"
			: "there is no such namespace");
	return problem == 0 ? s : NULL;
}

static struct setting_entry
settings_entry(
    struct settings_state *s, enum setting_id id, char etag[ETAG_SIZE])
{
	struct setting_entry entry = { .etag = etag };

	overrides_view(&s->overrides, id, &entry.setting);
	overrides_etag(&s->overrides, id, etag);
	return entry;
}

/* Its stable text, from the catalogue. */
static const char *
settings_source_text(enum setting_source source)
{
	const struct wire_type *t = CATALOGUE_TYPE(setting_view);

	for (size_t i = 0; i < t->nfields; i++)
		if (t->fields[i].kind == WIRE_ENUM)
			return t->fields[i].values()->texts[source];
	return "?";
}

static void
settings_log_first_read(struct settings_state *s, enum setting_id id)
{
	if (s->was_read[id])
		return;
	s->was_read[id] = true;
	LOG(SETTINGS_VALUE_RESOLVED, KV("namespace", setting_nth(id)->space),
	    KV("key", setting_nth(id)->key),
	    KV("source",
		settings_source_text(overrides_source(&s->overrides, id))));
}

static enum status
settings_on_get(struct actor *self, const struct msg *in)
{
	struct settings_state *s = actor_state(self);
	const struct setting_get *ask = in->body;
	const struct setting *found = settings_find(
	    self, in, &ask->caller, ACCESS_READ, ask->namespace, ask->key);
	struct setting_entry entry;
	char etag[ETAG_SIZE];

	if (found == NULL)
		return ST_OK;
	settings_log_first_read(s, setting_id(found));
	entry = settings_entry(s, setting_id(found), etag);
	return actor_reply(self, in, MSG_setting_entry, &entry);
}

static enum status
settings_on_list(struct actor *self, const struct msg *in)
{
	struct settings_state *s = actor_state(self);
	const struct setting_list *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_READ);
	struct setting_view views[SETTING_COUNT];
	uint32_t count = 0;

	if (problem != 0)
		return actor_refuse(
		    self, in, problem, "your role may not read settings");
	if (ask->namespace != NULL && !setting_has_namespace(ask->namespace))
		return REFUSE(
		    self, in, NOT_FOUND, "there is no such namespace");
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const char *space = setting_nth(i)->space;

		if (ask->namespace == NULL ||
		    strcmp(space, ask->namespace) == 0)
			overrides_view(
			    &s->overrides, (enum setting_id)i, &views[count++]);
	}
	return REPLY(self, in, setting_entries, .settings = views,
	    .settings_count = count);
}

/* ---- watch ---- */

static bool
settings_add_watcher(struct settings_state *s, uint64_t watcher)
{
	for (uint32_t i = 0; i < s->watcher_count; i++)
		if (s->watchers[i] == watcher)
			return true;
	if (s->watcher_count == WATCHERS_MAX)
		return false;
	s->watchers[s->watcher_count++] = watcher;
	return true;
}

static enum status
settings_on_watch(struct actor *self, const struct msg *in)
{
	struct settings_state *s = actor_state(self);
	struct setting_row rows[SETTING_COUNT];
	uint32_t count = 0;

	if (!settings_add_watcher(s, in->from))
		return REFUSE(self, in, OVERLOADED, "too many watch");
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *what = setting_nth(i);

		if (!s->overrides.rows[i].is_valid ||
		    (what->flags & SETTING_SENSITIVE) != 0)
			continue;
		rows[count++] = (struct setting_row){ what->space, what->key,
			s->overrides.rows[i].value,
			s->overrides.rows[i].updated_at };
	}
	return REPLY(
	    self, in, setting_overrides, .rows = rows, .rows_count = count);
}

/* The change holds, whoever could not be told. */
static void
settings_notify(struct actor *self, enum setting_id id)
{
	struct settings_state *s = actor_state(self);
	const struct setting *what = setting_nth(id);
	struct setting_changed news = { what->space, what->key, NULL };

	if (s->overrides.rows[id].is_valid)
		news.value = (what->flags & SETTING_SENSITIVE) != 0
				 ? SETTINGS_MASK
				 : s->overrides.rows[id].value;
	for (uint32_t i = 0; i < s->watcher_count; i++) {
		enum status st = actor_send(
		    self, s->watchers[i], MSG_setting_changed, &news);

		if (st != ST_OK)
			LOG(SETTINGS_NOTIFY_FAILED,
			    KV("namespace", what->space), KV("key", what->key),
			    KU("watcher", s->watchers[i]),
			    KV("status", status_name(st)));
	}
}

/* ---- write ---- */

/* False: the tag is an older one, and in has been refused. */
static bool
settings_tag_holds(struct actor *self, const struct msg *in, enum setting_id id,
    const char *if_match)
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
	(void)REFUSE(self, in, VERSION_CONFLICT,
	    "the setting has changed meanwhile; read it again");
	return false;
}

/* What the store must hold for the write to happen; NULL: whatever. */
static const char *
settings_expected(struct settings_state *s, struct op *op, enum setting_id id,
    const struct principal *by, const char *if_match)
{
	struct settings_op *keep = op_data(op);

	keep->id = id;
	(void)text_fit(keep->by, sizeof(keep->by), by->user_id);
	(void)text_fit(keep->expected, sizeof(keep->expected),
	    overrides_version(&s->overrides, id));
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
		LOG(SETTINGS_CHANGED, KV("namespace", what->space),
		    KV("key", what->key), KV("by", keep->by),
		    KV("source", settings_source_text(overrides_source(
				     &s->overrides, keep->id))),
		    KU("restart_required",
			(what->flags & SETTING_RESTART) != 0));
		settings_notify(self, keep->id);
	}
	entry = settings_entry(s, keep->id, etag);
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
		(void)overrides_put(&s->overrides, found->row);
	else if (reply->id == MSG_store_setting_found)
		overrides_remove(&s->overrides, keep->id);
	return OP_REFUSE(op, VERSION_CONFLICT,
	    "the setting has changed meanwhile; read it again");
}

static enum status
settings_on_refused(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct settings_op *keep = op_data(op);
	const struct setting *what = setting_nth(keep->id);

	if (reply->id != MSG_refused ||
	    ((const struct refused *)reply->body)->status != ST_CONFLICT)
		return op_pass(op, reply);
	LOG(SETTINGS_VERSION_CONFLICT, KV("namespace", what->space),
	    KV("key", what->key), KV("expected_updated_at", keep->expected),
	    KV("reason", "concurrent_modification"));
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
	(void)overrides_put(&s->overrides, found->row);
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

static enum status
settings_on_put(struct actor *self, const struct msg *in)
{
	struct settings_state *s = actor_state(self);
	const struct setting_put *ask = in->body;
	const struct setting *what = settings_find(
	    self, in, &ask->caller, ACCESS_SETTINGS, ask->namespace, ask->key);
	char why[SETTING_WHY_SIZE];
	const char *mistake;
	enum setting_id id;
	struct op *op;

	if (what == NULL)
		return ST_OK;
	id = setting_id(what);
	if (!settings_tag_holds(self, in, id, ask->if_match))
		return ST_OK;
	mistake = settings_value_mistake(what, ask->value, why);
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	setting_clean(what, ask->value, s->clean);
	return OP_ASK(op, settings_store(self), store_setting_put,
	    settings_on_stored, .namespace = what->space, .key = what->key,
	    .value = s->clean, .now = actor_wall_us(self),
	    .expected =
		settings_expected(s, op, id, &ask->caller, ask->if_match));
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

static enum status
settings_on_delete(struct actor *self, const struct msg *in)
{
	struct settings_state *s = actor_state(self);
	const struct setting_delete *ask = in->body;
	const struct setting *what = settings_find(
	    self, in, &ask->caller, ACCESS_SETTINGS, ask->namespace, ask->key);
	enum setting_id id;
	struct op *op;

	if (what == NULL)
		return ST_OK;
	id = setting_id(what);
	if (!settings_tag_holds(self, in, id, ask->if_match))
		return ST_OK;
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	return OP_ASK(op, settings_store(self), store_setting_delete,
	    settings_on_deleted, .namespace = what->space, .key = what->key,
	    .expected =
		settings_expected(s, op, id, &ask->caller, ask->if_match));
}

static const struct handler settings_on[] = {
	ON(setting_get, settings_on_get),
	ON(setting_put, settings_on_put),
	ON(setting_delete, settings_on_delete),
	ON(setting_list, settings_on_list),
	ON(setting_watch, settings_on_watch),
	ON(store_restored, actor_on_start_over),
	{ 0 },
};

const struct actor_class settings_class = {
	.name = "settings",
	.state_size = sizeof(struct settings_state),
	.starts_slowly = true,
	.start = settings_start,
	.on = settings_on,
};
