#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "actors/registry_account.h"
#include "runtime/base/items.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/config.h"

#define MINUTE_US UINT64_C(60000000)
#define LIST_BETWEEN ", \t"
#define KEY_SECRET_LOST                                                     \
	"keys/api.secret is gone, and the database has API keys that only " \
	"it can recognise: bring it back from your copy of keys, or give "  \
	"those keys up as docs/OPERATE.md says (The data folder)"

/* Nobody can be let in: the supervisor tries again, then the node ends. */
static enum status
registry_fail(const char *step, enum status st)
{
	LOG(API_APP_STARTUP, KV("step", step), KV("why", status_text(st)));
	return st;
}

/* Only people can help: it does not try again. */
static enum status
registry_give_up(struct actor *self, const char *step, const char *why)
{
	LOG(API_APP_STARTUP, KV("step", step), KV("why", why));
	actor_give_up(self, why);
	return ST_OK;
}

/* All of it is LIVE: what changes counts from the next request. */
static void
registry_load_options(struct actor *self)
{
	struct registry *s = actor_state(self);
	const struct watch *w = &s->watch;

	s->expiry_minutes =
	    watch_number(w, self, SETTING_api_auth_jwt_expiry_minutes);
	s->refresh_life_minutes =
	    watch_number(w, self, SETTING_api_auth_refresh_lifetime_minutes);
	s->refresh_grace_s =
	    watch_number(w, self, SETTING_api_auth_refresh_grace_seconds);
	s->password_min =
	    watch_number(w, self, SETTING_api_auth_min_password_length);
	s->sessions_max =
	    watch_number(w, self, SETTING_api_auth_max_concurrent_sessions);
	s->lockout.threshold =
	    (uint32_t)watch_number(w, self, SETTING_api_auth_lockout_threshold);
	s->lockout.window_us =
	    MINUTE_US *
	    watch_number(w, self, SETTING_api_auth_lockout_window_minutes);
	s->lockout.duration_us =
	    MINUTE_US *
	    watch_number(w, self, SETTING_api_auth_lockout_duration_minutes);
	s->touch_us =
	    UINT64_C(1000000) *
	    watch_number(w, self, SETTING_api_session_touch_interval_seconds);
	s->idle_minutes =
	    watch_number(w, self, SETTING_api_auth_session_idle_minutes);
	s->reauth_us =
	    MINUTE_US * watch_number(w, self, SETTING_api_auth_reauth_minutes);
	s->reauth_sessions =
	    watch_number(w, self, SETTING_api_auth_reauth_sessions) != 0;
	s->tries_per_minute =
	    watch_number(w, self, SETTING_api_auth_tries_per_minute);
}

static enum status
registry_open_tables(struct actor *self)
{
	struct registry *s = actor_state(self);
	uint64_t salts[5];
	enum status st;

	actor_random(self, salts, sizeof(salts));
	pool_init(&s->logins, sizeof(struct login), LOGINS_MAX,
	    (uint32_t)salts[2] & ~1u);
	pool_init(&s->chores, sizeof(struct chore), CHORES_MAX,
	    (uint32_t)salts[3] & ~1u);
	s->logins_open = true;
	st = table_init(
	    &s->api_keys, sizeof(struct key_row), API_KEYS_MAX, salts[4]);
	if (st != ST_OK)
		return st;
	st = table_init(
	    &s->accounts, sizeof(struct account_row), ACCOUNTS_MAX, salts[0]);
	if (st != ST_OK)
		return st;
	return table_init(&s->revoked, sizeof(struct revoked_row),
	    REVOKED_MAX + REVOKED_RESERVE, salts[1]);
}

void
registry_unload(struct registry *s)
{
	table_fini(&s->accounts);
	table_fini(&s->revoked);
	table_fini(&s->api_keys);
	if (s->logins_open) {
		pool_fini(&s->logins);
		pool_fini(&s->chores);
	}
	s->logins_open = false;
	keyring_destroy(s->keys);
	s->keys = NULL;
	wordlist_fini(&s->words);
}

