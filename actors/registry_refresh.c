#include <stdio.h>
#include <string.h>

#include "actors/registry.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/refresh.h"

/*
 * The next access token of a session, for its refresh token.  What the token
 * says is believed because of its MAC; whether it is the newest, or was used
 * up long ago, is decided by one transaction of the store.  Two who race get
 * the same answer to the byte, since all of it follows from the row.
 */

#define SECOND_US 1000000
#define MINUTE_US (60 * SECOND_US)
#define RATE_BURST 64u                   /* refreshes of one session at once */
#define RATE_INTERVAL_US (2 * SECOND_US) /* and then one per */
#define RATE_OF_SESSION "refresh "
#define RATE_OF_USER "refresh of "
#define RATE_NAME_SIZE (sizeof(RATE_OF_USER) + ID_TEXT)
#define REFRESH_BAD "Invalid or expired refresh token"

struct refreshing {
	struct replica_wait wait; /* first: see replica_wait_for */
	struct uuid session_id;   /* zero: the token names none */
	bool cookies;
	char address[ADDRESS_MAX + 1];
};

static_assert(sizeof(struct refreshing) <= OP_DATA_MAX, "it fits an op");

static struct principal
refresh_nobody(const char *address, const char *session)
{
	return (struct principal){ .method = AUTH_NONE,
		.user_id = "",
		.username = "",
		.session_id = session,
		.address = address,
		.user_agent = "" };
}

/* Why is for the logs; who asks hears the same every time. */
static void
refresh_note(struct actor *self, struct op *op, const char *why)
{
	const struct refreshing *r = op_data(op);
	struct registry *s = actor_state(self);
	char session[ID_TEXT + 1];
	struct principal who = refresh_nobody(r->address, session);
	const struct uuid none = { { 0 } };

	id_text(&r->session_id, session);
	if (id_equal(&r->session_id, &none))
		session[0] = '\0';
	auditor_refused(self, &s->auditor, &who, "session.refresh", "", why);
	LOG(API_AUTH_FAILED, KV("reason", why), KV("address", r->address));
}

static enum status
refresh_refuse(struct actor *self, struct op *op, const char *why)
{
	refresh_note(self, op, why);
	return OP_REFUSE(op, UNAUTHORIZED, REFRESH_BAD);
}

static enum status
refresh_refuse_revoked(struct op *op)
{
	return OP_REFUSE(op, SESSION_REVOKED, "Session has been revoked");
}

/*
 * Each rotation is an entry of the audit log, and nobody shall push out the
 * rest of it.  So each session has a rate; and its user has the same, which
 * refuses nothing, but a log-in's session begins with what is left of it.
 */
static void
refresh_rate_name(
    const char *whose, const struct uuid *id, char ret_name[RATE_NAME_SIZE])
{
	char text[ID_TEXT + 1];

	id_text(id, text);
	snprintf(ret_name, RATE_NAME_SIZE, "%s%s", whose, text);
}

/* How long they must wait, or 0. */
static uint64_t
refresh_throttle(struct actor *self, const char *whose, const struct uuid *id)
{
	struct registry *s = actor_state(self);
	char name[RATE_NAME_SIZE];

	refresh_rate_name(whose, id, name);
	return memo_throttle(
	    &s->rates, name, RATE_INTERVAL_US, RATE_BURST, actor_now_us(self));
}

void
registry_refresh_begin(struct registry *s, const struct uuid *session_id,
    const struct uuid *user_id)
{
	char name[RATE_NAME_SIZE];
	uint64_t full_at;

	refresh_rate_name(RATE_OF_USER, user_id, name);
	full_at = memo_get(&s->rates, name);
	refresh_rate_name(RATE_OF_SESSION, session_id, name);
	if (full_at != 0)
		memo_put(&s->rates, name, full_at);
}

static void
refresh_charge(
    struct actor *self, struct op *op, const struct refresh_family *f)
{
	const struct refreshing *r = op_data(op);
	struct uuid user_id;

	if (r->address[0] != '\0' && id_parse(f->user_id, &user_id))
		(void)refresh_throttle(self, RATE_OF_USER, &user_id);
}

