#include <stdio.h>
#include <string.h>

#include "actors/registry_account.h"
#include "runtime/api_key.h"
#include "runtime/base/base64url.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/seal_file.h"

#define KEY_BYTES 32 /* of randomness */
#define KEY_FILE "api.secret"
#define KEYS_MANY "You have too many API keys"
#define KEYS_UNKNOWN "API key not found"

static enum status
keys_secret_path(const struct registry *s, char *ret_path, size_t size)
{
	const char *end = strrchr(s->keys->path, '/');

	if (end == NULL)
		return ST_NOT_FOUND;
	snprintf(ret_path, size, "%.*s/" KEY_FILE, (int)(end - s->keys->path),
	    s->keys->path);
	return ST_OK;
}

/* Beside the ring of the tokens' keys; without a folder, as in simulation,
 * one that is good for this run. */
enum status
registry_load_key_secret(struct actor *self)
{
	struct registry *s = actor_state(self);
	char path[KEYRING_PATH_SIZE + sizeof(KEY_FILE)];
	size_t size = 0;
	enum status st;

	if (keys_secret_path(s, path, sizeof(path)) != ST_OK) {
		actor_random(self, s->key_secret, sizeof(s->key_secret));
		return ST_OK;
	}
	st = seal_file_read(path, s->key_secret, sizeof(s->key_secret), &size);
	if (st == ST_OK && size != sizeof(s->key_secret))
		return ST_MALFORMED;
	s->key_secret_missing = st == ST_NOT_FOUND;
	return s->key_secret_missing ? ST_OK : st;
}

/* Never behind the back of keys that only the lost one would recognise. */
enum status
registry_make_key_secret(struct actor *self)
{
	struct registry *s = actor_state(self);
	char path[KEYRING_PATH_SIZE + sizeof(KEY_FILE)];
	enum status st;

	if (!s->key_secret_missing)
		return ST_OK;
	if (s->api_keys.count > 0)
		return ST_DENIED;
	st = keys_secret_path(s, path, sizeof(path));
	actor_random(self, s->key_secret, sizeof(s->key_secret));
	if (st == ST_OK)
		st = seal_file_replace(
		    path, s->key_secret, sizeof(s->key_secret));
	if (st != ST_OK)
		return st;
	s->key_secret_missing = false;
	LOG(KEY_FILE_MADE, KV("file", "keys/" KEY_FILE));
	return ST_OK;
}

/* A key on its way: the text is known here, and then never again. */
struct key_making {
	struct replica_wait wait;
	struct uuid key_id;
	char text[API_KEY_TEXT + 1];
	int64_t created_at;
	int64_t expires_at; /* 0: none */
	enum key_scope scope;
	char name[72]; /* of it, for the answer; the whole is stored */
};

static_assert(sizeof(struct key_making) <= OP_DATA_MAX, "it fits an op");

static enum status
keys_put(struct registry *s, const struct api_key *k)
{
	struct uuid id;
	struct key_row *row;

	if (!id_parse(k->key_id, &id) || k->digest.size != SEAL_DIGEST_SIZE)
		return ST_CORRUPT;
	row = table_put(&s->api_keys, &id);
	if (row == NULL)
		return ST_FULL;
	if (!id_parse(k->user_id, &row->user_id))
		return ST_CORRUPT;
	memcpy(row->digest, k->digest.at, SEAL_DIGEST_SIZE);
	row->scope = (uint8_t)k->scope;
	row->expires_at = k->has_expires_at ? k->expires_at : 0;
	return ST_OK;
}

enum status
registry_put_key(struct registry *s, const struct api_key *k)
{
	return keys_put(s, k);
}

