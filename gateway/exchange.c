#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/credential.h"
#include "gateway/header.h"
#include "gateway/inside.h"
#include "gateway/query.h"
#include "gateway/target.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"

/*
 * The order of checks is DESIGN.md's: route, gate, role, body, validation,
 * then the actor.  Whoever fails a check learns nothing of the later ones.
 */

/* All that is taken of the arena beside the body is no longer than a head. */
#define BIND_ARENA_MIN (16u * HTTP1_HEAD_MAX)

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

/* Fills a text field that no client may give. */
static void
principal_fill(struct conn *c, const uint8_t *at, struct principal *ret_who)
{
	struct exchange *x = c->exchange;
	struct arena *a = actor_arena(c->gateway->self);
	char *address = arena_take(a, ADDRESS_MAX + 1);
	char *agent = arena_take(a, USER_AGENT_MAX + 1);
	struct bytes value = { NULL, 0 };

	text_fit(address, ADDRESS_MAX + 1, x->context.client);
	if (http1_head_find(&x->head, at, "User-Agent", &value) == ST_OK) {
		char *whole = arena_take(a, value.size + 1);

		memcpy(whole, value.at, value.size);
		if (utf8_valid(value.at, value.size))
			text_fit(agent, USER_AGENT_MAX + 1, whole);
	}
	ret_who->address = address;
	ret_who->user_agent = agent;
	if (x->route->access == ROUTE_PUBLIC)
		return;
	ret_who->user_id = x->who.user_id;
	ret_who->username = x->who.account->username;
	ret_who->role = x->who.account->role;
	ret_who->method = x->who.method;
	ret_who->session_id = x->who.session_id;
	if (x->route->request == catalogue_type_ticket_create) {
		char *session = arena_take(a, SESSION_ID_MAX + 1);

		auth_session(&x->who, session);
		ret_who->session_id = session;
	}
	ret_who->expires_at = x->who.expires_at;
}

static enum status
once_fill(struct conn *c, const uint8_t *at, struct bytes body,
    struct once *ret_once, struct json_result *why)
{
	struct arena *a = actor_arena(c->gateway->self);
	uint8_t *digest = arena_take(a, SEAL_DIGEST_SIZE);
	struct bytes value;
	char *key;
	enum status st =
	    http1_head_find(&c->exchange->head, at, "Idempotency-Key", &value);

	if (st == ST_NOT_FOUND)
		return ST_OK;
	if (st == ST_OK && value.size > 0 && value.size <= IDEMPOTENCY_MAX &&
	    utf8_valid(value.at, value.size) &&
	    (key = arena_take(a, value.size + 1)) != NULL) {
		memcpy(key, value.at, value.size);
		ret_once->key = key;
		seal_digest(body, digest);
		ret_once->body_hash =
		    (struct bytes){ digest, SEAL_DIGEST_SIZE };
		return ST_OK;
	}
	snprintf(why->why, sizeof(why->why),
	    "header.Idempotency-Key: expected one of 1 to %d characters",
	    IDEMPOTENCY_MAX);
	return ST_MALFORMED;
}

