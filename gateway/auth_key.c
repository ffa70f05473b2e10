#include <stdio.h>
#include <string.h>

#include "gateway/auth.h"
#include "runtime/api_key.h"
#include "runtime/base/text.h"

/*
 * A key that is unknown costs what a known one does: its digest is made and
 * compared in any case.
 */

static enum status
key_judge(const struct key_entry *k, const struct replica *r, int64_t wall_us,
    struct auth_result *ret, const char **ret_reason)
{
	*ret_reason = "key_expired";
	if (k->expires_at != 0 && k->expires_at <= wall_us)
		return ST_DENIED;
	*ret_reason = "no_account";
	ret->account = replica_account(r, k->user_id);
	if (ret->account == NULL || ret->account->gone ||
	    ret->account->role == ROLE_SYSTEM)
		return ST_DENIED;
	*ret_reason = NULL;
	return ST_OK;
}

enum status
auth_verify_key(const struct replica *r, const char *text, int64_t wall_us,
    struct auth_result *ret, const char **ret_reason)
{
	static const struct key_entry nobody;
	char key_id[API_KEY_ID_SIZE + 1];
	uint8_t digest[SEAL_DIGEST_SIZE];
	struct key_entry *found;
	const struct key_entry *k;
	enum status st;

	*ret_reason = "invalid_key";
	if (!api_key_parse(text, key_id))
		return ST_DENIED;
	found = replica_api_key(r, key_id);
	k = found == NULL ? &nobody : found;
	api_key_digest(r->api_key_secret, text, digest);
	if (!seal_equal(digest, k->digest, sizeof(digest)) || found == NULL)
		return ST_DENIED;
	text_fit(ret->key_id, sizeof(ret->key_id), k->key_id);
	st = key_judge(k, r, wall_us, ret, ret_reason);
	if (st != ST_OK)
		return st;
	text_fit(ret->user_id, sizeof(ret->user_id), k->user_id);
	ret->method = AUTH_API_KEY;
	ret->scope = k->scope;
	ret->expires_at = k->expires_at;
	ret->told_us = &found->told_us;
	return ST_OK;
}

void
auth_key_session(const char *key_id, char ret_session[SESSION_ID_MAX + 1])
{
	snprintf(
	    ret_session, SESSION_ID_MAX + 1, AUTH_KEY_SESSION "%.32s", key_id);
}

void
auth_session(
    const struct auth_result *who, char ret_session[SESSION_ID_MAX + 1])
{
	if (who->method == AUTH_API_KEY)
		auth_key_session(who->key_id, ret_session);
	else
		snprintf(
		    ret_session, SESSION_ID_MAX + 1, "%.64s", who->session_id);
}

const char *
auth_session_key(const char *session)
{
	size_t size = strlen(AUTH_KEY_SESSION);

	return strncmp(session, AUTH_KEY_SESSION, size) == 0 ? session + size
							     : NULL;
}

bool
auth_session_is_over(const struct replica *r, const char *session)
{
	const char *key = auth_session_key(session);

	return key != NULL ? replica_api_key(r, key) == NULL
			   : replica_is_revoked(r, session);
}
