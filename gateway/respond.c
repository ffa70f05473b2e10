#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/bind.h"
#include "gateway/cookie.h"
#include "gateway/credential.h"
#include "gateway/inside.h"
#include "runtime/base/arena_text.h"
#include "runtime/base/text.h"

/*
 * Every answer leaves through respond_send, which ends the exchange.  An
 * answer given while a body is still on its way closes the connection, since
 * nobody could tell the rest of that body from the next request.
 */

#define ENVELOPE_HEAD "{\"data\":"
#define ENVELOPE_TAIL ",\"error\":null,\"error_detail\":null,\"success\":true}"
#define MEDIA_JSON "application/json"
#define MEDIA_PROBLEM "application/problem+json"
#define MEDIA_CSV "text/csv; charset=utf-8"
#define PROBLEM_TYPE "https://troupe.invalid/problems#"

/* What goes out, and how. */
struct answer {
	uint32_t http;
	const char *media; /* NULL: no body at all */
	struct bytes body;
	uint32_t retry_after_ms;
	uint32_t allow;               /* methods, one bit each */
	const struct wire_type *type; /* of the reply, the route's own */
	const void *reply;
	bool streams; /* the body comes later, and ends the connection */
};

static void
answer_write_gives(
    struct http1_reply *r, const struct route_fields *fields, const void *reply)
{
	for (uint32_t i = 0; i < fields->gives_count; i++) {
		const struct route_given *g = &fields->gives[i];
		const char *const *text =
		    (const void *)((const char *)reply + g->field->offset);

		if (*text != NULL)
			http1_reply_field(r, g->header, *text);
	}
}

static void
answer_write_allow(struct conn *c, struct http1_reply *r, uint32_t allow)
{
	char list[96] = "";
	size_t used = 0;

	for (int m = HTTP1_GET; m <= HTTP1_OPTIONS; m++)
		if ((allow & 1u << m) != 0)
			used += (size_t)snprintf(list + used,
			    sizeof(list) - used, "%s%s", used == 0 ? "" : ", ",
			    http1_method_name((enum http1_method)m));
	http1_reply_field(r, "Allow", list);
	context_write_preflight(c, r, list);
}

static void
answer_write_cookie(struct http1_reply *r, struct arena *arena,
    const char *name, const char *value, uint32_t life_s)
{
	char *line = arena_take(arena, COOKIE_LINE_MAX);

	if (line != NULL &&
	    cookie_write(name, value, life_s, line, COOKIE_LINE_MAX) == ST_OK)
		http1_reply_field(r, "Set-Cookie", line);
}

/* A browser's log-in begins, goes on, or ends. */
static void
answer_write_cookies(struct http1_reply *r, const struct exchange *x,
    const struct answer *a, struct arena *arena)
{
	const struct auth_token *t = a->reply;

	if (a->type == catalogue_type_auth_token() && t->cookies) {
		answer_write_cookie(
		    r, arena, COOKIE_ACCESS, t->token, t->expires_in);
		if (t->refresh_token != NULL)
			answer_write_cookie(r, arena, COOKIE_REFRESH,
			    t->refresh_token, t->refresh_expires_in);
	} else if (credential_forgets(x, a->http)) {
		answer_write_cookie(r, arena, COOKIE_ACCESS, "", 0);
		answer_write_cookie(r, arena, COOKIE_REFRESH, "", 0);
		http1_reply_field(r, "Clear-Site-Data", "\"cookies\"");
	}
}

static void
answer_write_head(struct conn *c, struct http1_reply *r, const struct answer *a,
    bool keep_alive)
{
	const struct exchange *x = c->exchange;
	struct gateway *g = c->gateway;
	char seconds[16];

	if (a->media != NULL)
		http1_reply_field(r, "Content-Type", a->media);
	http1_reply_field(r, "Cache-Control", "no-store");
	context_write(c, r);
	if (a->type != NULL && x->route != NULL)
		answer_write_gives(
		    r, route_fields_of(g->fields, x->route), a->reply);
	answer_write_cookies(r, x, a, actor_arena(g->self));
	if (a->http == 401)
		http1_reply_field(r, "WWW-Authenticate", "Bearer");
	if (a->allow != 0)
		answer_write_allow(c, r, a->allow);
	if (a->retry_after_ms > 0) {
		snprintf(seconds, sizeof(seconds), "%" PRIu32,
		    (a->retry_after_ms + 999) / 1000);
		http1_reply_field(r, "Retry-After", seconds);
	}
	if (!a->streams)
		http1_reply_length(r, a->body.size);
	else if (c->is_chunked)
		http1_reply_field(r, "Transfer-Encoding", "chunked");
	http1_reply_connection(r, x->head.minor, keep_alive);
}

