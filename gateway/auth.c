#include "gateway/auth.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/fnv.h"
#include "runtime/base/text.h"

const struct account_entry auth_system = {
	.user_id = "system",
	.username = "system",
	.role = ROLE_SYSTEM,
};

struct auth_slot {
	char *token; /* NULL: vacant; owned */
	size_t token_size;
	char user_id[64 + 1];
	char session_id[SESSION_ID_MAX + 1];
	char password_sig[PASSWORD_SIG_MAX + 1];
	uint64_t exp_s;
	uint64_t auth_time_s;
	uint64_t used;      /* the greater, the later */
	uint64_t told_us;   /* see seen.h */
	uint64_t keys_life; /* of the keys it was verified with */
};

/*
 * Slots that a token may have.  With four, 512 tokens left some set too small
 * one time in six, and each request with one of its tokens verified anew.
 */
#define AUTH_WAYS 8u

struct auth_cache {
	struct auth_slot slots[AUTH_CACHE_SLOTS];
	uint64_t uses;
};

struct auth_cache *
auth_cache_create(void)
{
	return calloc(1, sizeof(struct auth_cache));
}

void
auth_cache_destroy(struct auth_cache *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < AUTH_CACHE_SLOTS; i++)
		free(c->slots[i].token);
	free(c);
}

static bool
texts_are_equal_in_constant_time(const char *a, const char *b, size_t size)
{
	uint64_t differs = 0;
	uint64_t x, y;

	for (; size >= sizeof(x); size -= sizeof(x)) {
		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		differs |= x ^ y;
		a += sizeof(x);
		b += sizeof(y);
	}
	for (; size > 0; size--)
		differs |= (unsigned char)(*a++ ^ *b++);
	return differs == 0;
}

/* Only spreads: a hit is decided by comparing every byte. */
static uint64_t
auth_hash(const char *token, size_t size)
{
	uint64_t h = size;
	size_t from = size > 32 ? size - 32 : 0;

	for (size_t i = from; i < size; i++)
		h = fnv_byte(h, (uint8_t)token[i]);
	return h ^ h >> 32;
}

/* The slot of a token; if it has none (false), the one of its set used the
 * longest ago. */
static bool
auth_slot_find(struct auth_cache *c, const char *token, size_t size,
    struct auth_slot **ret_slot)
{
	uint64_t set = auth_hash(token, size) % (AUTH_CACHE_SLOTS / AUTH_WAYS);
	struct auth_slot *first = &c->slots[set * AUTH_WAYS];

	*ret_slot = first;
	for (struct auth_slot *s = first; s < first + AUTH_WAYS; s++) {
		if (s->token != NULL && s->token_size == size &&
		    texts_are_equal_in_constant_time(s->token, token, size)) {
			*ret_slot = s;
			return true;
		}
		if (s->used < (*ret_slot)->used)
			*ret_slot = s;
	}
	return false;
}

static void
auth_slot_fill(struct auth_slot *s, const struct replica *r, const char *token,
    const struct token_claims *claims)
{
	free(s->token);
	s->token = strdup(token);
	s->token_size = strlen(token);
	text_fit(s->user_id, sizeof(s->user_id), claims->sub);
	text_fit(s->session_id, sizeof(s->session_id), claims->jti);
	text_fit(s->password_sig, sizeof(s->password_sig), claims->pwd_sig);
	s->exp_s = claims->exp;
	s->auth_time_s = claims->has_auth_time ? claims->auth_time : 0;
	s->keys_life = r->keys_life;
	s->told_us = 0;
}

/* The slot of a token whose signature is good. */
static enum status
auth_find(struct auth_cache *c, const struct replica *r, struct arena *a,
    const char *token, int64_t wall_us, struct auth_slot **ret_slot)
{
	struct auth_slot *s;
	bool is_known = auth_slot_find(c, token, strlen(token), &s);
	const struct token_claims *claims;
	enum status st;

	*ret_slot = s;
	s->used = ++c->uses;
	if (is_known && s->keys_life == r->keys_life)
		return ST_OK;
	st = token_verify(&r->keys, token, wall_us, a, &claims);
	if (st == ST_OK)
		auth_slot_fill(s, r, token, claims);
	return st == ST_OK && s->token == NULL ? ST_NO_MEMORY : st;
}

static enum status
auth_judge(const struct auth_slot *s, const struct replica *r, int64_t wall_us,
    struct auth_result *ret, const char **ret_reason)
{
	*ret_reason = "expired";
	if (s->exp_s <= (uint64_t)(wall_us / 1000000))
		return ST_DENIED;
	*ret_reason = "session_unsettled";
	if (replica_is_unsettled(r, s->session_id))
		return ST_UNAVAILABLE;
	*ret_reason = "session_revoked";
	if (replica_is_revoked(r, s->session_id))
		return ST_CLOSED;
	*ret_reason = "no_account";
	ret->account = replica_account(r, s->user_id);
	if (ret->account == NULL || ret->account->gone ||
	    ret->account->role == ROLE_SYSTEM)
		return ST_DENIED;
	*ret_reason = "password_changed";
	if (!texts_are_equal_in_constant_time(s->password_sig,
		ret->account->password_sig, sizeof(s->password_sig)))
		return ST_DENIED;
	*ret_reason = NULL;
	return ST_OK;
}

enum status
auth_verify(struct auth_cache *c, const struct replica *r, struct arena *a,
    const char *token, int64_t wall_us, struct auth_result *ret,
    uint32_t *ret_problem, const char **ret_reason)
{
	struct auth_slot *s;
	enum status st = auth_find(c, r, a, token, wall_us, &s);

	*ret_problem = PROBLEM_UNAUTHORIZED;
	*ret_reason = "invalid_token";
	if (st != ST_OK)
		return ST_DENIED;
	st = auth_judge(s, r, wall_us, ret, ret_reason);
	text_fit(ret->session_id, sizeof(ret->session_id), s->session_id);
	if (st == ST_CLOSED)
		*ret_problem = PROBLEM_SESSION_REVOKED;
	if (st == ST_UNAVAILABLE)
		*ret_problem = PROBLEM_UNAVAILABLE;
	if (st != ST_OK)
		return ST_DENIED;
	text_fit(ret->user_id, sizeof(ret->user_id), s->user_id);
	ret->expires_at = (int64_t)s->exp_s * 1000000;
	ret->authenticated_at = (int64_t)s->auth_time_s * 1000000;
	ret->method = AUTH_JWT;
	ret->told_us = &s->told_us;
	return ST_OK;
}
