#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "actors/registry.h"
#include "actors/registry_account.h"
#include "runtime/base/log.h"
#include "runtime/config.h"

/*
 * A new key signs nothing before every gateway verifies with it, and an old
 * one verifies until its last token has expired: no good token is refused.
 */

#define KEY_FOLDER "keys"
#define FIRST_KEY_FILE "signing.key"
#define SECOND_US 1000000
#define KEYS_ACTION "token.rotate"

/* What an op that rotates keeps. */
struct rotating {
	struct replica_wait wait; /* first: see replica_wait_for */
	bool drop_old;
	bool is_second; /* the old keys are being dropped */
};

static_assert(sizeof(struct rotating) <= OP_DATA_MAX, "it fits an op");

/* ---- start ---- */

static enum status
keys_make_folder(const char *path)
{
	return mkdir(path, S_IRWXU) == 0 || errno == EEXIST ? ST_OK : ST_IO;
}

/* NOT_FOUND without a configuration, as in simulation. */
static enum status
keys_folder(const struct actor *self, char *ret_path, size_t size)
{
	const struct config *c = actor_config(self);
	const char *folder;
	int n;

	if (c == NULL)
		return ST_NOT_FOUND;
	folder = config_text(c, SETTING_runtime_data_dir);
	n = snprintf(ret_path, size, "%s/" KEY_FOLDER, folder);
	if (n < 0 || (size_t)n >= size)
		return ST_FULL;
	if (keys_make_folder(folder) != ST_OK ||
	    keys_make_folder(ret_path) != ST_OK)
		return ST_IO;
	return ST_OK;
}

static const char *
keys_configured_secret(const struct actor *self)
{
	const struct config *c = actor_config(self);

	return c == NULL ? "" : config_text(c, SETTING_api_auth_jwt_secret);
}

static enum token_algorithm
keys_configured_algorithm(const struct actor *self)
{
	const struct config *c = actor_config(self);

	return c == NULL ? TOKEN_EDDSA
			 : (enum token_algorithm)config_choice(
			       c, SETTING_api_auth_jwt_algorithm);
}

/* A new key of the configured algorithm; the file does not have it yet. */
static enum status
keys_add_token(struct actor *self)
{
	struct registry *s = actor_state(self);
	enum token_algorithm algorithm = keys_configured_algorithm(self);
	const char *secret = keys_configured_secret(self);
	uint8_t bytes[SEAL_MAC_MAX];
	uint8_t key_id[TOKEN_KEY_ID_MAX / 2];
	struct bytes all = { bytes, SEAL_SEED_SIZE };
	enum status st;

	actor_random(self, bytes, sizeof(bytes));
	actor_random(self, key_id, sizeof(key_id));
	if (algorithm != TOKEN_EDDSA)
		all.size = token_secret_min(algorithm);
	if (algorithm != TOKEN_EDDSA && secret[0] != '\0')
		all = (struct bytes){ (const uint8_t *)secret, strlen(secret) };
	st = keyring_add(s->keys, KEYRING_TOKEN, algorithm, all, key_id,
	    actor_wall_us(self));
	seal_wipe(bytes, sizeof(bytes));
	if (st == ST_OK)
		s->keys->keys[0].life_us =
		    s->expiry_minutes * 60 * UINT64_C(1000000);
	return st;
}

static enum status
keys_add_refresh(struct actor *self)
{
	struct registry *s = actor_state(self);
	uint8_t bytes[KEYRING_REFRESH_SIZE];
	uint8_t key_id[TOKEN_KEY_ID_MAX / 2];
	enum status st;

	actor_random(self, bytes, sizeof(bytes));
	actor_random(self, key_id, sizeof(key_id));
	st = keyring_add(s->keys, KEYRING_REFRESH, TOKEN_EDDSA,
	    (struct bytes){ bytes, sizeof(bytes) }, key_id,
	    actor_wall_us(self));
	seal_wipe(bytes, sizeof(bytes));
	if (st == ST_OK)
		s->keys->keys[0].life_us = 1; /* until it makes a token */
	return st;
}

/* The newest token key is what the configuration asks for. */
static bool
keys_are_as_configured(struct actor *self)
{
	struct registry *s = actor_state(self);
	const char *secret = keys_configured_secret(self);
	const struct keyring_key *key = keyring_waiting(s->keys);

	if (key == NULL)
		key = keyring_signing(s->keys);
	if (key == NULL || key->algorithm != keys_configured_algorithm(self))
		return false;
	return key->algorithm == TOKEN_EDDSA || secret[0] == '\0' ||
	       (key->size == strlen(secret) &&
		   seal_equal(key->secret, secret, key->size));
}