static bool
answer_may_keep_alive(const struct conn *c)
{
	const struct exchange *x = c->exchange;
	const struct gateway *g = c->gateway;

	return !c->is_http2 && x->head.step == HTTP1_DONE &&
	       x->head.keep_alive && x->body.step == HTTP1_DONE &&
	       !g->draining && c->requests + 1 < g->limits.requests_max;
}

static bool
answer_body_is_done(const struct exchange *x)
{
	return x->body.step == HTTP1_DONE ||
	       (x->head.step == HTTP1_DONE && !x->head.chunked &&
		   (!x->head.has_length || x->head.length == 0));
}

/* Head, and body if there is one; false: the connection has gone. */
static bool
answer_write(struct conn *c, const struct answer *a, bool keep_alive)
{
	struct gateway *g = c->gateway;
	uint8_t head[HTTP1_REPLY_HEAD_MAX];
	struct http1_reply r;
	size_t size = 0;
	bool has_body;

	http1_reply_begin(&r, head, sizeof(head), a->http,
	    http1_date_text(&g->date, actor_wall_us(g->self)));
	answer_write_head(c, &r, a, keep_alive);
	if (http1_reply_end(&r, &size) != ST_OK) {
		conn_close(c);
		return false;
	}
	g->counts.requests++;
	timing_observe(&g->counts.request_seconds,
	    actor_now_us(g->self) - c->exchange->begun_us);
	has_body = a->body.size > 0 && !c->exchange->is_head;
	if (!c->is_http2)
		return conn_write(c,
		    (struct net_part[]){
			{ { head, size }, NULL }, { a->body, NULL } },
		    has_body ? 2 : 1);
	if (!conn_write_head(c, (struct bytes){ head, size },
		!has_body && !(a->streams && !c->exchange->is_head)))
		return false;
	return !has_body ||
	       conn_write(c, &(struct net_part){ a->body, NULL }, 1);
}

bool
respond_head(struct conn *c, uint32_t http, const char *media)
{
	const struct answer a = {
		.http = http, .media = media, .streams = true
	};

	return answer_write(c, &a, false);
}

static void
respond_send(struct conn *c, const struct answer *a)
{
	struct exchange *x = c->exchange;
	bool keep_alive;

	if (answer_body_is_done(x))
		x->body.step = HTTP1_DONE;
	keep_alive = answer_may_keep_alive(c);
	if (!answer_write(c, a, keep_alive))
		return;
	if (!keep_alive) {
		conn_finish(c);
		return;
	}
	exchange_end(c);
	c->requests++;
	conn_become(c, CONN_IDLE);
	conn_read_on(c);
}

/* What is in cookies is not for scripts to read in the body. */
static const struct auth_token *
respond_hide(struct auth_token *room, const struct auth_token *t)
{
	if (!t->cookies)
		return t;
	*room = *t;
	room->token = "";
	room->refresh_token = NULL;
	return room;
}

void
respond_options(struct conn *c)
{
	respond_send(
	    c, &(struct answer){ .http = 204,
		   .allow = c->exchange->allow | 1u << HTTP1_OPTIONS });
}

void
respond_raw(struct conn *c, uint32_t http, const char *media, struct bytes body)
{
	respond_send(
	    c, &(struct answer){ .http = http, .media = media, .body = body });
}

/* The part of a reply that stands under "data". */
static enum status
respond_encode_data(const struct route_fields *fields,
    const struct wire_type *t, const void *body, struct wire_out *out)
{
	return fields->data == ROUTE_ALL
		   ? json_encode(t, 0, body, out)
		   : json_encode_field(fields->at, 0, body, out);
}

static enum status
out_puts(struct wire_out *out, const char *text)
{
	size_t size = strlen(text);

	if (size > out->size - out->used)
		return ST_FULL;
	memcpy(out->bytes + out->used, text, size);
	out->used += size;
	return ST_OK;
}

/* A text of the reply, as it is. */
static void
respond_text(struct conn *c, struct answer *a, const struct wire_field *f)
{
	const char *const *text =
	    (const void *)((const char *)a->reply + f->offset);

	a->media = MEDIA_CSV;
	a->body = (struct bytes){ (const uint8_t *)*text, strlen(*text) };
	respond_send(c, a);
}

