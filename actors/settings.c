#include "actors/settings_state.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/fault.h"
#include "runtime/base/log.h"

#define SECOND_US UINT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define LOAD_AGAIN_US 1000000u /* after the store did not answer */

static_assert(SETTING_COUNT <= SETTINGS_PAGE_MAX, "a list holds them all");

/* ---- start ---- */

/* Whoever watched has to say so again; who is not there yet will. */
static void
settings_announce(struct actor *self)
{
	static const uint32_t interested[] = { ACTOR_NUMBER(session_registry),
		ACTOR_NUMBER(ticket_store), ACTOR_NUMBER(event_hub),
		ACTOR_NUMBER(scheduler), ACTOR_NUMBER(gateway),
		ACTOR_NUMBER(backup) };
	const size_t count = sizeof(interested) / sizeof(interested[0]);

	for (size_t i = 0; i < count; i++) {
		uint32_t shards = actor_shards(self, interested[i]);

		for (uint32_t shard = 0; shard < shards; shard++)
			(void)SEND(self, actor_find(self, interested[i], shard),
			    setting_restarted, 0);
	}
}

static enum status settings_load(struct actor *self, struct timer *t);

void
settings_take_row(struct settings_state *s, const struct setting_row *row)
{
	const struct setting *what = setting_find(row->namespace, row->key);
	char name[SETTING_NAME_SIZE];
	struct setting_row open = *row;
	enum status st;

	if (what == NULL || (what->flags & SETTING_SENSITIVE) == 0 ||
	    !safe_is_sealed(row->value)) {
		(void)overrides_put(&s->overrides, row);
		return;
	}
	setting_address(what, name);
	st = s->safe_st != ST_OK ? s->safe_st
				 : safe_unseal(&s->safe, name, row->value,
				       s->clean, sizeof(s->clean));
	open.value = s->clean;
	if (st == ST_OK) {
		(void)overrides_put(&s->overrides, &open);
		return;
	}
	overrides_lock(&s->overrides, row);
	LOG(SETTINGS_SEALED, KV("namespace", row->namespace),
	    KV("key", row->key),
	    KV("why", st == ST_NOT_FOUND ? "keys/" SAFE_FILE " is missing"
		      : st == ST_DENIED  ? "keys/" SAFE_FILE
					  " is another key, or not ours alone"
					: status_text(st)));
}

/* Of a number: what it is now. */
static uint64_t
settings_number(const struct settings_state *s, enum setting_id id)
{
	char why[SETTING_WHY_SIZE];
	uint64_t number = 0;
	enum status st = setting_check(
	    setting_nth(id), overrides_value(&s->overrides, id), &number, why);

	assert(st == ST_OK); /* nothing else is let in */
	return number;
}

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
		settings_take_row(s, &page->rows[i]);
	overrides_judge(&s->overrides);
	s->auditor.window_us =
	    SECOND_US * settings_number(s, SETTING_api_audit_window_seconds);
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

/* Where keys are; NULL without a configuration, as in simulation. */
static const char *
settings_folder(const struct actor *self, char *ret_path, size_t size)
{
	const struct config *c = actor_config(self);
	int n;

	if (c == NULL)
		return NULL;
	n = snprintf(ret_path, size, "%s/keys",
	    config_text(c, SETTING_runtime_data_dir));
	if (n < 0 || (size_t)n >= size)
		return NULL;
	(void)mkdir(config_text(c, SETTING_runtime_data_dir), S_IRWXU);
	(void)mkdir(ret_path, S_IRWXU);
	return ret_path;
}

static enum status
settings_start(struct actor *self)
{
	struct settings_state *s = actor_state(self);
	char folder[sizeof(s->safe.path)];

	pool_init(&s->writers, sizeof(struct tally_note), ACTOR_OPS_MAX, 0);
	s->overrides.config = actor_config(self);
	s->safe_st =
	    safe_open(&s->safe, settings_folder(self, folder, sizeof(folder)));
	return settings_load(self, &s->load);
}