/* Without a list the others count; without any, what is known by itself. */
static void
registry_load_words(struct actor *self)
{
	struct registry *s = actor_state(self);
	const struct config *c = actor_config(self);
	const char *rest =
	    c == NULL ? "" : config_text(c, SETTING_api_auth_password_lists);
	char path[PATH_MAX];
	const char *word;
	size_t size;

	actor_random(self, s->words.key, sizeof(s->words.key));
	while ((word = items_word(&rest, LIST_BETWEEN, &size)) != NULL) {
		enum status st = ST_FULL;

		snprintf(path, sizeof(path), "%.*s", (int)size, word);
		if (size < sizeof(path))
			st = wordlist_read(&s->words, path);
		if (st != ST_OK)
			LOG(API_PASSWORD_LIST_MISSING, KV("path", path),
			    KV("why", status_text(st)));
	}
	wordlist_close(&s->words);
}

static bool
account_row_is(const struct account_row *a, const struct account_row *b)
{
	return a->role == b->role && a->gone == b->gone &&
	       a->must_change_password == b->must_change_password &&
	       strcmp(a->username, b->username) == 0 &&
	       strcmp(a->password_sig, b->password_sig) == 0;
}

enum status
registry_put_account(
    struct registry *s, const struct user *u, bool *ret_changed)
{
	struct account_row now = { .role = (uint8_t)u->role,
		.must_change_password = u->must_change_password,
		.gone = u->disabled };
	struct account_row *row;
	struct uuid id;

	if (!id_parse(u->user_id, &id))
		return ST_CORRUPT;
	row = table_put(&s->accounts, &id);
	if (row == NULL)
		return ST_FULL;
	text_fit(now.username, sizeof(now.username), u->username);
	password_sig(u->password_hash, now.password_sig);
	*ret_changed = !account_row_is(row, &now);
	now.row = row->row;
	*row = now;
	return ST_OK;
}

enum status
registry_put_revoked(struct registry *s, const struct revocation *r)
{
	struct revoked_row *row;
	struct uuid id;

	if (!id_parse(r->session_id, &id))
		return ST_CORRUPT;
	row = table_put(&s->revoked, &id);
	if (row == NULL)
		return ST_FULL;
	if (!id_parse(r->user_id, &row->user_id))
		memset(&row->user_id, 0, sizeof(row->user_id));
	row->expires_at = r->expires_at;
	row->unsettled = false;
	return ST_OK;
}

/* What the store said is in r: of the kind asked for, or why not. */
static enum status
registry_heard(const struct msg *reply, uint16_t wanted)
{
	const struct refused *why = reply->body;

	if (reply->id == wanted)
		return ST_OK;
	return reply->id == MSG_refused && why->status != ST_OK
		   ? (enum status)why->status
		   : ST_MALFORMED;
}

static enum status
registry_ask_revoked(
    struct actor *self, struct op *op, const char *after, op_fn then)
{
	return OP_ASK(op, registry_store(self), store_revoked_list, then,
	    .after = after, .now = actor_wall_us(self),
	    .limit = STORE_PAGE_MAX);
}

/* Old tokens are refused, so nobody comes in who should not. */
static void
registry_tell_ring(const struct registry *s)
{
	if (s->ring_made && s->accounts.count > 0)
		LOG(KEY_FILE_REMADE, KV("file", "keys/" KEYRING_FILE),
		    KV("why", "everybody has to log in again"));
	else if (s->ring_made)
		LOG(KEY_FILE_MADE, KV("file", "keys/" KEYRING_FILE));
}

