#include "gateway/context.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/forwarded.h"
#include "gateway/header.h"
#include "gateway/inside.h"
#include "runtime/base/text.h"

#define PREFLIGHT_SECONDS "600"
#define PREFLIGHT_HEADERS                                              \
	"Authorization, Content-Type, If-Match, If-None-Match, "       \
	"Idempotency-Key, Last-Event-ID, X-CSRF-Token, X-Request-Id, " \
	"traceparent"
#define EXPOSED_HEADERS \
	"ETag, Retry-After, X-Request-Id, X-Scope-Applied, traceparent"

/* A random version 4 UUID, as text. */
static void
context_print_uuid(const uint8_t id[16], char ret_text[CONTEXT_REQUEST_ID_SIZE])
{
	char hex[33];

	text_hex(id, 16, hex);
	hex[12] = '4';
	hex[16] = "89ab"[id[8] & 3];
	snprintf(ret_text, CONTEXT_REQUEST_ID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s",
	    hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void
context_invent(struct conn *c)
{
	struct exchange *x = c->exchange;
	struct context *k = &x->context;
	struct net_peer peer;
	uint8_t bytes[sizeof(k->trace.id) + sizeof(k->trace.span)];

	if (*k->request_id != '\0')
		return;
	context_print_uuid(x->request_id, k->request_id);
	actor_random(c->gateway->self, bytes, sizeof(bytes));
	memcpy(k->trace.id, bytes, sizeof(k->trace.id));
	memcpy(
	    &k->trace.span, bytes + sizeof(k->trace.id), sizeof(k->trace.span));
	k->trace.span |= 1; /* neither may be zero */
	k->trace.id[0] |= 1;
	net_peer(c->stream, &peer);
	if (peer.is_local)
		snprintf(k->client, sizeof(k->client), "unix uid=%lu pid=%ld",
		    (unsigned long)peer.uid, (long)peer.pid);
	else
		text_fit(k->client, sizeof(k->client), peer.text);
	k->is_secure = c->door->spec.tls;
}

/* Letters, digits and -._ : nothing that could break a log or a header. */
static bool
context_is_request_id(struct bytes b)
{
	if (b.size == 0 || b.size >= CONTEXT_REQUEST_ID_SIZE)
		return false;
	for (size_t i = 0; i < b.size; i++) {
		uint8_t ch = b.at[i];

		if (!(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z') &&
		    !(ch >= '0' && ch <= '9') && ch != '-' && ch != '.' &&
		    ch != '_')
			return false;
	}
	return true;
}

static bool
context_find(const struct conn *c, const uint8_t *at, const char *name,
    struct bytes *ret_value)
{
	return http1_head_find(&c->exchange->head, at, name, ret_value) ==
	       ST_OK;
}

static bool
context_is_trusted(void *ctx, const struct network *address)
{
	return listen_trusts_network(ctx, address);
}

/* All lines of one header are one list: its last line comes last. */
static bool
context_walk(struct conn *c, const uint8_t *at, const char *name,
    bool is_rfc7239, struct forwarded *f)
{
	struct bytes lines[FORWARDED_HOPS_MAX];
	uint32_t cursor = 0, count = 0;

	while (
	    count < FORWARDED_HOPS_MAX && http1_head_next(&c->exchange->head,
					      at, name, &cursor, &lines[count]))
		count++;
	for (uint32_t i = count; i > 0 && !f->done; i--)
		forwarded_walk(f, lines[i - 1], is_rfc7239);
	return count > 0;
}

/* The last word is the nearest proxy's, which is the one we trust. */
static bool
context_says_https(struct conn *c, const uint8_t *at)
{
	char proto[16];
	uint32_t cursor = 0;
	struct bytes line, item, last = { NULL, 0 };

	while (http1_head_next(
	    &c->exchange->head, at, "X-Forwarded-Proto", &cursor, &line))
		while (header_list_next(&line, &item))
			last = item;
	if (last.size > 0)
		return header_is(last, "https");
	cursor = 0;
	while (http1_head_next(
	    &c->exchange->head, at, "Forwarded", &cursor, &line))
		while (header_list_next(&line, &item))
			last = item;
	return forwarded_pair(last, "proto", proto, sizeof(proto)) == ST_OK &&
	       strcasecmp(proto, "https") == 0;
}

/* Headers of proxies are for those that come from one. */
static void
context_read_proxy(struct conn *c, const uint8_t *at)
{
	struct context *k = &c->exchange->context;
	struct forwarded f = { .is_trusted = context_is_trusted,
		.ctx = c->gateway };

	if (!c->door->spec.trusted && !listen_trusts(c->gateway, k->client))
		return;
	text_fit(f.client, sizeof(f.client), k->client);
	if (!context_walk(c, at, "X-Forwarded-For", false, &f))
		(void)context_walk(c, at, "Forwarded", true, &f);
	text_fit(k->client, sizeof(k->client), f.client);
	if (!k->is_secure)
		k->is_secure = context_says_https(c, at);
}

/* Allowed is what is listed, to the letter; "*" allows any. */
static void
context_read_origin(struct conn *c, struct bytes origin)
{
	const struct config *config = actor_config(c->gateway->self);
	struct context *k = &c->exchange->context;
	char item[SETTING_ITEM_MAX + 1];
	struct setting_items it;

	if (origin.size == 0 || origin.size >= sizeof(k->origin))
		return;
	setting_items_init(&it, config_text(config, SETTING_api_cors_origins));
	while (setting_items_next(&it, item) == ST_OK)
		if (strcmp(item, "*") == 0 ||
		    (strlen(item) == origin.size &&
			memcmp(item, origin.at, origin.size) == 0)) {
			memcpy(k->origin, origin.at, origin.size);
			k->origin[origin.size] = '\0';
			return;
		}
}

void
context_read(struct conn *c, const uint8_t *at)
{
	struct exchange *x = c->exchange;
	struct context *k = &x->context;
	struct bytes value;

	context_invent(c);
	context_read_proxy(c, at);
	if (context_find(c, at, "X-Request-Id", &value) &&
	    context_is_request_id(value)) {
		memcpy(k->request_id, value.at, value.size);
		k->request_id[value.size] = '\0';
	}
	if (context_find(c, at, "traceparent", &value))
		(void)trace_parse(value, &k->trace);
	if (context_find(c, at, "Origin", &value))
		context_read_origin(c, value);
	k->is_preflight =
	    x->head.method == HTTP1_OPTIONS && *k->origin != '\0' &&
	    context_find(c, at, "Access-Control-Request-Method", &value);
}

static void
context_write_cors(struct conn *c, struct http1_reply *r)
{
	const struct config *config = actor_config(c->gateway->self);
	const struct context *k = &c->exchange->context;

	if (*config_text(config, SETTING_api_cors_origins) == '\0')
		return;
	/* A cache must not give one origin's answer to another. */
	http1_reply_field(r, "Vary", "Origin");
	if (*k->origin == '\0')
		return;
	http1_reply_field(r, "Access-Control-Allow-Origin", k->origin);
	if (config_bool(config, SETTING_api_cors_credentials))
		http1_reply_field(
		    r, "Access-Control-Allow-Credentials", "true");
	if (!k->is_preflight)
		http1_reply_field(
		    r, "Access-Control-Expose-Headers", EXPOSED_HEADERS);
}

static void
context_write_hsts(struct conn *c, struct http1_reply *r)
{
	uint64_t seconds = config_u64(actor_config(c->gateway->self),
	    SETTING_api_server_hsts_max_age_seconds);
	char text[64];

	if (!c->exchange->context.is_secure || seconds == 0)
		return;
	snprintf(text, sizeof(text), "max-age=%" PRIu64 "; includeSubDomains",
	    seconds);
	http1_reply_field(r, "Strict-Transport-Security", text);
}

void
context_write(struct conn *c, struct http1_reply *r)
{
	const struct context *k = &c->exchange->context;
	char trace[TRACE_TEXT_SIZE];

	context_invent(c);
	trace_print(&k->trace, trace);
	http1_reply_field(r, "X-Request-Id", k->request_id);
	http1_reply_field(r, "traceparent", trace);
	http1_reply_field(r, "X-Content-Type-Options", "nosniff");
	http1_reply_field(r, "Content-Security-Policy",
	    "default-src 'none'; frame-ancestors 'none'");
	http1_reply_field(r, "Referrer-Policy", "no-referrer");
	http1_reply_field(r, "Cross-Origin-Resource-Policy",
	    *k->origin == '\0' ? "same-origin" : "cross-origin");
	context_write_hsts(c, r);
	context_write_cors(c, r);
}

void
context_write_preflight(
    struct conn *c, struct http1_reply *r, const char *methods)
{
	if (!c->exchange->context.is_preflight)
		return;
	http1_reply_field(r, "Access-Control-Allow-Methods", methods);
	http1_reply_field(r, "Access-Control-Allow-Headers", PREFLIGHT_HEADERS);
	http1_reply_field(r, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
}