/* What is missing is made, and stored before it is used. */
static enum status
keys_complete(struct actor *self)
{
	struct registry *s = actor_state(self);
	bool has_changed = false;
	enum status st = ST_OK;

	if (keyring_refresh(s->keys, 0) == NULL) {
		st = keys_add_refresh(self);
		has_changed = true;
	}
	if (st == ST_OK && !keys_are_as_configured(self)) {
		bool is_first = keyring_signing(s->keys) == NULL;

		st = keys_add_token(self);
		s->keys->keys[0].known = is_first;
		has_changed = true;
	}
	return st == ST_OK && has_changed ? keyring_save(s->keys) : st;
}

enum status
registry_load_keys(struct actor *self)
{
	struct registry *s = actor_state(self);
	char folder[KEYRING_PATH_SIZE];
	enum status st = seal_start();

	if (st != ST_OK)
		return st;
	s->keys = keyring_create();
	if (s->keys == NULL)
		return ST_NO_MEMORY;
	st = keys_folder(self, folder, sizeof(folder));
	if (st == ST_OK)
		st = keyring_load(s->keys, folder, FIRST_KEY_FILE);
	s->ring_made = st == ST_NOT_FOUND && s->keys->path[0] != '\0';
	return st == ST_OK || st == ST_NOT_FOUND ? keys_complete(self) : st;
}

/* ---- mint ---- */

struct token_claims
registry_claims(
    const struct account_row *a, const char *user_id, const char *session_id)
{
	return (struct token_claims){ .sub = user_id,
		.jti = session_id,
		.username = a->username,
		.role = (enum role)a->role,
		.must_change_password = a->must_change_password,
		.pwd_sig = a->password_sig };
}

enum status
registry_mint(struct actor *self, const struct token_claims *claims,
    char ret_token[TOKEN_MAX + 1])
{
	struct registry *s = actor_state(self);
	struct keyring_key *key = keyring_signing(s->keys);
	struct token_signer signer = keyring_signer(key);
	uint64_t life_us = (claims->exp - claims->iat) * SECOND_US;

	/* How long it must verify is known before the token is out. */
	if (life_us > key->life_us) {
		key->life_us = life_us;
		if (keyring_save(s->keys) != ST_OK)
			return ST_IO;
	}
	return token_mint(&signer, claims, ret_token);
}

/* ---- rotate ---- */

static enum status
keys_tell(struct registry *s)
{
	const struct uuid none = { { 0 } };

	return replica_tell(&s->replica, CHANGE_KEYS, &none);
}

static struct token_key_view
keys_view(const struct keyring_key *key, bool signs)
{
	return (struct token_key_view){ .key_id = key->key_id,
		.algorithm = key->algorithm,
		.signs = signs,
		.created_at = key->created_at,
		.until = key->until,
		.has_until = key->until != 0 };
}

static struct token_keys
keys_answer(struct registry *s, struct token_key_view ret_views[TOKEN_KEYS_MAX])
{
	const struct keyring_key *signing = keyring_signing(s->keys);
	struct token_keys all = { .keys = ret_views };

	for (uint32_t i = 0; i < s->keys->count; i++)
		if (s->keys->keys[i].kind == KEYRING_TOKEN)
			ret_views[all.keys_count++] = keys_view(
			    &s->keys->keys[i], &s->keys->keys[i] == signing);
	return all;
}

/* Every gateway verifies with the waiting key: from now on it signs. */
static enum status
keys_use_waiting(struct actor *self, bool drop_old)
{
	struct registry *s = actor_state(self);
	struct keyring_key *key = keyring_waiting(s->keys);

	if (key == NULL)
		return ST_OK;
	key->known = true;
	keyring_retire(s->keys, actor_wall_us(self), drop_old);
	LOG(API_KEYS_ROTATED, KV("key_id", key->key_id),
	    KV("algorithm", token_algorithm_name(key->algorithm)),
	    KU("drop_old", drop_old));
	if (keyring_save(s->keys) != ST_OK)
		LOG(API_KEYS_NOT_SAVED, KV("key_id", key->key_id));
	return keys_tell(s);
}

static enum status
keys_on_applied(struct actor *self, struct op *op, bool all)
{
	struct rotating *r = op_data(op);
	struct registry *s = actor_state(self);
	struct token_key_view views[TOKEN_KEYS_MAX];
	struct token_keys answer;
	enum status st = ST_OK;

	if (!all)
		return OP_REFUSE(op, TIMEOUT,
		    "a gateway has not answered yet; the new key will sign "
		    "as soon as all know it");
	if (!r->is_second) {
		st = keys_use_waiting(self, r->drop_old);
		r->is_second = true;
		if (st == ST_OK && r->drop_old)
			return replica_wait_for(self, op, keys_on_applied);
	}
	answer = keys_answer(s, views);
	(void)op_reply(op, MSG_token_keys, &answer);
	return st == ST_OK ? replica_go_on(self) : st;
}

