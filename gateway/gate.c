#include <string.h>

#include "gateway/credential.h"
#include "gateway/inside.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * Who may come in: what no route gets past without a credential that is good
 * now, and a role.  Each refusal is logged, and noted for the audit log.
 */

static void
gate_deny(struct conn *c, const char *reason)
{
	const struct exchange *x = c->exchange;
	char jti[9];

	(void)text_fit(jti, sizeof(jti), x->who.session_id);
	c->gateway->counts.unauthorized++;
	LOG(API_AUTH_FAILED, KV("reason", reason), KV("jti", jti),
	    KV("path", x->route->path));
	refusals_note_nobody(c, "access.credential", reason);
}

static const char *
gate_anonymous_reason(const struct route *r)
{
	if (r->request == catalogue_type_auth_sessions)
		return "unauthenticated_session_list";
	if (r->request == catalogue_type_auth_session_revoke)
		return "unauthenticated_session_revoke";
	if (r->request == catalogue_type_auth_logout)
		return "unauthenticated_logout";
	return "no_credential";
}

/* The kernel has said who it is (listen.c): nothing else to look at. */
static void
gate_is_system(struct exchange *x)
{
	x->who = (struct auth_result){ .account = &auth_system,
		.method = AUTH_LOCAL };
	text_fit(x->who.user_id, sizeof(x->who.user_id), auth_system.user_id);
}

/* A token has dots, an API key has none. */
static enum status
gate_verify(struct conn *c, const char *token, uint32_t *ret_problem,
    const char **ret_reason)
{
	struct gateway *g = c->gateway;
	struct exchange *x = c->exchange;
	int64_t wall_us = actor_wall_us(g->self);

	*ret_problem = PROBLEM_UNAUTHORIZED;
	if (strchr(token, '.') == NULL)
		return auth_verify_key(
		    &g->replica, token, wall_us, &x->who, ret_reason);
	return auth_verify(g->tokens, &g->replica, actor_arena(g->self), token,
	    wall_us, &x->who, ret_problem, ret_reason);
}

static void
gate_tell_seen(struct conn *c)
{
	const struct auth_result *who = &c->exchange->who;
	bool is_key = who->method == AUTH_API_KEY;

	if (who->told_us != NULL)
		seen_tell(&c->gateway->seen, c->gateway->self,
		    is_key ? who->key_id : who->session_id, is_key,
		    who->told_us);
}

/* True: come in.  Otherwise it has been answered. */
bool
gate_pass(struct conn *c, const uint8_t *at)
{
	struct gateway *g = c->gateway;
	struct exchange *x = c->exchange;
	const char *token, *reason;
	uint32_t problem;

	if (x->route->access == ROUTE_PUBLIC)
		return credential_pass_page(c, at);
	if (c->door->is_control) {
		gate_is_system(x);
		return true;
	}
	if (!replica_is_fresh(&g->replica)) {
		respond_problem(c, PROBLEM_UNAVAILABLE,
		    "the session registry cannot be heard");
		return false;
	}
	token = credential_find(c, at);
	if (x->by_cookie && !credential_pass_csrf(c, at))
		return false;
	if (token == NULL) {
		gate_deny(c, gate_anonymous_reason(x->route));
		respond_problem(
		    c, PROBLEM_UNAUTHORIZED, "Authentication required");
		return false;
	}
	x->who.told_us = NULL;
	if (gate_verify(c, token, &problem, &reason) == ST_OK) {
		gate_tell_seen(c);
		return true;
	}
	gate_deny(c, reason);
	respond_problem(c, problem, problem_find(problem)->title);
	return false;
}

/* All that is open to who must give a new password first. */
static bool
gate_is_for_password(const struct route *r)
{
	return r->local == local_me ||
	       r->request == catalogue_type_auth_change_password;
}

static bool
gate_is_beyond_scope(const struct exchange *x)
{
	return x->who.method == AUTH_API_KEY && x->who.scope == KEY_READ &&
	       x->head.method != HTTP1_GET && x->head.method != HTTP1_HEAD &&
	       x->route->request != catalogue_type_auth_logout;
}

bool
gate_pass_role(struct conn *c)
{
	const struct exchange *x = c->exchange;
	const struct account_entry *a = x->who.account;

	if (x->route->access == ROUTE_PUBLIC || c->door->is_control)
		return true;
	if (!route_allows(x->route, a->role)) {
		refusals_note(c, "access.role", "role");
		respond_problem(
		    c, PROBLEM_FORBIDDEN, "This role may not do that");
		return false;
	}
	if (gate_is_beyond_scope(x)) {
		refusals_note(c, "access.scope", "api key");
		respond_problem(
		    c, PROBLEM_FORBIDDEN, "This API key may only read");
		return false;
	}
	if (a->must_change_password && !gate_is_for_password(x->route)) {
		refusals_note(c, "access.password", "password change");
		respond_problem(
		    c, PROBLEM_PASSWORD_CHANGE, "Password change required");
		return false;
	}
	return true;
}
