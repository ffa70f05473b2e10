#include <string.h>

#include "gateway/asyncapi.h"
#include "gateway/inside.h"
#include "gateway/openapi.h"

/* local - what the gateway answers by itself. */

static struct bytes
text_bytes(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

void
local_me(struct conn *c)
{
	const struct account_entry *a = c->exchange->who.account;

	respond_reply(c, CATALOGUE_TYPE(auth_me),
	    &(struct auth_me){ .id = a->user_id,
		.username = a->username,
		.role = a->role,
		.must_change_password = a->must_change_password });
}

void
local_livez(struct conn *c)
{
	respond_raw(c, 200, "application/json", text_bytes("{\"live\":true}"));
}

void
local_readyz(struct conn *c)
{
	bool ready =
	    replica_is_fresh(&c->gateway->replica) && !c->gateway->draining;

	respond_raw(c, ready ? 200 : 503, "application/json",
	    text_bytes(ready ? "{\"ready\":true}" : "{\"ready\":false}"));
}

#define HEALTH_OK(status)                                               \
	"{\"data\":{\"status\":\"" status "\",\"version\":"             \
	"\"" TROUPE_VERSION "\"},\"error\":null,\"error_detail\":null," \
	"\"success\":true}"
#define HEALTH_BAD                                                        \
	"{\"data\":{\"status\":\"unavailable\"},\"error\":"               \
	"\"the session registry cannot be heard\",\"error_detail\":null," \
	"\"success\":false}"

/* It serves, but what would save it has not been shown to work. */
static bool
backups_are_doubtful(const struct gateway *g)
{
	const struct backup_news *p = &g->proof;

	return p->failing || p->lagging || p->behind ||
	       (p->stale_at != 0 && actor_wall_us(g->self) >= p->stale_at);
}

void
local_health(struct conn *c)
{
	bool ready =
	    replica_is_fresh(&c->gateway->replica) && !c->gateway->draining;
	const char *text = !ready ? HEALTH_BAD
			   : backups_are_doubtful(c->gateway)
			       ? HEALTH_OK("degraded")
			       : HEALTH_OK("ok");

	respond_raw(c, ready ? 200 : 503, "application/json", text_bytes(text));
}

static void
local_document(struct conn *c, enum status (*write)(struct wire_out *out))
{
	struct wire_out out = { c->gateway->scratch, GATEWAY_REPLY_MAX, 0 };

	if (write(&out) != ST_OK) {
		respond_problem(
		    c, PROBLEM_INTERNAL, "the document passes a bound");
		return;
	}
	respond_raw(
	    c, 200, "application/json", (struct bytes){ out.bytes, out.used });
}

void
local_asyncapi(struct conn *c)
{
	local_document(c, asyncapi_write);
}

void
local_openapi(struct conn *c)
{
	local_document(c, openapi_write);
}