static void
settings_stop(struct actor *self)
{
	struct settings_state *s = actor_state(self);

	safe_close(&s->safe);
	pool_fini(&s->writers);
}

static void
settings_drain(struct actor *self)
{
	auditor_drain(
	    self, &((struct settings_state *)actor_state(self))->auditor);
}

/* ---- read ---- */

/* To read without the right is nothing that anybody must answer for. */
static void
settings_audit_refused(struct actor *self, const struct principal *by,
    enum access what, const char *space, const char *key, const char *why)
{
	struct settings_state *s = actor_state(self);
	char target[SETTING_NAMESPACE_MAX + SETTING_KEY_MAX + 2];

	if (what == ACCESS_READ)
		return;
	(void)snprintf(target, sizeof(target), "%s/%s", space, key);
	auditor_refused(self, &s->auditor, by, "setting.change", target, why);
}

struct settings_refusal {
	uint32_t problem;  /* 0: none */
	const char *why;   /* for the caller */
	const char *noted; /* for the audit log */
};

static bool
settings_gave_password(struct actor *self, const struct principal *caller)
{
	uint64_t minutes =
	    settings_number(actor_state(self), SETTING_api_auth_reauth_minutes);

	return access_is_recent(
	    caller, minutes * MINUTE_US, actor_wall_us(self));
}

/* Nor does a log-in of long ago prove who is there now. */
static struct settings_refusal
settings_guard(struct actor *self, const struct principal *caller)
{
	uint32_t problem = access_check(caller, ACCESS_SECRETS);

	if (problem != 0)
		return (struct settings_refusal){ problem,
			"only a ceo may change this setting", "forbidden" };
	if (!access_is_person(caller))
		return (struct settings_refusal){ PROBLEM_FORBIDDEN,
			"an API key may not change this setting", "api key" };
	if (!settings_gave_password(self, caller))
		return (struct settings_refusal){ PROBLEM_REAUTHENTICATE,
			"give your password again first: "
			"POST /auth/reauthenticate",
			"password" };
	return (struct settings_refusal){ 0 };
}

static struct settings_refusal
settings_problem(struct actor *self, const struct principal *caller,
    enum access what, const struct setting *s)
{
	uint32_t problem = access_check(caller, what);

	if (problem != 0)
		return (struct settings_refusal){ problem,
			what == ACCESS_READ
			    ? "your role may not read settings"
			    : "your role may not change settings",
			"forbidden" };
	if (what != ACCESS_READ && s != NULL &&
	    (s->flags & SETTING_GUARDED) != 0)
		return settings_guard(self, caller);
	return (struct settings_refusal){ 0 };
}

const struct setting *
settings_find(struct actor *self, const struct msg *in,
    const struct principal *caller, enum access what, const char *space,
    const char *key)
{
	const struct setting *s = setting_find(space, key);
	struct settings_refusal no = settings_problem(self, caller, what, s);

	if (no.problem == 0 && s != NULL)
		return s;
	if (no.problem == 0)
		no = (struct settings_refusal){ PROBLEM_NOT_FOUND,
			setting_has_namespace(space)
			    ? "there is no such setting"
			    : "there is no such namespace",
			"unknown" };
	settings_audit_refused(self, caller, what, space, key, no.noted);
	(void)actor_refuse(self, in, no.problem, no.why);
	return NULL;
}

struct setting_entry
settings_entry(
    struct settings_state *s, enum setting_id id, char etag[ETAG_SIZE])
{
	struct setting_entry entry = { .etag = etag };

	overrides_view(&s->overrides, id, &entry.setting);
	overrides_etag(&s->overrides, id, etag);
	return entry;
}

/* Its stable text, from the catalogue. */
const char *
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