/* Of a user who is no more. */
enum status
registry_forget_keys_of(struct registry *s, const struct uuid *user_id)
{
	const struct key_row *row = table_after(&s->api_keys, NULL);
	enum status st = ST_OK;

	while (row != NULL && st == ST_OK) {
		struct uuid id = row->row.id;

		if (id_equal(&row->user_id, user_id)) {
			(void)table_drop(&s->api_keys, &id);
			st = replica_tell(&s->replica, CHANGE_KEY, &id);
		}
		row = table_after(&s->api_keys, &id);
	}
	return st;
}

/* ---- create ---- */

static void
keys_make_text(struct actor *self, struct key_making *m)
{
	uint8_t bytes[KEY_BYTES];
	char id[ID_TEXT + 1];
	char secret[API_KEY_SECRET_TEXT + 1] = { 0 };

	m->key_id = id_make(self);
	id_text(&m->key_id, id);
	actor_random(self, bytes, sizeof(bytes));
	base64url_encode(bytes, sizeof(bytes), secret);
	snprintf(m->text, sizeof(m->text), API_KEY_PREFIX "%s_%s", id, secret);
	seal_wipe(bytes, sizeof(bytes));
	seal_wipe(secret, sizeof(secret));
}

static enum status
keys_on_known(struct actor *self, struct op *op, bool all)
{
	struct registry *s = actor_state(self);
	struct key_making *m = op_data(op);
	const struct key_row *row = table_find(&s->api_keys, &m->key_id);
	char id[ID_TEXT + 1];
	char user_id[ID_TEXT + 1];
	char text[API_KEY_TEXT + 1];
	struct api_key_view view = { .id = id,
		.user_id = user_id,
		.name = m->name,
		.scope = m->scope,
		.created_at = m->created_at,
		.expires_at = m->expires_at,
		.has_expires_at = m->expires_at != 0 };
	struct uuid none = { 0 };

	(void)all; /* a gateway that is late only refuses it for a while */
	id_text(&m->key_id, id);
	id_text(row == NULL ? &none : &row->user_id, user_id);
	memcpy(text, m->text, sizeof(text));
	seal_wipe(m->text, sizeof(m->text));
	(void)OP_REPLY(op, api_key_made, .key = text, .api_key = view);
	seal_wipe(text, sizeof(text));
	return ST_OK;
}

static enum status
keys_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	const struct key_making *m = op_data(op);
	const struct refused *why = reply->body;
	struct key_row *row = table_find(&s->api_keys, &m->key_id);
	enum status st;

	if (reply->id == MSG_done && row != NULL) {
		st = replica_tell(&s->replica, CHANGE_KEY, &m->key_id);
		if (st == ST_OK)
			return replica_wait_for(self, op, keys_on_known);
		(void)OP_REFUSE(op, INTERNAL, "too many changes");
		return st;
	}
	(void)table_drop(&s->api_keys, &m->key_id);
	if (reply->id == MSG_refused && why->status == ST_FULL)
		return OP_REFUSE(op, KEY_LIMIT, KEYS_MANY);
	if (reply->id == MSG_refused && why->status == ST_NOT_FOUND)
		return OP_REFUSE(op, UNAUTHORIZED, "Unauthorized");
	return op_pass(op, reply);
}

/* With those that are on their way; the store's word is the last one. */
static uint32_t
keys_count_of(const struct registry *s, const struct uuid *user_id)
{
	const struct key_row *row = table_after(&s->api_keys, NULL);
	uint32_t n = 0;

	for (; row != NULL; row = table_after(&s->api_keys, &row->row.id))
		n += id_equal(&row->user_id, user_id);
	return n;
}

/* NULL: it can be made. */
static const char *
keys_mistake(struct actor *self, const struct api_key_create *ask)
{
	if (text_is_blank(ask->name))
		return "name: is blank";
	if (ask->has_expires_at && ask->expires_at <= actor_wall_us(self))
		return "expires_at: is over";
	return NULL;
}