static enum status
keys_begin(struct actor *self, struct op *op, bool drop_old)
{
	struct registry *s = actor_state(self);
	enum status st = keys_tell(s);

	((struct rotating *)op_data(op))->drop_old = drop_old;
	if (st != ST_OK) {
		(void)OP_REFUSE(op, OVERLOADED, "too many changes");
		return st;
	}
	return replica_wait_for(self, op, keys_on_applied);
}

/* False: in has been refused. */
static bool
keys_may(struct actor *self, const struct msg *in, const struct principal *who)
{
	struct registry *s = actor_state(self);

	if (registry_rules(who))
		return true;
	auditor_refused(self, &s->auditor, who, KEYS_ACTION, "", "role");
	(void)REFUSE(self, in, FORBIDDEN, "This role may not do that");
	return false;
}

/* The new keys are in the file, which has no part in the store's commits. */
static void
keys_note(struct actor *self, const struct token_keys_rotate *ask)
{
	struct registry *s = actor_state(self);
	const struct keyring_key *key = keyring_waiting(s->keys);
	struct audit_note note = audit_note_by(
	    self, &ask->caller, KEYS_ACTION, key == NULL ? "" : key->key_id);

	note.detail = ask->drop_old ? "older keys are dropped"
				    : "older keys live on until they end";
	auditor_say(self, &s->auditor, &note);
}

/*
 * The ring is as it was but for these two.  A full ring of refresh keys keeps
 * the one it has: its tokens live long, and must not end early.
 */
static enum status
keys_add_pair(struct actor *self)
{
	enum status st = keys_add_token(self);
	enum status also = st == ST_OK ? keys_add_refresh(self) : ST_OK;

	return also == ST_FULL ? ST_OK : st == ST_OK ? also : st;
}

enum status
registry_on_keys_rotate(struct actor *self, const struct msg *in)
{
	struct registry *s = actor_state(self);
	const struct token_keys_rotate *ask = in->body;
	struct op *op;
	enum status st;

	if (!keys_may(self, in, &ask->caller) ||
	    !registry_is_person(self, in, &ask->caller, KEYS_ACTION, "") ||
	    !registry_is_recent(self, in, &ask->caller, KEYS_ACTION, ""))
		return ST_OK;
	if (keyring_waiting(s->keys) != NULL)
		return REGISTRY_REFUSE(self, in, &ask->caller, KEYS_ACTION, "",
		    IN_FLIGHT,
		    "a new key is on its way to the gateways already");
	if (keys_configured_algorithm(self) != TOKEN_EDDSA &&
	    keys_configured_secret(self)[0] != '\0')
		return REGISTRY_REFUSE(self, in, &ask->caller, KEYS_ACTION, "",
		    CONFLICT,
		    "the secret is configured: change api.auth.jwt_secret and "
		    "start again");
	(void)keyring_sweep(s->keys, actor_wall_us(self));
	st = keys_add_pair(self);
	if (st == ST_FULL)
		return REGISTRY_REFUSE(self, in, &ask->caller, KEYS_ACTION, "",
		    KEYS_FULL,
		    "too many keys still verify tokens; wait for one to end, "
		    "or drop the old ones");
	if (st == ST_OK && (st = keyring_save(s->keys)) != ST_OK)
		keyring_drop_waiting(s->keys);
	if (st != ST_OK)
		return REFUSE(
		    self, in, INTERNAL, "the new key could not be stored");
	keys_note(self, ask);
	op = op_open(self, in);
	return op == NULL ? ST_OK : keys_begin(self, op, ask->drop_old);
}

enum status
registry_on_keys_list(struct actor *self, const struct msg *in)
{
	const struct token_keys_list *ask = in->body;
	struct token_key_view views[TOKEN_KEYS_MAX];
	struct token_keys answer;

	if (!keys_may(self, in, &ask->caller))
		return ST_OK;
	answer = keys_answer(actor_state(self), views);
	return actor_reply(self, in, MSG_token_keys, &answer);
}

enum status
registry_keys_go_on(struct actor *self)
{
	struct registry *s = actor_state(self);
	struct op *op;

	if (keyring_sweep(s->keys, actor_wall_us(self))) {
		enum status st = keys_tell(s);

		if (keyring_save(s->keys) != ST_OK)
			LOG(API_KEYS_NOT_SAVED, KV("key_id", NULL));
		if (st != ST_OK)
			return st;
	}
	if (keyring_waiting(s->keys) == NULL ||
	    (op = op_open(self, NULL)) == NULL)
		return ST_OK;
	op_within(op, (REPLICA_LEASE_MS + ACTOR_ASK_US / 1000) * 1000);
	return keys_begin(self, op, false);
}
