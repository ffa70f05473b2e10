#include "gateway/bind.h"

#include <stdio.h>
#include <string.h>

#include "gateway/credential.h"
#include "gateway/header.h"
#include "gateway/query.h"
#include "runtime/base/arena_text.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"

/* All that is taken of the arena beside the body is no longer than a head. */
#define BIND_ARENA_MIN (16u * HTTP1_HEAD_MAX)
#define BIND_NAME_SHOWN 64 /* bytes of a parameter's name, and a NUL */

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
	if (http1_head_find(&x->head, at, "User-Agent", &value) == ST_OK &&
	    utf8_valid(value.at, value.size))
		text_fit(agent, USER_AGENT_MAX + 1, arena_text(a, value));
	ret_who->address = address;
	ret_who->user_agent = agent;
	if (x->route->access == ROUTE_PUBLIC)
		return;
	ret_who->user_id = x->who.user_id;
	ret_who->username = x->who.account->username;
	ret_who->role = x->who.account->role;
	ret_who->method = x->who.method;
	ret_who->session_id = x->who.session_id;
	if (x->who.method == AUTH_API_KEY)
		ret_who->key_id = x->who.key_id;
	ret_who->expires_at = x->who.expires_at;
	ret_who->authenticated_at = x->who.authenticated_at;
}

/*
 * Of the body, and of what the path names: the same body to another channel
 * is another request.
 */
static const uint8_t *
once_digest(struct conn *c, struct bytes body)
{
	const struct route_match *m = &c->exchange->match;
	struct arena *a = actor_arena(c->gateway->self);
	uint8_t *digest = arena_take(a, SEAL_DIGEST_SIZE);
	uint8_t all[SEAL_DIGEST_SIZE + sizeof(m->values)];
	size_t used = SEAL_DIGEST_SIZE;

	if (digest == NULL)
		return NULL;
	seal_digest(body, digest);
	if (m->count == 0)
		return digest;
	memcpy(all, digest, SEAL_DIGEST_SIZE);
	for (uint32_t i = 0; i < m->count; i++) {
		size_t size = strlen(m->values[i]) + 1;

		memcpy(all + used, m->values[i], size);
		used += size;
	}
	seal_digest((struct bytes){ all, used }, digest);
	return digest;
}

static enum status
once_fill(struct conn *c, const uint8_t *at, struct bytes body,
    struct once *ret_once, struct json_result *why)
{
	struct arena *a = actor_arena(c->gateway->self);
	const uint8_t *digest;
	struct bytes value;
	char *key;
	enum status st =
	    http1_head_find(&c->exchange->head, at, "Idempotency-Key", &value);