static enum status
keys_store(struct actor *self, struct op *op, const struct api_key_create *ask)
{
	struct registry *s = actor_state(self);
	struct key_making *m = op_data(op);
	uint8_t digest[SEAL_DIGEST_SIZE];
	struct audit_note note;
	char id[ID_TEXT + 1];
	struct api_key row = { .key_id = id,
		.user_id = ask->caller.user_id,
		.name = ask->name,
		.digest = { digest, sizeof(digest) },
		.scope = m->scope,
		.created_at = m->created_at,
		.expires_at = m->expires_at,
		.has_expires_at = m->expires_at != 0 };

	id_text(&m->key_id, id);
	api_key_digest(s->key_secret, m->text, digest);
	note = audit_note_by(self, &ask->caller, "api_key.create", id);
	note.detail = m->scope == KEY_WRITE ? "scope=write" : "scope=read";
	if (keys_put(s, &row) != ST_OK)
		return OP_REFUSE(op, OVERLOADED, "too many API keys");
	return OP_ASK(op, registry_store(self), store_key_create,
	    keys_on_stored, .api_key = row, .user_max = API_KEYS_PER_USER,
	    .audit = &note);
}

enum status
registry_on_key_create(struct actor *self, const struct msg *in)
{
	const struct api_key_create *ask = in->body;
	struct registry *s = actor_state(self);
	const char *mistake = keys_mistake(self, ask);
	struct key_making *m;
	struct uuid user_id;
	struct op *op;

	if (!registry_knows(&ask->caller, "unauthenticated_api_key"))
		return REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
	if (!registry_is_person(
		self, in, &ask->caller, "api_key.create", ask->name))
		return ST_OK;
	if (!id_parse(ask->caller.user_id, &user_id))
		return REGISTRY_REFUSE(self, in, &ask->caller, "api_key.create",
		    ask->name, FORBIDDEN,
		    "Only a user of its own may have API keys");
	if (!registry_is_recent(
		self, in, &ask->caller, "api_key.create", ask->name))
		return ST_OK;
	if (mistake != NULL)
		return REGISTRY_REFUSE(self, in, &ask->caller, "api_key.create",
		    ask->name, VALIDATION, mistake);
	if (keys_count_of(s, &user_id) >= API_KEYS_PER_USER)
		return REGISTRY_REFUSE(self, in, &ask->caller, "api_key.create",
		    ask->name, KEY_LIMIT, KEYS_MANY);
	if (!replica_has_room(&s->replica))
		return REFUSE(self, in, OVERLOADED, "too many changes");
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	m = op_data(op);
	m->created_at = actor_wall_us(self);
	m->expires_at = ask->has_expires_at ? ask->expires_at : 0;
	m->scope = ask->has_scope ? ask->scope : KEY_READ;
	(void)text_fit(m->name, sizeof(m->name), ask->name);
	keys_make_text(self, m);
	return keys_store(self, op, ask);
}

/* ---- list ---- */

static struct api_key_view
keys_view(const struct api_key *k)
{
	return (struct api_key_view){ .id = k->key_id,
		.user_id = k->user_id,
		.name = k->name,
		.scope = k->scope,
		.created_at = k->created_at,
		.expires_at = k->expires_at,
		.has_expires_at = k->has_expires_at,
		.last_used_at = k->last_used_at,
		.has_last_used_at = k->has_last_used_at };
}

static enum status
keys_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_key_page *page = reply->body;
	struct api_key_view views[API_KEYS_PAGE_MAX];

	(void)self;
	if (reply->id != MSG_store_key_page)
		return op_pass(op, reply);
	for (uint32_t i = 0; i < page->api_keys_count; i++)
		views[i] = keys_view(&page->api_keys[i]);
	return OP_REPLY(op, api_key_page, .api_keys = views,
	    .api_keys_count = page->api_keys_count);
}

