#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/bind.h"
#include "gateway/credential.h"
#include "gateway/header.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * The order of checks is DESIGN.md's: route, gate, role, body, validation,
 * then the actor.  Whoever fails a check learns nothing of the later ones.
 */

struct exchange_ask {
	uint64_t conn;
};

/* What was kept of the request; its message has gone, or never will. */
static void
exchange_drop_request(struct gateway *g, struct exchange *x)
{
	g->held -= x->held_room;
	x->held_room = 0;
	free(x->head_copy);
	free(x->held);
	x->head_copy = NULL;
	x->held = NULL;
}

void
exchange_end(struct conn *c)
{
	struct exchange *x = c->exchange;

	if (x == NULL)
		return;
	c->exchange = NULL;
	exchange_drop_request(c->gateway, x);
	pool_put(&c->gateway->exchanges, x);
}

static bool
exchange_header_is_problem(const struct exchange *x, const uint8_t *at)
{
	uint32_t cursor = 0;
	struct bytes value;

	while (http1_head_next(&x->head, at, "Accept", &cursor, &value))
		if (header_list_has(value, "application/problem+json"))
			return true;
	return false;
}

static void
exchange_log_denied(struct conn *c, const char *reason)
{
	const struct exchange *x = c->exchange;
	char jti[9];

	(void)text_fit(jti, sizeof(jti), x->who.session_id);
	c->gateway->counts.unauthorized++;
	LOG(API_AUTH_FAILED, KV("reason", reason), KV("jti", jti),
	    KV("path", x->route->path));
}

static const char *
exchange_anonymous_reason(const struct route *r)
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
exchange_is_system(struct exchange *x)
{
	x->who = (struct auth_result){ .account = &auth_system,
		.method = AUTH_LOCAL };
	text_fit(x->who.user_id, sizeof(x->who.user_id), auth_system.user_id);
}

/* A token has dots, an API key has none. */
static enum status
exchange_verify(struct conn *c, const char *token, uint32_t *ret_problem,
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
exchange_tell_seen(struct conn *c)
{
	const struct auth_result *who = &c->exchange->who;
	bool is_key = who->method == AUTH_API_KEY;

	if (who->told_us != NULL)
		seen_tell(&c->gateway->seen, c->gateway->self,
		    is_key ? who->key_id : who->session_id, is_key,
		    who->told_us);
}

/* True: come in.  Otherwise it has been answered. */
static bool
exchange_pass_gate(struct conn *c, const uint8_t *at)
{
	struct gateway *g = c->gateway;
	struct exchange *x = c->exchange;
	const char *token, *reason;
	uint32_t problem;

	if (x->route->access == ROUTE_PUBLIC)
		return true;
	if (c->door->is_control) {
		exchange_is_system(x);
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
		exchange_log_denied(c, exchange_anonymous_reason(x->route));
		respond_problem(
		    c, PROBLEM_UNAUTHORIZED, "Authentication required");
		return false;
	}
	x->who.told_us = NULL;
	if (exchange_verify(c, token, &problem, &reason) == ST_OK) {
		exchange_tell_seen(c);
		return true;
	}
	exchange_log_denied(c, reason);
	respond_problem(c, problem, problem_find(problem)->title);
	return false;
}

static bool
path_ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && strcmp(path + n - m, end) == 0;
}

static bool
exchange_pass_role(struct conn *c)
{
	const struct exchange *x = c->exchange;
	const struct account_entry *a = x->who.account;

	if (x->route->access == ROUTE_PUBLIC || c->door->is_control)
		return true;
	if (!route_allows(x->route, a->role)) {
		respond_problem(
		    c, PROBLEM_FORBIDDEN, "This role may not do that");
		return false;
	}
	if (x->who.method == AUTH_API_KEY && x->who.scope == KEY_READ &&
	    x->head.method != HTTP1_GET && x->head.method != HTTP1_HEAD &&
	    x->route->request != catalogue_type_auth_logout) {
		respond_problem(
		    c, PROBLEM_FORBIDDEN, "This API key may only read");
		return false;
	}
	if (a->must_change_password &&
	    !path_ends_with(x->route->path, "/auth/me") &&
	    !path_ends_with(x->route->path, "/auth/change-password")) {
		respond_problem(
		    c, PROBLEM_PASSWORD_CHANGE, "Password change required");
		return false;
	}
	return true;
}

static enum status
exchange_on_reply(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct exchange_ask *ask = op_data(op);
	uint64_t handle = ask->conn;
	struct gateway *g = actor_state(self);
	struct conn *c = conn_find(g, handle);

	if (c != NULL && c->state == CONN_WAITING) {
		if (reply->id == MSG_refused)
			respond_refused(c, reply->body);
		else
			respond_reply(c, reply->type, reply->body);
		c = conn_find(g, handle);
		if (c != NULL)
			conn_go_on(c);
	}
	return op_close(op);
}