static enum status
exchange_fill_callers(struct conn *c, const uint8_t *at, struct bytes body,
    const struct wire_type *t, void *message, struct json_result *why)
{
	for (size_t i = 0; i < t->nfields; i++) {
		const struct wire_field *f = &t->fields[i];
		char *member = (char *)message + f->offset;
		enum status st = ST_OK;

		if ((f->flags & WIRE_CALLER) == 0)
			continue;
		if (f->type == catalogue_type_principal)
			principal_fill(c, at, (void *)member);
		else if (f->type == catalogue_type_once)
			st = once_fill(c, at, body, (void *)member, why);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static char *
text_of_bytes(struct arena *a, struct bytes b)
{
	char *text = arena_take(a, b.size + 1);

	if (text != NULL && b.size > 0)
		memcpy(text, b.at, b.size);
	return text;
}

static enum status
exchange_fill_path(struct conn *c, const struct wire_type *t, void *message,
    struct json_result *why)
{
	const struct route_match *m = &c->exchange->match;
	struct arena *a = actor_arena(c->gateway->self);
	enum status st = ST_OK;

	for (uint32_t i = 0; st == ST_OK && i < m->count; i++)
		st = json_set_text(t, message, a, "path",
		    text_of_bytes(
			a, (struct bytes){ (const uint8_t *)m->names[i],
			       m->name_sizes[i] }),
		    m->values[i], why);
	return st;
}

static enum status
exchange_fill_query(struct conn *c, const uint8_t *at,
    const struct wire_type *t, void *message, struct json_result *why)
{
	struct arena *a = actor_arena(c->gateway->self);
	struct query_parameter p;
	struct query q;
	enum status st;

	query_init(&q, http1_bytes(at, c->exchange->head.query));
	while ((st = query_next(&q, a, &p)) == ST_OK) {
		st = json_set_text(t, message, a, "query",
		    text_of_bytes(a, p.name), text_of_bytes(a, p.value), why);
		if (st != ST_OK)
			return st;
	}
	if (st == ST_NOT_FOUND)
		return ST_OK;
	snprintf(why->why, sizeof(why->why), "query: %s", status_text(st));
	return ST_MALFORMED;
}

/* Several lines of one header are one list. */
static enum status
exchange_fill_headers(struct conn *c, const uint8_t *at,
    const struct wire_type *t, void *message, struct json_result *why)
{
	struct arena *a = actor_arena(c->gateway->self);
	const char *rest = c->exchange->route->takes;
	struct bytes header, field, value;

	while (route_next_header(&rest, &header, &field)) {
		char *joined = arena_take(a, IF_MATCH_MAX + 2);
		size_t used = 0;
		uint32_t cursor = 0;
		bool any = false;

		while (http1_head_next(&c->exchange->head, at,
		    text_of_bytes(a, header), &cursor, &value)) {
			if (used + value.size + 1 > IF_MATCH_MAX) {
				snprintf(why->why, sizeof(why->why),
				    "header.%.*s: longer than %d bytes",
				    (int)header.size, (const char *)header.at,
				    IF_MATCH_MAX);
				return ST_MALFORMED;
			}
			if (used > 0)
				joined[used++] = ',';
			memcpy(joined + used, value.at, value.size);
			used += value.size;
			any = true;
		}
		joined[used] = '\0';
		if (any && json_set_text(t, message, a, "header",
			       text_of_bytes(a, field), joined, why) != ST_OK)
			return ST_INVALID;
	}
	return ST_OK;
}

/* A browser sends its refresh token as a cookie, and no body. */
static enum status
exchange_fill_refresh(struct conn *c, const uint8_t *at,
    const struct wire_type *t, void *message, struct bytes body,
    struct json_result *why)
{
	struct arena *a = actor_arena(c->gateway->self);
	const char *token;
	enum status st;

	if (t != catalogue_type_auth_refresh() || body.size > 0)
		return ST_OK;
	token = credential_find_refresh(c, at);
	if (token == NULL)
		return ST_OK;
	st =
	    json_set_text(t, message, a, "cookie", "refresh_token", token, why);
	return st == ST_OK ? json_set_text(t, message, a, "cookie", "cookies",
				 "true", why)
			   : st;
}

static bool
exchange_is_json(const struct exchange *x, const uint8_t *at)
{
	struct bytes value;
	const uint8_t *semicolon;

	if (http1_head_find(&x->head, at, "Content-Type", &value) != ST_OK)
		return false;
	semicolon = memchr(value.at, ';', value.size);
	if (semicolon != NULL)
		value.size = (size_t)(semicolon - value.at);
	return header_is(header_trim(value), "application/json");
}

/* The request's struct from everything the client sent. */
static enum status
exchange_bind(struct conn *c, const uint8_t *at, struct bytes body,
    void **ret_message, struct json_result *why)
{
	const struct wire_type *t = c->exchange->route->request();
	struct arena *a = actor_arena(c->gateway->self);
	enum status st = ST_OK;

	*ret_message = NULL;
	if (body.size > 0)
		st = json_decode(
		    t, JSON_LATER, a, body.at, body.size, ret_message, why);
	else
		*ret_message = json_blank(t, a);
	if (st == ST_OK &&
	    (*ret_message == NULL || a->size - a->used < BIND_ARENA_MIN))
		st = ST_NO_MEMORY;
	if (st == ST_OK)
		st = exchange_fill_path(c, t, *ret_message, why);
	if (st == ST_OK)
		st = exchange_fill_query(c, at, t, *ret_message, why);
	if (st == ST_OK)
		st = exchange_fill_headers(c, at, t, *ret_message, why);
	if (st == ST_OK)
		st = exchange_fill_refresh(c, at, t, *ret_message, body, why);
	if (st == ST_OK)
		st = exchange_fill_callers(c, at, body, t, *ret_message, why);
	if (st == ST_OK)
		st = json_require(t, why);
	/* It was announced, and what it should have said is missing. */
	if (st == ST_INVALID && body.size == 0 &&
	    exchange_is_json(c->exchange, at)) {
		snprintf(why->why, sizeof(why->why), "the body is empty");
		st = ST_MALFORMED;
	}
	return st;
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
	if (body.size > 0 && !exchange_is_json(x, at)) {
		respond_problem(c, PROBLEM_UNSUPPORTED_MEDIA,
		    "the body must be application/json");
		return;
	}
	if (x->route->local != NULL) {
		c->gateway->head_at = at;
		x->route->local(c);
		return;
	}
	st = exchange_bind(c, at, body, &message, &why);
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