bool
settings_is_locked(struct actor *self, const struct msg *in, enum setting_id id)
{
	const struct settings_state *s = actor_state(self);

	if (!s->overrides.rows[id].is_locked)
		return false;
	(void)REFUSE(self, in, SETTING_SEALED,
	    "the stored value cannot be opened: bring keys/" SAFE_FILE
	    " back, or take the override back");
	return true;
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

	if (found == NULL ||
	    !settings_tag_holds(
		self, in, setting_id(found), NULL, NULL, ask->if_match) ||
	    settings_is_locked(self, in, setting_id(found)))
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

/* Or half of a pair that is of no use without one. */
static bool
settings_is_secret(enum setting_id id)
{
	enum setting_id other = overlay_partner(id);

	return (setting_nth(id)->flags & SETTING_SENSITIVE) != 0 ||
	       (other != SETTING_COUNT &&
		   (setting_nth(other)->flags & SETTING_SENSITIVE) != 0);
}

static enum status
settings_on_watch(struct actor *self, const struct msg *in)
{
	struct settings_state *s = actor_state(self);
	struct setting_row rows[SETTING_COUNT];
	uint32_t who = actor_number_of(in->from);
	bool may_know = who == ACTOR_NUMBER(gateway) ||
			who == ACTOR_NUMBER(session_registry);
	uint32_t count = 0;

	if (!settings_add_watcher(s, in->from))
		return REFUSE(self, in, OVERLOADED, "too many watch");
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *what = setting_nth(i);

		if (!s->overrides.rows[i].is_valid ||
		    s->overrides.rows[i].ignored[0] != '\0' ||
		    (!may_know && settings_is_secret((enum setting_id)i)))
			continue;
		rows[count++] = (struct setting_row){ .namespace = what->space,
			.key = what->key,
			.value = s->overrides.rows[i].value,
			.updated_at = s->overrides.rows[i].updated_at };
	}
	return REPLY(
	    self, in, setting_overrides, .rows = rows, .rows_count = count);
}

void
settings_tell(struct actor *self, enum setting_id id, const char *value)
{
	struct settings_state *s = actor_state(self);
	const struct setting *what = setting_nth(id);
	struct setting_changed news = { what->space, what->key, value };

	if (value != NULL && (what->flags & SETTING_SENSITIVE) != 0)
		news.value = SETTINGS_MASK;
	for (uint32_t i = 0; i < s->watcher_count; i++) {
		enum status st = fault_fails("settings.tell")
				     ? ST_FULL
				     : actor_send(self, s->watchers[i],
					   MSG_setting_changed, &news);

		if (st != ST_OK)
			LOG(SETTINGS_NOTIFY_FAILED,
			    KV("namespace", what->space), KV("key", what->key),
			    KU("watcher", s->watchers[i]),
			    KV("status", status_name(st)));
	}
}

void
settings_notify(struct actor *self, enum setting_id id)
{
	const struct settings_state *s = actor_state(self);

	settings_tell(self, id,
	    s->overrides.rows[id].is_valid ? s->overrides.rows[id].value
					   : NULL);
}

/* ---- reload ---- */

/*
 * What the file or the environment says has changed.  Each node has read it
 * anew; all are told the value that we have, so that they agree.  An
 * override wins as before, and what needs a restart was named by the node.
 */
static enum status
settings_on_reload(struct actor *self, const struct msg *in)
{
	struct settings_state *s = actor_state(self);
	const struct config *was = s->overrides.config;

	(void)in;
	s->overrides.config = actor_config(self);
	overrides_judge(&s->overrides);
	if (was == NULL || s->overrides.config == NULL)
		return ST_OK;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		enum setting_id id = (enum setting_id)i;
		const char *now = config_text(s->overrides.config, id);

		if ((setting_nth(i)->flags & SETTING_LIVE) != 0 &&
		    !s->overrides.rows[i].is_valid &&
		    strcmp(config_text(was, id), now) != 0)
			settings_tell(self, id, now);
	}
	return ST_OK;
}

static void
settings_measure(struct actor *self, struct metric_page *to)
{
	const struct settings_state *s = actor_state(self);

	auditor_measure(&s->auditor, "settings", to);
}

static const struct handler settings_on[] = {
	ON(setting_reload, settings_on_reload),
	ON(setting_history, settings_on_history),
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
	.stop = settings_stop,
	.drain = settings_drain,
	.measure = settings_measure,
	.on = settings_on,
};