/* False: too fast, and op has been refused. */
static bool
refresh_may(struct actor *self, struct op *op)
{
	const struct refreshing *r = op_data(op);
	struct refused why;
	uint64_t wait_us;

	if (r->address[0] == '\0')
		return true; /* from inside */
	wait_us = refresh_throttle(self, RATE_OF_SESSION, &r->session_id);
	if (wait_us == 0)
		return true;
	refresh_note(self, op, "rate");
	why = registry_wait(PROBLEM_RATE_LIMITED,
	    "Too many refreshes of this session", wait_us);
	(void)op_refuse_with(op, &why);
	return false;
}

static struct bytes
refresh_secret(const struct keyring_key *key)
{
	return (struct bytes){ key->secret, key->size };
}

/* How long a key must recognise its tokens is known before they are out. */
void
registry_mint_refresh(struct actor *self, const struct uuid *session_id,
    uint64_t generation, int64_t expires_at,
    char ret_token[REFRESH_TOKEN_MAX + 1])
{
	struct registry *s = actor_state(self);
	struct keyring_key *key = keyring_refresh(s->keys, 0);
	int64_t life_us = expires_at - actor_wall_us(self);

	if (life_us > 0 && (uint64_t)life_us > key->life_us) {
		key->life_us = (uint64_t)life_us;
		if (keyring_save(s->keys) != ST_OK)
			LOG(API_KEYS_NOT_SAVED, KV("key_id", key->key_id));
	}
	refresh_mint(refresh_secret(key), session_id, generation, ret_token);
}

static bool
refresh_find(struct actor *self, const char *token, struct uuid *ret_session,
    uint64_t *ret_generation)
{
	struct registry *s = actor_state(self);
	const struct keyring_key *key;

	for (uint32_t i = 0; (key = keyring_refresh(s->keys, i)) != NULL; i++)
		if ((key->until == 0 || key->until > actor_wall_us(self)) &&
		    refresh_verify(refresh_secret(key), token, ret_session,
			ret_generation) == ST_OK)
			return true;
	return false;
}

/* NULL: whoever it was may not come in any more. */
static const struct account_row *
refresh_account(const struct registry *s, const struct refresh_family *f)
{
	struct uuid id;

	return id_parse(f->user_id, &id)
		   ? registry_account_of(s, &id, f->password_sig)
		   : NULL;
}

/* Everything follows from the row, so that it is the same for all who race. */
static struct token_claims
refresh_claims(const struct registry *s, const struct refresh_family *f,
    const struct account_row *a)
{
	struct token_claims claims =
	    registry_claims(a, f->user_id, f->session_id);
	int64_t begin_s = f->rotated_at / SECOND_US;
	int64_t end_s = begin_s + (int64_t)s->expiry_minutes * 60;

	if (end_s > f->expires_at / SECOND_US)
		end_s = f->expires_at / SECOND_US;
	claims.iat = (uint64_t)begin_s;
	claims.exp = (uint64_t)end_s;
	claims.auth_time = (uint64_t)(f->began_at / SECOND_US);
	claims.has_auth_time = f->began_at > 0;
	return claims;
}

static enum status
refresh_answer(
    struct actor *self, struct op *op, const struct refresh_family *f)
{
	struct registry *s = actor_state(self);
	const struct refreshing *r = op_data(op);
	const struct account_row *a = refresh_account(s, f);
	int64_t now_s = actor_wall_us(self) / SECOND_US;
	struct token_claims claims;
	char token[TOKEN_MAX + 1];
	char next[REFRESH_TOKEN_MAX + 1];
	struct uuid session;

