#include "gateway/credential.h"

#include <string.h>
#include <strings.h>

#include "gateway/cookie.h"
#include "gateway/csrf.h"
#include "runtime/base/arena_text.h"
#include "runtime/base/log.h"

#define BEARER "Bearer "

static const char *
credential_copy(struct conn *c, struct bytes value)
{
	return arena_text(actor_arena(c->gateway->self), value);
}

/* NULL if the header is no bearer token. */
static const char *
credential_bearer(struct conn *c, struct bytes value)
{
	if (value.size <= strlen(BEARER) ||
	    value.size > TOKEN_MAX + strlen(BEARER) ||
	    strncasecmp((const char *)value.at, BEARER, strlen(BEARER)) != 0)
		return NULL;
	value.at += strlen(BEARER);
	value.size -= strlen(BEARER);
	return credential_copy(c, value);
}

/* NULL: none, or more than one, of which we cannot tell which is ours. */
static const char *
credential_cookie(
    struct conn *c, const uint8_t *at, const char *name, size_t size_max)
{
	struct exchange *x = c->exchange;
	struct bytes found = { NULL, 0 };
	struct bytes header;
	uint32_t cursor = 0;

	while (http1_head_next(&x->head, at, "Cookie", &cursor, &header))
		if (cookie_find(header, name, &found) != ST_OK) {
			x->has_cookies = true;
			return NULL;
		}
	if (found.at == NULL)
		return NULL;
	x->has_cookies = true;
	return found.size > size_max ? NULL : credential_copy(c, found);
}

const char *
credential_find(struct conn *c, const uint8_t *at)
{
	struct exchange *x = c->exchange;
	struct bytes value;
	enum status st = http1_head_find(&x->head, at, "Authorization", &value);
	const char *token;

	if (st != ST_NOT_FOUND)
		return st == ST_OK ? credential_bearer(c, value) : NULL;
	token = credential_cookie(c, at, COOKIE_ACCESS, TOKEN_MAX);
	x->by_cookie = token != NULL;
	return token;
}

const char *
credential_find_refresh(struct conn *c, const uint8_t *at)
{
	return credential_cookie(c, at, COOKIE_REFRESH, REFRESH_TOKEN_MAX);
}

/* Absent, or there twice, which nobody's browser does: as a foreign one. */
static struct bytes
credential_header(struct conn *c, const uint8_t *at, const char *name)
{
	struct bytes value = { NULL, 0 };
	enum status st = http1_head_find(&c->exchange->head, at, name, &value);

	if (st == ST_OK || st == ST_NOT_FOUND)
		return st == ST_OK ? value : (struct bytes){ NULL, 0 };
	return (struct bytes){ (const uint8_t *)"", 0 };
}

static bool
credential_refuse_site(struct conn *c, const char *why, const char *detail)
{
	c->gateway->counts.unauthorized++;
	LOG(API_AUTH_FAILED, KV("reason", why),
	    KV("path", c->exchange->route->path));
	refusals_note_nobody(c, "access.site", why);
	respond_problem(c, PROBLEM_CROSS_SITE, detail);
	return false;
}

bool
credential_pass_origin(struct conn *c, const uint8_t *at)
{
	const struct csrf_request r = {
		.origin = credential_header(c, at, "Origin"),
		.host = credential_header(c, at, "Host"),
	};

	return r.origin.at == NULL || c->exchange->context.origin[0] != '\0' ||
	       csrf_check(&r) == NULL ||
	       credential_refuse_site(c, "ws_origin",
		   "Pages of that origin may not open live sockets; "
		   "api.cors.origins lists those that may");
}

bool
credential_pass_csrf(struct conn *c, const uint8_t *at)
{
	const struct exchange *x = c->exchange;
	const struct csrf_request r = {
		.is_safe = x->head.method == HTTP1_GET ||
			   x->head.method == HTTP1_HEAD ||
			   x->head.method == HTTP1_OPTIONS,
		.site = credential_header(c, at, "Sec-Fetch-Site"),
		.origin = credential_header(c, at, "Origin"),
		.host = credential_header(c, at, "Host"),
	};
	const char *why = csrf_check(&r);

	return why == NULL ||
	       credential_refuse_site(c, why,
		   "Cookies count, and log-ins are made, only for requests of "
		   "the same origin; use a bearer token otherwise");
}

bool
credential_pass_page(struct conn *c, const uint8_t *at)
{
	bool is_page = credential_header(c, at, "Sec-Fetch-Site").at != NULL ||
		       credential_header(c, at, "Origin").at != NULL;

	return !is_page || c->exchange->context.origin[0] != '\0' ||
	       credential_pass_csrf(c, at);
}

bool
credential_forgets(const struct exchange *x, uint32_t http)
{
	if (!x->has_cookies || x->route == NULL)
		return false;
	return (x->route->request == catalogue_type_auth_logout &&
		   (http == 204 || http == 401)) ||
	       (x->route->request == catalogue_type_auth_refresh &&
		   http == 401);
}
