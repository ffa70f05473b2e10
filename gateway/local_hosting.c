#include <string.h>

#include "gateway/http2.h"
#include "gateway/inside.h"
#include "gateway/tls.h"

/* local_hosting - what the gateway answers about its own doors. */

static const char *
local_http_version(const struct conn *c)
{
	if (c->is_http2)
		return "2";
	return c->exchange->head.minor == 0 ? "1.0" : "1.1";
}

void
local_connection(struct conn *c)
{
	const struct context *k = &c->exchange->context;
	struct net_stream *carrier =
	    c->is_http2 ? http2_lower(c->stream) : c->stream;
	char trace[TRACE_TEXT_SIZE];
	struct tls_about about;
	struct net_peer peer;

	net_peer(c->stream, &peer);
	(void)tls_about(c->gateway->listen.tls, carrier, &about);
	trace_print(&k->trace, trace);
	respond_reply(c, CATALOGUE_TYPE(connection_view),
	    &(struct connection_view){ .address = k->client,
		.peer = peer.text,
		.door = c->door->spec.address,
		.secure = k->is_secure,
		.http_version = local_http_version(c),
		.tls_version = about.version,
		.tls_suite = about.suite,
		.certificate = about.subject,
		.request_id = k->request_id,
		.traceparent = trace });
}

static void
local_tell_certificate(struct conn *c, const struct tls *t)
{
	struct gateway_certificate said = { .subject = "", .fingerprint = "" };

	if (t != NULL) {
		const struct tls_identity *i = tls_identity(t);

		said = (struct gateway_certificate){ .tls = true,
			.subject = i->subject,
			.fingerprint = i->fingerprint,
			.not_after = i->not_after * 1000000 };
	}
	respond_reply(c, CATALOGUE_TYPE(gateway_certificate), &said);
}

/* Ours first: if the files are no good, nobody else need look. */
void
local_reload(struct conn *c)
{
	struct gateway *g = c->gateway;
	uint32_t shards = actor_shards(g->self, ACTOR_NUMBER(gateway));
	const struct gateway_reload nothing = { 0 };
	char why[TLS_WHY_SIZE];

	if (g->listen.tls != NULL &&
	    tls_reload(g->listen.tls, actor_config(g->self), why) != ST_OK) {
		respond_problem(c, PROBLEM_CERTIFICATE, why);
		return;
	}
	for (uint32_t i = 0; i < shards; i++)
		if (i != actor_shard(g->self))
			(void)actor_send(g->self,
			    actor_find(g->self, ACTOR_NUMBER(gateway), i),
			    MSG_gateway_reload, &nothing);
	local_tell_certificate(c, g->listen.tls);
}