	if (a == NULL || !id_parse(f->session_id, &session))
		return refresh_refuse(self, op, "refresh_account");
	claims = refresh_claims(s, f, a);
	if (claims.exp <= claims.iat || (int64_t)claims.exp <= now_s)
		return refresh_refuse(self, op, "refresh_expired");
	if (registry_mint(self, &claims, token) != ST_OK)
		return OP_REFUSE(op, INTERNAL, "the token could not be made");
	registry_mint_refresh(
	    self, &session, f->generation, f->expires_at, next);
	LOG(API_SESSION_REFRESHED, KV("user_id", f->user_id),
	    KU("generation", f->generation));
	return OP_REPLY(op, auth_token, .token = token,
	    .expires_in = (uint32_t)((int64_t)claims.exp - now_s),
	    .session_id = f->session_id,
	    .must_change_password = a->must_change_password,
	    .refresh_token = next,
	    .refresh_expires_in = (uint32_t)(f->expires_at / SECOND_US - now_s),
	    .has_refresh_expires_in = true, .cookies = r->cookies,
	    .has_cookies = r->cookies);
}

static enum status
refresh_on_killed(struct actor *self, struct op *op, bool all)
{
	(void)self;
	(void)all; /* it is durable: whoever comes late hears of it too */
	return refresh_refuse_revoked(op);
}

/* Somebody has used it before: the owner or a thief, and so both are out. */
static enum status
refresh_kill(struct actor *self, struct op *op, const struct revocation *r)
{
	const struct refreshing *keep = op_data(op);
	char brief[ID_IN_LOGS + 1];
	enum status st = registry_apply_revoked(self, r);

	id_short(r->session_id, brief);
	LOG(API_REFRESH_REPLAYED, KV("session", brief),
	    KV("user_id", r->user_id), KV("address", keep->address));
	if (st != ST_OK) {
		(void)refresh_refuse_revoked(op);
		return st;
	}
	return replica_wait_for(self, op, refresh_on_killed);
}

static enum status
refresh_on_rotated(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_refresh_rotated *r = reply->body;

	if (reply->id != MSG_store_refresh_rotated) {
		registry_doubt(self, reply);
		return op_pass(op, reply);
	}
	if (r->outcome == REFRESH_ROTATED && r->family != NULL)
		refresh_charge(self, op, r->family);
	switch (r->outcome) {
	case REFRESH_ROTATED:
	case REFRESH_AGAIN:
		if (r->family != NULL)
			return refresh_answer(self, op, r->family);
		break;
	case REFRESH_REPLAYED:
		if (r->revocation != NULL)
			return refresh_kill(self, op, r->revocation);
		break;
	case REFRESH_REVOKED:
		refresh_note(self, op, "refresh_revoked");
		return refresh_refuse_revoked(op);
	case REFRESH_GONE:
		break;
	}
	return refresh_refuse(self, op, "refresh_gone");
}

static enum status
refresh_begin(struct actor *self, struct op *op, uint64_t generation)
{
	const struct registry *s = actor_state(self);
	const struct refreshing *r = op_data(op);
	char session[ID_TEXT + 1];
	struct principal who = refresh_nobody(r->address, "");
	struct audit_note rotated =
	    audit_note_by(self, &who, "session.refresh", "");
	struct audit_note replayed =
	    audit_note_by(self, &who, "session.refresh_replayed", "");

	id_text(&r->session_id, session);
	replayed.result = AUDIT_REFUSED;
	replayed.detail =
	    "a used refresh token came again: its session is revoked";
	return OP_ASK(op, registry_store(self), store_refresh_rotate,
	    refresh_on_rotated, .session_id = session, .generation = generation,
	    .now = actor_wall_us(self),
	    .grace_us = s->refresh_grace_s * SECOND_US, .audit = &replayed,
	    .rotated = &rotated);
}

enum status
registry_on_refresh(struct actor *self, const struct msg *in)
{
	struct registry *s = actor_state(self);
	const struct auth_refresh *ask = in->body;
	uint64_t generation;
	struct refreshing *r;
	struct op *op;

	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	r = op_data(op);
	text_fit(r->address, sizeof(r->address), ask->caller.address);
	r->cookies = ask->cookies;
	if (!refresh_find(
		self, ask->refresh_token, &r->session_id, &generation))
		return refresh_refuse(self, op, "refresh_invalid");
	if (!refresh_may(self, op))
		return ST_OK;
	if (!registry_may_revoke(s))
		return OP_REFUSE(op, OVERLOADED, "too many revocations");
	return refresh_begin(self, op, generation);
}