void
respond_reply(struct conn *c, const struct wire_type *t, const void *body)
{
	struct auth_token hidden;
	const struct route *route = c->exchange->route;
	const struct route_fields *fields =
	    route_fields_of(c->gateway->fields, route);
	struct wire_out out = { c->gateway->scratch, GATEWAY_REPLY_MAX, 0 };
	struct answer a = { .http = route->http, .type = t, .reply = body };
	struct bookmark b = bind_bookmark(c);
	enum status st = t == route->reply() ? ST_OK : ST_BUG;

	if (st == ST_OK)
		a.reply = body =
		    bookmark_seal(&b, actor_arena(c->gateway->self), t, body);
	if (body == NULL)
		st = ST_NO_MEMORY;
	if (st == ST_OK && fields->data == ROUTE_NONE) {
		respond_send(c, &a);
		return;
	}
	if (st == ST_OK && fields->data == ROUTE_TEXT) {
		respond_text(c, &a, fields->at);
		return;
	}
	if (st == ST_OK)
		st = out_puts(&out, ENVELOPE_HEAD);
	if (st == ST_OK && t == catalogue_type_auth_token())
		body = respond_hide(&hidden, body);
	if (st == ST_OK)
		st = respond_encode_data(fields, t, body, &out);
	if (st == ST_OK)
		st = out_puts(&out, ENVELOPE_TAIL);
	if (st != ST_OK) {
		respond_problem(
		    c, PROBLEM_INTERNAL, "the answer passes a bound");
		return;
	}
	a.media = MEDIA_JSON;
	a.body = (struct bytes){ out.bytes, out.used };
	respond_send(c, &a);
}

/* A member of a JSON object; what does not fit cuts the whole, safely. */
static void
member_text(struct wire_out *out, const char *name, const char *text)
{
	(void)out_puts(out, name);
	if (json_encode_text(text, out) != ST_OK)
		(void)out_puts(out, "\"\"");
}

static void
member_raw(struct wire_out *out, const char *name, const char *raw)
{
	(void)out_puts(out, name);
	(void)out_puts(out, raw);
}

/* The members both error formats have. */
static void
problem_members(struct wire_out *out, const struct exchange *x,
    const struct problem *p, const struct refused *why)
{
	char type[96];
	char number[16];

	snprintf(type, sizeof(type), PROBLEM_TYPE "%s", p->category);
	member_text(out, "{\"type\":", type);
	member_text(out, ",\"title\":", p->title);
	member_text(out, ",\"detail\":", why->detail);
	member_text(out, ",\"instance\":", x->context.request_id);
	snprintf(number, sizeof(number), "%" PRIu32, p->code);
	member_raw(out, ",\"error_code\":", number);
	member_text(out, ",\"error_category\":", p->category);
	member_raw(out, ",\"retryable\":", p->retryable ? "true" : "false");
	snprintf(number, sizeof(number), "%" PRIu32,
	    (why->retry_after_ms + 999) / 1000);
	member_raw(out,
	    ",\"retry_after\":", why->retry_after_ms == 0 ? "null" : number);
	if (why->decision != NULL && why->decision[0] != '\0')
		member_text(out, ",\"decision_id\":", why->decision);
}

static void
respond_error(struct conn *c, uint32_t http, const struct problem *p,
    const struct refused *why, uint32_t allow)
{
	const struct exchange *x = c->exchange;
	struct wire_out out = { c->gateway->scratch, GATEWAY_REPLY_MAX, 0 };
	struct answer a = { .http = http,
		.media = x->wants_problem ? MEDIA_PROBLEM : MEDIA_JSON,
		.retry_after_ms = why->retry_after_ms,
		.allow = allow };
	char status[16];

	context_invent(c);
	if (x->wants_problem) {
		problem_members(&out, x, p, why);
		snprintf(status, sizeof(status), "%" PRIu32, http);
		member_raw(&out, ",\"status\":", status);
		(void)out_puts(&out, "}");
	} else {
		member_text(&out, "{\"data\":null,\"error\":", why->detail);
		(void)out_puts(&out, ",\"error_detail\":");
		problem_members(&out, x, p, why);
		(void)out_puts(&out, "},\"success\":false}");
	}
	a.body = (struct bytes){ out.bytes, out.used };
	respond_send(c, &a);
}

void
respond_refused(struct conn *c, const struct refused *why)
{
	uint32_t code = why->problem != 0
			    ? why->problem
			    : problem_of_status((enum status)why->status);
	const struct problem *p = problem_find(code);

	respond_error(c, p->http, p, why, 0);
}

void
respond_problem(struct conn *c, uint32_t problem, const char *detail)
{
	const struct problem *p = problem_find(problem);
	struct refused why = { .problem = problem,
		.detail = detail,
		.retry_after_ms = p->http == 503 ? GATEWAY_RETRY_MS : 0 };
	uint32_t allow = problem == PROBLEM_METHOD ? c->exchange->allow : 0;

	respond_error(c, p->http, p, &why, allow);
}

void
respond_malformed(struct conn *c, const struct http1_refusal *why)
{
	struct refused refused = { .detail = why->reason };
	const struct problem *p = problem_find(
	    why->http == 413 ? PROBLEM_TOO_LARGE : PROBLEM_BAD_REQUEST);

	c->gateway->counts.malformed++;
	c->exchange->head.keep_alive = false;
	respond_error(c, why->http, p, &refused, 0);
}