enum status
registry_on_key_list(struct actor *self, const struct msg *in)
{
	const struct api_key_list *ask = in->body;
	const char *user_id = ask->caller.user_id;
	struct uuid id;

	if (!registry_knows(&ask->caller, "unauthenticated_api_key"))
		return REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
	if (ask->user_id != NULL && registry_rules(&ask->caller))
		user_id = ask->user_id;
	if (!id_parse(user_id, &id))
		return REFUSE(self, in, NOT_FOUND, "User not found");
	return ASK(self, in, registry_store(self), store_key_list, keys_on_page,
	    .user_id = user_id, .after = "", .limit = API_KEYS_PAGE_MAX);
}

/* ---- revoke ---- */

struct key_revoking {
	struct replica_wait wait;
	struct uuid key_id;
	struct uuid user_id; /* whose it must be, unless it may be anybody's */
	struct registry_who by;
	bool anybody;
};

/*
 * The store has none, and we do: it was deleted, and the answer was lost.
 * Whoever asks again must not hear "not found" of a key that still opens.
 */
static bool
keys_is_left_over(const struct registry *s, const struct key_revoking *k)
{
	const struct key_row *row = table_find(&s->api_keys, &k->key_id);

	return row != NULL &&
	       (k->anybody || id_equal(&row->user_id, &k->user_id));
}

static enum status
keys_on_refused_everywhere(struct actor *self, struct op *op, bool all)
{
	(void)self;
	if (all)
		return OP_REPLY(op, done, .nothing = 0);
	return OP_REFUSE(op, TIMEOUT, "a gateway has not answered yet");
}

static enum status
keys_on_deleted(struct actor *self, struct op *op, const struct msg *reply)
{
	struct registry *s = actor_state(self);
	const struct key_revoking *k = op_data(op);
	const struct refused *why = reply->body;
	char id[ID_TEXT + 1];
	enum status st;

	bool unknown = reply->id == MSG_refused && why->status == ST_NOT_FOUND;

	id_text(&k->key_id, id);
	if (unknown && !keys_is_left_over(s, k)) {
		registry_note_refused(
		    self, &k->by, "api_key.revoke", id, KEYS_UNKNOWN);
		return OP_REFUSE(op, NOT_FOUND, KEYS_UNKNOWN);
	}
	if (!unknown && reply->id != MSG_done)
		return op_pass(op, reply);
	LOG(API_KEY_REVOKED, KV("key_id", id));
	(void)table_drop(&s->api_keys, &k->key_id);
	st = replica_tell(&s->replica, CHANGE_KEY, &k->key_id);
	if (st == ST_OK)
		return replica_wait_for(self, op, keys_on_refused_everywhere);
	(void)OP_REFUSE(op, INTERNAL, "too many changes");
	return st;
}

enum status
registry_on_key_revoke(struct actor *self, const struct msg *in)
{
	const struct api_key_revoke *ask = in->body;
	struct registry *s = actor_state(self);
	struct audit_note note =
	    audit_note_by(self, &ask->caller, "api_key.revoke", ask->key_id);
	struct key_revoking *k;
	struct uuid id;
	struct op *op;

	if (!registry_knows(&ask->caller, "unauthenticated_api_key"))
		return REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
	if (!registry_is_person(
		self, in, &ask->caller, "api_key.revoke", ask->key_id))
		return ST_OK;
	if (!id_parse(ask->key_id, &id))
		return REGISTRY_REFUSE(self, in, &ask->caller, "api_key.revoke",
		    ask->key_id, NOT_FOUND, KEYS_UNKNOWN);
	if (!replica_has_room(&s->replica))
		return REFUSE(self, in, OVERLOADED, "too many changes");
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	k = op_data(op);
	k->key_id = id;
	registry_who_take(&k->by, &ask->caller);
	k->anybody = registry_rules(&ask->caller);
	if (!id_parse(ask->caller.user_id, &k->user_id))
		memset(&k->user_id, 0, sizeof(k->user_id));
	return OP_ASK(op, registry_store(self), store_key_delete,
	    keys_on_deleted, .key_id = ask->key_id,
	    .user_id = k->anybody ? NULL : ask->caller.user_id, .audit = &note);
}