	if (st == ST_NOT_FOUND)
		return ST_OK;
	if (st == ST_OK && value.size > 0 && value.size <= IDEMPOTENCY_MAX &&
	    utf8_valid(value.at, value.size) &&
	    (digest = once_digest(c, body)) != NULL &&
	    (key = arena_text(a, value)) != NULL) {
		ret_once->key = key;
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
bind_callers(struct conn *c, const uint8_t *at, struct bytes body,
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

static enum status
bind_path(struct conn *c, const struct wire_type *t, void *message,
    struct json_result *why)
{
	const struct route_match *m = &c->exchange->match;
	struct arena *a = actor_arena(c->gateway->self);
	enum status st = ST_OK;

	for (uint32_t i = 0; st == ST_OK && i < m->count; i++)
		st = json_set_text(t, message, a, "path",
		    arena_text(a, (struct bytes){ (const uint8_t *)m->names[i],
				      m->name_sizes[i] }),
		    m->values[i], why);
	return st;
}

/* What a GET lacks, it lacks in its query. */
static bool
bind_takes_body(const struct exchange *x)
{
	return route_takes_body((enum http1_method)x->head.method);
}

/*
 * A page of any site can make a browser send a query, and queries stand in
 * the logs of others: what changes something comes in a JSON body, for which
 * browsers ask first.
 */
static enum status
bind_refuse_query(const char *name, struct json_result *why)
{
	char shown[BIND_NAME_SHOWN];

	text_fit(shown, sizeof(shown), name);
	snprintf(why->why, sizeof(why->why),
	    "query.%s: this method takes its fields in the body", shown);
	return ST_INVALID;
}

static enum status
bind_query(struct conn *c, const uint8_t *at, const struct wire_type *t,
    void *message, struct json_result *why)
{
	struct arena *a = actor_arena(c->gateway->self);
	struct query_parameter p;
	struct query q;
	const char *name;
	enum status st;

	query_init(&q, http1_bytes(at, c->exchange->head.query));
	while ((st = query_next(&q, a, &p)) == ST_OK) {
		name = arena_text(a, p.name);
		st = bind_takes_body(c->exchange)
			 ? bind_refuse_query(name, why)
			 : json_set_text(t, message, a, "query", name,
			       arena_text(a, p.value), why);
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
bind_headers(struct conn *c, const uint8_t *at, const struct wire_type *t,
    void *message, struct json_result *why)
{
	struct arena *a = actor_arena(c->gateway->self);
	const char *rest = c->exchange->route->takes;
	struct bytes header, field, value;

	while (route_next_header(&rest, &header, &field)) {
		const char *name = arena_text(a, header);
		char *joined = arena_take(a, IF_MATCH_MAX + 2);
		size_t used = 0;
		uint32_t cursor = 0;
		bool any = false;

		while (http1_head_next(
		    &c->exchange->head, at, name, &cursor, &value)) {
			if (used + value.size + 1 > IF_MATCH_MAX) {
				snprintf(why->why, sizeof(why->why),
				    "header.%s: longer than %d bytes", name,
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
			       arena_text(a, field), joined, why) != ST_OK)
			return ST_INVALID;
	}
	return ST_OK;
}

/* A browser sends its refresh token as a cookie, and no body. */
static enum status
bind_refresh(struct conn *c, const uint8_t *at, const struct wire_type *t,
    void *message, struct bytes body, struct json_result *why)
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

bool
bind_is_json(const struct exchange *x, const uint8_t *at)
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

/* Whose cursors of which list they are. */
struct bookmark
bind_bookmark(const struct conn *c)
{
	const struct exchange *x = c->exchange;
	const struct route_fields *f =
	    route_fields_of(c->gateway->fields, x->route);

	return (struct bookmark){ .secret = c->gateway->replica.api_key_secret,
		.list = x->route->request == NULL ? NULL : x->route->request(),
		.user_id = x->who.user_id,
		.cursor = f->cursor,
		.next = f->next };
}

static enum status
bind_cursor(struct conn *c, void *message, struct json_result *why)
{
	struct bookmark b = bind_bookmark(c);
	enum status st =
	    bookmark_open(&b, actor_arena(c->gateway->self), message);

	if (st == ST_INVALID)
		snprintf(why->why, sizeof(why->why),
		    "query.cursor: is not one that a page of this list ended "
		    "with");
	return st;
}

/* The request's struct from everything the client sent. */
enum status
bind_request(struct conn *c, const uint8_t *at, struct bytes body,
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
		st = bind_path(c, t, *ret_message, why);
	if (st == ST_OK)
		st = bind_query(c, at, t, *ret_message, why);
	if (st == ST_OK)
		st = bind_headers(c, at, t, *ret_message, why);
	if (st == ST_OK)
		st = bind_refresh(c, at, t, *ret_message, body, why);
	if (st == ST_OK)
		st = bind_callers(c, at, body, t, *ret_message, why);
	if (st == ST_OK)
		st = json_require(
		    t, bind_takes_body(c->exchange) ? "body" : "query", why);
	if (st == ST_OK)
		st = bind_cursor(c, *ret_message, why);
	/* It was announced, and what it should have said is missing. */
	if (st == ST_INVALID && body.size == 0 &&
	    bind_is_json(c->exchange, at)) {
		snprintf(why->why, sizeof(why->why), "the body is empty");
		st = ST_MALFORMED;
	}
	return st;
}
