#include <stdlib.h>
#include <string.h>

#include "gateway/bind.h"
#include "gateway/credential.h"
#include "gateway/header.h"

/*
 * The order of checks: route, gate, role, body, validation, then the actor.
 * Whoever fails a check learns nothing of the later ones.
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
	list_remove(&x->waiting);
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

/* The ticket-store has no log of its own to write it in. */
static void
exchange_note_refused(struct conn *c, const struct refused *why)
{
	struct exchange *x = c->exchange;
	const struct problem *p = problem_find(why->problem);

	if (x->route->request != catalogue_type_ticket_create || p == NULL ||
	    p->http >= 500)
		return;
	if (!c->door->is_control) /* messages have come since the gate */
		x->who.account =
		    replica_account(&c->gateway->replica, x->who.user_id);
	if (x->who.account != NULL)
		refusals_note(c, "ticket.create", p->title);
}

static enum status
exchange_on_reply(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct exchange_ask *ask = op_data(op);
	uint64_t handle = ask->conn;
	struct gateway *g = actor_state(self);
	struct conn *c = conn_find(g, handle);

	if (c != NULL && c->state == CONN_WAITING) {
		if (reply->id == MSG_refused) {
			exchange_note_refused(c, reply->body);
			respond_refused(c, reply->body);
		} else {
			respond_reply(c, reply->type, reply->body);
		}
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
	if (r->request == catalogue_type_auth_reauthenticate)
		return ((const struct auth_reauthenticate *)message)->cookies;
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
		if (wait_is_needed(c)) {
			wait_begin(c);
			return;
		}
		at = x->head_copy;
		/* While the body came, the answer may have become no. */
		if (!gate_pass(c, at) || !gate_pass_role(c))
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
		respond_problem(c, PROBLEM_BAD_REQUEST,
		    "a part of the path does not decode, or is too long");
	else
		respond_problem(c, PROBLEM_NOT_FOUND, "no such path");
	return false;
}

/* What the head says must outlive its bytes.  False: answered. */
static bool
exchange_keep_head(struct conn *c, const uint8_t *at)
{
	struct exchange *x = c->exchange;

	x->head_copy = malloc(x->head.size);
	if (x->head_copy == NULL) {
		respond_problem(c, PROBLEM_OVERLOADED, "out of memory");
		return false;
	}
	memcpy(x->head_copy, at, x->head.size);
	return true;
}

/* A body is still to come. */
static void
exchange_await_body(struct conn *c, const uint8_t *at)
{
	struct exchange *x = c->exchange;

	if (!exchange_keep_head(c, at))
		return;
	if (x->head.expects_continue && x->body.step == HTTP1_MORE)
		(void)conn_write_head(c, http1_reply_continue, false);
}

void
exchange_begin(struct conn *c, const uint8_t *at)
{
	struct exchange *x = c->exchange;
	bool must_wait;

	x->begun_us = actor_now_us(c->gateway->self);
	context_read(c, at);
	x->wants_problem = exchange_header_is_problem(x, at);
	x->is_head = x->head.method == HTTP1_HEAD;
	if (!exchange_find_route(c, at))
		return;
	must_wait = wait_is_needed(c); /* it is judged later */
	if (!must_wait && (!gate_pass(c, at) || !gate_pass_role(c)))
		return;
	if (x->head.chunked || (x->head.has_length && x->head.length > 0)) {
		exchange_await_body(c, at);
		return;
	}
	if (must_wait && !exchange_keep_head(c, at))
		return;
	conn_become(c, CONN_WAITING);
	exchange_act(c, must_wait ? NULL : at, (struct bytes){ NULL, 0 });
}