static void
exchange_ask(struct conn *c, const void *message)
{
	struct gateway *g = c->gateway;
	const struct route *r = c->exchange->route;
	struct op *op = op_open(g->self, NULL);
	struct exchange_ask *ask;

	if (op == NULL) {
		g->counts.full++;
		respond_problem(
		    c, PROBLEM_OVERLOADED, "too many requests are open");
		return;
	}
	ask = op_data(op);
	ask->conn = conn_handle(c);
	op_within(op, g->limits.request_us);
	op_trace(
	    op, c->exchange->context.trace.id, c->exchange->context.trace.span);
	(void)op_ask(op, actor_find(g->self, r->actor, 0), r->request()->id,
	    message, exchange_on_reply);
	exchange_drop_request(g, c->exchange);
}

/* Its answer would log a browser in: whose doing is it? */
static bool
exchange_wants_cookies(const struct route *r, const void *message)
{
	if (r->request == catalogue_type_auth_login)
		return ((const struct auth_login *)message)->cookies;
	if (r->request == catalogue_type_auth_refresh)
		return ((const struct auth_refresh *)message)->cookies;
	return false;
}

void
exchange_act(struct conn *c, const uint8_t *at, struct bytes body)
{
	struct exchange *x = c->exchange;
	struct json_result why = { 0 };
	void *message;
	enum status st;

	if (at == NULL) {
		at = x->head_copy;
		/* While the body came, the answer may have become no. */
		if (!exchange_pass_gate(c, at) || !exchange_pass_role(c))
			return;
	}
	if (body.size > 0 && !bind_is_json(x, at)) {
		respond_problem(c, PROBLEM_UNSUPPORTED_MEDIA,
		    "the body must be application/json");
		return;
	}
	if (x->route->local != NULL) {
		c->gateway->head_at = at;
		x->route->local(c);
		return;
	}
	st = bind_request(c, at, body, &message, &why);
	if (st == ST_OK && exchange_wants_cookies(x->route, message) &&
	    !credential_pass_csrf(c, at))
		return;
	if (st == ST_OK)
		exchange_ask(c, message);
	else
		respond_problem(c,
		    st == ST_INVALID     ? PROBLEM_VALIDATION
		    : st == ST_NO_MEMORY ? PROBLEM_TOO_LARGE
					 : PROBLEM_BAD_REQUEST,
		    why.why);
}

/* False: answered already. */
static bool
exchange_find_route(struct conn *c, const uint8_t *at)
{
	struct exchange *x = c->exchange;
	enum status st = route_find(x->head.method,
	    http1_bytes(at, x->head.path), &x->route, &x->match, &x->allow);

	if (st == ST_OK)
		return true;
	if (st == ST_UNSUPPORTED && x->head.method == HTTP1_OPTIONS)
		respond_options(c);
	else if (st == ST_UNSUPPORTED)
		respond_problem(
		    c, PROBLEM_METHOD, "this path has other methods");
	else if (st == ST_MALFORMED)
		respond_problem(
		    c, PROBLEM_BAD_REQUEST, "the path does not decode");
	else
		respond_problem(c, PROBLEM_NOT_FOUND, "no such path");
	return false;
}

/* A body is still to come: what the head says must outlive its bytes. */
static void
exchange_await_body(struct conn *c, const uint8_t *at)
{
	struct exchange *x = c->exchange;

	x->head_copy = malloc(x->head.size);
	if (x->head_copy == NULL) {
		respond_problem(c, PROBLEM_OVERLOADED, "out of memory");
		return;
	}
	memcpy(x->head_copy, at, x->head.size);
	if (x->head.expects_continue && x->body.step == HTTP1_MORE)
		(void)conn_write_head(c, http1_reply_continue, false);
}

void
exchange_begin(struct conn *c, const uint8_t *at)
{
	struct exchange *x = c->exchange;

	context_read(c, at);
	x->wants_problem = exchange_header_is_problem(x, at);
	x->is_head = x->head.method == HTTP1_HEAD;
	if (!exchange_find_route(c, at) || !exchange_pass_gate(c, at) ||
	    !exchange_pass_role(c))
		return;
	if (x->head.chunked || (x->head.has_length && x->head.length > 0)) {
		exchange_await_body(c, at);
		return;
	}
	conn_become(c, CONN_WAITING);
	exchange_act(c, at, (struct bytes){ NULL, 0 });
}