static enum status
registry_on_revocations(
    struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	const struct store_revocations *page = reply->body;
	enum status st = registry_heard(reply, MSG_store_revocations);

	for (uint32_t i = 0; st == ST_OK && i < page->revoked_count; i++)
		st = registry_put_revoked(s, &page->revoked[i]);
	if (st == ST_OK && page->more && page->revoked_count > 0)
		return registry_ask_revoked(self, op,
		    page->revoked[page->revoked_count - 1].session_id,
		    registry_on_revocations);
	(void)OP_REPLY(op, done, .nothing = 0);
	if (st != ST_OK)
		return registry_fail("revoked sessions", st);
	registry_tell_ring(s);
	replica_open(self);
	LOG(API_REGISTRY_READY, KU("accounts", s->accounts.count),
	    KU("revoked", s->revoked.count),
	    KV("key_id", keyring_signing(s->keys)->key_id));
	actor_ready(self);
	return registry_keys_go_on(self);
}

static enum status
registry_on_api_keys(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_key_page *page = reply->body;
	enum status st = registry_heard(reply, MSG_store_key_page);

	for (uint32_t i = 0; st == ST_OK && i < page->api_keys_count; i++)
		st = registry_put_key(actor_state(self), &page->api_keys[i]);
	if (st != ST_OK) {
		(void)OP_REPLY(op, done, .nothing = 0);
		return registry_fail("API keys", st);
	}
	if (page->more && page->api_keys_count > 0)
		return OP_ASK(op, registry_store(self), store_key_list,
		    registry_on_api_keys,
		    .after = page->api_keys[page->api_keys_count - 1].key_id,
		    .limit = API_KEYS_PAGE_MAX);
	st = registry_make_key_secret(self);
	if (st == ST_OK)
		return registry_ask_revoked(
		    self, op, "", registry_on_revocations);
	(void)OP_REPLY(op, done, .nothing = 0);
	if (st == ST_DENIED)
		return registry_give_up(
		    self, "secret of the API keys", KEY_SECRET_LOST);
	return registry_fail("secret of the API keys", st);
}

static enum status
registry_on_users(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_user_page *page = reply->body;
	enum status st = registry_heard(reply, MSG_store_user_page);
	bool changed;

	for (uint32_t i = 0; st == ST_OK && i < page->users_count; i++)
		st = registry_put_account(
		    actor_state(self), &page->users[i], &changed);
	if (st != ST_OK) {
		(void)OP_REPLY(op, done, .nothing = 0);
		return registry_fail("accounts", st);
	}
	if (page->more && page->users_count > 0)
		return OP_ASK(op, registry_store(self), store_user_list,
		    registry_on_users,
		    .after = page->users[page->users_count - 1].user_id,
		    .limit = STORE_PAGE_MAX);
	return OP_ASK(op, registry_store(self), store_key_list,
	    registry_on_api_keys, .after = "", .limit = API_KEYS_PAGE_MAX);
}

/* The settings have answered, or cannot: what they say counts from here. */
static enum status
registry_begin(struct actor *self)
{
	struct op *op;
	enum status st = registry_load_keys(self);

	if (st != ST_OK)
		return registry_fail("token keys", st);
	st = registry_load_key_secret(self);
	if (st != ST_OK)
		return registry_fail("secret of the API keys", st);
	registry_load_words(self);
	op = op_open(self, NULL);
	if (op == NULL)
		return registry_fail("memory", ST_NO_MEMORY);
	return OP_ASK(op, registry_store(self), store_user_list,
	    registry_on_users, .after = "", .limit = STORE_PAGE_MAX);
}

static void
registry_on_settings(struct actor *self)
{
	struct registry *s = actor_state(self);
	enum status st;

	registry_load_options(self);
	if (s->has_begun)
		return;
	s->has_begun = true;
	st = registry_begin(self);
	if (st != ST_OK)
		actor_fail(self, st, "it cannot start");
}

enum status
registry_load(struct actor *self)
{
	struct registry *s = actor_state(self);
	enum status st = registry_open_tables(self);

	if (st != ST_OK)
		return registry_fail("memory", st);
	actor_random(self, s->lockout.key, sizeof(s->lockout.key));
	actor_random(self, s->rates.key, sizeof(s->rates.key));
	return watch_start(self, &s->watch, registry_on_settings);
}
